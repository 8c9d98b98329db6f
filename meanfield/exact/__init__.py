"""Independent routes to the same numbers: closed forms, theorems, symbolic proofs, transition times."""
