"""A schedule of my own as a function: run it, keep the result, and open it again a week later."""

import numpy as np
import xarray

from cfgfield import Ensemble, Exponential, Problem, compare, quenched, run


def my_schedule(t):
    return 3.0 * np.exp(-(np.log(t + 1e-3) ** 2) / 4.0)


problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=my_schedule, t_start=100.0)
data = run(problem, d=12, n_samples=100, n_disorder=16, n_steps=60, seed=1)
data.to_dataset().to_netcdf("run.nc")

again = Ensemble.from_dataset(xarray.load_dataset("run.nc"), guidance=my_schedule)
assert again.problem == problem
print(compare(quenched(again.problem, again.d, n_samples=400, n_draws=64, n_steps=60, seed=2), again))
