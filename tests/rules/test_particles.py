"""Theory of every rule against its particles: continuum, and quenched among competing classes."""

import numpy as np
import pytest

from meanfield import (
    Continuum,
    Exponential,
    Free,
    PowerLaw,
    Problem,
    Projected,
    Rescale,
    Tangential,
    WeakModel,
    ZeroStar,
    quenched,
    solve,
)
from simulate import run
from validate.agreement.statistics import family_threshold
from validate.sweeps.grid_cell import cell_seed

RULES = {
    "rescale eps": lambda w, k=1.0: Rescale(w, phi=0.7 * k),
    "rescale x0": lambda w, k=1.0: Rescale(w, phi=0.7 * k, prediction="x0"),
    "rescale v": lambda w, k=1.0: Rescale(w, phi=0.7 * k, prediction="v"),
    "projected": lambda w, k=1.0: Projected(w * k, eta=0.2),
    "projected, bounded": lambda w, k=1.0: Projected(w, threshold=0.4 * k),
    "zero star": lambda w, k=1.0: ZeroStar(w * k),
    "tangential": lambda w, k=1.0: Tangential(w * k),
    "weak model": lambda w, k=1.0: WeakModel(w, delta=0.3 * k),
    "free": lambda w, k=1.0: Free(w, b=-0.9 * w * k),
    "power law": lambda w, k=1.0: PowerLaw(w * k, 0.5),
}
WEIGHTS = (0.5, 1.0, 2.0)
SAMPLERS = ("ode", "sde")
PROBLEM = Problem(classes=Continuum(), sigma2=0.25, t_start=1000.0)
STEPS = 100


def scores(name, sampler, w, k=1.0):
    """(theory - particles)/stderr of m and v; the particles have the parameter k times as large."""
    problem = PROBLEM.replace(sampler=sampler)
    theory = solve(problem.replace(guidance=RULES[name](w))).final
    seed = cell_seed(17, [name, sampler, w])
    sizes = {"d": 1000, "n_samples": 8, "n_disorder": 24, "n_steps": STEPS, "seed": seed, "progress": False}
    data = run(problem.replace(guidance=RULES[name](w, k)), **sizes).final
    return [(theory.m - data.m_paired.mean) / data.m_paired.stderr, (theory.v - data.v_paired.mean) / data.v_paired.stderr]


@pytest.fixture(scope="module")
def study():
    return {(name, s, w): scores(name, s, w) for name in RULES for s in SAMPLERS for w in WEIGHTS}


@pytest.mark.slow
def test_all_rules_in_the_continuum(study):
    z = np.array(list(study.values()))
    assert np.abs(z).max() < family_threshold(z.size)
    assert 0.85 < np.sqrt((z**2).mean()) < 1.15
