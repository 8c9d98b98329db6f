"""Lazy classes for a sampler's code: the finite-d theory `solve_sampler(theory="quenched")`, as a way to hold classes.

As in `simulate.running.lazy` the algorithm is written once, in meanfield: the two are no check of each other.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.sampler.code import Sampler
from meanfield.vector.draws import Sizes
from meanfield.vector.finite import solve_finite
from simulate.running.plan import Plan


def run_lazy_code(
    plan: Plan,
    sampler: Sampler,
    shape: tuple[int, ...],
    tolerance: float,
    weight: float | None,
    xp: Any,
    progress: bool | Callable[[int, int], Any] | None,
) -> Ensemble:
    """The run of a plan with lazy classes. A draw is a batch of samples; all samples are independent."""
    n, draws, P = plan.n_samples * plan.n_disorder, plan.n_disorder, plan.case.n_classes
    sizes = Sizes(n, draws, plan.seed, plan.threads, tolerance, weight, plan.first_draw)
    data = solve_finite(plan.case.problem, sampler, plan.case.d, "quenched", shape, sizes, xp, progress)
    about = dict(data.info)
    about |= {"class_tolerance": about.pop("tolerance"), "hidden_fluctuation": tolerance * about.pop("excess")}
    about["why"] = f"{plan.case.why}; {about['why']}" if "why" in about else plan.case.why
    about |= {"method": "sampler on particles (lazy)", "dtype": "float64"}
    about |= {"n_classes": int(P) if math.isfinite(P) else plan.case.in_words, "threads": plan.threads}
    return replace(data, info=about)
