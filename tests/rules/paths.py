"""Paths of rules in the continuum, and amplitudes to try them with."""

import numpy as np
from hypothesis import strategies as st

from meanfield import Continuum, Piecewise, Problem, solve

T = 1000.0
amplitudes = st.lists(st.sampled_from([0.0, 0.2, 1.0, 3.0, 10.0]), min_size=1, max_size=4)


def steps(values):
    return Piecewise(np.geomspace(0.1, 30.0, len(values) + 1)[1:-1].tolist(), values)


def path(rule, sampler="sde", sigma2=0.25, t_start=T):
    return solve(Problem(classes=Continuum(), sigma2=sigma2, guidance=rule, sampler=sampler, t_start=t_start))


def final(*args):
    """m(0) and v(0)/sigma2."""
    found = path(*args)
    return float(found.final.m), float(found.final.v) / found.problem.sigma2
