"""Classes of several weights (sec. 10 of docs/theory.md) in the theories: (T21)-(T24), limits, doors, refusals."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import softmax

from meanfield import (
    Exponential,
    Populations,
    Problem,
    potential,
    quenched,
    reduced,
    solve,
)
from meanfield.problem.populations import competing
from meanfield.theory.landscape import force
from meanfield.theory.motion import Groups, Motion, Point
from meanfield.theory.phases import Shared

BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
CROSSING = BASE.replace(classes=Populations([0.1, 0.6], [-0.4, 0.15]), t_start=100.0)  # a few common, many rare ones
SHARING = CROSSING.replace(classes=Populations([0.3, 0.8], [-0.4, 0.15]), guidance=10.0)


def information(D, q):
    return 0.5 * (math.log1p(1 / D) - 1 / (1 + D) + q / (1 + D) ** 2)


def log_weight(q, D, alpha, prior):
    """phi_k - lambda_k and c of one population, (T2)-(T4) written out."""
    if information(D, q) <= alpha:
        return alpha - prior - 0.5 * math.log1p(1 / D) - q / (2 * (1 + D)), 1 / (1 + D)
    k = 1 / (1 + math.exp(-brentq(lambda x: information(math.exp(x), q) - alpha, math.log(D), 40.0, xtol=1e-14)))
    return -prior - (q * k * k + k) / (2 * D), 1 - k


def softened(problem, rates, sharpness):
    """m(0), v(0) of a stiff ODE without phases: target and populations act by softmax(sharpness phi)."""
    w, e, eta2, T, s2 = problem.guidance.value, problem.e, problem.eta**2, problem.T, problem.sigma2

    def rest(tau, s):
        D, m, v = math.exp(-tau), 1 + s[0], math.exp(s[1] - tau)
        phi, c = zip(*(log_weight(m * m + v, D, *rate) for rate in rates), strict=True)
        pi = softmax(sharpness * np.array([-((m - 1) ** 2 + v) / (2 * D), *phi]))[1:]
        return w * pi.sum(), w * pi @ np.array(c)

    def motion(tau, s):
        a, b = rest(tau, s)
        return [e * (a - b - (1 + b) * s[0]), -2 * e * b + eta2 * math.expm1(-s[1])]

    start = [-1.0, math.log(T / (s2 + T))]
    found = solve_ivp(motion, (-math.log(s2 + T), -math.log(s2)), start, method="Radau", rtol=1e-7, atol=1e-9)
    delta, y = found.y[:, -1]
    return np.array([1 + delta, s2 * math.exp(y)])


@pytest.mark.parametrize(
    ("problem", "phases"),
    [
        (CROSSING, ("crowd", "glass", "crowd", "target")),
        (CROSSING.replace(sampler="ode"), ("crowd", "glass", "crowd", "target")),
        (SHARING, ("crowd", "glass", "shared", "crowd", "target")),
    ],
)
def test_solve_is_the_limit_of_equations_that_know_no_phases(problem, phases):
    theory, rates = solve(problem), problem.classes.rates()
    assert theory.phases == phases
    assert {"takeover"} <= {e.kind for e in theory.events}
    ends = np.array([theory.final.m, theory.final.v])
    near, far = (np.abs(softened(problem, rates, n) / ends - 1).max() for n in (2e5, 1e4))
    assert near < 2e-4 and near < 0.25 * far  # like 1/sharpness, up to a logarithm
    for k in (0, 1):  # controls: the prior of either population 10 % off
        wrong = [(alpha, prior * (1.1 if i == k else 1.0)) for i, (alpha, prior) in enumerate(rates)]
        assert np.abs(softened(problem, wrong, 2e5) / ends - 1).max() > 10 * near


def test_one_population_is_a_prior_and_equal_ones_merge():
    for law, same in (
        (Populations([0.4], [-0.1]), Exponential(0.4, prior=-0.1)),
        (Populations([0.4, 0.4], [-0.1, -0.1]), Exponential(0.4, prior=-0.1)),
        (Populations([0.3, 0.4, 0.2]), Exponential(0.4)),
    ):
        one, two = solve(BASE.replace(classes=law)), solve(BASE.replace(classes=same))
        assert one.final.m == two.final.m and one.final.v == two.final.v and one.events == two.events
    law, same = Populations([0.4], [0.1]), Exponential(0.4, prior=0.1)
    few = {"n_samples": 40, "n_draws": 2, "n_steps": 20, "progress": False}
    for model in (reduced, quenched):
        one, two = (model(BASE.replace(classes=x), 12, **few) for x in (law, same))
        assert np.array_equal(one.draws["m"], two.draws["m"])
    assert solve(BASE.replace(classes=law), 12).final.m == solve(BASE.replace(classes=same), 12).final.m


def test_a_population_that_is_split_is_the_same():
    """At finite d: 2 x 100 classes of one weight are 200, in every theory; and beside another population."""
    d, prior = 12, -0.15
    half, whole = math.log(100) / d, math.log(200) / d
    few = {"n_samples": 40, "n_draws": 2, "n_steps": 20, "progress": False}
    for more in ((), ((0.2, -0.3),)):
        alphas, priors = [x[0] for x in more], [x[1] for x in more]
        split = BASE.replace(classes=Populations([half, *alphas, half], [prior, *priors, prior]))
        joined = BASE.replace(classes=Populations([whole, *alphas], [prior, *priors]))
        assert split.classes.log_count(d) == pytest.approx(joined.classes.log_count(d), abs=1e-12)
        assert solve(split, d).final.m == pytest.approx(solve(joined, d).final.m, abs=1e-12)
        assert np.allclose(reduced(split, d, **few).draws["v"], reduced(joined, d, **few).draws["v"], rtol=1e-9)
        assert np.allclose(quenched(split, d, **few).draws["v"], quenched(joined, d, **few).draws["v"], rtol=1e-9)
        other = joined.replace(classes=Populations([whole, *alphas], [1.2 * prior, *priors]))  # control
        assert abs(solve(other, d).final.m - solve(joined, d).final.m) > 1e-3


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_a_population_far_behind_does_not_matter(sampler):
    for k, (alpha, prior) in enumerate([(0.1, -0.4), (0.6, 0.15)]):
        priors = [5.0, 5.0]
        priors[k] = prior
        both = BASE.replace(classes=Populations([0.1, 0.6], priors), sampler=sampler)
        alone = both.replace(classes=Exponential(alpha, prior=prior))
        assert abs(solve(both).final.m - solve(alone).final.m) < 1e-10
        assert abs(solve(both).final.m - solve(both.replace(classes=CROSSING.classes)).final.m) > 1e-4  # control


def test_only_the_front_competes():
    """(T22) by brute force: whatever D and q, the largest log-weight is that of a population on the front."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        rates = list(zip(rng.uniform(0.05, 1, 6), rng.uniform(-0.5, 0.5, 6), strict=True))
        front = competing(rates)
        gaps = [a - b for a, b in front]
        assert gaps == sorted(gaps, reverse=True) and front == sorted(front)
        D, q = math.exp(rng.uniform(-2, 5)), rng.uniform(0.1, 6)
        every = [log_weight(q, D, *rate)[0] for rate in rates]
        assert max(every) == max(log_weight(q, D, *rate)[0] for rate in front)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_a_continuous_spectrum_of_weights(sampler):
    """Zipf's law, weights rank^-z with z > 1: s(lambda) = lambda/z, so beta = 1/z and c = 1/(1 + z D), (T24)."""
    z, alpha, T, s2, w = 1.6, 0.5, 20.0, 0.25, 1.0
    problem = BASE.replace(t_start=T, sampler=sampler)
    e, eta2 = problem.e, problem.eta**2

    def rates(tau, s, w):
        c = 1 / (1 + z * math.exp(-tau))
        return [e * (w * (1 - c) - (1 + w * c) * s[0]), -2 * e * w * c + eta2 * math.expm1(-s[1])]

    def F(tau, s, w):
        D, m, v = math.exp(-tau), 1 + s[0], math.exp(s[1] - tau)
        q, k = m * m + v, z * D / (1 + z * D)
        prior = z * information(z * D, q)
        assert prior < z * alpha  # the rarest classes do not dominate yet
        return -((m - 1) ** 2 + v) / (2 * D) + prior - top + (q * k * k + k) / (2 * D)

    F.terminal, top = True, 0.4  # the commonest classes have exp(top d) times the weight of the target
    how = {"rtol": 1e-10, "atol": 1e-12, "args": (w,)}
    a = solve_ivp(rates, (-math.log(s2 + T), -math.log(s2)), [-1.0, math.log(T / (s2 + T))], events=F, **how)
    how["args"] = (0.0,)
    b = solve_ivp(rates, (a.t[-1], -math.log(s2)), a.y[:, -1], **how)
    wanted = np.array([1 + b.y[0, -1], math.exp(b.y[1, -1])])

    def found(n, z):
        alphas = np.linspace(0, alpha, n + 1)[1:]
        theory = solve(problem.replace(classes=Populations(alphas, z * alphas - (z - 1) * alphas[0] / 2 - top)))
        assert "target" in theory.phases
        return np.array([theory.final.m, theory.final.v / s2])

    errors = [np.abs(found(n, z) - wanted).max() for n in (12, 48)]
    assert errors[1] < 0.3 * errors[0] and errors[1] < 2e-3
    assert np.abs(found(48, 1.2 * z) - wanted).max() > 5 * errors[1]  # control


def test_two_populations_share_the_weight_as_filippov_says():
    """(T23) in the shared phase, and never for w < 0."""
    theory = solve(SHARING)
    piece = next(p for p in theory.pieces if p.phase == "shared")
    rates = SHARING.classes.rates()
    for x in np.linspace(0.1, 0.9, 5):
        tau = piece.tau_low + x * (piece.tau_high - piece.tau_low)
        s = piece.read(np.array([tau]))[:, 0]
        D, m, v = math.exp(-tau), 1 + s[0], math.exp(s[1] - tau)
        (one, c_1), (two, c_2) = (log_weight(m * m + v, D, *rate) for rate in rates)
        assert abs(one - two) < 1e-10
        q, e, eta2, w = m * m + v, SHARING.e, SHARING.eta**2, SHARING.guidance.value
        R = -2 * e * m * (m - 1) - v + eta2 * (D - v)
        c = (q * (2 - c_1 - c_2) + 1 + R + 2 * e * w * m) / (2 * e * w * q)
        assert c_1 < c < c_2
        step = 1e-5
        low, high = (piece.read(np.array([tau + a]))[1, 0] for a in (-step, step))
        assert abs((high - low) / (2 * step) - (-2 * e * w * c + eta2 * math.expm1(-s[1]))) < 1e-6
    rng = np.random.default_rng(1)
    for w in (-1.0, -0.3, -0.01):
        for _ in range(100):
            groups = Groups.of_populations(SHARING, SHARING.classes.rates())
            motion = Motion(groups, float(rng.uniform(0, 2)), lambda tau, w=w: w)
            p = Point(groups, *rng.uniform([-2, -1, -1], [2, 1, 1]).tolist())
            if p.K > 0.3:  # beyond condensation of the first: elsewhere the two never tie
                assert not isinstance(Shared.between(motion, p, p.of_leading), Shared)


def test_the_potential_has_kinks_between_populations_too():
    problem = CROSSING
    theory = solve(problem)
    t = next(e.t for e in theory.events if e.kind == "takeover")
    state = theory.at(t)
    data = potential(problem, t, m=np.linspace(state.m - 0.6, state.m + 0.6, 41))
    assert {"glass", "crowd"} <= set(data.phase.values.ravel())
    D, w, q = 0.25 + t, 1.0, float(state.q)
    for step, rate in ((-0.05, problem.classes.rates()[0]), (0.05, problem.classes.rates()[1])):
        a, b = force(problem, t, float(state.m), q + step)  # few classes at small q, many at large q
        _, c = log_weight(q + step, D, *rate)
        assert abs(a - (1 + w) / D) < 1e-5 and abs(b + (1 + w * c) / D) < 1e-5
    F = data.F.values[0]
    m = data.m.values
    phi = [-((x - 1) ** 2 + float(state.v)) / (2 * D) for x in m]
    rest = [max(log_weight(x * x + float(state.v), D, *r)[0] for r in problem.classes.rates()) for x in m]
    assert np.allclose(F, np.subtract(phi, rest), atol=1e-10)


def test_many_dimensions_lead_the_reduced_model_to_solve_where_no_glass_comes():
    problem = BASE.replace(classes=Populations([0.35, 0.4], [-0.1, 0.1]))
    assert solve(problem).phases == ("crowd", "target")
    data = reduced(problem, 4000, n_samples=400, n_draws=8, n_steps=120, threads=1, progress=False)
    assert abs(data.final.m_paired.mean - solve(problem).final.m) < 4 * data.final.m_paired.stderr + 1e-3
    other = solve(problem.replace(classes=Populations([0.35, 0.4], [-0.08, 0.1])))  # control
    assert abs(data.final.m_paired.mean - other.final.m) > 4 * data.final.m_paired.stderr + 1e-3


def test_quenched_goes_to_solve_through_a_takeover():
    """d = 48 and 192, two populations: the gap closes; either alone, and the mean rate, are elsewhere."""
    problem = CROSSING.replace(sampler="ode", guidance=1.0)
    theory, gaps = solve(problem), []
    settings = {"n_samples": 800, "n_draws": 40, "n_steps": 100, "n_times": 2, "tolerance": 0.05, "progress": False}
    for d in (48, 192):
        data = quenched(problem, d, seed=d, **settings)
        gaps.append(np.array([data.final.m_paired.mean - theory.final.m, data.final.v_paired.mean - theory.final.v]))
        error = np.array([data.final.m_paired.stderr, data.final.v_paired.stderr])
    assert np.all(np.abs(gaps[1]) < 0.6 * np.abs(gaps[0]) + 3 * error)
    for wrong in (Exponential(0.1, prior=-0.4), Exponential(0.6, prior=0.15), Exponential(0.35, prior=-0.125)):
        other = solve(problem.replace(classes=wrong)).final
        off = np.array([theory.final.m - other.m, theory.final.v - other.v]) + gaps[1]
        assert np.any(np.abs(off) > np.abs(gaps[1]) + 4 * error), wrong
