"""Problem files: what they may hold, which cells they state, a new one, and a schema for editors."""
