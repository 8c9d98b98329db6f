"""The integrator: exact where it claims to be, and of the order it declares."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from particle_checks import affine_moments
from scipy import integrate, optimize

import simulate.running.plan
from meanfield.errors import ProblemError
from meanfield.guidance.placing import time_grid
from meanfield.guidance.schedules import Constant, Interval, Piecewise, Tabulated
from meanfield.problem.growth import Continuum, Exponential, Fixed
from meanfield.problem.statement import Problem
from simulate import run
from simulate.randomness.streams import NoiseReader
from simulate.running.holding import count_classes
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ContinuumScore, ReferenceScore
from simulate.steps.integrators import make_steps, order
from simulate.steps.stepping import State, advance, moved

STEPS = np.array([160, 240, 360, 540])  # the work grows with their square


def continuum(sampler, w=1.0, **fields):
    return Problem(classes=Continuum(), sigma2=0.25, guidance=w, sampler=sampler, t_start=20.0, **fields)


def exact_moments(problem):
    """The same by an adaptive solver: (T7) in the crowd, c = 1/(1 + D)."""

    def slope(D, state):
        w, e = float(problem.weight(D - problem.sigma2)), problem.e
        rate = -(1 + w) / D + w / (1 + D)
        return [-e * (rate * state[0] + (1 + w) / D), -2 * e * rate * state[1] - problem.eta**2]

    span = (problem.sigma2 + problem.t_start, problem.sigma2)
    return integrate.solve_ivp(slope, span, [0.0, problem.t_start], rtol=1e-11, atol=1e-13).y[:, -1]


def slopes(problem, n, exact, **changes):
    """Orders of m and v fitted to the errors of the scheme at n steps."""
    error = np.abs([affine_moments(problem, k, **changes) - exact for k in n])
    return -np.polyfit(np.log(n), np.log(error), 1)[0]


@pytest.mark.parametrize("sampler", ["ode", "sde", 0.5, 1.5])
@pytest.mark.parametrize("w", [2.0, -0.5])
def test_order_in_the_continuum(sampler, w):
    """The law is Gaussian and the scheme affine, so its error is measured without any sampling.

    The mean follows an ODE there whatever the sampler, so m has order 3; v has the order declared.
    """
    problem = continuum(sampler, w)
    expected = [3, order(problem.eta)]
    assert np.abs(slopes(problem, STEPS, exact_moments(problem), parts=None) - expected).max() < 0.15


@pytest.mark.parametrize(
    ("sampler", "changes", "left"), [("ode", {"psi": 0.0, "parts": None}, 2), ("sde", {"psi": 0.0, "ratio": 0.0}, 1)]
)
def test_order_drops_without_the_corrector(sampler, changes, left):
    """Negative control of the order test: the predictor alone, with and without the last step's force."""
    problem = continuum(sampler, 2.0)
    assert np.abs(slopes(problem, STEPS, exact_moments(problem), **changes) - left).max() < 0.15


def test_pathwise_order_of_the_parabola_in_a_mixture():
    """The ODE where its steps are not by parts. Single trajectories through speciation: root mean square change of the
    end points under halving the step."""
    problem = Problem(classes=Fixed(6), sigma2=0.25, guidance=1.0, sampler="ode", t_start=30.0)
    score = ReferenceScore(draw_direct(d=4, n_classes=6, seed=0, draw=0))
    y = math.sqrt(30.0) * np.random.default_rng(1).standard_normal((200, 4))
    n, ends = [64, 128, 256, 512, 1024], []
    for k in n:
        steps, state = (
            replace(make_steps(problem, time_grid(problem.schedule, problem.least_variance, 30.0, k)), parts=None),
            State(y),
        )
        for i in range(k):
            state = advance(state, steps.variance(i), 0.0, steps.step(i), score, lambda w, p, D: -w * p.shift)
        ends.append(state.y)
    rms = [np.sqrt(np.mean((a - b) ** 2)) for a, b in pairwise(ends)]
    assert abs(-np.polyfit(np.log(n[:-1]), np.log(rms), 1)[0] - order(0)) < 0.15


def twin(problem, d, n_steps, n_samples, seed):
    """The docstring of `simulate.steps.integrators` once more: weights by quadrature, scores of `ReferenceScore`, on
    the grid of `meanfield.guidance.placing`."""
    P = int(count_classes(problem, d))
    mixture = draw_direct(d, P, seed, 0)
    score, e, eta = ReferenceScore(mixture), problem.e, problem.eta
    noisy = 1.0 + eta**2
    D_c = (8.0 + 64.0 / noisy / (P ** (2.0 / d) - 1.0)) / noisy**2
    first, last = (math.log(1.0 + math.sqrt(D_c / D)) for D in (problem.sigma2 + problem.t_start, problem.sigma2))
    D = D_c / (np.exp(np.linspace(first, last, n_steps + 1)) - 1.0) ** 2

    w, reader = problem.guidance.value, NoiseReader(seed, 0, range(n_samples), d)
    y = math.sqrt(problem.v_T) * reader.start() - mixture.target
    force, before = -w * score(y, D[0]).shift, None
    for n in range(n_steps):
        here, end = D[n], D[n + 1]
        h, length = float(np.log(here / end)), here**0.25 - end**0.25
        rho = 0.0 if before is None else length / (D[n - 1] ** 0.25 - here**0.25)

        def kernel(s, j, h=h, here=here, length=length):
            return e * np.exp(-e * (h - s)) * ((here**0.25 - (here * np.exp(-s)) ** 0.25) / length) ** j

        weights = [integrate.quad(kernel, 0, h, (j,))[0] for j in range(3)]
        sd = np.sqrt(end * (1.0 - np.exp(-(eta**2) * h)))
        ahead = force if before is None else force + rho * (force - before)
        predicted = np.exp(-e * h) * y + weights[0] * force + weights[1] * (ahead - force)
        predicted = predicted + reader.step(np.array([sd]))
        there = score(predicted, end)
        psi = (weights[1] + rho * weights[2]) / (1.0 + rho)
        mean = there.shift / (1.0 / (1.0 + np.exp(there.log_odds)))[:, None]
        y = np.array([state(psi, w, end, *of) for of in zip(predicted, ahead, mean, there.log_odds, strict=True)])
        change = y - predicted
        after = mean + change / (1.0 + end)
        log_odds = there.log_odds - (change * (mean + after)).sum(axis=1) / (2.0 * end)
        before, force = force, -w * after / (1.0 + np.exp(log_odds))[:, None]
    return 1.0 + (y @ mixture.target).mean() / d, (y**2).sum(axis=1).mean()


def state(psi, w, D, predicted, ahead, mean, log_odds):
    """y' = y* + psi (b(y') - b^) of one sample, w > 0, by Brent's method for 1 - pi_1."""

    def change(x):
        return -psi * (w * x * mean + ahead) / (1.0 + psi * w * x / (1.0 + D))

    def miss(x):
        u = change(x)
        return 1.0 / (1.0 + np.exp(log_odds - u @ (2.0 * mean + u / (1.0 + D)) / (2.0 * D))) - x

    return predicted + change(optimize.brentq(miss, 0.0, 1.0, xtol=1e-15))


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_run_follows_the_slow_twin(eta):
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0, sampler=eta, t_start=100.0)
    data = run(problem, d=8, n_samples=20, n_disorder=1, n_steps=25, seed=3, dtype="float64", n_times=26)
    m, y2 = twin(problem, 8, 25, 20, 3)
    final = data.final
    assert final.m.mean == pytest.approx(m, abs=1e-10)
    assert 8 * (final.q.mean - 1.0 - 2.0 * (final.m.mean - 1.0)) == pytest.approx(y2, abs=1e-9)


def test_recording_changes_nothing():
    """Observables take no score of their own: a run is the same whatever it records (to rounding, a skipped class)."""
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=Interval(3.0, 0.5, 40.0))
    few, many = (run(problem, d=8, n_samples=40, n_disorder=2, n_steps=20, n_times=n) for n in (2, 21))
    for name in ("m", "v", "weight", "participation"):
        assert np.allclose(few.draws[name][:, -1], many.draws[name][:, -1], rtol=0, atol=1e-12), name


def test_a_step_takes_one_score(monkeypatch):
    calls = []

    def counted(self, y, D, full=False):
        calls.append(full)
        return call(self, y, D, full)

    call = ReferenceScore.__call__
    monkeypatch.setattr(ReferenceScore, "__call__", counted)
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
    run(problem, d=6, n_samples=4, n_disorder=1, n_steps=20, n_times=5, classes="reference", threads=1)
    assert len(calls) == 21 and sum(calls) == 5


def test_moved_posterior_is_exact_in_the_crowd_and_first_order_in_the_odds():
    """Against the score evaluated anew, in the continuum and with two classes (one rival: only the odds move)."""
    rng = np.random.default_rng(4)
    y, u = rng.standard_normal((2, 50, 6))
    crowd = ContinuumScore(rng.standard_normal(6))
    assert np.allclose(moved(crowd(y, 2.0), u, 2.0).shift, crowd(y + u, 2.0).shift, atol=1e-13)
    one = ReferenceScore(draw_direct(d=6, n_classes=2, seed=0, draw=0))
    error = []
    for small in (0.1, 0.05, 0.025):
        change, there = small * u, one(y + small * u, 2.0)
        error.append(np.abs(moved(one(y, 2.0), change, 2.0).log_odds - there.log_odds).max())
        assert error[-1] < 0.3 * np.abs(one(y, 2.0).log_odds - there.log_odds).max()
    assert np.allclose(np.array(error[:-1]) / error[1:], 4.0, rtol=1e-6)


@pytest.mark.slow
def test_weak_order_of_the_sde_in_a_mixture(monkeypatch):
    """Mean change of m under halving the step, on the same noise; order with its error from draws left out in turn.

    Solving for the correction leaves so little that no order is seen: at most half of what is left without.
    Negative control: the predictor alone has order 1, and more is left.
    """
    changes = {}

    def altered(*args):
        steps = make_steps(*args)
        return replace(steps, **{name: np.full(len(steps), value) for name, value in changes.items()})

    monkeypatch.setattr(simulate.running.plan, "make_steps", altered)
    problem, n = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=5.0), [16, 32, 64, 128]
    settings = {"d": 6, "n_samples": 1000, "n_disorder": 256, "n_times": 2, "batch": 1000, "dtype": "float64"}

    def change(**given):  # (step sizes, draws)
        changes.update(given)
        runs = (run(problem, n_steps=k, noise_refinement=128 // k, progress=False, **settings) for k in n)
        return -np.diff([data.draws["m"][:, -1] for data in runs], axis=0)

    solved, taken, predicted = change(), change(answers=False), change(psi=0.0, ratio=0.0)
    for found, order_ in ((taken, 2), (predicted, 1)):
        left_out = [np.abs(np.delete(found, i, 1).mean(axis=1)) for i in range(256)]
        fit = [-np.polyfit(np.log(n[:-1]), np.log(left), 1)[0] for left in left_out]
        stderr = math.sqrt(255.0) * np.std(fit)
        assert abs(np.mean(fit) - order_) < 0.15 + 2 * stderr and stderr < 0.2
    for found, less in ((solved, True), (predicted, False)):
        left, error = np.abs(found.mean(axis=1)), found.std(axis=1, ddof=1) / 16.0
        assert (left + 2 * error < 0.5 * np.abs(taken.mean(axis=1))).all() == less


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0, 2.0])
def test_noise_and_coefficients(eta):
    """The noise variance is the integral of the linear equation, on any refinement of the noise grid."""
    problem = continuum(eta)
    t = time_grid(problem.schedule, problem.least_variance, 20.0, 5, refinement=3)
    coarse, fine = make_steps(problem, t[::3]), make_steps(problem, t, 3)
    assert np.allclose((fine.mix**2).sum(axis=1), coarse.noise**2, rtol=1e-12)
    D0, D1 = coarse.D[2], coarse.D[3]
    exact = integrate.quad(lambda D: eta**2 * (D1 / D) ** (2 * problem.e), D1, D0)[0]
    assert coarse.noise[2] ** 2 == pytest.approx(exact, rel=1e-10)
    h = np.log(D0 / D1)

    def share(s):
        return (D0**0.25 - (D0 * np.exp(-s)) ** 0.25) / (D0**0.25 - D1**0.25)

    weight = integrate.quad(lambda s: problem.e * np.exp(-problem.e * (h - s)) * share(s), 0, h)[0]
    assert coarse.phi[2] == pytest.approx(weight, rel=1e-9)


def test_steps_end_at_the_jumps_of_the_schedule():
    schedule = Piecewise([1.0, 3.0], [-1.0, 5.0, 2.0])
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=schedule, t_start=50.0)
    t = time_grid(problem.schedule, problem.least_variance, 50.0, 10)
    steps = make_steps(problem, t)
    assert len(t) == 11 and t[-1] == 0.0 and {1.0, 3.0} <= set(t)
    assert np.array_equal(steps.w_start, steps.w_end)  # no step mixes two pieces
    assert np.array_equal(steps.w_start, schedule.w(0.5 * (t[1:] + t[:-1])))
    with pytest.raises(ProblemError, match=r"n_steps must be at least 3, one for each piece of the schedule; got 2"):
        time_grid(problem.schedule, problem.least_variance, 50.0, 2)


def test_a_long_table_of_a_smooth_schedule_takes_no_step_for_each_of_its_points():
    times = np.geomspace(0.01, 40.0, 150)
    table = Tabulated(times, 2.0 * times / (1.0 + times))
    tabulated = Problem(classes=Continuum(), sigma2=0.25, guidance=table, sampler="ode", t_start=50.0)
    jumps = Piecewise(times, np.resize([1.0, 2.0], 151))
    with pytest.raises(ProblemError, match=r"at least 151, one for each piece of the schedule; got 140"):
        run(tabulated.replace(guidance=jumps), d=4, n_samples=200, n_disorder=1, n_steps=140)

    def m(guidance, n_steps):
        stated = tabulated.replace(guidance=guidance)
        return run(stated, d=4, n_samples=200, n_disorder=1, n_steps=n_steps).draws["m"][0, -1]

    right = m(table, 604)
    assert abs(m(table, 140) - right) < 1e-4  # from the same starts, without noise
    assert abs(m(table.w, 140) - right) < 1e-4
    assert abs(m(lambda t: 0.9 * table.w(t), 140) - right) > 6e-3  # negative control


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
    assert np.abs(slopes(problem, STEPS, state) - [3, order(problem.eta)]).max() < 0.25
