"""Lazy classes against explicit ones at equal d, where all classes still fit in memory.

Both run the same problem and dimension, with disorder and noise of their own. Their integrators differ (one score a
step, or Heun), so that steps must be fine enough for both; otherwise all they differ in is what lazy classes leave out.
Each mean at t = 0 is compared by z = (lazy - explicit)/error, the errors of both combined.
The numbers of samples aim at standard errors of 0.3 % of m and 1 % of v.

Estimates of the SDE are paired with the unguided twin. For the ODE at strong guidance a sample forgets its start, the
twin does not, and the difference would be noisier than the plain mean, which is taken.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray

from meanfield import Exponential, Problem
from simulate import run
from validate.agreement.estimates import QUANTITIES
from validate.agreement.statistics import combined, family_threshold, normal_score, two_sided
from validate.figures.curves import stated
from validate.results.tables import Show, tabulate

DEFAULTS: dict[str, Any] = {"n_steps": 120, "class_tolerance": 0.02, "seed": 0}  # of `simulate.run`
SAMPLES = 16  # of one explicit draw: more would share its disorder


class Case(NamedTuple):
    """A problem, and at each dimension the number of draws of 16 samples."""

    problem: Problem
    draws: Mapping[int, int]


_CROWD = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
_STRONG = Problem(classes=Exponential(0.45), sigma2=0.25, guidance=10.0, sampler="ode", t_start=1000.0)

CASES: dict[str, Case] = {
    "crowd, SDE": Case(_CROWD, {12: 100, 16: 100, 20: 100, 24: 100}),
    "crowd, ODE": Case(_CROWD.replace(sampler="ode"), {12: 150, 16: 120, 20: 100, 24: 100}),
    "glass, ODE": Case(_STRONG.replace(classes=Exponential(0.7), guidance=5.0), {12: 600, 14: 500, 16: 260, 18: 220}),
    "strong guidance, ODE": Case(_STRONG, {12: 500, 16: 300, 20: 140, 24: 100}),
}


def holdings(
    cases: Mapping[str, Case] | None = None,
    *,
    wrong: Callable[[Problem], Problem] | None = None,
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """Run every case with explicit and with lazy classes.

    Parameters
    ----------
    cases : name -> `Case`; by default `CASES`.
    options : of `simulate.run`, by default `DEFAULTS`; the seeds of the two runs differ.
    wrong : changes the problem that the lazy classes run: a comparison that must fail.

    Returns
    -------
    xarray.Dataset : over `row`: `case`, `d`, `log_count` (log P), and for q = m, v: `explicit_q`, `lazy_q`, their
        `_stderr`, and `z_q`; `seconds_explicit`, `seconds_lazy`.

    Examples
    --------
    >>> small = {"crowd": Case(CASES["crowd, SDE"].problem, {8: 4})}
    >>> float(holdings(small, n_steps=20, progress=False)["log_count"][0]).__round__(3)
    3.219
    """
    cases = CASES if cases is None else cases
    options = {**DEFAULTS, **options}
    plan = [(name, d, draws) for name, case in cases.items() for d, draws in case.draws.items()]

    def measure(row):
        i, (name, d, draws) = row
        problem = cases[name].problem
        found: dict[str, Any] = {"case": name, "d": d, "log_count": problem.classes.log_count(d)}
        for j, way in enumerate(("explicit", "lazy")):
            tried = wrong(problem) if wrong and way == "lazy" else problem
            own = {**options, "n_disorder": draws, "classes": way, "seed": options["seed"] + 2 * i + j}
            data = run(tried, d=d, n_samples=SAMPLES, n_times=2, progress=False, **own)
            found[f"seconds_{way}"] = data.info["seconds"]
            for q in QUANTITIES:
                estimate = getattr(data.final, f"{q}_paired" if problem.eta > 0 else q)
                found |= {f"{way}_{q}": float(estimate.mean), f"{way}_{q}_stderr": float(estimate.stderr)}
        for q in QUANTITIES:
            error = combined([found[f"{way}_{q}_stderr"] for way in ("explicit", "lazy")], [draws - 1.0] * 2)
            found[f"z_{q}"] = normal_score(found[f"lazy_{q}"] - found[f"explicit_{q}"], *error)
        return found

    columns = tabulate({"row": [*enumerate(plan)]}, measure, title="lazy against explicit classes", progress=progress)
    problems = {name: case.problem.to_dict() for name, case in cases.items()}
    attrs = {"n_samples": SAMPLES, "problems": json.dumps(problems), **stated(options, DEFAULTS)}
    return xarray.Dataset(columns, attrs=attrs)


def in_words(data: xarray.Dataset, level: float = 0.01) -> tuple[bool, str]:
    """Whether all z of `holdings` are below the family's limit (false alarm: `level`), and a sentence that says it."""
    z = np.concatenate([data[f"z_{q}"].values for q in QUANTITIES])
    limit, beyond = family_threshold(len(z), level), int(np.sum(np.abs(z) > 2))
    worst = float(np.abs(z).max())
    return worst <= limit, (
        f"{len(z)} numbers: r.m.s. z {math.sqrt(float(np.mean(z**2))):.2f}, {beyond} beyond 2 "
        f"({len(z) * two_sided(2.0):.1f} expected), largest {worst:.2f} (limit {limit:.2f} at {level:g} false alarm)"
    )
