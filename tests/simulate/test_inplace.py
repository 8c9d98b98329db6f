"""The compiled step in place against its plain twin, `simulate.steps.stepping.advance`, over whole runs."""

import numpy as np
import pytest

from meanfield import Fixed, Interval, Problem, Spectrum
from meanfield.guidance.placing import time_grid
from simulate.randomness.streams import NoiseReader
from simulate.scores.fast import FastScore
from simulate.scores.mixture import Held, draw_direct
from simulate.steps.inplace import advance_in_place
from simulate.steps.integrators import make_steps
from simulate.steps.stepping import State, advance
from simulate.steps.tiles import LANES

SAMPLES = range(2 * LANES + 8)  # two tiles and a part of one, and several samples in a row of the prediction


def pull(w, posterior, D):
    return -w * posterior.shift


def setting(n_classes=40, d=9, n_steps=12, **changes):
    problem = Problem(**{"classes": Fixed(n_classes), "sigma2": 0.25, "guidance": 1.0, "t_start": 20.0, **changes})
    counts = None if problem.spectrum is None else problem.spectrum.counts(d)
    mixture = draw_direct(d, n_classes, seed=0, draw=0, counts=counts)
    return mixture, make_steps(
        problem, time_grid(problem.schedule, problem.least_variance, 20.0, n_steps), counts=counts
    )


def walk(mixture, steps, compiled, samples=SAMPLES, dtype="float64", full=True):
    """The state after every step: y, shift, log-odds, weight, participation, nearest."""
    reader, score = NoiseReader(0, 0, samples, mixture.dim), FastScore(mixture, len(samples), dtype=dtype)
    state, seen = State(np.sqrt(steps.variance(0)) * reader.start()), []
    for n in range(len(steps)):
        noise, step = reader.step(steps.step(n).mix), steps.step(n)
        if compiled:
            state = advance_in_place(state, steps.variance(n), noise, step, score, full)
        else:
            state = advance(state, steps.variance(n), noise, step, score, pull, full)
        p = state.posterior
        rest = [] if p is None else [p.shift, p.log_odds, p.weight, p.participation, p.nearest]
        seen.append([np.array(x, float) for x in (state.y, *rest)])
    return seen


def distance(a, b) -> float:
    """Largest difference of anything that is seen, relative to its size; nan where both are nan is none."""
    assert [len(x) for x in a] == [len(x) for x in b]
    pairs = [(x, z) for left, right in zip(a, b, strict=True) for x, z in zip(left, right, strict=True)]
    assert all(np.array_equal(np.isnan(x), np.isnan(z)) for x, z in pairs)
    return max(
        float(np.nanmax(np.abs(x - z), initial=0.0) / (1.0 + np.nanmax(np.abs(z), initial=0.0))) for x, z in pairs
    )


CASES = {
    "sde": {},
    "ode": {"sampler": "ode"},
    "ode, interval": {"sampler": "ode", "guidance": Interval(2.0, 0.5, 5.0)},
    "ode, saturated": {"sampler": "ode", "n_classes": 5, "d": 400, "sigma2": 0.01},
    "ode, too long": {"sampler": "ode", "guidance": -9.0, "n_steps": 4},
    "two": {"n_classes": 2, "d": 2},
    "alone": {"n_classes": 1},  # no rival at all
    "many": {"n_classes": 700, "d": 30},
    "saturated": {"n_classes": 5, "d": 400, "sigma2": 0.01},  # the weights of all rivals underflow
    "interval": {"guidance": Interval(2.0, 0.5, 5.0)},  # unguided steps, and steps where the multistep begins anew
    "too long": {"guidance": -6.0, "n_steps": 4},  # steps that do not resolve the guidance
    "spectrum": {"spectrum": Spectrum([0.25, 0.5], [1.25, 4.5]), "sigma2": None, "d": 10},
}


@pytest.mark.parametrize("name", CASES)
def test_step_in_place_is_the_plain_step(name):
    mixture, steps = setting(**CASES[name])
    plain = walk(mixture, steps, False)
    assert distance(walk(mixture, steps, True), plain) < 1e-12
    if name == "alone":
        return
    for weight in (steps.psi, *(part.through for part in steps.parts or ())):
        weight[...] *= 1.0 + 1e-6  # negative control: a weight of the correction off by a millionth
    assert distance(walk(mixture, steps, True), plain) > 1e-12


def test_cases_reach_what_they_are_for():
    assert not setting(**CASES["too long"])[1].resolved.all()
    interval = setting(**CASES["interval"])[1]
    assert ((interval.w_start == 0) & (interval.w_end == 0)).any() and (interval.w_start != 0).any()
    weights = [x[3] for x in walk(*setting(**CASES["saturated"]), True)]
    assert (weights[-1] == 1.0).all() and (weights[0] < 1.0).any()
    assert walk(*setting(**CASES["saturated"]), True, full=False)[-1][2].size


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sample_does_not_depend_on_the_batch(dtype):
    mixture, steps = setting()
    together = walk(mixture, steps, True, dtype=dtype)
    alone = walk(mixture, steps, True, range(LANES + 3, LANES + 4), dtype)
    pairs = [
        (x[LANES + 3 : LANES + 4], z) for a, b in zip(together, alone, strict=True) for x, z in zip(a, b, strict=True)
    ]
    tolerance = 0.0 if dtype == "float32" else 1e-12  # library products may sum one row in another order than several
    assert max(np.abs(x - z).max() for x, z in pairs) <= tolerance
    other = walk(mixture, steps, True, range(4, 5), dtype)[-1][0]  # control: another sample
    assert np.abs(together[-1][0][LANES + 3 : LANES + 4] - other).max() > 0.1


def test_arrays_with_gaps_are_overwritten_too():
    """Samples make a row of several only where no gap lies between them."""
    mixture, steps = setting(d=2)
    y, noise, before = np.random.default_rng(0).standard_normal((3, 8, 2))
    gaps, score = np.zeros((8, 4)), FastScore(mixture, 8)
    gaps[:, :2] = before
    step, D = steps.step(1), steps.variance(1)
    tight = advance_in_place(State(y.copy(), score(y, D), before), D, noise, step, score)
    loose = advance_in_place(State(y.copy(), score(y, D), gaps[:, :2]), D, noise, step, score)
    assert np.allclose(loose.y, tight.y, rtol=1e-14) and np.allclose(loose.before, tight.before, rtol=1e-14)


def test_odds_without_rivals_are_undefined():
    mixture = Held(np.array([2.0, 0.0]), np.zeros((0, 2), np.float32), 1)
    *_, last = walk(mixture, setting(n_classes=1, d=2)[1], True)
    assert np.isnan(last[2]).all() and (last[3] == 1).all() and (last[1] == 0).all() and (last[5] == 1).all()
