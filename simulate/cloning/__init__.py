"""Cloned trajectories: when a sample is committed to its class."""
