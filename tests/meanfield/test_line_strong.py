"""Strong guidance on the line: the exact limit, who falls short, and how far out the end points are."""

import math

import numpy as np
import pytest
from line_cases import COMPACT, GAUSSIAN, STEPS
from scipy import integrate, special

from meanfield.errors import ProblemError
from meanfield.line import (
    Normal,
    ScoreError,
    TwoClasses,
    Uniform,
    crossing_start,
    end_law,
    end_scale,
    log_short_of,
    sde_edge_distance,
    share_outside,
    tilted_law,
    trajectories,
)


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
