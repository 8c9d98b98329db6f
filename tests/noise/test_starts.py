"""Every simulation starts from the law of its process: without guidance v(0) is known exactly, at every d.

With the ODE and T about 4, v(0)/sigma2 is 1 + (v_T - D_T)/D_T: 0.94 from v(T) = T, but 1.17 from v(T) = T + 1.
"""

import numpy as np
import pytest
from scipy import stats

from meanfield import (
    EDM,
    Continuum,
    Ensemble,
    Exponential,
    Fixed,
    Problem,
    RectifiedFlow,
    Spectrum,
    VPCosine,
    VPLinear,
    quenched,
    reduced,
    solve,
)
from simulate import run

DRAWS = 24
STARTS = {VPLinear(): 0.4, VPCosine(): 0.7, EDM(): 2.0, RectifiedFlow(): 2.0 / 3.0}
SETTINGS = {"n_samples": 64, "n_disorder": DRAWS, "n_steps": 10, "n_times": 3, "seed": 4, "threads": 1}
MAKERS = {
    "direct": lambda p: run(p, d=8, classes="explicit", **SETTINGS),
    "span": lambda p: run(p.replace(classes=Fixed(4)), d=12, classes="span", **SETTINGS),
    "continuum": lambda p: run(p.replace(classes=Continuum()), d=8, **SETTINGS),
    "spectrum": lambda p: run(p.replace(spectrum=Spectrum([0.25, 0.5], [1.25, 4.5])), d=8, **SETTINGS),
    "reduced": lambda p: reduced(p, 12, n_samples=64 * DRAWS, n_draws=DRAWS, n_steps=10, seed=5, threads=1),
    "quenched": lambda p: quenched(p, 12, n_samples=64 * DRAWS, n_draws=DRAWS, n_steps=10, seed=6, threads=1),
}
LIMIT = stats.t.isf(0.01 / (2 * 2 * len(STARTS) * len(MAKERS)), DRAWS - 1)  # all z at the level of 1 per cent


def problem(noise, **changes):
    fields = {"classes": Exponential(0.4), "sigma2": 0.25, "guidance": 0.0, "sampler": "ode", **changes}
    return Problem(noise=noise, t_start=STARTS[noise], **fields)


def z_of(data, truth):
    return np.array([(o.mean - x) / o.stderr for o, x in zip((data.final.m, data.final.v), truth, strict=True)])


@pytest.mark.parametrize("noise", STARTS, ids=repr)
@pytest.mark.parametrize("maker", MAKERS)
def test_unguided_samples_begin_from_the_law_of_their_process(noise, maker):
    data = MAKERS[maker](problem(noise))
    unguided = [x[-1] for x in data.unguided()]
    final = solve(data.problem, data.d).final
    assert unguided == pytest.approx([final.m, final.v], abs=1e-9)
    assert np.abs(z_of(data, unguided)).max() < LIMIT
    if noise.preserving:  # negative control: v(T) = T
        other = data.problem.replace(noise=EDM(), t_start=data.problem.T**0.5)
        wrong = [x[-1] for x in Ensemble(other, data.d, data.t, data.draws, data.n_samples, data.info).unguided()]
        assert np.abs(z_of(data, wrong)).max() > 2 * LIMIT


def test_a_saved_run_knows_its_noise():
    p = Problem(classes=Exponential(0.4), sigma2=0.25, noise=VPLinear(0.2, 15.0), t_start=0.5)
    data = run(p, d=8, **SETTINGS)
    again = Ensemble.from_dataset(data.to_dataset())
    assert again.problem == p
    assert np.array_equal(again.unguided()[1], data.unguided()[1])
