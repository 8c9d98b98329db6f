"""How lazy particles approach the theory at d = infinity, in the glass and under strong guidance.

The two examples of sec. 4 of docs/theory.md that the annealed theory gets wrong. Lazy classes run them from d = 24 to
400 (up to P = e^280); the values are extrapolated in 1/d and held against the mean field. The annealed model stands
beside them as a contrast, and a second, looser tolerance shows what is left of the approximation in lazy classes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Problem, reduced, solve
from simulate import run
from validate.agreement.extrapolation import Extrapolation, fit_inverse_size
from validate.agreement.statistics import weighted_slope
from validate.drawing import LEVEL, QUIET, canvas, legend_below, lettered
from validate.figures.curves import in_units, limit_in_units
from validate.results.provenance import versions
from validate.results.tables import Show, tabulate

_STRONG = Problem(classes=Exponential(0.45), sigma2=0.25, guidance=10.0, sampler="ode", t_start=1000.0)
CASES: dict[str, Problem] = {
    "glass: ODE, alpha = 0.7, w = 5": _STRONG.replace(classes=Exponential(0.7), guidance=5.0),
    "strong guidance: ODE, alpha = 0.45, w = 10": _STRONG,
}
SIZES = (24, 48, 100, 200, 400)
TOLERANCES = (0.02, 0.1)


def approach(
    cases: Mapping[str, Problem] | None = None,
    sizes: Sequence[int] = SIZES,
    tolerances: Sequence[float] = TOLERANCES,
    *,
    n_samples: int = 50,
    n_disorder: int = 40,
    n_steps: int = 400,
    seed: int = 0,
    threads: int | None = None,
    progress: Show = None,
) -> xarray.Dataset:
    """Lazy particles and the annealed model over sizes, and the mean field.

    Time steps are `n_steps`, and 2 d where that is more: the few classes that dominate a glass change at a rate of
    order d.

    Parameters
    ----------
    cases : name -> problem; by default `CASES`.
    sizes, tolerances : dimensions (>= 4) and class tolerances of the lazy particles.
    n_samples, n_disorder, n_steps, seed, threads : as in `simulate.run`.

    Returns
    -------
    xarray.Dataset : `m`, `v` (in units of sigma2) and their `_stderr` over (case, d, class_tolerance); `annealed_m`,
        `annealed_v` and their `_stderr` over (case, d); `theory_m`, `theory_v` over case; `seconds`,
        `classes_in_ball` over (case, d, class_tolerance); `problem` in JSON.

    Examples
    --------
    >>> data = approach(sizes=(8, 12), tolerances=(0.1,), n_samples=4, n_disorder=4, n_steps=60, progress=False)
    >>> data["v"].dims
    ('case', 'd', 'class_tolerance')
    """
    cases = CASES if cases is None else cases
    attrs = {"n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed}

    def options(d):
        return {"n_steps": max(n_steps, 2 * d), "n_times": 2, "threads": threads, "progress": False}

    def limit(problem):
        return limit_in_units(solve(problem), "theory") | {"problem": json.dumps(problem.to_dict())}

    def annealed(problem, d):
        found = in_units(reduced(problem, d, n_samples=20_000, n_draws=40, seed=seed, **options(d)))
        return {f"annealed_{name}": value for name, value in found.items()}

    def lazy(*at):
        (i, problem), (j, d), (k, tolerance) = at
        data = run(problem, d=d, n_samples=n_samples, n_disorder=n_disorder, classes="lazy", class_tolerance=tolerance,
                   seed=seed + 100 * i + 10 * j + k, **options(d))  # fmt: skip
        return in_units(data) | {name: data.info[name] for name in ("seconds", "classes_in_ball")}

    grid: dict[str, Any] = {"case": cases.values(), "d": sizes, "class_tolerance": tolerances}
    numbered = {name: [*enumerate(values)] for name, values in grid.items()}
    title = "approach to d = infinity"
    return xarray.Dataset(
        {
            **tabulate({"case": cases.values(), "d": sizes}, annealed),
            **tabulate({"case": cases.values()}, limit),
            **tabulate(numbered, lazy, title=title, progress=progress, cost=lambda case, size, tolerance: size[1]),
        },
        coords={"case": list(cases), "d": list(sizes), "class_tolerance": list(tolerances)},
        attrs={**attrs, "versions": json.dumps(versions())},
    )


def at_infinity(part: xarray.Dataset, q: str, order: int = 1) -> Extrapolation:
    """m or v/sigma2 of one case at d = infinity, from the tightest tolerance: y_inf + a/d + c/d^2."""
    tight = part.sel(class_tolerance=float(part["class_tolerance"].min()))
    return fit_inverse_size(part["d"], tight[q], tight[f"{q}_stderr"], quantity=q, order=order)


def decay(part: xarray.Dataset, q: str) -> tuple[float, float]:
    """Exponent of |y(d) - theory| in d, and its error, from the sizes where the difference exceeds 3 errors."""
    tight = part.sel(class_tolerance=float(part["class_tolerance"].min()))
    away, error = np.abs(tight[q].values - float(part[f"theory_{q}"])), tight[f"{q}_stderr"].values
    use = away > 3.0 * error
    return weighted_slope(np.log(part["d"].values[use]), np.log(away[use]), error[use] / away[use])


LABELS = {"m": r"$m(0)$", "v": r"$v(0)/\sigma^2$"}


POINTS = LEVEL["particles"].colour


def draw(data: xarray.Dataset, axes=None):
    """m(0) and v(0)/sigma2 against 1/d, the fit with its error at d = infinity, the mean field, the annealed model.

    Parameters
    ----------
    data : as from `approach`.
    axes : one row of two axes (m, v) for each case; made if None.

    Returns
    -------
    (fig, axes)
    """
    cases, titles = [str(c) for c in data["case"].values], []
    with canvas(axes, (7.0, 2.6 * len(cases) + 0.3), (len(cases), 2)) as (figure, axes):
        for row, case in zip(axes, cases, strict=True):
            for axis, q in zip(row, ("m", "v"), strict=True):
                _panel(axis, data.sel(case=case), q)
            titles += [case, ""]
        lettered(axes.flat, *titles)
        legend_below(axes[0, 0], 3)
    return figure, axes


def _panel(axis, part: xarray.Dataset, q: str) -> None:
    """One quantity of one case; looser tolerances are shifted a little to the right."""
    inverse, tolerances = 1.0 / part["d"].values, np.sort(part["class_tolerance"].values)
    fit = at_infinity(part, q)
    grid = np.linspace(1e-9, inverse.max(), 200)
    axis.plot(grid, fit.predict(1.0 / grid), "-", lw=0.9, color=POINTS, label=r"fit $a + b/d + c/d^2$")
    axis.errorbar(0, fit.intercept, fit.error, fmt="s", ms=4, mfc="white", color=POINTS, capsize=3, clip_on=False,
                  label="fit at $d = \\infty$ (statistics and form)")  # fmt: skip
    for i, tolerance in enumerate(tolerances):
        one = part.sel(class_tolerance=tolerance)
        style = {"fmt": "o", "color": POINTS} if i == 0 else {"fmt": "^", "mfc": "white", "color": QUIET}
        axis.errorbar(inverse + 0.006 * i * inverse.max(), one[q], one[f"{q}_stderr"], ms=4, lw=0.9, capsize=2,
                      label=f"lazy particles, tolerance {tolerance:g}", **style)  # fmt: skip
    look, y, error = LEVEL["annealed"], part[f"annealed_{q}"].values, part[f"annealed_{q}_stderr"].values
    axis.plot(inverse, y, label="annealed model", **look.curve)
    axis.fill_between(inverse, y - error, y + error, color=look.colour, alpha=0.25, lw=0)
    axis.axhline(
        float(part[f"theory_{q}"]), color=LEVEL["mean field"].colour, lw=1.0, zorder=0, label="theory, $d = \\infty$"
    )
    axis.set(xlabel="d", ylabel=LABELS[q], xlim=(0, 1.06 * inverse.max()))
    shown = part["d"].values[inverse > 0.1 * inverse.max()]  # closer to infinity their labels would overlap
    axis.set_xticks([0, *1.0 / shown], [r"$\infty$", *[f"{d}" for d in shown]])
    axis.set_xticks(inverse, minor=True)
