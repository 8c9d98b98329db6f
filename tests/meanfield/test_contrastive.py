"""Guidance as the minimiser of a contrastive objective: closed form, both forms of it, and where none exists."""

import numpy as np
import pytest

from meanfield import Constant, DensityRatio, Interval, NoMinimiserError, ProblemError
from meanfield.errors import ConvergenceError
from meanfield.objective.contrastive import denoising_objective, fit, minimiser, score_objective, weights
from meanfield.objective.smallmixture import SmallMixture

T = 0.5
NARROW = SmallMixture([1.5, -1.0, 0.2], 0.3)  # equal variances: r is unbounded
WIDE = SmallMixture([0.0, -1.0, 1.2], [1.0, 0.3, 0.3])  # the target is the widest: r is bounded
X = np.linspace(-8.0, 8.0, 400)[:, None]
DX = np.full(400, 16.0 / 399.0)
LARGEST = float(np.exp(WIDE.fields(np.linspace(-8, 8, 40001)[:, None], T).log_ratio.max()))  # of r


def linear(theta, at):
    """theta_1 s_c + theta_2 s_u + theta_3 sin x + theta_4, in every dimension."""
    features = np.stack([at.s_c, at.s_u, np.sin(at.x), np.ones_like(at.x)], axis=2)
    return features @ theta, features


def rational(theta, at):
    """s_c + theta_1 r/(1 - theta_2 r) (s_c - s_u)."""
    r, difference = np.exp(at.log_ratio)[:, None], at.s_c - at.s_u
    f = r / (1.0 - theta[1] * r)
    return at.s_c + theta[0] * f * difference, np.stack([f * difference, theta[0] * f**2 * difference], axis=2)


def each(theta, at):
    """A parameter for every point (one dimension)."""
    return theta[:, None], np.eye(len(theta))[:, None, :]


def objectives(mixture, guidance):
    return score_objective(mixture, guidance, T, X, DX), denoising_objective(mixture, guidance, T, order=80)


@pytest.mark.parametrize("w", [-0.5, 0.5, 3.0])
@pytest.mark.parametrize("form", [0, 1], ids=["score", "denoising"])
def test_sample_adaptive_weights_train_classifier_free_guidance(w, form):
    found = fit(objectives(NARROW, w)[form], linear, [5.0, -7.0, 3.0, 4.0])
    assert np.abs(found.theta - [1.0 + w, -w, 0.0, 0.0]).max() < 1e-8
    at = NARROW.fields(X, T)
    assert np.abs(linear(found.theta, at)[0] - (at.s_c + w * (at.s_c - at.s_u))).max() < 1e-6
    wrong = objectives(NARROW, w)[form](linear, [1.0 + 1.1 * w, -1.1 * w, 0.0, 0.0])[1]
    assert np.abs(wrong).max() > 1e-3 > 1e9 * found.gradient  # negative control: another w is no minimum


def test_in_two_dimensions():
    mixture = SmallMixture([[1.0, 0.0], [-0.5, 0.8], [0.0, -1.0]], [0.8, 0.6, 1.0])
    grid = np.stack(np.meshgrid(np.linspace(-6, 6, 60), np.linspace(-6, 6, 60)), axis=-1).reshape(-1, 2)
    score = score_objective(mixture, 2.0, 1.0, grid, np.full(len(grid), (12 / 59) ** 2))
    start = [5.0, -7.0, 3.0, 4.0]
    for objective in (score, denoising_objective(mixture, 2.0, 1.0, order=16)):
        assert np.abs(fit(objective, linear, start).theta - [3.0, -2.0, 0.0, 0.0]).max() < 1e-6


@pytest.mark.parametrize("beta", [0.1, 0.4])
@pytest.mark.parametrize("form", [0, 1], ids=["score", "denoising"])
def test_plain_weights_train_density_ratio_guidance(beta, form):
    objective = objectives(WIDE, DensityRatio(beta))[form]
    found = fit(objective, rational, [0.0, 0.0])
    at = WIDE.fields(X, T)
    w = DensityRatio(beta).w_ratio(at.log_ratio)[:, None]
    assert np.abs(rational(found.theta, at)[0] - (at.s_c + w * (at.s_c - at.s_u))).max() < 1e-6
    wrong = objective(rational, [1.1 * beta, 1.1 * beta])[1]
    assert np.abs(wrong).max() > 1e-4 > 1e9 * found.gradient


def test_a_free_value_at_every_point_finds_the_closed_form():
    x = np.linspace(0.9, 3.0, 25)[:, None]
    at = NARROW.fields(x, T)
    for guidance in (DensityRatio(0.5), DensityRatio(0.5, w_max=0.4), Constant(2.0)):
        found = fit(score_objective(NARROW, guidance, T, x, np.ones(25)), each, np.full(25, 9.0))
        assert np.abs(found.theta - minimiser(at.s_c, at.s_u, *weights(guidance, at.log_ratio))[:, 0]).max() < 1e-6


@pytest.mark.parametrize("guidance", [Constant(1.5), DensityRatio(0.3), DensityRatio(0.9, w_max=2.0)])
def test_both_forms_have_the_same_gradient(guidance):
    """Negative control: negative pairs without the weight b(x)."""
    for family, theta in ((linear, [0.3, 0.4, -0.2, 1.0]), (rational, [0.5, 0.1])):
        score, denoising = objectives(WIDE, guidance)
        right, got = score(family, theta)[1], denoising(family, theta)[1]
        assert np.abs(right - got).max() < 2e-6  # the largest weight is not smooth: 2e-7; else 1e-9
        plain = WIDE.pairs(T, 80, aggregate=True).weight
        off = type(denoising)(denoising.positive, denoising.a, denoising.g, denoising.negative, plain, denoising.h)
        assert np.abs(right - off(family, theta)[1]).max() > 1e-2


def test_the_minimiser_is_the_score_of_a_signed_density():
    """s = grad log[p_t(x|c) - beta p_t(x)]."""
    x, h, beta = np.linspace(0.0, 4.0, 30)[:, None], 1e-5, 0.2
    low, at, high = (NARROW.fields(y, T) for y in (x - h, x, x + h))
    log_u = [f.log_target + np.log1p(-beta * np.exp(f.log_ratio)) for f in (low, high)]
    s = minimiser(at.s_c, at.s_u, *weights(DensityRatio(beta), at.log_ratio))
    assert np.abs((log_u[1] - log_u[0]) / (2.0 * h) - s[:, 0]).max() < 1e-7


@pytest.mark.parametrize("beta", [0.01, 0.3, 0.9])
def test_without_a_bound_on_the_ratio_no_beta_has_a_minimiser(beta):
    """Equal variances: wherever another class has the weight, r is large, and the objective falls without bound."""
    x, dx = X[::8], 8.0 * DX[::8]
    at = NARROW.fields(x, T)
    with pytest.raises(NoMinimiserError, match=r"needs A > B .* of 50 points have no minimiser.*w_max"):
        minimiser(at.s_c, at.s_u, *weights(DensityRatio(beta), at.log_ratio))
    with pytest.raises(NoMinimiserError, match=r"unbounded below.*w_max"):
        fit(score_objective(NARROW, DensityRatio(beta), T, x, dx), each, np.zeros(len(x)))
    x, dx = x[12:38], dx[12:38]  # where there is any weight
    assert fit(score_objective(NARROW, DensityRatio(beta, w_max=2.0), T, x, dx), each, np.zeros(26)).curvature > 0


def test_with_a_bound_on_the_ratio_the_largest_beta_is_its_inverse():
    x, dx = X[120:280:4], 4.0 * DX[120:280:4]
    at = WIDE.fields(x, T)
    for factor, exists in ((0.98, True), (1.05, False)):
        guidance = DensityRatio(factor / LARGEST)
        objective = score_objective(WIDE, guidance, T, x, dx)
        if exists:
            found = fit(objective, each, np.zeros(len(x))).theta
            assert np.abs(found - minimiser(at.s_c, at.s_u, *weights(guidance, at.log_ratio))[:, 0]).max() < 1e-6
        else:
            with pytest.raises(NoMinimiserError):
                minimiser(at.s_c, at.s_u, *weights(guidance, at.log_ratio))
            with pytest.raises(NoMinimiserError):
                fit(objective, each, np.zeros(len(x)))


def test_bad_input_is_refused():
    def twice(theta, at):
        return at.s_c * theta.sum(), np.stack([at.s_c] * 2, axis=2)

    with pytest.raises(ProblemError, match="Constant and DensityRatio"):
        weights(Interval(1.0, 0.0, 2.0), [0.0])
    with pytest.raises(ProblemError, match="means must be finite"):
        SmallMixture([[np.nan]], 1.0)
    with pytest.raises(ProblemError, match="variances must be > 0"):
        SmallMixture([0.0, 1.0], [1.0, 0.0])
    with pytest.raises(ProblemError, match="Lower it"):
        SmallMixture([[0.0, 0.0], [1.0, 0.0]], 1.0).pairs(1.0, 60, aggregate=True)
    with pytest.raises(ConvergenceError, match="flat"):  # s_c is a straight line: the family says the same twice
        fit(objectives(NARROW, 1.0)[0], twice, [3.0, 4.0])


@pytest.mark.parametrize("w", [-2.0, -1.0, 1e3])
@pytest.mark.parametrize("form", [0, 1], ids=["score", "denoising"])
def test_weights_may_be_negative_or_large(w, form):
    found = fit(objectives(NARROW, w)[form], linear, [5.0, -7.0, 3.0, 4.0])
    assert np.abs(found.theta - [1.0 + w, -w, 0.0, 0.0]).max() < 1e-6 * max(abs(w), 1.0)


def test_a_weight_that_rounding_would_decide_is_refused():
    for w in (1e9, -1e4):
        with pytest.raises(ProblemError, match=r"w must be .* rounding decides"):
            score_objective(NARROW, w, T, X, DX)


@pytest.mark.parametrize("t", [0.0, -1.0, np.inf, np.nan])
def test_a_time_out_of_range_is_refused(t):
    with pytest.raises(ProblemError, match="t must be"):
        denoising_objective(NARROW, 1.0, t)


@pytest.mark.parametrize("start", [[np.nan] * 4, [], 1.0, "start"])
def test_a_bad_start_is_refused(start):
    with pytest.raises(ProblemError, match=r"start must be"):
        fit(objectives(NARROW, 1.0)[0], linear, start)


@pytest.mark.parametrize(
    "family",
    [None, lambda theta, at: at.s_c, lambda theta, at: (at.s_c, at.s_c), lambda theta, at: (np.nan * at.s_c, at.s_c)],
)
def test_a_bad_family_is_refused(family):
    with pytest.raises(ProblemError, match="family"):
        fit(objectives(NARROW, 1.0)[0], family, [1.0])


def test_bad_points_are_refused():
    for x, measure in ((X[:, 0], DX), (X * np.nan, DX), (X, DX[:-1]), (X, -DX)):
        with pytest.raises(ProblemError, match=r"(x|measure) must be"):
            score_objective(NARROW, 1.0, T, x, measure)
    for scores in (
        ([1.0], [0.0], [2.0], [1.0]),
        ([[1.0]], [[0.0]], [2.0, 3.0], [1.0]),
        ([[1.0]], [[0.0]], [np.nan], [1.0]),
    ):
        with pytest.raises(ProblemError, match="must be finite numbers of shape"):
            minimiser(*scores)
