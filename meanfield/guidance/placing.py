"""Where the steps of a run lie: evenly in u = log(1 + (D_c/D)^(1/2)), not in log D.

What a step gets wrong. Far above the classes' own scale guidance acts weakly, b = w (D mu_1 - y)/(1 + D) in the crowd:
a step of length h in log D at D errs, relative to y, by h^(p+1)/(1 + D) (p is the order), and of the noise that came in
until then the SDE keeps the share D^(-eta^2) at the end. Errors that add up are least where every step makes the same
one, so steps want the density in log D
    (error of a step/h^(p+1))^(1/(p+1)) ~ D^(-q),     q = (1 + eta^2)/(p + 1):   1/4 (ODE), 2/3 (SDE, eta = 1).
At and below speciation there is no such decay: the weight of the target changes from 0 to 1 within some steps around
    D_s = 1/(exp(2 log(P)/d) - 1),
which with few classes is far above 1. One density serves all,
    dn/d log D ~ 1/(1 + (D/D_c)^(1/2)),     D_c = (2/e^2) (1 + 4 D_s/e),     e = (1 + eta^2)/2,
and |w|/4 times that D_c if |w| > 4, as strong guidance speciates in proportion to w earlier: even in log D below D_c,
thinner above; its integral is -2u, and steps are even in u. The more noise there is the lower D_c is, since what went
wrong earlier is forgotten; the exponent stays where it is, as m(t) of early times is to be right, too. D_c was chosen
for the worst of some fifteen problems; docs/steps.md has errors. Where the weight depends on the sample, as where
classes are not known, steps are even in log D.
"""

import math

import numpy as np

from meanfield.errors import require
from meanfield.guidance.schedules import Schedule
from meanfield.guidance.stops import stops

STRONG = 4.0  # |w| up to which D_c was chosen


def thinning(schedule: Schedule, strongest: float, log_others: float, d: int, e: float, unit: float = 1.0) -> float:
    """D_c, above which steps may be longer; `strongest` is the largest |w|, `log_others` is log P, or what
    equals it for unequal weights. Infinite where the weight depends on the sample: by a ratio of densities
    it acts at D ~ d. `unit` is the largest variance of the class means in any direction, in which D is measured.

    Examples
    --------
    >>> from meanfield import Constant
    >>> w = Constant(1.0)
    >>> [round(thinning(w, 1.0, log_others, 64, e=0.5), 1) for log_others in (math.inf, math.log(10), 0.0)]
    [8.0, 865.8, inf]
    >>> thinning(w, 1.0, math.inf, 64, e=1.0)
    2.0
    """
    if schedule.by_sample:
        return math.inf
    exponent = 2.0 * log_others / d
    rarity = math.expm1(exponent) if exponent < 700.0 else math.inf
    if rarity <= 0.0:
        return math.inf
    return 2.0 / e**2 * unit * max(1.0, strongest / STRONG) * (1.0 + 4.0 / e / rarity)


def time_grid(
    schedule: Schedule, variance: float, t_start: float, n_steps: int, refinement: int = 1, above: float = math.inf
) -> np.ndarray:
    """VE times of `n_steps` steps, even in u between the schedule's stops, each then cut in `refinement`.

    D = variance + t: the variance of a class, the least of them with a spectrum, so that no direction takes a longer
    step in its own log D. `above` is D_c; infinite, it gives steps that are even in log D.

    Returns
    -------
    t : (n_steps * refinement + 1,), decreasing from t_start to exactly 0.

    Examples
    --------
    >>> from meanfield import Constant
    >>> flat = Constant(1.0), 1.0, 63.0, 3
    >>> time_grid(*flat).round(6).tolist(), time_grid(*flat, above=1.0).round(1).tolist()
    ([63.0, 15.0, 3.0, 0.0], [63.0, 6.6, 1.4, 0.0])
    """
    jumps = sorted((t for t in stops(schedule) if 0 < t < t_start), reverse=True)
    ends = np.array([t_start, *jumps, 0.0])
    places = _place(variance + ends, above)
    lengths = np.diff(places)
    pieces = len(lengths)
    require(
        n_steps >= pieces, f"n_steps must be at least {pieces}, one for each piece of the schedule", n_steps,
        "Take more, or a schedule of fewer pieces.",
    )  # fmt: skip
    counts = np.ones(pieces, dtype=int)
    for _ in range(n_steps - pieces):
        counts[np.argmax(lengths / counts)] += 1
    times = [np.array([t_start])]
    for u, length, end, count in zip(places[:-1], lengths, ends[1:], counts * refinement, strict=True):
        inner = _variance(u + length * np.arange(1, count + 1) / count, above) - variance
        inner[-1] = end
        times.append(inner)
    return np.concatenate(times)


def _place(D: np.ndarray, above: float) -> np.ndarray:
    """u, or its limit -log D if D_c is infinite."""
    return np.log1p(np.sqrt(above / D)) if math.isfinite(above) else -np.log(D)


def _variance(u: np.ndarray, above: float) -> np.ndarray:
    """D at u."""
    return above / np.expm1(u) ** 2 if math.isfinite(above) else np.exp(-u)


def through(nodes: np.ndarray, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A grid of D, geometric between decreasing nodes and through them, of `n_steps` steps or a few more; where the
    nodes are in it.

    Examples
    --------
    >>> grid, at = through(np.array([8.0, 2.0, 1.0]), 3)
    >>> grid.round(6).tolist(), at.tolist()
    ([8.0, 4.0, 2.0, 1.0], [0, 2, 3])
    """
    logs = np.log(nodes)
    counts = np.ceil(n_steps * (logs[:-1] - logs[1:]) / (logs[0] - logs[-1]) - 1e-9).astype(int).clip(1)
    pieces = [np.linspace(a, b, c + 1)[:-1] for a, b, c in zip(logs[:-1], logs[1:], counts, strict=True)]
    return np.exp(np.concatenate([*pieces, logs[-1:]])), np.concatenate([[0], np.cumsum(counts)])
