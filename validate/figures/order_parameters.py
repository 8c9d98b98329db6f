"""m(t) and v(t) as sampling goes on: theory at d = infinity, particles at several d."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.problem.growth import Exponential
from meanfield.problem.statement import Problem
from meanfield.tools.progress import Progress
from validate.agreement.estimates import theory_on
from validate.drawing import COLOURS, SAMPLER, canvas
from validate.figures.curves import SAMPLERS, Show, about, paired
from validate.recipe import Data, GalleryFigure, Part, effort, effort_in_words

if TYPE_CHECKING:
    import xarray

__all__ = ["FIGURE", "draw", "order_parameters"]


def order_parameters(
    problem: Problem, sizes: Sequence[int], *, samplers: Sequence[str] = SAMPLERS, n_fine: int = 200, top: float = 50.0,
    progress: Show = None, **options: Any,
) -> "xarray.Dataset":  # fmt: skip
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
    import xarray

    from meanfield import solve
    from simulate import run

    line_D = np.geomspace(problem.sigma2 * (1 + 1e-12), top, n_fine)
    lines, points, speciation = [], [], []
    with Progress(progress, len(samplers) * len(sizes), "order parameters") as show:
        for sampler in samplers:
            guided = problem.replace(sampler=sampler)
            theory = solve(guided)
            at = theory_on(theory, line_D - problem.sigma2)
            lines.append((at["m"], at["v"] / line_D))
            speciation.append(theory.t_speciation)
            for d in sizes:
                data = run(guided, d=d, progress=False, **options)
                points.append((data.D, *paired(data)))
                show(len(points))
    D, m, m_error, v, v_error = (
        np.reshape(np.stack(x), (len(samplers), len(sizes), -1)) for x in zip(*points, strict=True)
    )
    over, fine = ("sampler", "size", "time"), ("sampler", "fine")
    return xarray.Dataset(
        {
            "D": (over, D), "m": (over, m), "m_error": (over, m_error),
            "v_ratio": (over, v / D), "v_ratio_error": (over, v_error / D),
            "line_D": ("fine", line_D),
            "line_m": (fine, np.stack([a for a, _ in lines])), "line_v_ratio": (fine, np.stack([b for _, b in lines])),
            "t_speciation": ("sampler", np.array(speciation)),
        },
        coords={"sampler": list(samplers), "size": list(sizes)},
        attrs=about(problem, options),
    )  # fmt: skip


def draw(data: "xarray.Dataset", axes=None):
    """m(t) and v(t)/D(t) as D falls: result of `order_parameters`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.1, 3.3), 2) as (figure, axes):
        for axis, name, label in zip(axes, ("m", "v_ratio"), ("overlap m", r"variance ratio $v/D$"), strict=True):
            for i, sampler in enumerate(data.sampler.values):
                style = SAMPLER[sampler]
                axis.plot(data.line_D, data[f"line_{name}"][i], color=COLOURS[i], label=f"{style['label']}, theory")
                for j, d in enumerate(data["size"].values):
                    axis.errorbar(
                        data.D[i, j], data[name][i, j], data[f"{name}_error"][i, j], fmt=style["marker"],
                        color=COLOURS[i], mfc="white" if j == 0 else COLOURS[i], ms=3.5,
                        label=f"{style['label']}, d = {d}",
                    )  # fmt: skip
                D_s = data.attrs["sigma2"] + float(data.t_speciation[i])
                axis.axvline(D_s, color=COLOURS[i], lw=0.7, ls=":")
            top = float(data.line_D.max())
            axis.set(xscale="log", xlim=(top, float(data.line_D.min()) / 1.08), ylabel=label)
            axis.set_xlabel(r"noised class variance $D = \sigma^2 + t$")
        axes[0].legend(loc="lower left")
    return figure, axes


BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _parts(profile: str) -> dict[str, Part]:
    options = effort(profile, (64, 12, 60), (256, 48, 150), (512, 96, 200))
    arguments = {"problem": BASE.replace(guidance=1.0), "sizes": (16, 200), "seed": 0, **options}
    return {"curves": Part(order_parameters, arguments)}


def _caption(data: Data) -> str:
    d = data["curves"]
    return (
        f"m(t) and v(t)/D(t) at alpha = 0.4, w = 1, sigma2 = {d.attrs['sigma2']:g}, T = infinity; D falls to the "
        f"right. Lines: theory at d = infinity. Points: particles at d = {', '.join(map(str, d['size'].values))}, "
        f"{effort_in_words(d)}, standard errors over draws (largest {float(d.m_error.max()):.1g} of m, "
        f"{float(d.v_ratio_error.max()):.1g} of v/D). Dotted: speciation. The distance at the smaller d is the "
        "finite-size effect."
    )


FIGURE = GalleryFigure(
    "order-parameters",
    "m(t) and v(t): theory and particles",
    _parts,
    lambda data: draw(data["curves"]),
    _caption,
)
