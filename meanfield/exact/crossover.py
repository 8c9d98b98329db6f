"""`many_classes`: how the continuum is reached as P grows at fixed d, to order 1/P: (F8) to (F10) of docs/theory.md.

In the continuum all means together are a measure, N(mu; 0, I), the force is linear, and x is Gaussian. P classes are a
draw of it: the target, of weight 1/P, and fluctuations of the others. So m(0) and v(0) move by A/P and B/P, sums of
    the target:          derivative in the weight of one more class, at mu_1,
    the other classes:   half the second derivative in the weight of one more class at mu, averaged over N(mu; 0, I).
As the force is linear, both are integrals, over one and two times, of Gaussian averages: exact at every d.

Here r is the likelihood ratio of a class at mu to all of them, and u = mu - c x with c = 1/(1 + D). Means along mu_1
are in units of sqrt(d), and covariances are those of one direction. The variable of time is (log(1 + 1/D))^(1/2), in
which nothing is singular at either end.
"""

import math
from typing import NamedTuple

import numpy as np

from meanfield.errors import CfgfieldError, ConvergenceError, checked, require, whole
from meanfield.guidance.schedules import Constant
from meanfield.problem.statement import Problem
from meanfield.tools.door import door

NODES = 40, 56  # of Gauss and Legendre's rule, in each of two times; the first checks the second
TOLERANCE = 1e-5  # of the amplitudes, relative, or in all where they are below 1
LARGEST_D = 64
NARROW = 1e-3  # class variance, below which a whole class is too rare an event for doubles
SMALL = 0.1  # hidden fluctuation, as in (Q3), up to which the order 1/P is enough
ROW = "...i,...ij,...j->..."


class ManyClasses(NamedTuple):
    """m(0) and v(0) of P classes: those of the continuum, and A/P and B/P more. `variance` is the largest relative
    variance of the weight of all classes on the way; `enough` says whether the order 1/P is, which it is where
    (1 + w^2/(1 + sigma2)) times that is 0.1 or less. Otherwise m and v are no numbers to rely on."""

    m: float
    v: float
    m_amplitude: float
    v_amplitude: float
    variance: float
    enough: bool


@door()
def many_classes(problem: Problem, d: int) -> ManyClasses:
    """m(0) and v(0) of many classes in few dimensions, to the order 1/P beyond the continuum: (F8) to (F10).

    Parameters
    ----------
    problem : isotropic classes of equal weight, from t = infinity, at constant guidance -1 <= w <= 100; sigma2 >= 1e-3.
    d : dimension, 2 to 64.

    Returns
    -------
    ManyClasses : also where P is too small for it; `enough` is False then.

    Raises
    ------
    ProblemError : a problem or a d that it does not know. ScheduleError : guidance that depends on the sample.
    ConvergenceError : integrals over time that are not known to 1e-5.

    Examples
    --------
    >>> from meanfield import Fixed
    >>> found = many_classes(Problem(classes=Fixed(10_000), sigma2=0.25, guidance=1.0), 4)
    >>> f"{found.m:.5f} {found.v / 0.25:.5f} {found.m_amplitude:.3f} {found.v_amplitude:.3f}"  # continuum: 1.2, 0.41333
    '1.20063 0.41559 6.256 5.649'
    >>> found.enough, many_classes(Problem(classes=Fixed(100), sigma2=0.25, guidance=1.0), 4).enough
    (True, False)
    """
    d = whole("d", d, low=2, high=LARGEST_D)
    w = _known(problem)
    rough, found = (_amplitudes(problem, w, d, n) for n in NODES)
    miss = float(np.max(np.abs(found - rough) / np.maximum(1.0, np.abs(found))))
    if not miss <= TOLERANCE:
        rule = f"the theory of many classes takes integrals over time to {TOLERANCE:g}"
        raise ConvergenceError(f"{rule}; got a relative error of {miss:.2g}. Lower d or w, or raise sigma2.")
    A, B = (float(x) for x in found)
    m, v = (float(x) for x in _continuum(np.array(problem.sigma2), w, problem))
    share = math.exp(-problem.classes.log_count(d))
    variance = _variance(problem, w, d) * share
    enough = variance * (1.0 + w * w / (1.0 + problem.sigma2)) <= SMALL
    return ManyClasses(m + A * share, v + B * share, A, B, variance, enough)


def holds(problem: Problem, d: float) -> bool:
    """Whether the order 1/P is the theory of a problem at this d: all is known, P finite and large.

    Examples
    --------
    >>> from meanfield import Continuum, Fixed
    >>> problem = Problem(classes=Fixed(10_000), sigma2=0.25, guidance=1.0)
    >>> holds(problem, 4), holds(problem.replace(classes=Fixed(100)), 4), holds(problem.replace(classes=Continuum()), 4)
    (True, False, False)
    """
    if not 2 <= d <= LARGEST_D or math.isinf(problem.classes.log_count(d)):
        return False
    try:
        return many_classes(problem, int(d)).enough
    except CfgfieldError:
        return False


def _known(problem: Problem) -> float:
    """The weight of guidance; what the theory does not know is refused."""
    require(isinstance(problem, Problem), "problem must be a meanfield.Problem", repr(problem))
    who, remedy = "the theory of many classes", "Use quenched or simulate.run."
    problem.require_isotropic(who)
    problem.require_equal_weights(who)
    problem.require_no_ratio(who)
    require(isinstance(problem.schedule, Constant), f"{who} knows a constant weight", repr(problem.guidance), remedy)
    require(math.isinf(problem.T), f"{who} starts at t = infinity", f"t_start={problem.t_start:g}", remedy)
    checked("sigma2", problem.sigma2, low=NARROW, remedy="Use quenched or simulate.run.")
    return checked("w", problem.schedule.value, low=-1.0, high=100.0)  # type: ignore[attr-defined]


def _amplitudes(problem: Problem, w: float, d: int, n: int) -> np.ndarray:
    """A and B, with n nodes."""
    x, weights = np.polynomial.legendre.leggauss(n)
    x, weights = 0.5 * (x + 1.0), 0.5 * weights
    top, e, end = math.sqrt(math.log1p(1.0 / problem.sigma2)), problem.e, np.array(problem.sigma2)
    p = top * x
    before = p[:, None] * x  # (times, earlier ones)
    D, d_log = _noise(p, top * weights)
    earlier, d_log_earlier = _noise(before, p[:, None] * weights)
    m, v = _continuum(D, w, problem)
    passed, passed_before = _left(end, D, w, e), _left(D[:, None], earlier, w, e)  # g(0, D), g(D, D')
    target, square, _ = _one_time(D, m, v, d)
    m1, v1 = _continuum(earlier, w, problem)
    pair = _two_times(D[:, None], earlier, m[:, None], v[:, None], m1, v1, passed_before, d)
    response = [-e * w * np.sum(d_log_earlier * passed_before * k, axis=1) for k in pair]
    A, B = (target[i] - square[i] + response[i] for i in (0, 1))
    return np.array([-e * w * np.sum(d_log * passed * A), -2.0 * e * w * np.sum(d_log * passed**2 * B)])


def _variance(problem: Problem, w: float, d: int) -> float:
    """P times the largest relative variance of the weight of all classes."""
    end = math.sqrt(math.log1p(1.0 / problem.sigma2))
    D, _ = _noise(np.linspace(0.0, end, NODES[0] + 1)[1:], 1.0)
    m, v = _continuum(D, w, problem)
    return float(_one_time(D, m, v, d)[2].max())


def _noise(p, dp):
    """D, and the weights of an integral over log(D), from the variable of time and its weights."""
    D = 1.0 / np.expm1(p * p)
    return D, 2.0 * p * (1.0 + D) * dp


def _left(D, earlier, w: float, e: float):
    """g(D, D'), what is left at D of a small displacement at D'."""
    return (D / earlier) ** e * np.exp(-e * w * (np.log1p(1.0 / D) - np.log1p(1.0 / earlier)))


def _continuum(D, w: float, problem: Problem):
    """m and v of the continuum, (T8b)."""
    from scipy.special import hyp2f1

    e, eta2 = problem.e, problem.eta**2
    m, ratio = (hyp2f1(-a, 1.0, 1.0 + b, 1.0 / (1.0 + D)) for a, b in ((e * w, e), (2.0 * e * w, eta2)))
    return (1.0 + w) * m, D * ratio


def _tilted(covariance, mean, form, log_norm, d: int):
    """A Gaussian weighed by exp(d log_norm - z^T form z/2) in d directions: its weight, new mean and covariance."""
    change = np.eye(mean.shape[-1]) + covariance @ form
    inverse = np.linalg.inv(change)
    centre = (inverse @ mean[..., None])[..., 0]
    exponent = log_norm - 0.5 * np.linalg.slogdet(change)[1] - 0.5 * np.einsum(ROW, mean, form, centre)
    return np.exp(d * exponent), centre, inverse @ covariance


def _matrix(*rows):
    """Arrays of one shape as a matrix (..., rows, columns)."""
    stacked = [np.stack(np.broadcast_arrays(*row), axis=-1) for row in rows]
    return np.stack(np.broadcast_arrays(*stacked), axis=-2)


def _one_time(D, m, v, d: int):
    """<r u> at mu_1 and <r^2 u> over mu, each along mu_1 and times x across it, by direction; and <r^2>."""
    c, zero, one = 1.0 / (1.0 + D), np.zeros_like(D), np.ones_like(D)
    form = _matrix((1.0 / D, -1.0 / D), (-1.0 / D, c / D))  # of -2 log r in (mu, x)
    log_norm, found = 0.5 * np.log1p(1.0 / D), []
    for mean, spread, power in ((one, zero, 1.0), (zero, one, 2.0)):
        law = _matrix((spread, zero), (zero, v)), np.stack([mean, m], axis=-1)
        weight, centre, cov = _tilted(*law, power * form, power * log_norm, d)
        found.append((weight * (centre[:, 0] - c * centre[:, 1]), weight * (cov[:, 0, 1] - c * cov[:, 1, 1])))
    return *found, weight


def _two_times(D, D1, m, v, m1, v1, left, d: int):
    """<(r' u'.grad) r u> along mu_1, and <x_i (r' u'.grad) r u_i + r' u'_i r u_i> of a direction i across it: what a
    displacement at the earlier time D1 does at D. grad (r u_i) = r (u_i u/D - c e_i)."""
    c, c1, zero, one = 1.0 / (1.0 + D), 1.0 / (1.0 + D1), np.zeros_like(D1), np.ones_like(D1)
    covariance = _matrix((one, zero, zero), (zero, v + zero, left * v1), (zero, left * v1, v1))
    form = _matrix((1.0 / D + 1.0 / D1, -1.0 / D, -1.0 / D1), (-1.0 / D, c / D, zero), (-1.0 / D1, zero, c1 / D1))
    mean = np.stack([zero, m + zero, m1], axis=-1)
    weight, centre, cov = _tilted(covariance, mean, form, 0.5 * (np.log1p(1.0 / D) + np.log1p(1.0 / D1)), d)
    read = _matrix((one, -c + zero, zero), (one, zero, -c1), (zero, one, zero))  # u, u', x of (mu, x, x')
    cov = read @ cov @ np.swapaxes(read, -1, -2)
    u, u1, _ = np.moveaxis((read @ centre[..., None])[..., 0], -1, 0)
    uu, uu1, xu, xu1 = cov[..., 0, 0], cov[..., 0, 1], cov[..., 2, 0], cov[..., 2, 1]
    both = (d + 1.0) * uu1 + d * u * u1  # <u.u'>, and once more <u_i u'_i>
    along = (u * both + u1 * uu) / D - c * u1
    across = uu1 + (xu * both + xu1 * uu) / D - c * xu1
    return weight * along, weight * across
