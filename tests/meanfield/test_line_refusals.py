"""Bad input on the line is refused with rule, value and remedy."""

import math

import pytest
from line_cases import COMPACT, GAUSSIAN

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
