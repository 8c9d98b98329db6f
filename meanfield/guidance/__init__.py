"""How strongly guidance acts: schedules w(t), and weights that follow the sample."""
