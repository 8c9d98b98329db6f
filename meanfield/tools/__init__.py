"""What has no physics: progress, compiled functions, roots."""
