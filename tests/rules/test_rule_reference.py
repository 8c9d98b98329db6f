"""Rules of guidance in continuous time against numbers of a program of its own, in plain NumPy."""

import pytest

from meanfield import Continuum, Problem, Projected, Rescale, WeakModel, ZeroStar, solve

# m(0), v(0)/sigma2 in the continuum, w = 1, ODE, sigma2 = 0.25, T = 1000; every rule, and the same one 10 % off
REFERENCE = {
    "CFG": (lambda off: 1.0 * off, 1.3087, 0.2001),
    "rescale x0": (lambda off: Rescale(1.0, 0.7 * off, "x0"), 1.1371, 0.2188),
    "rescale eps": (lambda off: Rescale(1.0, 0.7 * off), 1.3501, 0.4386),
    "APG": (lambda off: Projected(1.0 * off), 1.0286, 0.1425),
    "CFG-Zero*": (lambda off: ZeroStar(1.0 * off), 1.2739, 0.1505),
    "weak model": (lambda off: WeakModel(1.0, 0.3 * off), 0.9893, 0.4546),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_reference(name):
    rule, m, kept = REFERENCE[name]

    def distance(off):
        problem = Problem(classes=Continuum(), sigma2=0.25, guidance=rule(off), sampler="ode", t_start=1000.0)
        found = solve(problem).final
        return max(abs(float(found.m) - m), abs(float(found.v) / 0.25 - kept))

    assert distance(1.0) < 1e-3
    assert distance(0.9) > 1e-3 < distance(1.1), "negative control"
