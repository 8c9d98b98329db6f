"""Distortion against d: it persists with exponentially many classes, and vanishes with fewer."""

from collections.abc import Sequence
from typing import Any

import xarray

from meanfield import Continuum, Exponential, Fixed, Polynomial, Problem, few_classes
from meanfield.finite.few import applies
from meanfield.problem.growth import Growth
from simulate import run
from validate.agreement.statistics import exponent
from validate.drawing import SAMPLER, canvas, legend_below
from validate.figures.curves import (
    LOSS,
    SAMPLERS,
    SHIFT,
    about,
    colour,
    distortion_of,
    final_distortion,
    name_of,
    pretty,
)
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words, in_order
from validate.results.tables import Show, tabulate
from validate.sweeps.grid_cell import theory_of

SAMPLES = 4000  # of the theory of few classes: a standard error of half a per cent of the shift


def against_d(
    families: Sequence[tuple[Growth, Sequence[int]]], *, w: float = 1.0, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(0) - 1 and 1 - v(0)/sigma2 against d, for each growth at its own sizes, with the theory particles go to.

    Theory is that at d = infinity for exponential growth, that of few classes at each d for slower growth (at the rate
    log(P)/d where that does not apply).

    Returns
    -------
    xarray.Dataset : over `row`: `growth`, `sampler`, `d`, `rate` (log(P)/d), `shift`, `v_ratio` with `_error`,
        `theory_shift`, `theory_v_ratio`, `held` (how the classes were held).

    Examples
    --------
    >>> data = against_d([(Fixed(20), (100, 1000))], n_samples=10, n_disorder=4, n_steps=20, progress=False)
    >>> bool(data.theory_shift[1] < data.theory_shift[0])                           # it vanishes as d grows
    True
    """
    base = Problem(classes=Continuum(), sigma2=sigma2, guidance=w)
    rows = [(growth, sampler, d) for growth, sizes in families for sampler in samplers for d in sizes]

    def measure(row):
        growth, sampler, d = row
        problem = base.replace(classes=growth, sampler=sampler)
        data = run(problem, d=d, progress=False, **options)
        found = {"growth": name_of(growth), "sampler": sampler, "d": d, "rate": growth.rate(d)}
        found |= final_distortion(data) | _theory(problem, d)
        return found | {"held": str(data.info["method"])}

    columns = tabulate({"row": rows}, measure, title="against d", progress=progress)
    return xarray.Dataset(columns, attrs=about(base, options))


def _theory(problem: Problem, d: int) -> dict[str, Any]:
    """`theory_shift` and `theory_v_ratio` at this d."""
    if not applies(problem, d):
        return distortion_of(theory_of(problem, d), "theory")
    few = final_distortion(few_classes(problem, d, n_samples=SAMPLES, n_times=2, progress=False))
    return {f"theory_{name}": few[name] for name in ("shift", "v_ratio")}


def draw(data: xarray.Dataset, axes=None):
    """Mean shift and lost variance against d on logarithmic axes: result of `against_d`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.3), 2) as (figure, axes):
        rows = data.to_dataframe()
        for axis, kind, label in zip(axes, ("shift", "loss"), (SHIFT, LOSS), strict=True):
            for k, (growth, family) in enumerate(rows.groupby("growth", sort=False)):
                for sampler, at in family.groupby("sampler", sort=False):
                    y, error = at["shift"], at["shift_error"]
                    theory = at["theory_shift"]
                    if kind == "loss":
                        y, error, theory = 1.0 - at["v_ratio"], at["v_ratio_error"], 1.0 - at["theory_v_ratio"]
                    axis.plot(at["d"], theory, SAMPLER[sampler].line, color=colour(k), lw=1.1)
                    seen = (y > 2.0 * error).to_numpy()
                    axis.errorbar(
                        at["d"][seen], y[seen], error[seen], fmt=SAMPLER[sampler].marker, color=colour(k),
                        mfc=colour(k) if sampler == "sde" else "white", ms=3.8,
                        label=f"{pretty(growth)}, {SAMPLER[sampler].label}",
                    )  # fmt: skip
            axis.set(xscale="log", yscale="log", xlabel="dimension d", ylabel=label)
        legend_below(axes[0], 4)
    return figure, axes


def _parts(profile: str) -> dict[str, Part]:
    lazy = (12, 16, 24, 48, 100, 200, 400) if profile != "quick" else (12, 16, 24, 48, 100, 200)
    families = [
        (Exponential(0.4), lazy),
        (Polynomial(0.5), (100, 1000, 10_000, 100_000, 1_000_000)),
        (Fixed(100), (1000, 10_000, 100_000, 1_000_000)),
    ]
    return {
        "rows": Part(
            against_d, {"families": families, **effort(profile, (32, 16, 100), (128, 48, 200), (256, 48, 200))}
        )
    }


def _caption(data: Data) -> str:
    rows, found = data["rows"].to_dataframe(), []
    for (growth, sampler), at in rows[rows.growth != "alpha = 0.4"].groupby(["growth", "sampler"], sort=False):
        (p, error), (last, last_error) = (exponent(x.rate, x["shift"], x.shift_error) for x in (at, at[-2:]))
        found.append(
            f"{pretty(growth)}, {sampler.upper()}: {p:.4f} ± {error:.1g} "
            f"(the two largest $d$: {last:.4f} ± {last_error:.1g})"
        )
    return (
        rf"Distortion against $d$ at $w = 1$, $\sigma^2 = {data['rows'].attrs['sigma2']:g}$, $T = \infty$. Lines: "
        r"theory ($d = \infty$ for exponentially many classes, `few_classes` at each $d$ otherwise; full SDE, "
        "dashed ODE). "
        f"Points: particles, {effort_in_words(data['rows'])}, standard errors over draws. It persists with "
        r"exponentially many classes and vanishes with fewer, the shift as $(\log(P)/d)^p$ with $p = 1$ (SDE), 1/2 "
        "(ODE); "
        f"fitted: {'; '.join(found)}. Values below two standard errors are not drawn."
    )


FIGURE = GalleryFigure(
    "dimension", "Distortion against d: exponential and sub-exponential growth", _parts, in_order(draw), _caption
)
