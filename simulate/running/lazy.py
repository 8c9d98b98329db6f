"""Lazy classes: particles that draw only the classes they can feel, for any number of classes.

Each sample has a disorder of its own. Classes act through their average as long as their fluctuation about it is below
`class_tolerance`; then those in a ball around the sample are drawn from their exact law, and the ball is renewed as the
sample moves (sec. 7b of docs/theory.md; laws and rule in docs/finite-size.md).

This is the one place where the particles use a computer of `meanfield`: the algorithm stands there as the finite-d
theory `quenched`, and it is not written twice. Lazy particles and `quenched` are therefore one and the same, and no
check of each other. What checks them: explicit classes at small d, the mean field at large d, and another tolerance.
"""

import math
from dataclasses import replace
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.errors import checked, require
from meanfield.finite.models import quenched
from meanfield.tools.memory import require_memory
from simulate.running.plan import Plan

PROPOSALS = 16_384  # at most in a ball, and fewer where they would take more than
BALL_BYTES = 2**27


def run_lazy(plan: Plan, n_steps: int, n_times: int, tolerance: float, progress: Any) -> Ensemble:
    """The run of a plan with lazy classes. A draw is a batch of samples; all samples are independent.

    Returns
    -------
    Ensemble : as from `simulate.run`; `info` has what `meanfield.quenched` reports, `class_tolerance`, and
        `hidden_fluctuation`, the largest relative fluctuation of the classes left to their average.
    """
    d, threads = plan.case.d, plan.threads
    rule = "lazy classes are drawn for all samples of a run together"
    remedy = 'Use another seed, or classes="explicit" at a smaller d.'
    require(not plan.first_draw, rule, f"first_draw={plan.first_draw}", remedy)
    tolerance = checked("class_tolerance", tolerance, low=0, high=0.5, open_low=True)
    most = max(64, min(PROPOSALS, BALL_BYTES // (8 * d)))
    needed = threads * 4 * 8 * d * most
    what = f"lazy classes at d={d} may need {needed / 2**30:.3g} GiB on {threads} threads"
    require_memory(needed, what, "use fewer threads, or meanfield.reduced (annealed)")
    data = quenched(
        plan.case.problem,
        d,
        n_samples=plan.n_samples * plan.n_disorder,
        n_draws=plan.n_disorder,
        n_steps=n_steps,
        seed=plan.seed,
        n_times=n_times,
        tolerance=tolerance,
        n_most=most,
        threads=threads,
        progress=progress,
    )
    about, P = dict(data.info), plan.case.n_classes
    about |= {"class_tolerance": about.pop("tolerance"), "hidden_fluctuation": tolerance * about.pop("excess")}
    about |= {"method": "particles (lazy)", "why": plan.case.why, "dtype": "float64", "threads": threads}
    about["n_classes"] = int(P) if math.isfinite(P) else plan.case.in_words
    return replace(data, info=about)


def require_own_noise(plan: Plan, who: str) -> None:
    """Refuse what compares runs on the same noise: a lazy sample draws its classes from the stream of its noise."""
    rule = f"{who} runs the same samples with different steps, and lazy classes are drawn on the way"
    remedy = 'Use classes="explicit" at a smaller d, or compare two lazy runs with n_steps and 2 n_steps.'
    require(plan.case.classes != "lazy", rule, f'classes "lazy" ({plan.case.why})', remedy)
