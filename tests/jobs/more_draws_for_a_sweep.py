"""The error bars of last night's sweep are too wide: four times the draws, and nothing that is done is done again."""

import subprocess
import sys

import numpy as np

from cfgfield import Exponential, Problem, sweep

base = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
how = {"d": 8, "n_samples": 40, "n_steps": 20, "folder": "cells", "progress": False}
last_night = sweep(base, {"w": [0.5, 1.0], "sampler": ["sde", "ode"]}, n_disorder=8, **how)
data = sweep(base, {"w": [0.5, 1.0], "sampler": ["sde", "ode"]}, n_disorder=32, **how)
assert np.array_equal(data.m[..., :8, :], last_night.m)
for found in (last_night, data):
    print(found.v.isel(time=-1).std("draw").to_series() / np.sqrt(found.sizes["draw"]))

listed = subprocess.run([sys.executable, "-m", "validate.cli", "cells", "cells"], capture_output=True, text=True)
print(listed.stdout)
assert listed.stdout.count(" 32 draws ") == 4
