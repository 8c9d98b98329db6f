"""Samples of two guided classes on the line: ODE or SDE with the exact score, or with one that fails far out.

With s = -log D the reverse process of stochasticity eta, e = (1 + eta^2)/2, is
    dx = f ds + eta D^{1/2} dB_s,     f(x, s) = e D s_w = e (M_w - x),
whose rates are of order one at every t: steps are even in log D. Guidance makes it stiff (J = df/dx down to -e w), so f
is linearised at the beginning of a step, and that linear equation is solved exactly, noise included,
    x + h phi_1(h J) f_0 + h phi_2(h J) (f_1 - f_0) + noise of variance eta^2 D int_0^h e^{-s} e^{2 J (h - s)} ds,
f_1 the mean of f at the end of the step over x +- eta (D h)^{1/2}: this carries both what J leaves out at second order,
the time derivative and Ito's term (eta^2 D/2) d2f/dx2. Order 2 for the ODE, weak order 2 for the SDE.
"""

import math

import numpy as np

from meanfield.errors import ProblemError, checked, require, whole
from meanfield.guidance.placing import through
from meanfield.line.scoreerror import ScoreError
from meanfield.line.sources import PiecewiseConstant, numbers
from meanfield.line.statement import TwoClasses, stated
from meanfield.tools.door import Numbers, door
from meanfield.tools.memory import require_memory
from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import LINE

FAR = 1e6  # start for t_start = infinity, in units of (1 + w) times the squared extent: an error of 1e-6 in the start
NEAR = 1e-8  # end of compact classes, in units of the squared width: end points are off by 1e-4 of it
BLOCK = 8192
LARGEST = 1e8


@door()
def sample_line(
    classes: TwoClasses,
    w: float,
    *,
    sampler: str | float = "ode",
    n_samples: int = 1000,
    n_steps: int = 400,
    seed: int = 0,
    t: Numbers | None = None,
    t_start: float = math.inf,
    t_end: float | None = None,
    error: ScoreError | None = None,
) -> np.ndarray:
    """Guided samples.

    Parameters
    ----------
    w : guidance, 0 to 1e8, s_w = s_c + w (s_c - s).
    sampler : "ode", "sde", or eta from 0 to 10.
    n_steps : steps in all, at least; even in log D. 400 or more with a score error: at 200 the share that leaves is
        0.02 to 0.04 too large.
    t : times at which the states are wanted, decreasing; without it the end points.
    t_start : infinity, or T > 0: then x_T = T^{1/2} z.
    t_end : default 0 for Gaussian classes, 1e-8 (width of the support)^2 for compact ones.
    error : a score error; none is the exact score.

    Returns
    -------
    x : (n_samples,), or (n_samples, times). Sample i depends on seed and i alone, for given steps.

    Examples
    --------
    >>> from meanfield.line import TwoClasses, Uniform
    >>> x = sample_line(TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 8.0, n_samples=500)
    >>> round(float(np.median(x)), 2)     # at the far edge
    1.99
    """
    w = checked("w", w, low=0, high=LARGEST, remedy="Use the limit laws of meanfield.line.")
    eta = _eta(sampler)
    stated(classes)
    n_samples = whole("n_samples", n_samples, low=1, high=1e9)
    n_steps = whole("n_steps", n_steps, low=1, high=1e7)
    key = make_key(whole("seed", seed, low=0), LINE, 0)
    T = checked("t_start", t_start, low=0, open_low=True, infinite=True)
    require(T <= 1e100 or T == math.inf, "t_start must be <= 1e100, or infinite", T, "Use math.inf.")
    require(error is None or isinstance(error, ScoreError), "error must be a ScoreError or None", repr(error))
    jumps = [] if error is None else [error.onset(classes)]
    grid, wanted = _grid(classes, w, T, t, t_end, n_steps, jumps)
    needed = 2 * 8.0 * n_samples * len(wanted)
    what = f"{n_samples} samples at {len(wanted)} times need {needed / 2**30:.3g} GiB"
    require_memory(needed, what, "use fewer samples, or several calls of other seeds")
    drift = _Drift(classes, w, 0.5 * (1.0 + eta**2), error)
    out = np.empty((n_samples, len(wanted)))
    for begin in range(0, n_samples, BLOCK):
        rows = range(begin, min(begin + BLOCK, n_samples))
        x = math.sqrt(grid[0] - classes.sigma2) * _normals(key, rows, 0)
        if math.isinf(T):  # the law at large t: the mean of the guided source is added to the noise
            x += float(classes.guided(np.zeros(1), 0.0, w).M[0])
        out[rows.start : rows.stop] = _descend(drift, x, grid, eta, wanted, key, rows)
    return out if t is not None else out[:, 0]


class _Drift:
    """f(x, s) and df/dx at D."""

    def __init__(self, classes: TwoClasses, w: float, e: float, error: ScoreError | None) -> None:
        self._classes, self._w, self._e = classes, w, e
        self._onset = -1.0 if error is None else error.onset(classes)
        self._limit = math.inf if error is None else error.limit(classes)

    def fails(self, D: float) -> bool:
        """Whether the score fails during the step that begins at D: all its stages then use the same score."""
        return D <= self._onset * (1.0 + 1e-12)

    def __call__(self, x: np.ndarray, D: float, failing: bool) -> tuple[np.ndarray, np.ndarray]:
        R = D**-0.5
        M, slope, _ = self._classes.guided(x * R, R, self._w)
        f, J = self._e * (M - x), self._e * (R * slope - 1.0)
        if failing:
            lost = self._classes.sign * (x - self._limit) > 0
            f[lost] = J[lost] = 0.0
        return f, J


def _descend(drift: _Drift, x, grid: np.ndarray, eta: float, wanted: np.ndarray, key, rows: range) -> np.ndarray:
    states = np.empty((len(x), len(wanted)))
    states[:, wanted == 0] = x[:, None]
    for n in range(len(grid) - 1):
        D, D1 = float(grid[n]), float(grid[n + 1])
        h = math.log(D / D1)
        failing = drift.fails(D)
        f0, J = drift(x, D, failing)
        J = np.minimum(J, 1.0 / h)  # where the linear part grows fast it need not be solved exactly
        shift = eta * math.sqrt(D * h)
        f1 = drift(x + shift, D1, failing)[0]
        if eta > 0:
            f1 = 0.5 * (f1 + drift(x - shift, D1, failing)[0])
        z = h * J
        one, two = _phi(z)
        x = x + h * (one * f0 + two * (f1 - f0))
        if eta > 0:
            spread = D1 * h * _phi(2.0 * z + h)[0]  # int_0^h e^{-s} e^{2 J (h - s)} ds = e^{-h} h phi_1((2 J + 1) h)
            x += eta * np.sqrt(spread) * _normals(key, rows, n + 1)
        states[:, wanted == n + 1] = x[:, None]
    return states


def _phi(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """phi_1 = (e^z - 1)/z and phi_2 = (phi_1 - 1)/z, by their series near zero."""
    small = np.abs(z) < 1e-3
    safe = np.where(small, 1.0, z)
    one = np.where(small, 1.0 + 0.5 * z * (1.0 + z / 3.0), np.expm1(safe) / safe)
    return one, np.where(small, 0.5 + z / 6.0 * (1.0 + 0.25 * z), (one - 1.0) / safe)


def _normals(key: np.ndarray, rows: range, step: int) -> np.ndarray:
    return normals(key, rows, 1, step, np.empty((len(rows), 1)))[:, 0]


def _grid(
    classes: TwoClasses, w: float, T: float, t, t_end, n_steps: int, jumps: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """D at the steps, decreasing, through the times wanted (their indices) and those at which the score jumps."""
    target, sigma2 = classes.target, classes.sigma2
    low = NEAR * (target.support[1] - target.support[0]) ** 2 if isinstance(target, PiecewiseConstant) else 0.0
    end = low if t_end is None else checked("t_end", t_end, low=0, open_low=classes.compact)
    extent = classes.separation**2 + classes.target.mean**2 + classes.sigma2 + low / NEAR
    begin = FAR * (1.0 + w) * extent if math.isinf(T) else T
    require(end < begin, "t_end must be below the start", f"t_end={end:.3g} and a start at t={begin:.3g}", "Lower it.")
    times = np.array([end]) if t is None else np.atleast_1d(numbers("t", t))
    if times.ndim != 1 or np.any(~((times >= end) & (times <= begin))) or np.any(np.diff(times) >= 0):
        raise ProblemError(
            f"t must be decreasing times between {end:.3g} (t_end) and {begin:.3g} (the start); got {t!r}. "
            "Leave out later ones, or lower t_end."
        )
    nodes = np.unique(np.concatenate([[begin, end], times, [s for s in jumps if end < s < begin]]))[::-1] + sigma2
    grid, at = through(nodes, n_steps)
    return grid, at[np.searchsorted(-nodes, -(times + sigma2))]


def _eta(sampler: str | float) -> float:
    named = {"ode": 0.0, "sde": 1.0}
    if isinstance(sampler, str):
        require(sampler in named, 'sampler must be "ode", "sde" or a number eta', repr(sampler))
        return named[sampler]
    return checked("sampler", sampler, low=0, high=10, remedy="It is eta, the stochasticity.")
