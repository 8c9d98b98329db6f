"""Measured transitions: where the log-odds of the target change sign, in particles and in the finite-d theories.

At d = infinity the log-odds per dimension are F, and F = 0 is speciation. At finite d the mean log-odds of the samples
cross zero at a time with an error (jackknife over draws), which tends to t_s, under guidance as slowly as d^(-1/2).
The capacity is where they cross zero at t = 0 as alpha grows, for unguided samples, which are exact draws of the class.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Ensemble, Exponential, Polynomial, Problem, Spectrum, quenched, reduced, solve
from simulate import run
from validate.errors import ComparisonError
from validate.results.provenance import versions
from validate.results.tables import Show, tabulate


def _case(alpha: float, w: float, sampler: str | float = "sde") -> Problem:
    return Problem(classes=Exponential(alpha), sigma2=0.25, guidance=w, sampler=sampler)


MEASURED = ("particles", "quenched", "annealed")
_SPECTRUM = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])

CASES: dict[str, tuple[tuple[Problem, int], ...]] = {  # transition -> (problem, d of the particles)
    "unguided": tuple((_case(a, 0.0), d) for a, d in ((0.3, 24), (0.4, 24), (0.6, 16))),
    "guided, SDE, w = 1": tuple((_case(a, 1.0), d) for a, d in ((0.3, 24), (0.4, 24), (0.6, 16))),
    "guided, ODE, w = 1": tuple((_case(a, 1.0, "ode"), d) for a, d in ((0.3, 24), (0.4, 24), (0.6, 16))),
    "few classes, P = d^2": tuple(
        (Problem(classes=Polynomial(2.0), sigma2=0.25, guidance=w, sampler=s), 100)
        for w, s in ((0.0, "sde"), (1.0, "sde"), (1.0, "ode"))
    ),
    "with a spectrum": tuple(
        (Problem(classes=Exponential(a), spectrum=_SPECTRUM, guidance=w), d)
        for a, w, d in ((0.3, 0.0, 24), (0.4, 0.0, 24), (0.4, 1.0, 24))
    ),
}


def crossing_time(data: Ensemble) -> tuple[float, float]:
    """VE time at which the mean log-odds of an ensemble turn positive, and its jackknife error over the draws.

    Raises
    ------
    ComparisonError : they do not change sign within the recorded times, in some jackknife sample.

    Examples
    --------
    >>> from meanfield import Exponential, reduced
    >>> problem = Problem(classes=Exponential(0.4), sigma2=0.25)
    >>> t, stderr = crossing_time(reduced(problem, 10**5, n_samples=200, n_steps=200, n_times=201, seed=0))
    >>> abs(t - 0.56597) < 0.01                               # 1/(exp(2 alpha) - 1) - sigma2
    True
    """
    odds, t = data.log_odds.values, np.asarray(data.t)
    n = len(odds)
    left_out = [_zero(t, np.delete(odds, i, axis=0).mean(axis=0)) for i in range(n)] if n > 1 else [math.nan]
    return _zero(t, odds.mean(axis=0)), math.sqrt((n - 1) * float(np.var(left_out)))


def _zero(t: np.ndarray, odds: np.ndarray) -> float:
    """First change of sign from - to +, by linear interpolation in log(1 + t)."""
    turns = np.flatnonzero((odds[:-1] < 0.0) & (odds[1:] >= 0.0))
    if not len(turns):
        raise ComparisonError(
            f"the log-odds must change sign between the start and t = 0; they run from {odds[0]:.3g} to "
            f"{odds[-1]:.3g}. There is no speciation here, or it happens before the start."
        )
    i, x = turns[0], np.log1p(t)
    return float(np.expm1(x[i] + (x[i + 1] - x[i]) * odds[i] / (odds[i] - odds[i + 1])))


def speciation_times(
    cases: dict[str, tuple[tuple[Problem, int], ...]] | None = None,
    *,
    n_samples: int = 100,
    n_disorder: int = 40,
    n_steps: int = 200,
    far: int = 10**6,
    seed: int = 0,
    threads: int | None = None,
    progress: Show = None,
) -> xarray.Dataset:
    """Speciation times: d = infinity, particles and quenched theory at equal d, annealed model at a large d.

    Parameters
    ----------
    cases : transition -> pairs (problem, d of the particles); by default `CASES`.
    n_samples, n_disorder, n_steps, seed, threads : of `simulate.run`; the theories take as many samples in all.
    far : dimension of the annealed model, for classes of exponential number without a spectrum; 20 n_steps steps.

    Returns
    -------
    xarray.Dataset : over `row`: `transition`, `problem` (JSON), `d`, `theory`, `particles`, `quenched` (without a
        spectrum), `annealed` and their `_stderr`.
    """
    rows = [(name, p, d) for name, pairs in (CASES if cases is None else cases).items() for p, d in pairs]
    common: Any = {"n_steps": n_steps, "n_times": n_steps + 1, "threads": threads, "progress": False}
    fine = {"n_steps": 20 * n_steps, "n_times": 20 * n_steps + 1}  # the kink is sharp at large d

    def measure(row):
        i, (name, problem, d) = row
        growing = isinstance(problem.classes, Exponential)
        options: Any = {**common, "seed": seed + i}
        of_theory = {**options, "n_samples": n_samples * n_disorder, "n_draws": n_disorder}
        found: dict[str, Any] = {f"{kind}{end}": math.nan for kind in MEASURED for end in ("", "_stderr")}
        found |= {"theory": (solve(problem) if growing else solve(problem, d)).t_speciation}
        found |= _crossing("particles", run(problem, d=d, n_samples=n_samples, n_disorder=n_disorder, **options))
        if problem.spectrum is None:
            found |= _crossing("quenched", quenched(problem, d, **of_theory))
            if growing:
                found |= _crossing("annealed", reduced(problem, far, **of_theory | fine))
        return found | {"transition": name, "problem": json.dumps(problem.to_dict()), "d": d}

    columns = tabulate({"row": [*enumerate(rows)]}, measure, title="speciation times", progress=progress)
    settings = {"n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "far": far, "seed": seed}
    return xarray.Dataset(columns, attrs=settings | {"versions": json.dumps(versions())})


def _crossing(kind: str, data: Ensemble) -> dict[str, float]:
    return dict(zip((kind, f"{kind}_stderr"), crossing_time(data), strict=True))


def capacity_measured(
    sigma2: float,
    d: int,
    alphas: Sequence[float],
    **options: Any,
) -> tuple[float, float]:
    """Largest alpha at which unguided samples know their class at t = 0: zero of the mean log-odds in alpha.

    Parameters
    ----------
    alphas : rates around the expected (1/2) log(1 + 1/sigma2), ascending; a straight line is fitted.
    options : of `simulate.run`, by default n_samples = 100, n_disorder = 40, n_steps = 20, seed = 0.

    Returns
    -------
    (alpha, stderr)

    Examples
    --------
    >>> alpha, stderr = capacity_measured(2.0, 12, [0.1, 0.3], n_samples=50, n_disorder=8)
    >>> 0.1 < alpha < 0.4
    True
    """
    if len(alphas) < 2:
        raise ComparisonError(f"a zero in alpha needs two rates or more; got {list(alphas)}.")
    options = {"n_samples": 100, "n_disorder": 40, "n_steps": 20, "seed": 0, **options}
    means, errors = [], []
    for i, alpha in enumerate(alphas):
        problem = Problem(classes=Exponential(alpha), sigma2=sigma2)
        data = run(problem, d=d, n_times=2, progress=False, **options | {"seed": options["seed"] + i})
        means.append(data.final.log_odds.mean / d)
        errors.append(data.final.log_odds.stderr / d)
    weights = 1.0 / np.array(errors)
    (slope, offset), covariance = np.polyfit(alphas, means, 1, w=weights, cov="unscaled")
    zero = -offset / slope
    gradient = np.array([zero, 1.0]) / slope
    return float(zero), float(math.sqrt(gradient @ covariance @ gradient))


def to_markdown(data: xarray.Dataset) -> str:
    """The table of `speciation_times` for a page."""
    heads = ["transition", "case", "d", "t_s, d = infinity", "particles", "quenched, equal d"]
    heads.append(f"annealed, d = {data.attrs['far']:.0e}")
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for i in range(data.sizes["row"]):
        row = data.isel(row=i)
        problem = json.loads(str(row["problem"].values))
        classes, guidance = problem["classes"], problem["guidance"]
        case = f"alpha = {classes['alpha']:g}, " if "alpha" in classes else ""
        case += f"w = {guidance['value']:g}" if "value" in guidance else str(guidance["schedule"])
        case += f", {problem['sampler']}"
        cells = [str(row["transition"].values), case, str(int(row["d"])), f"{float(row['theory']):.4f}"]
        cells += [_cell(row, kind) for kind in MEASURED]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: xarray.Dataset, kind: str) -> str:
    value, error = float(row[kind]), float(row[f"{kind}_stderr"])
    if not math.isfinite(value):
        return "-"
    if not error > 0.0:  # a single draw has none
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f}({round(error * 10**digits)})"
