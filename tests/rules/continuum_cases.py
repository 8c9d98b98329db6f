"""One problem of the continuum, from T = 1000, and amplitudes w >= 0 at random."""

import numpy as np
from hypothesis import strategies as st

from meanfield import Continuum, Piecewise, Problem, solve

SIGMA2, T = 0.25, 1000.0
amplitudes = st.lists(st.sampled_from([0.0, 0.2, 1.0, 3.0, 10.0]), min_size=1, max_size=4)


def problem(guidance=0.0, sampler="ode", sigma2=SIGMA2, **changes):
    return Problem(classes=Continuum(), sigma2=sigma2, guidance=guidance, sampler=sampler, **{"t_start": T, **changes})


def final(guidance, sampler="ode", **changes):
    """m(0) and v(0)/sigma2."""
    p = problem(guidance, sampler, **changes)
    found = solve(p).final
    return float(found.m), float(found.v) / p.sigma2


def steps(values):
    return Piecewise(np.geomspace(0.1, 30.0, len(values) + 1)[1:-1].tolist(), values)
