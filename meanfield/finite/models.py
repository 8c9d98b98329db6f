"""Finite d without classes: the annealed reduced model (sec. 7 of docs/theory.md), a sharp finite-size theory.

All wrong classes are replaced by their average over the disorder, so that the unconditional density is
    p_u = (1/P) N(mu_1, D I) + (1 - 1/P) N(0, (1 + D) I).
Cost does not depend on P or d (`meanfield.finite.annealed` has the steps). The model tends to sec. 3 as d -> infinity
and is exact in the continuum. At the d of particles it misses what their own disorder does around speciation: at alpha
= 0.4, w = 1, SDE, m(0) is 1.0881 at d = 24 and particles have 1.0861(4); the gap falls faster than 1/d. In the glass it
is wrong, because there the disorder must not be averaged over: `meanfield.quenched` does not.
"""

import math
from collections.abc import Callable
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.finite.sampling import check_settings, count_rivals, make_grid, sample
from meanfield.problem.statement import Problem

__all__ = ["reduced"]

ROLE = 3  # spawn key of these random streams


def reduced(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 10_000,
    n_draws: int = 50,
    n_steps: int = 200,
    seed: int = 0,
    n_times: int = 33,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the reduced model: `n_samples` independent samples in `n_draws` batches, which give the error bar.

    Parameters
    ----------
    problem : what is sampled.
    d : dimension, >= 4.
    n_samples, n_draws : samples in all, and batches they are split into; n_samples is rounded down to whole batches.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    threads : processors to use (default: all available); the result does not depend on it.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches. There are no single wrong classes here: `accuracy` is
        the share of samples with pi_1 > 1/2, and `participation` is 1/(pi_1^2 + (1 - pi_1)^2/(P - 1)), its value if
        they had equal weights. `info["standing"]` is "exact" in the continuum, for P = 1 and at w = 0, else
        "approximate" (see docs/finite-size.md). `log_odds` is nan where P = 1 or infinite, `participation` where P is
        infinite.

    Raises
    ------
    ProblemError : a setting out of range.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = reduced(problem, 24, n_samples=4000, n_draws=4, n_steps=50)
    >>> round(float(data.final.m_paired.mean), 1)
    1.1
    """
    s = check_settings(problem, d, n_samples, n_draws, n_steps, n_times, seed, threads)
    classes = count_rivals(problem, s.d)
    begin = problem.start(rate=classes.log_count / s.d, count=classes.number)
    grid = make_grid(problem, begin, s.n_steps, s.n_times)
    infinite = math.isinf(problem.T)
    law = (begin.m, begin.v, 1.0 if infinite else begin.m, float(grid.D[0]) if infinite else begin.v)
    exact = classes.log_count in (0.0, math.inf) or not (grid.w_start.any() or grid.w_end.any())

    def fill(rng, batch, out):
        from meanfield.finite import annealed  # numba is loaded only when it is needed

        constant = annealed.constants(grid.D, s.d, classes.log_rivals)
        annealed.fill(rng, batch, grid, law, s.d, constant, classes.log_rivals, out)

    log_classes = classes.log_count if math.isfinite(classes.log_count) else "inf"
    standing = "exact" if exact else "approximate"
    label = f"reduced, d = {s.d}"
    return sample(problem, s, grid, ROLE, fill, label, progress, log_classes=log_classes, standing=standing)
