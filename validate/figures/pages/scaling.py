"""Exponents: how distortion dies as alpha -> 0 (T12), and as w -> infinity on either side of alpha = 1/2 (T13).

Three routes side by side. The mean-field dynamics (`solve`) at the alpha and w in question; the annealed model
(`reduced`) at the finite d, where the class of w >= 0 SDE and ODE here never condenses before speciation; particles of
the same d by span reduction, for a fixed number of classes. `exponent` fits a power law.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import xarray

from meanfield import Exponential, Polynomial, Problem, reduced, solve
from meanfield.exact.closedform import small_rate, strong_guidance
from meanfield.problem.growth import Growth
from simulate import run
from validate.drawing import SAMPLER, canvas, lettered, named_lines, noted, shades
from validate.figures.curves import stated
from validate.results.tables import Show, tabulate

QUANTITIES = ("shift", "loss")  # m(0) - 1 and 1 - v(0)/sigma2
SAMPLERS = ("sde", "ode")
DEFAULTS: dict[str, Any] = {"n_samples": 20_000, "n_steps": 200, "seed": 0}  # of `reduced`


def small_rate_scaling(
    classes: Growth | None = None,
    sizes: Sequence[int] = (10**3, 10**4, 10**5, 10**6),
    *,
    w: float = 2.0,
    sigma2: float = 0.25,
    particles: tuple[int, int] | None = None,
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """Distortion at t = 0 for a sub-exponential law of growth, T = infinity, over dimensions.

    Parameters
    ----------
    classes : Polynomial(gamma=2) by default.
    sizes : dimensions.
    w : constant guidance, >= 0.
    options : of `reduced`, by default `DEFAULTS`; all but n_samples of `run` too.
    particles : (n_samples, n_disorder) of `simulate.run` at the same sizes; none by default. Needs P < d.

    Returns
    -------
    xarray.Dataset : over (sampler, quantity, d), quantity "shift" = m(0) - 1 and "loss" = 1 - v(0)/sigma2: `formula`
        (T12), `theory` (`solve`), `reduced`, `particles` and their `_stderr`; `alpha` over d.

    Examples
    --------
    >>> from validate.agreement.statistics import exponent
    >>> data = small_rate_scaling(sizes=(10**4, 10**6), n_samples=400, progress=False)
    >>> at = data.sel(sampler="ode", quantity="shift")
    >>> abs(exponent(data["alpha"], at["theory"])[0] - 0.5) < 0.01
    True
    """
    classes = Polynomial(2.0) if classes is None else classes
    options = {**DEFAULTS, **options}

    def measure(sampler, size):
        j, d = size
        problem = Problem(classes=classes, sigma2=sigma2, guidance=w, sampler=sampler)
        _, shift, excess = small_rate(classes.rate(d), w, sigma2, sampler)
        final = cast(Any, solve(problem, d)).final
        own = {**options, "seed": options["seed"] + j, "progress": False}
        found: dict[str, Any] = {"formula": ("quantity", [shift, -excess])}
        found |= {"theory": ("quantity", [final.mean_shift, -final.variance_excess])}
        found |= _distortion("reduced", reduced(problem, d, **own))
        if not particles:
            return found | {name: ("quantity", [math.nan, math.nan]) for name in ("particles", "particles_stderr")}
        own |= {"n_samples": particles[0], "n_disorder": particles[1]}
        return found | _distortion("particles", run(problem, d=d, **own))

    grid: dict[str, Any] = {"sampler": SAMPLERS, "d": [*enumerate(sizes)]}
    variables: dict[str, Any] = {
        **tabulate(grid, measure, title="distortion as alpha falls", progress=progress),
        "alpha": ("d", [classes.rate(d) for d in sizes]),
    }
    attrs = {"w": w, "sigma2": sigma2, "classes": json.dumps(classes.to_dict()), **stated(options, DEFAULTS)}
    coords = {"sampler": list(SAMPLERS), "quantity": list(QUANTITIES), "d": list(sizes)}
    return xarray.Dataset(variables, coords, attrs).transpose("sampler", "quantity", "d")


def strong_guidance_scaling(
    alphas: Sequence[float] = (0.3, 0.4, 0.5, 0.6, 0.7),
    weights: Sequence[float] = tuple(np.geomspace(1e2, 1e5, 7)),
    *,
    sigma2: float = 0.25,
    reduced_at: tuple[float, int] | None = (0.3, 10**5),
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """Speciation time and distortion of the SDE over w, T = infinity, for several alpha.

    Parameters
    ----------
    alphas, weights : rates, and constant guidance > 0.
    reduced_at : (alpha, d) at which the annealed model is run too, or None.
    options : of `reduced`, by default n_samples = 2000, n_steps = 1000, seed = 0.

    Returns
    -------
    xarray.Dataset : over (alpha, w): `t_speciation`, `shift`, `loss`, `loss_limit` (T13); over w `reduced_loss`,
        `reduced_loss_stderr`.
    """
    options = {**DEFAULTS, "n_samples": 2000, "n_steps": 1000, **options}

    def theory(alpha, w):
        found = cast(Any, solve(Problem(classes=Exponential(alpha), sigma2=sigma2, guidance=float(w))))
        return {
            "t_speciation": found.t_speciation,
            "shift": found.final.mean_shift,
            "loss": -found.final.variance_excess,
            "loss_limit": 1.0 - strong_guidance(alpha, sigma2, w)[1],
        }

    def annealed(point):
        j, w = point
        if reduced_at is None:
            return {"reduced_loss": math.nan, "reduced_loss_stderr": math.nan}
        problem = Problem(classes=Exponential(reduced_at[0]), sigma2=sigma2, guidance=float(w))
        own = {**options, "seed": options["seed"] + j, "progress": False}
        v = reduced(problem, reduced_at[1], **own).final.v_paired
        return {"reduced_loss": 1.0 - v.mean / sigma2, "reduced_loss_stderr": v.stderr / sigma2}

    variables: dict[str, Any] = {
        **tabulate({"alpha": alphas, "w": weights}, theory),
        **tabulate({"w": [*enumerate(weights)]}, annealed, title="distortion as w grows", progress=progress),
    }
    attrs = {"sigma2": sigma2, **stated(options, DEFAULTS)}
    attrs |= {"reduced_alpha": reduced_at[0], "reduced_d": reduced_at[1]} if reduced_at else {}
    return xarray.Dataset(variables, {"alpha": list(alphas), "w": list(weights)}, attrs)


def _distortion(name: str, data: Any) -> dict[str, Any]:
    """The two quantities at t = 0 and their errors: paired estimates."""
    m, v, sigma2 = data.final.m_paired, data.final.v_paired, data.problem.sigma2
    return {
        name: ("quantity", [m.mean - 1.0, 1.0 - v.mean / sigma2]),
        f"{name}_stderr": ("quantity", [m.stderr, v.stderr / sigma2]),
    }


QUANTITY = {"shift": "$m(0) - 1$", "loss": r"$1 - v(0)/\sigma^2$"}


def draw(falling: xarray.Dataset, fixed: xarray.Dataset, strong: xarray.Dataset, axes=None):
    """Three panels: results of `small_rate_scaling` for P = d^gamma and for fixed P, of `strong_guidance_scaling`.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 3.1), 3) as (figure, axes):
        named = [
            _against_alpha(axes[0], falling, "reduced"), _against_alpha(axes[1], fixed, "particles"),
            _against_w(axes[2], strong),
        ]  # fmt: skip
        lettered(axes, "P = d²", "P = 64", "strong w, SDE")
        for axis, lines in zip(axes, named, strict=True):
            named_lines(axis, lines)
    return figure, axes


def _against_alpha(axis, data: xarray.Dataset, compared: str) -> dict[str, Any]:
    """The mean field as lines; particles as points, the annealed model as broad lines below."""
    alpha, named = data["alpha"].values, {}
    for sampler in map(str, data["sampler"].values):
        look = SAMPLER[sampler]
        for quantity, label in QUANTITY.items():
            at = data.sel(sampler=sampler, quantity=quantity)
            y, error = at[compared].values, at[f"{compared}_stderr"].values
            (line,) = axis.plot(alpha, at["theory"], ls="-" if quantity == "shift" else "--", color=look.colour, lw=1.1)
            seen = y > 2.0 * error
            if compared == "particles":
                face = look.colour if quantity == "shift" else "white"
                axis.errorbar(alpha[seen], y[seen], error[seen], mfc=face, **look.points)
            else:
                axis.plot(alpha[seen], y[seen], color=look.colour, lw=4.0, alpha=0.25)
            named[f"{look.label}, {label}"] = line
    axis.set(xscale="log", yscale="log", xlabel=r"$\alpha = \log P/d$", ylabel="distortion")
    return named


def _against_w(axis, data: xarray.Dataset) -> dict[str, Any]:
    """The mean field as lines, its limit dotted, the annealed model as a broad line below."""
    w, named = data["w"].values, {}
    for alpha, colour in zip(data["alpha"].values, shades(data.sizes["alpha"]), strict=True):
        at = data.sel(alpha=alpha)
        (named[rf"$\alpha$ = {alpha:g}"],) = axis.plot(w, at["loss"], color=colour)
        if alpha != 0.5:
            axis.plot(w, at["loss_limit"], ":", color="white", lw=0.7)
    if np.isfinite(data["reduced_loss"].values).any():
        axis.plot(w, data["reduced_loss"], color=shades(1)[0], lw=4.0, alpha=0.25)
        noted(axis, f"broad: annealed,\nd = {data.attrs['reduced_d']:,}", (0.05, 0.79), va="top")
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=QUANTITY["loss"])
    return named
