"""Many trajectories at once, compiled: phase diagrams, and what many schedules do to one problem."""
