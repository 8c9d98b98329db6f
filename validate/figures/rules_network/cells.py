"""What is compared: rules of guidance times schedules, all of the same largest amplitude, for theory and for scores.

Interval, early guidance and constant amplitude are the same for all rules. The designed window is each rule's own, of
the data and the sampler (`validate.figures.rules_network.designs`), where there is one.

Two rules are no function of one pair of predictions, and reach given scores as another second score:

    weak model   s_c(x, t + delta), the score of the same class with a variance larger by delta: no second network
    two bands    s_c - P (s_c - s_u), P = `LOW` on the leading principal directions of all images and 1 on the others
                 (low and high frequencies); weight by weight this is `ByGroup`
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from meanfield import (
    ByGroup,
    Constant,
    Free,
    Interval,
    Piecewise,
    Problem,
    Projected,
    Rescale,
    Schedule,
    Tangential,
    WeakModel,
    ZeroStar,
)
from simulate.samples.scored import ScoreFunction

W = 2.0  # largest amplitude of every cell
DELTA = 0.3  # of the weak model
LOW = 0.5  # factor of the low band
LEADING = 9  # directions in the low band: as many as ten means span
EARLY = 20.0  # VE time at which early guidance ends
FREE = -0.9  # b of the free coefficients, in units of w: CFG has -1

Shape = Callable[[float], Any]  # largest amplitude -> schedule
SHAPES: Mapping[str, Shape] = {
    "constant": Constant,
    "interval": lambda w: Interval(w, 2.0, 60.0),
    "early": lambda w: Piecewise([EARLY], [0.0, w]),
}
DESIGNED = "designed"
SCHEDULES = (*SHAPES, DESIGNED)
SAMPLERS = ("ode", "sde")
RULES: Mapping[str, Callable[[Shape], Any]] = {
    "CFG": lambda shape: shape(W),
    "rescale eps": lambda shape: Rescale(shape(W)),
    "rescale x0": lambda shape: Rescale(shape(W), prediction="x0"),
    "projected": lambda shape: Projected(shape(W)),
    "CFG-Zero*": lambda shape: ZeroStar(shape(W)),
    "tangential": lambda shape: Tangential(shape(W)),
    "free": lambda shape: Free(shape(W), b=shape(FREE * W)),
    "weak model": lambda shape: WeakModel(shape(W), delta=DELTA),
    "two bands": lambda shape: shape(W),
}


class Scores(NamedTuple):
    """Scores of samples with given labels: s_c and s_u as functions of (x, t), and the projector P of two bands."""

    conditional: ScoreFunction
    unconditional: ScoreFunction
    bands: np.ndarray


def two_bands(x: np.ndarray) -> np.ndarray:
    """P (dim, dim): `LOW` on the `LEADING` principal directions of images x (images, dim), 1 on the others.

    Examples
    --------
    >>> np.diag(two_bands(np.diag(np.arange(12.0)))).round(1)[[0, 11]]
    array([1. , 0.5])
    """
    _, basis = np.linalg.eigh(np.cov(x.T, bias=True))
    leading = basis[:, -LEADING:]
    return np.eye(x.shape[1]) - (1.0 - LOW) * leading @ leading.T


def shape_of(schedule: str, window: Schedule | None) -> Shape | None:
    """A schedule as a function of its largest amplitude; `window` is the designed one of the rule, None if it has none,
    and is of one amplitude, W: no rule with a window takes another one.

    Examples
    --------
    >>> shape_of("constant", None)(3.0)
    Constant(value=3.0)
    """
    if schedule != DESIGNED:
        return SHAPES[schedule]
    return None if window is None else lambda w: window


def in_theory(rule: str, shape: Shape, problem: Problem) -> Any:
    """The guidance of a cell for a problem with a spectrum."""
    if rule != "two bands":
        return RULES[rule](shape)
    assert problem.spectrum is not None
    u = np.asarray(problem.spectrum.u)
    low = u >= np.sort(u)[-LEADING]
    return ByGroup(shape(W), factors=np.where(low, LOW, 1.0).tolist())


def for_scores(rule: str, shape: Shape, scores: Scores) -> tuple[Any, ScoreFunction]:
    """The guidance of a cell for `sample_scores`, and its second score."""
    conditional, unconditional, bands = scores

    def weak(x: np.ndarray, t: float) -> np.ndarray:
        return conditional(x, t + DELTA)

    def banded(x: np.ndarray, t: float) -> np.ndarray:
        own = conditional(x, t)
        return own - (own - unconditional(x, t)) @ bands

    other = {"weak model": weak, "two bands": banded}.get(rule, unconditional)
    return RULES[rule](shape), other
