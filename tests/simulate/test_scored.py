"""`sample_scores`: exact scores through it are `sample_mixture`, at its order; laws in closed form; bad input."""

import math

import numpy as np
import pytest

from meanfield.errors import ConvergenceError, ProblemError, ScheduleError
from meanfield.guidance.by_norm import PowerLaw
from meanfield.guidance.schedules import Constant, Interval, Piecewise
from meanfield.problem.growth import Continuum, Fixed
from meanfield.problem.statement import Problem
from simulate import PointScore, sample_mixture, sample_scores

RNG = np.random.default_rng(5)
MEANS = RNG.normal(size=(6, 3)) * 1.5
WIDTHS = np.sort(RNG.uniform(0.1, 0.9, size=(6, 3)), axis=1)  # ascending, so that their eigenbasis is the identity


def mixture(widths):
    """s_c of class 0 and s_u of the mixture of N(MEANS[k], diag(widths[k])), written out."""

    def conditional(x, t):
        return (MEANS[0] - x) / (widths[0] + t)

    def unconditional(x, t):
        D, away = widths + t, MEANS - x[:, None]  # (6, 3), (samples, 6, 3)
        logits = -0.5 * np.sum(away**2 / D + np.log(D), axis=2)
        pi = np.exp(logits - logits.max(axis=1, keepdims=True))
        pi /= pi.sum(axis=1, keepdims=True)
        return np.einsum("sk,skd->sd", pi, away / D)

    return conditional, unconditional


def problem(**changes) -> Problem:
    base = Problem(classes=Fixed(6), sigma2=WIDTHS[0, 0], guidance=1.5, sampler="ode", t_start=200.0)
    return base.replace(**changes)


@pytest.mark.parametrize("sampler", ["ode", "sde", 0.6])
@pytest.mark.parametrize(
    "guidance", [Constant(1.5), Piecewise((0.5, 8.0), (-1.0, 2.0, 0.0))], ids=["constant", "window"]
)
def test_exact_scores_give_the_samples_of_the_mixture(sampler, guidance):
    """Sample by sample: same start, same noise; they differ by the error of the step (paths of the SDE: 1e-4)."""
    p, options = problem(sampler=sampler, guidance=guidance), {"n_samples": 40, "n_steps": 400, "seed": 2}
    for covariances, widths in ((None, np.full((6, 3), WIDTHS[0, 0])), ([np.diag(w) for w in WIDTHS], WIDTHS)):
        exact = sample_mixture(p, MEANS, covariances, **options)
        given = sample_scores(p, *mixture(widths), 3, **options)
        assert rms(given - exact) < 2e-4
        wrong = p.replace(guidance=lambda t: 1.1 * guidance.w(t))
        assert rms(sample_scores(wrong, *mixture(widths), 3, **options) - exact) > 4e-3  # negative control


def rms(x):
    return np.sqrt(np.mean(x**2))


def test_the_order_of_the_ode_is_three():
    options = {"n_samples": 30, "t_end": 0.0}
    exact = sample_scores(problem(), *mixture(WIDTHS), 3, n_steps=3200, **options)
    steps = np.array([100, 200, 400, 800])
    errors = [np.abs(sample_scores(problem(), *mixture(WIDTHS), 3, n_steps=n, **options) - exact).mean() for n in steps]
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(order - 3.0) < 0.25


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_the_continuum_has_its_closed_form(sampler):
    """(T8a), (T16)-(T18): mean and variance of 20000 samples, w = 1, sigma2 = 0.25."""
    n, mean = 20_000, np.array([1.0, -1.0])
    scores = (lambda x, t: (mean - x) / (0.25 + t)), (lambda x, t: -x / (1.25 + t))
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler=sampler, t_start=1000.0)
    x = sample_scores(p, *scores, 2, n_samples=n, n_steps=100, seed=1)
    v = {"ode": 0.25 * (1000.0 / 1000.25) * 0.2 / (1000.25 / 1001.25), "sde": 0.103333}[sampler]
    assert np.all(np.abs(x.var(axis=0) / v - 1.0) < 4.0 * (2.0 / n) ** 0.5 + 2e-4)
    if sampler == "sde":
        assert np.all(np.abs(x.mean(axis=0) * mean - 1.2) < 4.0 * (v / n) ** 0.5 + 1e-3)
    tenth = sample_scores(p.replace(guidance=1.1), *scores, 2, n_samples=n, n_steps=100, seed=1)
    assert abs(tenth.var(axis=0).mean() / v - 1.0) > 0.045  # negative control


def test_a_rival_of_another_width_turns_the_sign_of_the_variance():
    """(E1) of docs/learned-score.md: a rival of variance c' above t_s gives v/v_unguided = ((c+t_s)/(c'+t_s))^w."""
    c, t_s, w, T = 0.3, 1.5, 1.3, 5000.0
    p = Problem(classes=Fixed(2), sigma2=c, guidance=Interval(w, t_s, T), sampler="ode", t_start=T)
    for rival in (0.1, 0.9):
        scores = (lambda x, t: (1.0 - x) / (c + t)), (lambda x, t, r=rival: -(x + 1.0) / (r + t))
        v, free = (sample_scores(q, *scores, 1, n_samples=50, n_steps=400).var() for q in (p, p.replace(guidance=0.0)))
        expected = ((c + t_s) / (rival + t_s) * (rival + T) / (c + T)) ** w
        assert abs(v / free / expected - 1.0) < 1e-4 and (v > free) == (rival < c)
        assert abs(v / free / expected**1.1 - 1.0) > 1e-2  # negative control


@pytest.mark.parametrize("c, rival, sign", [(0.3, 0.9, -1), (0.9, 0.3, 1), (0.9, 0.9, 0)])
def test_in_a_mixture_the_sign_survives_and_v1_bounds_the_size(c, rival, sign):
    """Exact score of two Gaussians in 8 dimensions: variance orthogonal to the means, guided over unguided."""
    d, t_s, w = 8, 2.0, 1.3
    means = np.zeros((2, d))
    means[:, 0] = 1.0, -1.0
    p = Problem(
        classes=Fixed(2), sigma2=min(c, rival), guidance=Interval(w, t_s, 2000.0), sampler="ode", t_start=2000.0
    )
    covariances = [c * np.eye(d), rival * np.eye(d)]
    v, free = (
        sample_mixture(q, means, covariances, n_samples=2000, n_steps=150, seed=1)[:, 1:].var()
        for q in (p, p.replace(guidance=0.0))
    )
    found, bound = math.log(v / free), w * math.log((c + t_s) / (rival + t_s))
    assert abs(found) < 1e-3 if sign == 0 else 0.05 < sign * found < sign * bound


def test_a_score_is_called_only_where_it_enters():
    def never(x, t):
        raise AssertionError("must not be called")

    conditional, unconditional = mixture(WIDTHS)
    sample_scores(problem(guidance=0.0), conditional, never, 3, n_samples=2, n_steps=5)
    sample_scores(problem(guidance=-1.0), never, unconditional, 3, n_samples=2, n_steps=5)
    seen = []

    def watched(x, t):
        seen.append(t)
        return unconditional(x, t)

    sample_scores(problem(guidance=Interval(1.0, 1.0, 5.0)), conditional, watched, 3, n_samples=2, n_steps=30)
    assert 1.0 - 1e-9 <= min(seen) and max(seen) <= 5.0 + 1e-9


def test_bad_input_says_what_to_do():
    conditional, unconditional = mixture(WIDTHS)
    run = lambda p, *scores, **o: sample_scores(p, *scores, 3, n_samples=4, n_steps=5, **o)  # noqa: E731
    with pytest.raises(ProblemError, match="finite start"):
        run(problem(t_start=np.inf), conditional, unconditional)
    with pytest.raises(ScheduleError, match="depends on the sample"):
        run(problem(guidance=PowerLaw(1.0, exponent=0.5)), conditional, unconditional)
    with pytest.raises(ProblemError, match=r"unconditional score must have the shape of x, \(4, 3\); got \(3,\)"):
        run(problem(), conditional, lambda x, t: np.zeros(3))
    with pytest.raises(ConvergenceError, match=r"conditional score must be finite.*not for 1 of 4 samples"):
        run(problem(), lambda x, t: np.where(np.arange(4)[:, None] == 1, np.nan, 0.0 * x), unconditional)
    with pytest.raises(ProblemError, match="n_samples"):
        sample_scores(problem(), conditional, unconditional, 3, n_samples=0)


@pytest.mark.parametrize("seed", [-1, "a", 1.5, None])
def test_seeds_are_checked(seed):
    for name in ("seed", "draw"):
        with pytest.raises(ProblemError, match=f"{name} must be a whole number"):
            sample_scores(problem(), *mixture(WIDTHS), 3, n_samples=2, n_steps=5, **{name: seed})


def test_scores_that_are_no_functions_are_refused():
    with pytest.raises(ProblemError, match="conditional must be a function; got None"):
        sample_scores(problem(), None, mixture(WIDTHS)[1], 3)
    with pytest.raises(ProblemError, match="unconditional must be a function"):
        sample_scores(problem(), mixture(WIDTHS)[0], np.zeros(3), 3)
    with pytest.raises(ProblemError, match="the conditional score must be an array of numbers; got 'a'"):
        sample_scores(problem(), lambda x, t: "a", mixture(WIDTHS)[1], 3)
    with pytest.raises(ProblemError, match="problem must be a Problem; got 3"):
        sample_scores(3, *mixture(WIDTHS), 3)


def as_denoiser(score):
    """(D(x, sigma) - x)/sigma^2 from D = x + sigma^2 s, with the last digits of a network in float32: 0/0 at 0."""

    def again(x, t):
        denoised = (x + t * score(x, t)).astype(np.float32)
        with np.errstate(invalid="ignore"):
            return (denoised - x.astype(np.float32)).astype(float) / t

    return again


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_a_denoiser_gives_the_samples_of_its_score(sampler):
    """By default no score is called at t = 0, where a denoiser has none; exact scores stay what they are there."""
    p, options = problem(sampler=sampler), {"n_samples": 200, "n_steps": 80, "seed": 3}
    exact = sample_scores(p, *mixture(WIDTHS), 3, t_end=0.0, **options)
    step = rms(sample_scores(p, *mixture(WIDTHS), 3, t_end=0.0, **{**options, "n_steps": 160}) - exact)
    assert rms(sample_scores(p, *mixture(WIDTHS), 3, **options) - exact) < min(2e-5, step)
    assert rms(sample_scores(p, *map(as_denoiser, mixture(WIDTHS)), 3, **options) - exact) < 1e-3
    late = sample_scores(p, *mixture(WIDTHS), 3, t_end=1.0, **options)  # negative control: most of the last widths
    assert rms(late - exact) > 0.01


def test_times_of_scores_end_at_t_end():
    times = []

    def watched(x, t):
        times.append(t)
        return mixture(WIDTHS)[0](x, t)

    for t_end, least in ((None, 1e-4 * WIDTHS[0, 0]), (0.0, 0.0), (0.002**2, 0.002**2)):
        times.clear()
        sample_scores(problem(), watched, mixture(WIDTHS)[1], 3, n_samples=2, n_steps=30, t_end=t_end)
        assert min(times) == pytest.approx(least, abs=0.0)
    for wrong in (-1e-9, 200.0, np.nan, "0"):
        with pytest.raises(ProblemError, match="t_end must be"):
            sample_scores(problem(), watched, watched, 3, n_samples=2, n_steps=5, t_end=wrong)
    with pytest.raises(ConvergenceError, match="raise t_end"):
        sample_scores(problem(), *map(as_denoiser, mixture(WIDTHS)), 3, n_samples=2, n_steps=5, t_end=0.0)


def test_points_far_from_the_origin_keep_their_digits():
    """All that matters is where they are to each other: moved by 2^27, exact in doubles, score and samples agree."""
    points, x = np.round(RNG.normal(size=(9, 2)) * 64) / 64, np.round(RNG.normal(size=(5, 2)) * 64) / 64
    near, far = PointScore(points, blur=0.1), PointScore(points + 2.0**27, blur=0.1)
    assert np.allclose(far(x + 2.0**27, 0.3), near(x, 0.3), rtol=1e-6, atol=1e-6)
    assert not np.allclose(far(x + 2.0**27 + 0.01, 0.3), near(x, 0.3), rtol=1e-3, atol=1e-3)  # negative control


def test_the_score_of_points_is_the_gradient_of_their_density():
    points, x, h = RNG.normal(size=(9, 2)), RNG.normal(size=(5, 2)), 1e-5
    score = PointScore(points, blur=0.1)
    for t in (0.0, 0.4, 30.0):

        def log_density(x, t=t):
            return np.log(np.exp(-0.5 * ((x[:, None] - points) ** 2).sum(axis=2) / (0.1 + t)).sum(axis=1))

        slope = np.stack([(log_density(x + h * e) - log_density(x - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
        assert np.allclose(score(x, t), slope, rtol=1e-5, atol=1e-6)
        assert not np.allclose(score(x, 1.1 * t + 0.02), slope, rtol=1e-3, atol=1e-4)  # negative control
    far = score(np.array([[1e6, 0.0]]), 0.0)  # no overflow
    assert np.all(np.isfinite(far)) and far[0, 0] < 0.0


def test_samples_of_points_are_the_points():
    points = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
    p = Problem(classes=Fixed(3), sigma2=1e-3, guidance=-1.0, sampler="sde", t_start=400.0)
    score = PointScore(points, blur=1e-3)
    x = sample_scores(p, score, score, 2, n_samples=900, n_steps=80)
    nearest = np.argmin(((x[:, None] - points) ** 2).sum(axis=2), axis=1)
    assert np.abs(np.bincount(nearest, minlength=3) / 900 - 1 / 3).max() < 4 * (2 / 9 / 900) ** 0.5
    assert abs(np.mean((x - points[nearest]) ** 2) / 1e-3 - 1.0) < 0.15


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros(3), np.full((2, 2), np.nan)])
def test_points_are_checked(points):
    with pytest.raises(ProblemError, match="points must be finite"):
        PointScore(points, blur=0.1)
    with pytest.raises(ProblemError, match="blur"):
        PointScore(np.zeros((2, 2)), blur=0.0)
    for no_numbers in ("a", [[1.0], [1.0, 2.0]], None):
        with pytest.raises(ProblemError, match="points must be"):
            PointScore(no_numbers, blur=0.1)
    score = PointScore(np.zeros((2, 2)), blur=0.1)
    for x in (np.full((1, 2), "a"), [[1.0], [2.0, 3.0]]):
        with pytest.raises(ProblemError, match="x must be an array of numbers"):
            score(x, 1.0)
    for x in (np.zeros((4, 3)), np.zeros(2)):
        with pytest.raises(ProblemError, match=r"x must have the shape \(samples, 2\)"):
            score(x, 1.0)
    with pytest.raises(ProblemError, match="t must be a number >= 0"):
        score(np.zeros((4, 2)), -1.0)


def test_guidance_that_depends_on_the_sample_is_refused_for_given_scores():
    with pytest.raises(ScheduleError, match="depends on the sample"):
        sample_scores(problem(guidance=PowerLaw(1.0, exponent=0.5)), *mixture(WIDTHS), 3)
