"""A test bench for samplers: problems whose answers are known."""
