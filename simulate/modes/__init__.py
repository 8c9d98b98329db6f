"""Particles of classes with many modes: a tree drawn at finite d, exact scores, and which modes samples end in."""
