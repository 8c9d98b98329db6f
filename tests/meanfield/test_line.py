"""Two classes on the line: exact scores, the guided flow, the tilted density, score errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_cases import COMPACT, GAUSSIAN, STEPS
from mpmath import mp
from scipy import integrate, special

from meanfield.line import (
    Normal,
    PiecewiseConstant,
    ScoreError,
    TwoClasses,
    Uniform,
    end_distances,
    end_law,
    end_scale,
    leaving_guidance,
    share_outside,
    tilted_law,
    trajectories,
)


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
