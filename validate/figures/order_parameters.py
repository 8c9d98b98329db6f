"""m(t) and v(t) as sampling goes on: theory at d = infinity, particles at several d."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Problem, solve
from simulate import run
from validate.agreement.estimates import theory_on
from validate.drawing import QUIET, SAMPLER, canvas, lettered, named_lines
from validate.figures.curves import SAMPLERS, about
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words, in_order
from validate.results.tables import Show, tabulate


def order_parameters(
    problem: Problem, sizes: Sequence[int], *, samplers: Sequence[str] = SAMPLERS, n_fine: int = 200, top: float = 50.0,
    progress: Show = None, **options: Any,
) -> xarray.Dataset:  # fmt: skip
    """m(t) and v(t)/D(t) of both samplers: theory at d = infinity, particles at several d.

    Parameters
    ----------
    sizes : dimensions of the particles.
    n_fine, top : times of the theory's curve, log-uniform in D below D = top.
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : `m`, `v_ratio` with `_error` (sampler, size, time) at `D`; `line_m`, `line_v_ratio` (sampler, fine)
        at `line_D`; `t_speciation` (sampler).

    Examples
    --------
    >>> base = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
    >>> data = order_parameters(base, (8,), n_samples=20, n_disorder=4, n_steps=20, progress=False)
    >>> data.m.dims
    ('sampler', 'size', 'time')
    """
    line_D = np.geomspace(problem.sigma2 * (1 + 1e-12), top, n_fine)

    def line(sampler):
        theory = solve(problem.replace(sampler=sampler))
        at = theory_on(theory, line_D - problem.sigma2)
        line = {"line_m": ("fine", at["m"]), "line_v_ratio": ("fine", at["v"] / line_D)}
        return line | {"t_speciation": theory.t_speciation}

    def particles(sampler, d):
        data = run(problem.replace(sampler=sampler), d=d, progress=False, **options)
        m, v = data.m_paired, data.v_paired
        found = {"D": data.D, "m": m.mean, "m_error": m.stderr}
        found |= {"v_ratio": v.mean / data.D, "v_ratio_error": v.stderr / data.D}
        return {name: ("time", values) for name, values in found.items()}

    grid: dict[str, Any] = {"sampler": list(samplers), "size": list(sizes)}
    return xarray.Dataset(
        {
            "line_D": ("fine", line_D),
            **tabulate({"sampler": samplers}, line),
            **tabulate(grid, particles, title="order parameters", progress=progress),
        },
        coords=grid,
        attrs=about(problem, options),
    )


def draw(data: xarray.Dataset, axes=None):
    """m(t) and v(t)/D(t) as D falls: result of `order_parameters`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.0), 2) as (figure, axes):
        for axis, name, label in zip(axes, ("m", "v_ratio"), ("overlap m", r"variance ratio $v/D$"), strict=True):
            named = {}
            for i, sampler in enumerate(data.sampler.values):
                look = SAMPLER[sampler]
                (named[look.label],) = axis.plot(data.line_D, data[f"line_{name}"][i], **look.curve)
                for j in range(data.sizes["size"]):
                    points = {**look.points, "mfc": "white" if j == 0 else look.colour, "ms": 3.5}
                    axis.errorbar(data.D[i, j], data[name][i, j], data[f"{name}_error"][i, j], **points)
                D_s = data.attrs["sigma2"] + float(data.t_speciation[i])
                axis.axvline(D_s, color=look.colour, lw=0.7, ls=":")
            for j, d in enumerate(data["size"].values):
                axis.plot([], [], "o", color=QUIET, mfc="white" if j == 0 else QUIET, label=f"particles, d = {d}")
            top = float(data.line_D.max())
            axis.set(xscale="log", xlim=(top, float(data.line_D.min()) / 1.08))
            axis.set(xlabel=r"noised class variance $D = \sigma^2 + t$", ylabel=label)
            named_lines(axis, named)
        axes[0].legend(loc="lower left")
        lettered(axes, "mean", "variance")
    return figure, axes


BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _parts(profile: str) -> dict[str, Part]:
    options = effort(profile, (64, 12, 60), (256, 48, 150), (512, 96, 200))
    arguments = {"problem": BASE.replace(guidance=1.0), "sizes": (16, 200), "seed": 0, **options}
    return {"curves": Part(order_parameters, arguments)}


def _caption(data: Data) -> str:
    d = data["curves"]
    return (
        rf"$m(t)$ and $v(t)/D(t)$ at $\alpha = 0.4$, $w = 1$, $\sigma^2 = {d.attrs['sigma2']:g}$, $T = \infty$; $D$ "
        rf"falls to the right. Lines: theory at $d = \infty$. Points: particles at "
        f"$d$ = {', '.join(map(str, d['size'].values))}, "
        f"{effort_in_words(d)}, standard errors over draws (largest {float(d.m_error.max()):.1g} of $m$, "
        f"{float(d.v_ratio_error.max()):.1g} of $v/D$). Dotted: speciation. The distance at the smaller $d$ is the "
        "finite-size effect."
    )


FIGURE = GalleryFigure("order-parameters", "m(t) and v(t): theory and particles", _parts, in_order(draw), _caption)
