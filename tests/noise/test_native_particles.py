"""`run`, which works in VE time, against particles of each process in its own coordinates and time, at equal d."""

import math
from functools import cache

import native_processes as native
import numpy as np
import pytest
from scipy import stats

from meanfield import (
    EDM,
    VE,
    Exponential,
    Linear,
    Observable,
    OrnsteinUhlenbeck,
    Problem,
    RectifiedFlow,
    VPCosine,
    VPLinear,
)
from simulate import run

D, SIGMA2, ALPHA, DRAWS, SAMPLES = 8, 0.25, 0.4, 48, 48
CASES = {  # process: its textbook form and a start time in its own time; VE time about 4, so that the start is felt
    VE(): (native.ve(), 4.0),
    EDM(): (native.edm(), 2.0),
    OrnsteinUhlenbeck(): (native.ornstein_uhlenbeck(), 0.8),
    VPLinear(): (native.vp_linear(), 0.4),
    VPCosine(): (native.vp_cosine(), 0.7),
    RectifiedFlow(): (native.rectified_flow(), 2.0 / 3.0),
}
every = pytest.mark.parametrize("noise", CASES, ids=repr)
PAIRS = [*((n, sampler) for n in CASES for sampler in ("sde", "ode")), (VPLinear(), 0.5)]


def problem(noise, sampler):
    s = CASES[noise][1]
    return Problem(
        classes=Exponential(ALPHA),
        sigma2=SIGMA2,
        guidance=Linear(-0.5, 5.0 / s),
        sampler=sampler,
        noise=noise,
        t_start=s,
    )


@cache
def in_own_coordinates(noise, sampler, n_steps=120, **changes):
    """(draws,) averages: m and v of the paired difference, of the twin, and q."""
    p, (form, s) = problem(noise, sampler), CASES[noise]
    classes = round(math.exp(p.classes.log_count(D)))
    rng = np.random.default_rng([1, list(CASES).index(noise), round(10 * p.eta)])
    m, v, q, m_twin, v_twin = native.particles(
        form._replace(**changes), classes, D, SIGMA2, p.eta, p.guidance.w, np.linspace(s, 0.0, n_steps + 1), DRAWS,
        SAMPLES, rng,
    )  # fmt: skip
    return {"dm": m - m_twin, "dv": v - v_twin, "m": m_twin, "v": v_twin, "q": q}


@cache
def in_ve_time(p):
    seed = 10 * list(CASES).index(p.noise) + round(10 * p.eta)
    data = run(p, d=D, n_samples=SAMPLES, n_disorder=DRAWS, n_steps=50, n_times=2, seed=seed, threads=1).draws
    m, v, q, m_twin, v_twin = (data[name][:, -1] for name in ("m", "v", "q", "m_twin", "v_twin"))
    return {"dm": m - m_twin, "dv": v - v_twin, "m": m_twin, "v": v_twin, "q": q}


def z_scores(a, b):
    pairs = [(Observable(a[name]), Observable(b[name])) for name in a]
    return np.array([(x.mean - y.mean) / np.hypot(x.stderr, y.stderr) for x, y in pairs])


LIMIT = stats.t.isf(0.01 / (2 * 5 * len(PAIRS)), DRAWS - 1)  # all z together at the level of 1 per cent


@pytest.mark.parametrize(("noise", "sampler"), PAIRS, ids=str)
def test_particles_agree_with_those_of_the_process_in_its_own_coordinates(noise, sampler):
    z = z_scores(in_ve_time(problem(noise, sampler)), in_own_coordinates(noise, sampler))
    assert np.abs(z).max() < LIMIT


@pytest.mark.parametrize("noise", [n for n in CASES if n != VE()], ids=repr)
def test_a_schedule_read_at_ve_time_is_seen(noise):
    """Negative control: own times taken for VE times."""
    p = problem(noise, "ode")
    z = z_scores(in_ve_time(p.replace(noise=VE(), t_start=p.T)), in_own_coordinates(noise, "ode"))
    assert np.abs(z[:2]).max() > 2 * LIMIT


@every
def test_a_wrong_diffusion_is_seen(noise, sampler="sde"):
    """Negative control: g^2 too large by a third."""
    form = CASES[noise][0]
    wrong = in_own_coordinates(noise, sampler, g2=lambda s: 4.0 / 3.0 * form.g2(s))
    assert np.abs(z_scores(in_ve_time(problem(noise, sampler)), wrong)).max() > 2 * LIMIT


@pytest.mark.parametrize("noise", [n for n in CASES if n.preserving], ids=repr)
def test_another_start_law_is_seen(noise):
    """Negative control: a variance-preserving process started from N(0, b^2 I), v(T) = T, instead of N(0, I)."""
    z = z_scores(in_ve_time(problem(noise, "ode")), in_own_coordinates(noise, "ode", start=CASES[noise][0].b2))
    assert np.abs(z).max() > 2 * LIMIT


@every
def test_steps_in_own_time_are_short_enough(noise):
    """The error of an order-2 method is a third of what doubling its steps changes: far below the standard errors."""
    a, b = in_own_coordinates(noise, "ode", n_steps=60), in_own_coordinates(noise, "ode")
    error = [abs(np.mean(a[name] - b[name])) / 3.0 / Observable(b[name]).stderr for name in a]
    assert max(error) < 0.2
