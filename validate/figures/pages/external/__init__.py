"""What others computed, what this package gives, and whether the two agree: one file a subject, one function a case."""
