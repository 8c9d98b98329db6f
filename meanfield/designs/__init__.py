"""Which schedule is best: the search over schedules, under constraints."""
