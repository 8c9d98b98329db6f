"""A class with many modes at d = infinity: which modes come, and what happens within one (docs/modes.md)."""
