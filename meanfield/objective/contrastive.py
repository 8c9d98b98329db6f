"""Guidance as a training objective: contrastive denoising, its minimiser, and where there is none.

A model s(x) that is trained on positive pairs of the target class and *against* negative pairs of the aggregate
minimises, at noise time t (docs/training-objective.md; arXiv:2603.22364),

    J[s] = int dx { A(x) |s - s_c|^2 - B(x) |s - s_u|^2 },                                                (score form)
    J[s] = E_c a(x) |s(x) - (x_0 - x)/t|^2 - E_u b(x) |s(x) - (x_0 - x)/t|^2 + const,                 (denoising form)

A = a p_t(x|c), B = b p_t(x), because the mean of (x_0 - x)/t given x is the score. Point by point it is a parabola:

    A > B:   s = s_c + [B/(A - B)] (s_c - s_u);        A <= B:   no minimiser, J is unbounded below.

Two choices of weights, here as the guidance whose score they train, in units of p_t(x|c) (A and B alike):

    Constant(w)            A = 1 + w, B = w               sample-adaptive: classifier-free guidance, exists everywhere
    DensityRatio(beta)     A = 1,     B = beta r          plain: w = beta r/(1 - beta r), exists where beta r < 1
    DensityRatio(beta, w_max)         B = min(beta r, w_max/(1 + w_max)): exists everywhere
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield.errors import ConvergenceError, NoMinimiserError, ProblemError, checked, require, short
from meanfield.guidance.by_ratio import DensityRatio
from meanfield.guidance.schedules import Constant, as_schedule
from meanfield.objective.smallmixture import Fields, SmallMixture, finite

Family = Callable[[np.ndarray, Fields], tuple[np.ndarray, np.ndarray]]  # (theta, at) -> s and ds/dtheta, below
FAR = 1e7  # a parameter that runs so far from a start of order one has no minimum to go to
MOST_W = 1e3  # of constant guidance: A - B = 1 is the rest of 1 + w and w; at 1e4 rounding turns curvatures negative


def weights(guidance, log_ratio) -> tuple[np.ndarray, np.ndarray]:
    """A and B of a guidance where log r = log_ratio, in units of p_t(x|c).

    Either may be negative (w < 0, w < -1): the objective is the same parabola, with a minimiser where A > B.

    Raises
    ------
    ScheduleError : another guidance than a number. ProblemError : another schedule, or |w| above 1000.

    Examples
    --------
    >>> [x.tolist() for x in weights(DensityRatio(0.5), np.log([0.4, 1.0]))]
    [[1.0, 1.0], [0.2, 0.5]]
    """
    schedule, log_ratio = as_schedule(guidance), np.asarray(log_ratio, float)
    if isinstance(schedule, Constant):
        remedy = "A - B = 1 is the difference of 1 + w and w: beyond, rounding decides what a search finds."
        checked("w", schedule.value, low=-MOST_W, high=MOST_W, remedy=remedy)
        return np.full(log_ratio.shape, 1.0 + schedule.value), np.full(log_ratio.shape, schedule.value)
    if not isinstance(schedule, DensityRatio):
        raise ProblemError(f"objectives are known of Constant and DensityRatio guidance; got {short(schedule)}.")
    B = schedule.beta * np.exp(np.minimum(log_ratio, 600.0))
    if schedule.w_max is not None:
        B = np.minimum(B, schedule.w_max / (1.0 + schedule.w_max))
    return np.ones_like(B), B


def minimiser(s_c, s_u, A, B) -> np.ndarray:
    """The score that minimises A|s - s_c|^2 - B|s - s_u|^2, point by point.

    Parameters
    ----------
    s_c, s_u : (points, n).
    A, B : (points,), of either sign.

    Returns
    -------
    s : (points, n).

    Raises
    ------
    NoMinimiserError : A <= B somewhere. ProblemError : other shapes, or numbers that are not finite.

    Examples
    --------
    >>> minimiser([[1.0]], [[0.0]], [2.0], [1.0])        # s_c + (s_c - s_u)
    array([[2.]])
    >>> minimiser([[1.0]], [[0.0]], [1.0], [1.0])
    Traceback (most recent call last):
    ...
    meanfield.errors.NoMinimiserError: the objective needs A > B at every point; the largest B/A is 1, and 1 of 1 \
points have no minimiser. Take a smaller beta, or a largest weight w_max (which lowers B, and is another objective).
    """
    s_c = finite("s_c", s_c, (None, None))
    s_u = finite("s_u", s_u, s_c.shape)
    A, B = finite("A", A, s_c.shape[:1]), finite("B", B, s_c.shape[:1])
    lost = ~(A > B)
    if lost.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            largest = float(np.max(B / A))
        raise NoMinimiserError(
            f"the objective needs A > B at every point; the largest B/A is {largest:.4g}, and {lost.sum()} of "
            f"{lost.size} points have no minimiser. Take a smaller beta, or a largest weight w_max (which lowers B, "
            "and is another objective)."
        )
    return s_c + (B / (A - B))[..., None] * (s_c - s_u)


@dataclass(frozen=True)
class Objective:
    """sum_i a_i |s(x_i) - g_i|^2 - sum_j b_j |s(x_j) - h_j|^2 over positive points i and negative points j.

    Attributes
    ----------
    positive, negative : the fields at the points.
    a, b : their weights. g, h : what the model is pulled to, and pushed from, (points, n).
    """

    positive: Fields
    a: np.ndarray
    g: np.ndarray
    negative: Fields
    b: np.ndarray
    h: np.ndarray

    def __call__(self, family: Family, theta) -> tuple[float, np.ndarray]:
        """J and its gradient in the parameters."""
        theta = np.asarray(theta, float)
        value, gradient = 0.0, np.zeros(theta.shape)
        for sign, at, c, goal in ((1.0, self.positive, self.a, self.g), (-1.0, self.negative, self.b, self.h)):
            s, ds = family(theta, at)
            miss = s - goal
            value += sign * float(c @ np.sum(miss**2, axis=1))
            gradient += sign * 2.0 * np.tensordot(c[:, None] * miss, ds, axes=2)
        return value, gradient

    def curvature(self, family: Family, theta) -> np.ndarray:
        """Second derivatives of J, (k, k), by central differences of its gradient."""
        theta = np.asarray(theta, float)
        step = 1e-5 * np.maximum(1.0, np.abs(theta))
        rows = [self(family, theta + d)[1] - self(family, theta - d)[1] for d in np.diag(step)]
        H = np.array(rows) / (2.0 * step[:, None])
        return 0.5 * (H + H.T)


def score_objective(mixture: SmallMixture, guidance, t: float, x, measure) -> Objective:
    """J in its score form, on quadrature nodes x (points, n) of weights `measure` (of dx), >= 0."""
    at = mixture.fields(x, t)
    measure = finite("measure", measure, at.x.shape[:1])
    if measure.min() < 0.0:
        raise ProblemError(f"measure must be weights >= 0 of the nodes; got {measure.min():g}. Take dx, or ones.")
    A, B = (measure * np.exp(at.log_target) * c for c in weights(guidance, at.log_ratio))
    return Objective(at, A, at.s_c, at, B, at.s_u)


def denoising_objective(mixture: SmallMixture, guidance, t: float, order: int = 60) -> Objective:
    """J in its denoising form: all that is used of the data are pairs (x_0, x), of the target and of the aggregate.

    The weights a(x) and b(x) of a pair are A and B over p_t(x|c) and p_t(x).
    """
    target, all_ = (mixture.pairs(t, order, aggregate=flag) for flag in (False, True))
    positive, negative = mixture.fields(target.x, t), mixture.fields(all_.x, t)
    a = target.weight * weights(guidance, positive.log_ratio)[0]
    b = all_.weight * weights(guidance, negative.log_ratio)[1] * np.exp(-negative.log_ratio)
    return Objective(positive, a, target.direction, negative, b, all_.direction)


class Fit(NamedTuple):
    """What `fit` found: parameters, J and its largest gradient there, the smallest curvature, and how long it took."""

    theta: np.ndarray
    value: float
    gradient: float
    curvature: float
    iterations: int


def fit(objective: Objective, family: Family, start) -> Fit:
    """Minimise an objective numerically over a family of scores: L-BFGS-B, then Newton steps on its own differences.

    A family gives s (points, n) and its derivatives (points, n, k) at k parameters theta and points `Fields`. Nothing
    of the closed form is used. Where there is no minimum the search shows it: a parameter runs away, or the
    curvature at the end is not positive.

    Raises
    ------
    ProblemError : a start that is no list of finite numbers, or a family of other shapes or not finite there.
    NoMinimiserError : no minimum in this family.
    ConvergenceError : a gradient that does not vanish, or parameters that do the same.
    """
    from scipy.optimize import minimize

    start = _started(objective, family, start)
    scale = max(float(np.abs(objective.a).sum() + np.abs(objective.b).sum()), 1e-300)

    def scaled(theta):
        value, gradient = objective(family, theta)
        return value / scale, gradient / scale

    box = [(-FAR, FAR)] * len(start)
    found = minimize(scaled, start, jac=True, method="L-BFGS-B", bounds=box, options={"maxiter": 5000, "ftol": 1e-15})
    theta, far = found.x, float(np.abs(found.x).max())
    if math.isnan(found.fun):
        raise ConvergenceError(f"a family must be finite on the way; J is nan at theta = {short(theta)}.")
    if not np.isfinite(found.fun) or far > 0.5 * FAR:
        raise NoMinimiserError(_runaway(f"a parameter ran to {far:.2g} and J to {found.fun * scale:.3g}"))
    H = objective.curvature(family, theta) / scale
    for _ in range(5):
        least, flat = float(np.linalg.eigvalsh(H)[0]), 1e-10 * float(np.abs(H).max())
        if least < -flat:
            raise NoMinimiserError(_runaway(f"the smallest curvature of J is {least * scale:.3g}"))
        if least < flat:
            raise ConvergenceError(f"members of a family must differ; J is flat ({least:.1g}). Leave parameters out.")
        theta = theta - np.linalg.solve(H, scaled(theta)[1])
        H = objective.curvature(family, theta) / scale
    value, gradient = objective(family, theta)
    steepest = float(np.abs(gradient).max())
    checked("the gradient at the minimum over the weight", steepest / scale, high=1e-8, error=ConvergenceError)
    return Fit(theta, value, steepest, float(np.linalg.eigvalsh(H)[0]) * scale, int(found.nit))


def _started(objective: Objective, family: Family, start: object) -> np.ndarray:
    """The start as an array, after one look at what the family says there."""
    theta = finite("start", start, (None,))
    require(callable(family), "a family must be a function of (theta, at)", short(family))
    for at in (objective.positive, objective.negative):
        found = family(theta, at)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise ProblemError(f"a family must return (s, ds/dtheta); got {short(found)}.")
        finite("s of the family", found[0], at.x.shape)
        finite("ds/dtheta of the family", found[1], (*at.x.shape, len(theta)))
    return theta


def _runaway(what: str) -> str:
    return (
        f"a minimum needs the positive term to win for every change of the model; here J is unbounded below: {what}. "
        "Take a smaller beta, points where beta r < 1, or a largest weight w_max (which is another objective)."
    )
