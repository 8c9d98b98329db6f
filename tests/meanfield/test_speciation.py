"""Closed forms of cloned trajectories: against brute force over x, each other, and their limits."""

import math

import numpy as np
import pytest

from meanfield import (
    ProblemError,
    collapse_time,
    excess_entropy,
    information_drawn,
    information_orthogonal,
    information_two,
    phi_drawn,
    phi_orthogonal,
    phi_two,
    speciation_time,
)


def own_losses(draw_means, D, samples, seed):
    """log(1/pi_1) of states noised forward from class 1; `draw_means(rng, size)` gives (size, P, d) or (P, d)."""
    rng, losses = np.random.default_rng(seed), []
    for size in np.diff(np.append(np.arange(0, samples, 500), samples)):
        means = draw_means(rng, size)
        x = means[..., 0, :] + math.sqrt(D) * rng.standard_normal((size, means.shape[-1]))
        products = np.einsum("sd,skd->sk", x, np.broadcast_to(means, (size, *means.shape[-2:])))
        logits = (products - 0.5 * (means**2).sum(axis=-1)) / D
        losses.append(np.logaddexp.reduce(logits, axis=1) - logits[:, 0])
    return np.concatenate(losses)


def estimate(values):
    return values.mean(), values.std() / math.sqrt(len(values))


def gaussian(P, d, s2=1.0):
    return lambda rng, size: math.sqrt(s2) * rng.standard_normal((size, P, d))


@pytest.mark.parametrize("h", [1e-3, 0.1, 1.0, 7.0, 40.0])
def test_two_classes_against_an_adaptive_quadrature_over_x(h):
    from scipy.integrate import quad

    density = lambda x: math.exp(-0.5 * (x - h) ** 2 / h) / math.sqrt(2 * math.pi * h)  # noqa: E731
    integral, _ = quad(lambda x: density(x) * 0.5 * math.tanh(x) ** 2, h - 12 * h**0.5, h + 12 * h**0.5,
                       points=[0.0], epsabs=1e-13, limit=400)  # fmt: skip
    assert phi_two(1.0, h) == pytest.approx(0.5 + integral, abs=1e-11)


def test_orthogonal_pair_is_a_pair_at_half_the_distance():
    D = np.geomspace(0.05, 500, 9)
    assert np.allclose(phi_orthogonal(D, 4.0, 2), phi_two(D, 2.0), atol=1e-11)
    assert np.abs(phi_orthogonal(D, 4.0, 2) - phi_two(D, 2.2)).max() > 0.005


@pytest.mark.parametrize("P, norm2, D", [(3, 9.0, 4.0), (40, 30.0, 5.0)])
def test_orthogonal_classes_against_brute_force(P, norm2, D):
    means = math.sqrt(norm2) * np.eye(P)
    value, error = estimate(np.exp(-own_losses(lambda rng, size: means, D, 60_000, 1)))
    assert abs(phi_orthogonal(D, norm2, P) - value) < 4 * error
    assert abs(phi_orthogonal(D, norm2, P + 3) - value) > 4 * error


@pytest.mark.parametrize("P, d, D, s2", [(10, 2, 1.0, 1.0), (30, 4, 2.0, 2.0), (100, 10, 0.5, 1.0), (60, 40, 4.0, 1.0)])
def test_drawn_classes_against_brute_force(P, d, D, s2):
    value, error = estimate(np.exp(-own_losses(gaussian(P, d, s2), D, 10_000, 3)))
    assert abs(phi_drawn(D, P, d, s2) - value) < 4 * error
    assert abs(phi_drawn(D * 1.2, P, d, s2) - value) > 4 * error


def test_drawn_classes_become_orthogonal_like_one_over_d():
    gap = [phi_drawn(d / 10.0, 20, d) - phi_orthogonal(0.1, 1.0, 20) for d in (1000, 10_000, 100_000)]
    assert np.allclose(np.array(gap[:-1]) / gap[1:], 10.0, rtol=0.02)


@pytest.mark.parametrize("phi", [lambda D: phi_two(D, 3.0), lambda D: phi_orthogonal(D, 3.0, 7),
                                 lambda D: phi_drawn(D, 7, 5), lambda D: phi_drawn(D, 7, 50)])  # fmt: skip
def test_limits_and_monotony(phi):
    values = phi(np.geomspace(1e-3, 1e7, 10))
    P = round(1.0 / values[-1])
    assert P in (2, 7) and values[-1] == pytest.approx(1 / P, abs=1e-4)
    assert values[0] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(values) < 1e-9).all()


def test_collapse_sharpens_as_the_training_set_grows():
    """phi at r t_C tends to 1 below, 0 above: width like (2/log n)^{1/2}."""
    below, above = ([phi_orthogonal(r / (2 * x), 1.0, math.exp(x)) for x in (5, 50, 200)] for r in (0.7, 1.5))
    assert below[0] < below[1] < below[2] and below[2] > 0.999
    assert above[0] > above[1] > above[2] and above[2] < 0.001


def test_collapse_time_is_where_excess_entropy_vanishes():
    t = collapse_time(6.0, 30, 2.0)
    assert t == pytest.approx(2.0 / (math.exp(12.0 / 30) - 1.0))
    assert excess_entropy(0.99 * t, 6.0, 30, 2.0) < 0 == excess_entropy(1.01 * t, 6.0, 30, 2.0)
    assert collapse_time(6.0, 10**9) == pytest.approx(10**9 / 12.0, rel=1e-6)


@pytest.mark.parametrize("n, d, r", [(20, 3, 1.0), (150, 12, 0.5), (50, 60, 2.0)])
def test_exact_excess_entropy_against_brute_force(n, d, r):
    t = r * collapse_time(math.log(n), d)
    missing, error = estimate(own_losses(gaussian(n, d), t, 10_000, 8))
    value, error = (math.log(n) - missing) / d - 0.5 * math.log1p(1 / t), error / d
    assert abs(excess_entropy(t, math.log(n), d, exact=True) - value) < 4 * error
    assert abs(excess_entropy(1.1 * t, math.log(n), d, exact=True) - value) > 4 * error


@pytest.mark.parametrize("h", [1e-6, 0.1, 1.0, 7.0])
def test_information_of_two_classes_against_an_adaptive_quadrature(h):
    from scipy.integrate import quad

    def missing(u):  # log(1/pi_1) at log-odds 2u, u ~ N(h, h)
        return math.exp(-0.5 * (u - h) ** 2 / h) / math.sqrt(2 * math.pi * h) * np.logaddexp(0.0, -2.0 * u)

    integral, _ = quad(missing, h - 12 * h**0.5, h + 12 * h**0.5, points=[0.0], epsabs=1e-13, limit=400)
    assert information_two(1.0, h) == pytest.approx(math.log(2) - integral, abs=1e-9)


def test_two_points_at_given_places_are_not_the_average_pair():
    """Brute force, clones and the closed form of a pair agree; the average over drawn pairs is another number."""
    from simulate import clones

    points, t = np.array([[1.0, 0.5, 0.0], [0.0, -0.5, 1.0]]), 1.0
    norm2 = ((points[0] - points[1]) ** 2).sum() / 4
    missing, error = estimate(own_losses(lambda rng, size: points, t, 100_000, 5))
    exact, gaussian = information_two(t, norm2), 1.5 * math.log1p(1 / t)
    assert abs(exact - (math.log(2) - missing)) < 4 * error
    data = clones(points, [t], sigma2=0.0, n_samples=20_000, n_draws=4, n_steps=20, threads=1, progress=False)
    assert abs(exact - float(data["information"][0])) < 6 * float(data["information_stderr"][0])
    average = excess_entropy(t, math.log(2), 3, exact=True)
    assert average == pytest.approx((information_drawn(t, 2, 3) - gaussian) / 3, abs=1e-14)
    assert abs(average - (math.log(2) - missing - gaussian) / 3) > 10 * error / 3


def test_the_average_over_drawn_pairs_is_that_of_their_distances():
    """E over |mu_1 - mu_2|^2 ~ 2 chi^2_d of the pair's own; the mean square distance alone gives more."""
    from scipy.stats import chi2

    d, t = 20, 5.0
    x = np.linspace(2.0, 70.0, 400)
    pairs = np.array([information_two(t, 0.5 * a) for a in x])
    density = chi2.pdf(x, d)
    assert information_drawn(t, 2, d) == pytest.approx(pairs @ density / density.sum(), abs=1e-6)
    spread = math.sqrt(pairs**2 @ density / density.sum() - information_drawn(t, 2, d) ** 2)
    assert spread / math.log(2) == pytest.approx(0.11, abs=0.01)
    assert information_two(t, 0.5 * d) > information_drawn(t, 2, d) + 0.01


@pytest.mark.parametrize("P, norm2, D", [(3, 9.0, 4.0), (40, 30.0, 5.0)])
def test_information_of_orthogonal_classes_against_brute_force(P, norm2, D):
    means = math.sqrt(norm2) * np.eye(P)
    missing, error = estimate(own_losses(lambda rng, size: means, D, 60_000, 1))
    assert abs(information_orthogonal(D, norm2, P) - (math.log(P) - missing)) < 4 * error
    assert abs(information_orthogonal(1.1 * D, norm2, P) - (math.log(P) - missing)) > 4 * error


def test_criterion_bounds_the_exact_excess_entropy_and_is_its_limit():
    gaps = []
    for log_n in (3.0, 30.0, 300.0):
        d = 2 * int(log_n)
        t = np.array([0.3, 0.7, 1.0, 1.5, 4.0]) * collapse_time(log_n, d)
        gaps.append(excess_entropy(t, log_n, d) - excess_entropy(t, log_n, d, exact=True))
    assert (np.array(gaps) > -1e-9).all()
    assert gaps[2].max() < 0.5 * gaps[1].max() < 0.25 * gaps[0].max()


def test_speciation_time_is_where_the_density_turns_bimodal():
    sigma2, norm2 = 0.3, 5.0
    t = speciation_time(norm2 + sigma2, sigma2).t

    def curvature(D, x=1e-3):  # of log p_t along mu at the centre
        log_p = lambda y: -(y**2) / (2 * D) + math.log(math.cosh(y * math.sqrt(norm2) / D))  # noqa: E731
        return (log_p(x) - log_p(0.0)) / x**2

    assert curvature(sigma2 + 1.01 * t) < 0 < curvature(sigma2 + 0.99 * t)
    far = speciation_time(1e8, 0.3)
    assert far.s == pytest.approx(far.s_leading, rel=1e-8) and far.s == pytest.approx(math.log(1 + far.t) / 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: phi_two(0.0, 1.0),
        lambda: phi_two(1.0, -1.0),
        lambda: phi_two([1.0, math.nan], 1.0),
        lambda: phi_two("one", 1.0),
        lambda: phi_orthogonal(1.0, 1.0, 1),
        lambda: phi_orthogonal(-1.0, 1.0, 3),
        lambda: phi_drawn(1.0, 3, 1),
        lambda: phi_drawn(1.0, 3, 4.5),
        lambda: phi_drawn(1.0, 3, 4, 0.0),
        lambda: information_two(1.0, 0.0),
        lambda: information_orthogonal(0.0, 1.0, 3),
        lambda: information_drawn(1.0, 1, 4),
        lambda: collapse_time(0.0, 10),
        lambda: collapse_time(3.0, 0),
        lambda: excess_entropy(-1.0, 3.0, 10),
        lambda: excess_entropy(1.0, 0.1, 10, exact=True),
        lambda: excess_entropy(1.0, 3.0, 1, exact=True),
        lambda: speciation_time(0.5, 0.25),
        lambda: speciation_time(2.0, -1.0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ProblemError, match="got"):
        call()
