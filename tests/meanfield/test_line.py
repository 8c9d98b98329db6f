"""Two classes on the line: exact scores, the guided flow, its limits, the tilted density, score errors, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from scipy import integrate, special

from meanfield.errors import ConvergenceError, ProblemError
from meanfield.line import (
    Normal,
    PiecewiseConstant,
    ScoreError,
    TwoClasses,
    Uniform,
    crossing_start,
    end_distances,
    end_law,
    end_scale,
    leaving_guidance,
    log_short_of,
    sde_edge_distance,
    share_outside,
    tilted_law,
    trajectories,
)

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
STEPS = PiecewiseConstant((1.0, 1.5, 1.75, 2.0), (1.0, 0.0, 2.0))


def precise(target: PiecewiseConstant, x: float, t: float) -> tuple[float, float]:
    """log p_t and score with 60 digits, from differences of erfc."""
    with mp.workdps(60):
        x, t = mp.mpf(x), mp.mpf(t)
        root, p, slope = mp.sqrt(t), mp.mpf(0), mp.mpf(0)
        for low, high, weight in zip(target.edges[:-1], target.edges[1:], target.weights, strict=True):
            a, b = (mp.mpf(low) - x) / root, (mp.mpf(high) - x) / root
            sign = 1 if a > 0 else -1  # both ends in one tail: take erfc there
            height = mp.mpf(weight) / (mp.mpf(high) - mp.mpf(low))
            p += height * sign * (mp.erfc(sign * a / mp.sqrt(2)) - mp.erfc(sign * b / mp.sqrt(2))) / 2
            slope += height * (mp.npdf(a) - mp.npdf(b)) / root
        return float(mp.log(p)), float(slope / p)


@pytest.mark.parametrize("t", [1e-12, 1e-6, 1e-3, 0.1, 1.0, 30.0, 1e4, 1e8])
@pytest.mark.parametrize("target", [Uniform(1.0, 2.0), STEPS], ids=["uniform", "steps"])
def test_noised_density_and_score_against_sixty_digits(target, t):
    for x in (-50.0, -3.0, 0.5, 0.999999, 1.0, 1.2, 1.6, 1.9, 2.0, 2.000001, 2.3, 5.0, 100.0, 3e5):
        log_p, score = precise(target, x, t)
        assert abs(target.log_density(x, t) - log_p) < 1e-13 * max(1.0, abs(log_p))
        assert abs(target.score(x, t) - score) < 1e-12 * (abs(score) + 1e-3 / math.sqrt(t))


def test_noised_density_score_and_normal_score_against_quadrature():
    t, root = 0.07, math.sqrt(0.07)
    heights = dict(zip(((1.0, 1.5), (1.75, 2.0)), (2.0 / 3.0, 8.0 / 3.0), strict=True))
    for x in (0.2, 1.3, 1.6, 2.4):

        def mass(f, x=x):
            return sum(h * integrate.quad(lambda s: f((x - s) / root), a, b)[0] for (a, b), h in heights.items())

        p = mass(lambda y: np.exp(-0.5 * y * y) / math.sqrt(2 * math.pi * t))
        slope = mass(lambda y: -y / root * np.exp(-0.5 * y * y) / math.sqrt(2 * math.pi * t))
        assert abs(STEPS.log_density(x, t) - math.log(p)) < 1e-12
        assert abs(STEPS.score(x, t) - slope / p) < 1e-11
        assert abs(special.ndtr(STEPS.normal_score(x, t)) - mass(special.ndtr)) < 1e-12


@pytest.mark.parametrize("zeta", [-90.0, -3.0, 0.0, 2.0, 90.0])
def test_the_quantile_inverts_the_normal_score(zeta):
    x, t = STEPS.quantile(zeta), 0.01
    if abs(zeta) < 5:
        assert abs(STEPS.normal_score(x, 0.0) - zeta) < 1e-12
    from meanfield.line.flow import noised_quantile

    assert abs(STEPS.normal_score(noised_quantile(STEPS, zeta, t), t) - zeta) < 1e-9 * (1 + abs(zeta))
    log_tail = special.log_ndtr(-abs(zeta))
    if zeta > 1:  # the last quarter carries two thirds, at density 8/3
        assert abs(STEPS.log_edge_distance(zeta) - (log_tail - math.log(8 / 3))) < 1e-9


def test_without_guidance_the_class_itself_is_sampled_exactly():
    law = end_law(TwoClasses(STEPS, Uniform(-1.0, 0.0), prior=0.3), 0.0)
    assert np.array_equal(law.zeta, law.z) and not law.log_ratio.any()
    paths = trajectories(COMPACT, 0.0, [-2.0, 0.0, 2.0], [1.0, 1e-2, 0.0])
    assert (
        np.abs(COMPACT.target.normal_score(paths[:, :2], np.array([1.0, 1e-2])) - [[-2.0], [0.0], [2.0]]).max() < 1e-7
    )


@pytest.mark.parametrize("classes", [COMPACT, GAUSSIAN, TwoClasses(STEPS, Uniform(0.0, 0.5), 0.2)])
@pytest.mark.parametrize("w", [1.0, 16.0, 1e4])
def test_the_slope_of_the_map_is_that_of_finite_differences(classes, w):
    z, h = np.array([-2.0, 0.0, 1.5]), 1e-3
    law = end_law(classes, w, z=np.sort(np.concatenate([z - h, z, z + h])), tol=1e-9 if w < 1e3 else 1e-8)
    slope = (law.zeta[2::3] - law.zeta[::3]) / (2 * h)
    assert np.abs(np.log(slope) - law.log_slope[1::3]).max() < 3e-5


@pytest.mark.parametrize("w", [0.0, 1.0, 4.0, 16.0])
def test_the_density_of_the_end_points_integrates_to_one_and_is_the_slope_of_the_cdf(w):
    law = end_law(GAUSSIAN, w)
    x = np.linspace(law.x[0], law.x[-1], 20_001)
    assert abs(np.trapezoid(law.density(x), x) - 1.0) < 1e-6
    at, h = np.quantile(law.x, [0.3, 0.5, 0.7]), 1e-4
    assert np.abs((law.cdf(at + h) - law.cdf(at - h)) / (2 * h) - law.density(at)).max() < 1e-4 * law.density(at).max()
    compact = end_law(COMPACT, w)
    x = 2.0 - np.geomspace(1.0 - 1e-9, 1e-12, 40_001)
    mass = np.trapezoid(compact.density(x), x)
    assert abs(mass - 1.0) < 2e-4


@pytest.mark.parametrize("classes", [COMPACT, GAUSSIAN], ids=["uniform", "gaussian"])
def test_another_route_to_the_flow(classes):
    """In x and log t from a large finite T with an explicit solver: nothing of `flow` is used."""
    w, z, T = 3.0, np.array([-1.0, 0.0, 1.0]), 1e10
    c = classes.target.mean + w * (1.0 - classes.prior) * (classes.target.mean - classes.other.mean)
    end = 1e-7 if classes.compact else 1e-12

    def rate(s, x):
        t = np.exp(-s)
        return 0.5 * t * classes.score(x, t, w)

    span = (-math.log(T), -math.log(end))
    done = integrate.solve_ivp(rate, span, math.sqrt(T) * z + c, method="DOP853", rtol=1e-11, atol=1e-11)
    exact = trajectories(classes, w, z, [end])[:, 0]
    assert np.abs(done.y[:, -1] - exact).max() < 3e-5  # T = 1e10 leaves w/T^{1/2}


def test_guidance_moves_the_normal_score_no_further_than_its_bound():
    """(L2), integrated from R on: w kappa^{-1} (extent/g) (2 pi)^{1/2} e^{zeta^2/2} Phi(-(g R + zeta))."""
    z, w, g, extent = np.array([-3.0, -1.0, 0.0, 2.0]), 4.0, 2.0, 4.0
    final = end_law(COMPACT, w, z=z).zeta
    moved = []
    for R in (0.5, 1.0, 2.0):
        zeta = COMPACT.target.normal_score(trajectories(COMPACT, w, z, [R**-2])[:, 0], R**-2)
        bound = w * extent / g * math.sqrt(2 * math.pi) * np.exp(0.5 * zeta**2) * special.ndtr(-(g * R + zeta))
        assert np.all(final - zeta > -1e-7) and np.all(final - zeta <= bound + 1e-7)
        moved.append(float((final - zeta).max()))
    assert moved[0] > 1e-3  # there is something to bound


def test_starts_from_a_finite_time_and_the_published_distances():
    """0.289, 0.172, 0.064, 0.010: medians from x_T ~ N(0, T), T = 1e4; from T = infinity they are smaller."""
    weights = (1.0, 2.0, 4.0, 8.0)
    finite = [np.exp(end_law(COMPACT, w, z=[-1.0, 0.0, 1.0], t_start=1e4).log_edge_distance[1]) for w in weights]
    exact = [np.exp(end_law(COMPACT, w, z=[-1.0, 0.0, 1.0]).log_edge_distance[1]) for w in weights]
    assert np.abs(np.array(finite) - [0.289, 0.172, 0.064, 0.010]).max() < 6e-4
    assert np.abs(np.array(exact) - [0.2815, 0.1644, 0.0591, 0.0084]).max() < 6e-5
    far = end_law(COMPACT, 8.0, z=[-1.0, 0.0, 1.0], t_start=1e14).zeta
    assert np.abs(far - end_law(COMPACT, 8.0, z=[-1.0, 0.0, 1.0]).zeta).max() < 2e-6


def test_gaussians_go_out_like_the_root_of_w():
    C, slope = end_scale()
    published = {64: 1.045, 256: 0.992, 1024: 0.964, 16384: 0.941}
    for w, ratio in published.items():
        x = end_law(GAUSSIAN, w, z=[-1.0, 0.0, 1.0]).x
        assert abs(x[1] / math.sqrt(w) - ratio) < 6e-4
        assert np.abs(x - (1.0 + C * math.sqrt(w) + slope * np.array([-1.0, 0.0, 1.0]))).max() < 1.2 / math.sqrt(w)
        assert abs(x[1] - (1.0 + 0.9 * C * math.sqrt(w))) > 4.0 / math.sqrt(w)  # negative control: C off by 10 %


def test_the_limit_constant_by_another_solver_and_for_other_priors():
    def rate(r, U):
        return 1.0 / (1.0 + np.exp(np.minimum(r * U, 700.0)))

    done = integrate.solve_ivp(rate, (0.0, 60.0), [0.0], method="Radau", rtol=1e-11, atol=1e-13)
    assert abs(done.y[0, -1] - end_scale().C) < 1e-9 and abs(end_scale().C - 0.93329) < 5e-6
    for prior in (0.1, 0.9):
        classes = TwoClasses(Normal(3.0, 0.5), Normal(-1.0, 0.5), prior)
        zeta = end_law(classes, 4e4, z=[-1.0, 0.0, 1.0]).zeta
        C, slope = end_scale(classes)
        assert np.abs(zeta - C * 200.0 - slope * np.array([-1.0, 0.0, 1.0])).max() < 0.02


@pytest.mark.parametrize(
    "classes",
    [
        TwoClasses(Uniform(0.0, 1.0), Uniform(-3.0, -1.0)),
        TwoClasses(Uniform(-2.5, -0.5), Uniform(0.0, 0.1), 0.8),
        TwoClasses(STEPS, Uniform(-9.0, 0.0)),
        TwoClasses(Uniform(0.0, 1e6), Uniform(-3e6, -1e6)),
    ],
)
def test_the_limit_of_classes_that_are_no_translates_of_one_another(classes):
    C, slope = end_scale(classes)
    z = np.array([-1.0, 0.0, 1.0])
    for w in (1e3, 1e5):
        zeta = classes.sign * end_law(classes, w, z=z).zeta[:: int(classes.sign)]
        assert np.abs(zeta - C * math.sqrt(w) - slope * z).max() < 6.0 / math.sqrt(w)
    other, _ = end_scale(TwoClasses(Normal(1.0), Normal(-1.0), classes.prior))
    assert abs(zeta[1] - other * math.sqrt(w)) > 60.0 / math.sqrt(w)  # negative control: the constant of translates


def test_translates_end_alike_whatever_their_shape():
    """At given w and prior the normal scores of the end points hardly depend on gap and width of translates."""
    z = np.linspace(-2.0, 2.0, 5)
    laws = [
        end_law(TwoClasses(Uniform(g, g + b), Uniform(-g - b, -g)), 4.0, z=z).zeta for g, b in ((0.5, 2), (3, 0.01))
    ]
    assert np.abs(laws[0] - laws[1]).max() < 2e-3
    assert np.abs(laws[0] - end_law(COMPACT, 4.4, z=z).zeta).min() > 0.05  # negative control: w off by 10 %


def test_the_start_that_ends_in_the_middle():
    for w, error in ((10.0, 0.03), (100.0, 2e-3), (1000.0, 2e-4)):
        z, log_p = log_short_of(GAUSSIAN, w, 0.0)
        assert abs(z - crossing_start(GAUSSIAN, w)) < error and abs(log_p - special.log_ndtr(z)) < 1e-9
    other = TwoClasses(Normal(0.0, 0.25), Normal(-1.0, 0.25), 0.3)
    assert abs(log_short_of(other, 300.0, -0.5)[0] - crossing_start(other, 300.0)) < 5e-3


def test_starts_far_out_are_found_at_any_w_in_few_flows(monkeypatch):
    """Compact classes up to w = 1e5; the flow from the start found ends at x, from one 10 % off it does not."""
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return end_law(*args, **options)

    monkeypatch.setattr("meanfield.line.limits.end_law", counted)
    for classes, w, x in ((COMPACT, 1e5, 1.2), (GAUSSIAN, 1e4, 0.5)):
        calls.clear()
        z, log_p = log_short_of(classes, w, x)
        assert len(calls) <= 30 and log_p < -0.49 * z**2
        tol = max(1e-6, 1e-12 * w**2)
        aim = classes.target.normal_score(x, 0.0)
        near, far = (end_law(classes, w, z=[start], tol=tol).zeta[0] for start in (z, 1.1 * z))
        assert abs(near - aim) < 4 * tol < aim - far
    assert abs(log_short_of(COMPACT, 0.0, 1.5)[0]) < 1e-6


@pytest.mark.parametrize("prior, w", [(0.3, 1.2), (0.5, 3.0), (0.7, 10.0), (0.9, 30.0)])
def test_the_expansion_is_refused_where_its_layer_is_not_small(prior, w):
    """Within a tenth of w Delta the error of (L6) is below 0.25."""
    classes, kappa = TwoClasses(Normal(1.0), Normal(-1.0), prior), prior / (1.0 - prior)
    assert kappa / 4.0 <= 0.1 * w
    assert abs(crossing_start(classes, w) - log_short_of(classes, w, 0.0)[0]) < 0.25
    with pytest.raises(ProblemError, match="use log_short_of"):
        crossing_start(classes, 2.0 * kappa)


def test_the_tilted_density_and_the_limit_constant_at_extremes():
    for w in (1e-300, 1e-17, 1e-11):
        assert abs(tilted_law(GAUSSIAN, w).mean - 1.0) < 1e-10
    scales = [end_scale(TwoClasses(Normal(1.0), Normal(-1.0), prior)) for prior in (1 - 1e-8, 1 - 1e-12)]
    assert abs(scales[1].C / scales[0].C - 1e-2) < 1e-5  # C like kappa^{-1/2}
    low = end_law(GAUSSIAN, 4.0, z=[-1.0, 1.0], t_start=1e-10)
    assert np.abs(low.x - np.array([-1e-5, 1e-5])).max() < 1e-8


def test_one_time_is_enough_where_nobody_crosses_after_the_onset():
    """The share with all the times is the same."""
    error = ScoreError(1e-4, 0.5)
    quick = share_outside(COMPACT, 60.0, error)
    x = trajectories(COMPACT, 60.0, np.linspace(-8, 8, 161), error.onset(COMPACT) * np.geomspace(1, 1e-3, 25), tol=1e-6)
    assert abs(special.ndtr(-np.interp(0.0, x.max(axis=1) - 2.5, np.linspace(-8, 8, 161))) - quick) < 1e-9
    assert np.argmax(x.max(axis=0)) == 0 and 0.1 < quick < 0.9


def test_the_edge_distance_falls_exponentially_not_like_the_bound():
    C, _ = end_scale()
    for w in (256.0, 1024.0, 1e4):
        log_distance = end_law(COMPACT, w, z=[-1.0, 0.0, 1.0]).log_edge_distance[1]
        assert abs(log_distance / (-0.5 * C**2 * w) - 1.0) < 3.0 * math.log(w) / w
    assert abs(sde_edge_distance(COMPACT, 1e300) / (3.0 / math.log(2e300)) - 1.0) < 1e-6


def test_the_tilted_density_by_quadrature_and_its_distance():
    w = 5.0
    law = tilted_law(GAUSSIAN, w)

    def weight(x):
        return np.exp(GAUSSIAN.target.log_density(x, 0.0)) * (1.0 + np.exp(-2.0 * x)) ** -w

    Z = integrate.quad(weight, -10, 15)[0]
    assert abs(law.log_Z - math.log(Z)) < 1e-10
    assert abs(law.mean - integrate.quad(lambda x: x * weight(x), -10, 15)[0] / Z) < 1e-9
    ends = end_law(GAUSSIAN, w)
    x = np.linspace(-6.0, 12.0, 60_001)
    TV = 0.5 * np.trapezoid(np.abs(ends.density(x) - weight(x) / Z), x)
    share = np.cumsum(weight(x) / Z) * (x[1] - x[0])
    found = end_distances(ends)
    assert abs(found[1] - TV) < 1e-4 and abs(found[0] - np.trapezoid(np.abs(ends.cdf(x) - share), x)) < 1e-3
    assert end_distances(end_law(COMPACT, 0.0)) == (0.0, 0.0)
    W1, TV = end_distances(end_law(COMPACT, 64.0))
    assert abs(W1 - 0.5) < 1e-3 and TV > 0.999999


def test_a_small_score_error_and_the_guidance_that_it_takes_to_leave():
    C, _ = end_scale()
    for size in (1e-2, 1e-6):
        error = ScoreError(size, 0.5)
        t = error.onset(COMPACT)

        def square(x, t=t):
            return np.exp(COMPACT.target.log_density(x, t)) * COMPACT.target.score(x, t) ** 2

        assert abs(math.sqrt(integrate.quad(square, 2.5, 2.5 + 12 * math.sqrt(t))[0]) / size - 1.0) < 1e-6
        assert all(error.norm(COMPACT, s * t) < size for s in (0.9, 0.5, 0.1))
        w = leaving_guidance(COMPACT, error)
        limit = float(COMPACT.target.normal_score(2.5, t))
        assert abs(w - (limit / C) ** 2) < 2.0 and abs(share_outside(COMPACT, w, error) - 0.5) < 1e-2
    mirrored = TwoClasses(Uniform(-2.0, -1.0), Uniform(1.0, 2.0))
    assert (
        abs(share_outside(mirrored, 30.0, ScoreError(1e-2, 0.5)) - share_outside(COMPACT, 30.0, ScoreError(1e-2, 0.5)))
        < 1e-6
    )


@pytest.mark.parametrize("classes", [COMPACT, GAUSSIAN], ids=["uniform", "gaussian"])
@pytest.mark.parametrize("w", [1.0, 100.0, 1e4])
def test_the_tolerance_is_kept(classes, w):
    fine = end_law(classes, w, tol=1e-9).zeta
    assert all(np.abs(end_law(classes, w, tol=tol).zeta - fine).max() < tol for tol in (1e-4, 1e-6, 1e-8))


@pytest.mark.parametrize(
    "classes, w",
    [
        (TwoClasses(Uniform(0.0, 1.0), Uniform(-1.0, -1e-6)), 4.0),  # a gap of 1e-6
        (TwoClasses(Uniform(1e6, 1e6 + 1), Uniform(1e6 - 3, 1e6 - 2)), 4.0),  # far from the origin
        (TwoClasses(Uniform(0.0, 1e-6), Uniform(-3.0, -1.0)), 4.0),  # one class nearly a point
    ],
)
def test_extremes(classes, w):
    """The median is that of classes nearly points."""
    like = end_law(TwoClasses(Uniform(1.0, 1.0 + 1e-4), Uniform(-1e-4, 0.0)), w, z=[-1.0, 0.0, 1.0]).zeta[1]
    law = end_law(classes, w)
    assert np.all(np.isfinite(law.zeta)) and np.all(np.isfinite(law.log_slope)) and abs(law.zeta[170] - like) < 0.03
    assert np.all(np.isfinite(law.log_edge_distance))


@st.composite
def problems(draw):
    prior = draw(st.floats(0.05, 0.95))
    if draw(st.booleans()):
        variance = draw(st.floats(0.05, 4.0))
        return TwoClasses(Normal(draw(st.floats(0.2, 3.0)), variance), Normal(-1.0, variance), prior)
    widths = draw(st.lists(st.floats(0.1, 2.0), min_size=1, max_size=3))
    low = draw(st.floats(0.3, 2.0))
    edges = tuple(low + np.concatenate([[0.0], np.cumsum(widths)]))
    weights = tuple(draw(st.floats(0.1, 1.0)) for _ in widths)
    pair = PiecewiseConstant(edges, weights), Uniform(-draw(st.floats(0.1, 2.0)), 0.0)
    return TwoClasses(*pair, prior)


@settings(max_examples=25)
@given(classes=problems(), w=st.floats(0.0, 300.0))
def test_the_map_is_monotone_stays_in_the_support_and_moves_away_from_the_other_class(classes, w):
    law = end_law(classes, w, z=np.linspace(-5.0, 5.0, 21), tol=1e-7)
    assert np.all(np.diff(law.zeta) >= 0) and np.all(law.zeta >= law.z - 1e-6)
    if classes.compact:
        low, high = classes.target.support
        assert np.all((law.x >= low) & (law.x <= high))
    identity = end_law(classes, 0.0, z=law.z)
    assert np.array_equal(identity.zeta, law.z)


@settings(max_examples=10)
@given(w=st.floats(0.0, 100.0), low=st.floats(0.2, 2.0), prior=st.floats(0.1, 0.9))
def test_a_mirrored_problem_has_the_mirrored_law(w, low, prior):
    z = np.linspace(-3.0, 3.0, 7)
    one = end_law(TwoClasses(Uniform(low, 3.0), Uniform(-2.0, 0.0), prior), w, z=z, tol=1e-7)
    two = end_law(TwoClasses(Uniform(-3.0, -low), Uniform(0.0, 2.0), prior), w, z=z, tol=1e-7)
    assert np.abs(one.zeta + two.zeta[::-1]).max() < 1e-5
    assert np.abs(one.log_edge_distance - two.log_edge_distance[::-1]).max() < 1e-4


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: TwoClasses(Uniform(1, 2), Uniform(0, 1.5)), r"disjoint; got \[1, 2\] and \[0, 1.5\]. Move"),
        (lambda: TwoClasses(Uniform(1, 2), Uniform(2, 3)), "disjoint"),
        (lambda: TwoClasses(Normal(1.0), Normal(-1.0, 2.0)), "same variance; got sigma2 = 1 and 2"),
        (lambda: TwoClasses(Uniform(1, 2), Normal(0.0)), "both be compact, or both Gaussian"),
        (lambda: TwoClasses(Normal(1.0), Normal(1.0)), "different means"),
        (lambda: TwoClasses(Uniform(1, 2), Uniform(3, 4), prior=1.0), "prior"),
        (lambda: TwoClasses(Uniform(1, 2), 3.0), "other must be"),
        (lambda: Uniform(2, 1), "increasing"),
        (lambda: Uniform(0, math.inf), "Rescale"),
        (lambda: PiecewiseConstant((0, 1, 2), (1, 0)), "the first and the last > 0"),
        (lambda: Normal(0.0, 0.0), "variance"),
        (lambda: COMPACT.target.score(1.0, 0.0), "t must be finite and > 0"),
        (lambda: end_law(COMPACT, -1.0), "w must be"),
        (lambda: end_law(COMPACT, 1e6), r"w must be <= 1.27e\+05 at tol=1e-08.*got w=1e\+06. Raise tol to"),
        (lambda: end_law(COMPACT, 1.3e5), "Raise tol to 1.05e-08"),
        (lambda: end_law(COMPACT, 1e12), "1.5; got w=1e\\+12. Use the limit law"),
        (lambda: end_law(GAUSSIAN, 1.0, t_start=1e-16), "t_start must be >= 1e-10 sigma2 = 1e-10; got 1e-16. Raise"),
        (lambda: end_law(COMPACT, 1.0, t_start=1e-8), "t_start must be >= 1e-3 .* = 0.004; got 1e-08. Raise"),
        (lambda: trajectories(COMPACT, 1.0, [0.0], [0.0], t_start=1e-300), "t_start must be >="),
        (lambda: end_law(COMPACT, 1.0, z=[1e300]), "between -1e6 and 1e6"),
        (lambda: trajectories(COMPACT, 1.0, [0.0], [[1.0], [1.0, 2.0]]), "t must be numbers in a regular array"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).mean("a"), "values must be a number or an array of numbers"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).mean([1.0] * 3), r"shape \(2,\), one by start; got \(3,\)"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).start("a"), "x must be a number"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).density("a"), "x must be a number or an array of numbers"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).refined(-1), "n must be a whole number >= 2"),
        (lambda: PiecewiseConstant((0, 1, 2), (1e308, 1e308)), "weights must be .* 1e100"),
        (lambda: Uniform(0, 1e200), "edges must be .* 1e100"),
        (lambda: Uniform(0, "a"), "high must be a number"),
        (lambda: log_short_of(COMPACT, 1.0, "a"), "x must be a number"),
        (lambda: log_short_of(COMPACT, 1e6, 1.5), "w must be a number >= 0 and <= 1"),
        (lambda: log_short_of(GAUSSIAN, 4.0, 1e10), "within 1e5 standard deviations"),
        (lambda: crossing_start(TwoClasses(Normal(1.0), Normal(-1.0), 0.999), 4.0), "a tenth of w Delta; got 499 and"),
        (lambda: ScoreError(0.1, 1e-300), "reach must be"),
        (lambda: ScoreError(0.1, 1e-12).onset(COMPACT), "reach must be >= 1e-9 of the edge 2"),
        (lambda: share_outside(COMPACT, 1.0, None), "error must be a ScoreError"),
        (lambda: leaving_guidance(COMPACT, None), "error must be a ScoreError"),
        (lambda: end_distances(None), "law must be an EndLaw"),
        (lambda: end_law(COMPACT, 1.0, z=[1.0, 0.0]), "z must be increasing"),
        (lambda: end_law(GAUSSIAN, 1.0).log_edge_distance, "no edge"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0, 1.0]).start(1.0001), "wider grid"),
        (lambda: end_distances(end_law(COMPACT, 1.0, z=[0.0, 1.0])), "from -6 to 6"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0]).mean([1.0]), "at least two starts"),
        (lambda: end_law(COMPACT, 1.0, z=[0.0]).cdf(1.5), "at least two starts"),
        (lambda: trajectories(COMPACT, 1.0, [0.0], [0.0, 1.0]), "decreasing"),
        (lambda: trajectories(COMPACT, 1.0, [0.0], [2.0], t_start=1.0), "below t_start=1"),
        (lambda: log_short_of(COMPACT, 1.0, 2.5), "inside the target's support"),
        (lambda: crossing_start(COMPACT, 1.0), "Gaussian classes"),
        (lambda: sde_edge_distance(GAUSSIAN, 1.0), "no edge"),
        (lambda: ScoreError(0.0, 0.5), "size must be"),
        (lambda: ScoreError(0.1, 0.5).onset(GAUSSIAN), "compact classes"),
    ],
)
def test_bad_input_is_refused_with_rule_value_and_remedy(make, message):
    with pytest.raises(ProblemError, match=message):
        make()


@pytest.mark.parametrize(
    "door",
    [
        lambda classes: end_law(classes, 1.0),
        lambda classes: trajectories(classes, 1.0, [0.0], [1.0]),
        lambda classes: log_short_of(classes, 1.0, 1.5),
        lambda classes: crossing_start(classes, 1.0),
        lambda classes: sde_edge_distance(classes, 1.0),
        lambda classes: tilted_law(classes, 1.0),
        lambda classes: share_outside(classes, 1.0, ScoreError(0.1, 0.5)),
        lambda classes: leaving_guidance(classes, ScoreError(0.1, 0.5)),
        lambda classes: ScoreError(0.1, 0.5).onset(classes),
        lambda classes: end_scale("a" if classes is None else classes),
    ],
)
@pytest.mark.parametrize("classes", [None, Normal(1.0)])
def test_every_door_asks_for_two_classes(door, classes):
    with pytest.raises(ProblemError, match=r"classes must be .*TwoClasses.*; got"):
        door(classes)


def test_a_threshold_that_does_not_exist_is_reported():
    with pytest.raises(ConvergenceError, match="Change its reach"):
        leaving_guidance(COMPACT, ScoreError(1e5, 0.1), share=1e-6)
