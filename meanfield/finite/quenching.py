"""Finite d with disorder: the nearest wrong classes one by one, the bulk averaged. Right in the crowd and in the glass.

The annealed model (`meanfield.finite.models`) averages over all wrong classes, which is wrong wherever few of them
dominate: around speciation at d = 20, and in the glass at every d. Here each sample carries its own disorder, as much
of it as it can feel. While its unseen classes act through their average to within `tolerance`, nothing is drawn; after
that the classes in a ball around the sample are drawn from their exact law, typically some tens to some hundreds of
them whatever P is, and the ball is renewed as the sample moves (`meanfield.finite.nearest` states the rule,
`meanfield.finite.ball` the laws). Cost does not depend on P: P = exp(300) is no harder than P = 10^4.
"""

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import ProblemError, checked, whole
from meanfield.finite.models import reduced
from meanfield.finite.sampling import check_settings, count_rivals, make_grid, sample
from meanfield.problem.statement import Problem

__all__ = ["quenched"]

ROLE = 4  # spawn key of these random streams


def quenched(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 2_000,
    n_draws: int = 50,
    n_steps: int = 200,
    seed: int = 0,
    n_times: int = 33,
    tolerance: float = 0.02,
    n_explicit: int = 500,
    n_most: int = 16_384,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the quenched model: independent samples, each with its own disorder, in `n_draws` batches.

    Parameters
    ----------
    problem : what is sampled.
    d : dimension, >= 4.
    n_samples, n_draws : samples in all, and batches they are split into; n_samples is rounded down to whole batches.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    tolerance : how much, relative to what acts, the hidden classes may fluctuate about their average (standard
        deviation), 0 < tolerance <= 0.5.
    n_explicit : up to this many wrong classes are all drawn at the start and nothing is averaged.
    n_most : proposals from which a ball is drawn, at most; where that is too few for the tolerance, `info` says so.
    threads : processors to use (default: all available); the result does not depend on it.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches. `info` has the mean number of balls and of classes in a
        ball, and `excess`, the largest ratio of the hidden classes' fluctuation to the tolerance (1 or less if kept).
        `info["standing"]` is "exact" if all classes are explicit, else "asymptotic" (tolerance -> 0 is exact but for
        the tilt that hidden classes leave on a sample's past).

    Raises
    ------
    ProblemError : a setting out of range.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.7), sigma2=0.25, guidance=5.0, sampler="ode", t_start=1000.0)
    >>> data = quenched(problem, 16, n_samples=40, n_draws=4, n_steps=50)     # 73130 classes
    >>> bool(1.6 < data.final.m.mean < 2.0), data.info["standing"]
    (True, 'asymptotic')
    """
    s = check_settings(problem, d, n_samples, n_draws, n_steps, n_times, seed, threads)
    tolerance = checked("tolerance", tolerance, low=0, high=0.5, open_low=True)
    n_explicit = whole("n_explicit", n_explicit, low=0, high=1e6)
    n_most = whole("n_most", n_most, low=64, high=1e7)
    if s.d > 100_000:
        raise ProblemError(f"d must be at most 100000 here, where samples are vectors; got {d}. Use meanfield.reduced.")
    classes = count_rivals(problem, s.d)
    if classes.log_count in (0.0, math.inf):  # no rival, or a continuum: there is no disorder
        data = reduced(problem, d, n_samples=n_samples, n_draws=n_draws, n_steps=n_steps, seed=seed, n_times=n_times,
                       threads=threads, progress=progress)  # fmt: skip
        data.info.update(balls=0.0, classes_in_ball=0.0, excess=0.0, tolerance=tolerance)  # type: ignore[attr-defined]
        return data
    begin = problem.start(rate=classes.log_count / s.d, count=classes.number)
    grid = make_grid(problem, begin, s.n_steps, s.n_times)
    infinite = math.isinf(problem.T)
    n_all = round(classes.number) - 1 if classes.number - 1 <= n_explicit else -1
    law = (begin.m, begin.v, 1.0, float(grid.D[0]), float(problem.amplitude(begin.t)))
    if not infinite:
        law = (begin.m, begin.v, begin.m, begin.v, 0.0)
    totals, lock = np.zeros(3), threading.Lock()
    totals[2] = -math.inf

    def fill(rng, batch, out):
        from meanfield.finite import annealed, nearest  # numba is loaded only when it is needed

        constant, about = annealed.constants(grid.D, s.d, classes.log_rivals), np.zeros(3)
        about[2] = -math.inf
        nearest.fill(rng, batch, grid, law, s.d, constant, classes.log_rivals, n_all, tolerance, n_most, out, about)
        with lock:
            totals[:2] += about[:2]
            totals[2] = max(totals[2], about[2])

    standing = "exact" if n_all >= 0 else "asymptotic"
    about = {"log_classes": classes.log_count, "tolerance": tolerance, "standing": standing}
    data = sample(problem, s, grid, ROLE, fill, f"quenched, d = {s.d}", progress, **about)
    n_total = s.batch * s.n_draws
    data.info["balls"] = totals[0] / n_total  # type: ignore[index]
    data.info["classes_in_ball"] = totals[1] / totals[0] if totals[0] else float(max(n_all, 0))  # type: ignore[index]
    data.info["excess"] = math.exp(0.5 * totals[2])  # type: ignore[index]
    return data
