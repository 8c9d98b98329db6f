"""Theory against particles: estimates, errors, scores, extrapolation, verdict."""
