"""Random numbers by address: (seed, role, draw, sample or class, coordinate)."""
