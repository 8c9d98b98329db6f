"""The mean field, d = infinity: order parameters from the start to t = 0, and the potential they move in."""
