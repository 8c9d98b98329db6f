"""The integrator: exact where it claims to be, and of the order it declares."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

from meanfield.errors import ProblemError
from meanfield.guidance import Constant, Interval, Piecewise
from meanfield.problem import Continuum, Fixed, Problem
from simulate import run
from simulate.integrators import ORDER, correct, make_steps, predict, time_grid


def continuum(sampler, w=1.0, **fields):
    return Problem(classes=Continuum(), sigma2=0.25, guidance=w, sampler=sampler, t_start=20.0, **fields)


def moments(problem, n_steps):
    """m and v at t = 0 of the numerical scheme in the continuum, where every step is affine: no sampling."""
    steps = make_steps(problem, time_grid(problem, problem.t_start, n_steps))

    def advance(y, noise, mu, n):
        D0, D1 = steps.D[n], steps.D[n + 1]
        b0 = -steps.w_start[n] * ((y + mu) / (1 + D0) - mu)
        predicted = predict(y, b0, noise, steps.decay[n])
        b1 = -steps.w_end[n] * ((predicted + mu) / (1 + D1) - mu)
        return correct(predicted, b0, b1, steps.phi[n])

    mean, variance = -1.0, problem.t_start
    for n in range(n_steps):
        linear, kick = advance(1.0, 0.0, 0.0, n), advance(0.0, 1.0, 0.0, n)
        mean = advance(mean, 0.0, 1.0, n)
        variance = linear**2 * variance + kick**2 * steps.noise[n] ** 2
    return np.array([1.0 + mean, variance])


def exact_moments(problem):
    """The same by an adaptive solver: (T7) in the crowd, c = 1/(1 + D)."""

    def slope(D, state):
        w, e = float(problem.weight(D - problem.sigma2)), problem.e
        rate = -(1 + w) / D + w / (1 + D)
        return [-e * (rate * state[0] + (1 + w) / D), -2 * e * rate * state[1] - problem.eta**2]

    span = (problem.sigma2 + problem.t_start, problem.sigma2)
    return integrate.solve_ivp(slope, span, [0.0, problem.t_start], rtol=1e-11, atol=1e-13).y[:, -1]


@pytest.mark.parametrize("sampler", ["ode", "sde", 0.5, 1.5])
def test_weak_order_in_the_continuum(sampler):
    """The law is Gaussian and the scheme affine, so its weak error is measured without any sampling."""
    problem = continuum(sampler, w=2.0)
    n = np.array([40, 80, 160, 320, 640])
    error = np.abs([moments(problem, k) - exact_moments(problem) for k in n])
    slopes = -np.polyfit(np.log(n), np.log(error), 1)[0]
    assert np.abs(slopes - ORDER).max() < 0.15


def test_order_drops_if_the_corrector_is_left_out(monkeypatch):
    """Negative control of the order test."""
    monkeypatch.setitem(globals(), "correct", lambda predicted, b0, b1, phi: predicted)
    problem = continuum("sde", w=2.0)
    n = np.array([40, 80, 160, 320])
    error = np.abs([moments(problem, k) - exact_moments(problem) for k in n])
    assert (np.abs(-np.polyfit(np.log(n), np.log(error), 1)[0] - ORDER) > 0.5).all()


def test_pathwise_order_of_the_ode_in_a_mixture():
    """Single trajectories (one sample a draw) through speciation: root mean square change under halving the step."""
    problem = Problem(classes=Fixed(6), sigma2=0.25, guidance=1.0, sampler="ode", t_start=30.0)
    n = [32, 64, 128, 256, 512]
    m = [
        run(problem, d=4, n_samples=1, n_disorder=100, n_steps=k, n_times=2, dtype="float64").draws["m"][:, -1]
        for k in n
    ]
    rms = [np.sqrt(np.mean((a - b) ** 2)) for a, b in pairwise(m)]
    slope = -np.polyfit(np.log(n[:-1]), np.log(rms), 1)[0]
    assert abs(slope - ORDER) < 0.15


@pytest.mark.slow
def test_weak_order_of_the_sde_in_a_mixture():
    """On the same noise the mean error of m falls fourfold per halving, within three standard errors of each."""
    problem = Problem(classes=Fixed(4), sigma2=0.25, guidance=2.0, t_start=30.0)
    n = [8, 16, 32, 64]
    settings = {"d": 4, "n_samples": 8000, "n_disorder": 16, "n_times": 2, "dtype": "float64", "batch": 1000}
    runs = {k: run(problem, n_steps=k, noise_refinement=128 // k, **settings).draws["m"][:, -1] for k in [*n, 128]}
    change = np.array([runs[k] - runs[2 * k] for k in n])  # (step sizes, draws)
    mean, stderr = change.mean(axis=1), change.std(axis=1, ddof=1) / 4.0
    predicted = mean[0] / 4.0 ** np.arange(4)
    allowance = 0.25 * predicted  # the next order in the step, at 8 steps
    assert (np.abs(mean - predicted) < allowance + 3 * (stderr + stderr[0] / 4.0 ** np.arange(4))).all()
    assert mean[0] > 10 * stderr[0]


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0, 2.0])
def test_noise_and_coefficients(eta):
    """The noise variance is the integral of the linear equation, on any refinement of the noise grid."""
    problem = continuum(eta)
    t = time_grid(problem, 20.0, 5, refinement=3)
    coarse, fine = make_steps(problem, t[::3]), make_steps(problem, t, 3)
    assert np.allclose((fine.mix**2).sum(axis=1), coarse.noise**2, rtol=1e-12)
    D0, D1 = coarse.D[2], coarse.D[3]
    exact = integrate.quad(lambda D: eta**2 * (D1 / D) ** (2 * problem.e), D1, D0)[0]
    assert coarse.noise[2] ** 2 == pytest.approx(exact, rel=1e-10)
    h = np.log(D0 / D1)
    weight = integrate.quad(lambda s: problem.e * np.exp(-problem.e * (h - s)) * s / h, 0, h)[0]
    assert coarse.phi[2] == pytest.approx(weight, rel=1e-9)


def test_steps_end_at_the_jumps_of_the_schedule():
    schedule = Piecewise([1.0, 3.0], [-1.0, 5.0, 2.0])
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=schedule, t_start=50.0)
    t = time_grid(problem, 50.0, 10)
    steps = make_steps(problem, t)
    assert len(t) == 11 and t[-1] == 0.0 and {1.0, 3.0} <= set(t)
    assert np.array_equal(steps.w_start, steps.w_end)  # no step mixes two pieces
    assert np.array_equal(steps.w_start, schedule.w(0.5 * (t[1:] + t[:-1])))
    with pytest.raises(ProblemError, match=r"n_steps must be at least 3, one for each piece of the schedule; got 2"):
        time_grid(problem, 50.0, 2)


def test_order_survives_a_jump():
    problem = continuum("sde").replace(guidance=Interval(3.0, 0.5, 4.0))
    pieces = [problem.replace(guidance=Constant(w)) for w in (0.0, 3.0, 0.0)]
    D = np.array([20.25, 4.25, 0.75, 0.25])
    state = np.array([0.0, 20.0])
    for piece, a, b in zip(pieces, D[:-1], D[1:], strict=True):
        w = float(piece.weight(1.0))

        def slope(D, s, w=w):
            rate = -(1 + w) / D + w / (1 + D)
            return [-(rate * s[0] + (1 + w) / D), -2 * rate * s[1] - 1.0]

        state = integrate.solve_ivp(slope, (a, b), state, rtol=1e-11, atol=1e-13).y[:, -1]
    n = np.array([40, 80, 160, 320])
    error = np.abs([moments(problem, k) - state for k in n])
    assert np.abs(-np.polyfit(np.log(n), np.log(error), 1)[0] - ORDER).max() < 0.25
