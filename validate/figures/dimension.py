"""Distortion against d: it persists with exponentially many classes, and vanishes with fewer."""

from collections.abc import Sequence
from typing import Any

import xarray

from meanfield import Continuum, Exponential, Fixed, Polynomial, Problem, few_classes, solve
from meanfield.finite.few import applies
from meanfield.problem.growth import Growth
from simulate import run
from validate.agreement.statistics import exponent
from validate.drawing import SAMPLER, canvas, face_of, legend_below, lettered
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

    Theory is that at d = infinity for exponential growth, that of few classes at each d for slower growth. Beside it
    stands the mean field at the rate log(P)/d.

    Returns
    -------
    xarray.Dataset : over `row`: `growth`, `sampler`, `d`, `rate` (log(P)/d), `shift`, `v_ratio` with `_error`,
        `theory_shift`, `theory_v_ratio`, `rate_shift`, `rate_v_ratio`, `held` (how the classes were held).

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
        found |= final_distortion(data) | _theory(problem, d) | distortion_of(solve(problem, d), "rate")
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
    """Mean shift and lost variance against d, and both over their theory: result of `against_d`.

    Parameters
    ----------
    axes : two rows of two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 4.7), (2, 2), sharex=True, height_ratios=(2.2, 1.0)) as (figure, axes):
        rows = data.to_dataframe()
        ranges = (0.6, 1.4), (0.3, 2.0)
        for column, kind, label, ylim in zip(axes.T, ("shift", "loss"), (SHIFT, LOSS), ranges, strict=True):
            for k, (_, family) in enumerate(rows.groupby("growth", sort=False)):
                for sampler, at in family.groupby("sampler", sort=False):
                    _family(column, at, kind, sampler, colour(k))
            column[0].set(xscale="log", yscale="log", ylabel=label)
            column[1].axhline(1.0, color="0.3", lw=0.8, zorder=0)
            column[1].set(ylim=ylim, xlabel="dimension d", ylabel="over theory")
        lettered(axes[0], "the mean moves", "the variance shrinks")
        for k, growth in enumerate(dict.fromkeys(rows["growth"])):
            axes[0, 0].plot([], [], color=colour(k), lw=3, label=pretty(growth))
        for sampler in dict.fromkeys(rows["sampler"]):
            style = {"marker": SAMPLER[sampler].marker, "mfc": face_of(sampler, "0.3")}
            axes[0, 0].plot([], [], ls=SAMPLER[sampler].line, color="0.3", label=SAMPLER[sampler].label, **style)
        axes[0, 0].plot([], [], ":", color="0.3", label=r"mean field at $\log(P)/d$")
        legend_below(axes[0], 3)
    return figure, axes


def _family(column, at, kind: str, sampler: str, hue: str) -> None:
    """One growth and sampler: lines and points above, what is left of the theory below."""
    y, error, theory, rate = at["shift"], at["shift_error"], at["theory_shift"], at["rate_shift"]
    if kind == "loss":
        y, error = 1.0 - at["v_ratio"], at["v_ratio_error"]
        theory, rate = 1.0 - at["theory_v_ratio"], 1.0 - at["rate_v_ratio"]
    points = {"fmt": SAMPLER[sampler].marker, "color": hue, "mfc": face_of(sampler, hue), "ms": 4}
    column[0].plot(at["d"], theory, ls=SAMPLER[sampler].line, color=hue)
    seen = (y > 2.0 * error).to_numpy()
    column[0].errorbar(at["d"][seen], y[seen], error[seen], **points)
    sharp = (y > 10.0 * error).to_numpy()
    aside = 1.0 if sampler == "sde" else 1.15
    column[1].errorbar(aside * at["d"][sharp], (y / theory)[sharp], (error / theory)[sharp], **points)
    if _vanishing(at).all():
        column[1].plot(at["d"], rate / theory, ":", color=hue)


def _vanishing(rows):
    """Rows of sub-exponential growth, whose distortion vanishes with d."""
    return ~rows["growth"].str.startswith("alpha")


def _parts(profile: str) -> dict[str, Part]:
    lazy = (12, 16, 24, 48, 100, 200, 400) if profile != "quick" else (12, 16, 24, 48, 100, 200)
    families = [
        (Exponential(0.4), lazy),
        (Polynomial(0.5), (100, 1000, 10_000, 100_000, 1_000_000)),
        (Fixed(100), (1000, 10_000, 100_000, 1_000_000)),
    ]
    return {
        "rows": Part(against_d, {"families": families, **effort(profile, (32, 16, 100), (64, 48, 100), (256, 48, 200))})
    }


def _caption(data: Data) -> str:
    rows, found = data["rows"].to_dataframe(), []
    for (growth, sampler), at in rows[_vanishing(rows)].groupby(["growth", "sampler"], sort=False):
        (p, error), (last, last_error) = (exponent(x.rate, x["shift"], x.shift_error) for x in (at, at[-2:]))
        found.append(
            f"{pretty(growth)}, {sampler.upper()}: {p:.4f} ± {error:.1g} "
            f"(the two largest $d$: {last:.4f} ± {last_error:.1g})"
        )
    return (
        rf"Distortion against $d$ at $w = 1$, $\sigma^2 = {data['rows'].attrs['sigma2']:g}$, $T = \infty$: it persists "
        "with exponentially many classes and vanishes with fewer. Lines: theory (full SDE, dashed ODE), at "
        "$d = \\infty$ for exponentially many classes, of the same $d$ by `few_classes` otherwise, with amplitudes. "
        f"Points: particles, {effort_in_words(data['rows'])}, standard errors over draws, above two of them. Below: "
        "particles over that theory, where errors are below a tenth (ODE a little aside), and dotted the mean field at "
        "the rate $\\log(P)/d$, which has the exponent and not the amplitude. The shift falls as $(\\log(P)/d)^p$ with "
        f"$p = 1$ (SDE), 1/2 (ODE); fitted: {'; '.join(found)}."
    )


FIGURE = GalleryFigure(
    "dimension", "Distortion against d: exponential and sub-exponential growth", _parts, in_order(draw), _caption
)
