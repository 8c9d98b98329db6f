"""A sweep over an afternoon: one cell fails, the grid grows the next day, and what is done is never done again."""

import subprocess
import sys
import warnings

from cfgfield import Exponential, Problem, sweep

base = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
how = {"d": 8, "n_samples": 40, "n_disorder": 6, "n_steps": 20, "folder": "cells", "progress": False}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    sweep(base, {"w": [0.5, 1e300], "sampler": ["sde", "ode"]}, **how)  # a slip of the pen
print(said[0].message)
subprocess.run([sys.executable, "-m", "validate.cli", "cells", "cells"], check=True)

data = sweep(base, {"w": [0.5, 1.0, 2.0], "sampler": ["sde", "ode"], "alpha": [0.3, 0.4]}, **how)
print((data.v.mean("draw") - data.theory_v).isel(time=-1).to_series())
assert not data.reason.values.any()
