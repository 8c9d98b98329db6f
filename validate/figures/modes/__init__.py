"""Modes that guidance loses: in the plane, and how many of exponentially many, against w."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Hierarchy, Problem, solve
from simulate import Mixture, run_modes, sample_mixture
from simulate.modes.counting import nearest
from validate.drawing import SAMPLER, canvas, lettered, named_lines, noted
from validate.figures.plane import spiral
from validate.recipe import Data, GalleryFigure, Part
from validate.results.tables import tabulate

LAW = Hierarchy(alpha=(0.3, 0.15), rho=0.7)
SIGMA2, T = 0.05, 1000.0
WEIGHTS = (0.0, 4.0)  # of the panels in the plane


def in_the_plane(
    n_labels: int = 5,
    n_modes: int = 40,
    spread: float = 0.3,
    *,
    n_samples: int = 400,
    n_steps: int = 200,
    seed: int = 0,
) -> xarray.Dataset:
    """Samples of one label of many modes in two dimensions, unguided and guided, along the ODE.

    Returns
    -------
    xarray.Dataset : `x` over (w, sample, axis); `means` over (label, mode, axis); `reached` over (w, mode), the share
        of samples whose nearest mode of the label it is.

    Examples
    --------
    >>> data = in_the_plane(n_samples=50, n_steps=20)
    >>> dict(data.sizes)["mode"], bool((data.reached.sum("mode").round(9) == 1).all())
    (40, True)
    """
    angles = 2.0 * np.pi * np.arange(n_labels) / n_labels
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    modes = spread**0.5 * spiral(n_modes)  # about the centre of their label, each label's turned its own way
    turned = np.stack([modes @ np.array([[c, s], [-s, c]]) for c, s in around])
    means = 1.4 * around[:, None] + turned
    labels = np.repeat(np.arange(n_labels), n_modes).tolist()
    mixture = Mixture(means.reshape(-1, 2), variances=0.003, labels=labels)
    found, reached = [], []
    for w in WEIGHTS:
        problem = mixture.problem(0, guidance=w, sampler="ode", t_start=T)
        x = sample_mixture(problem, mixture, target=0, n_samples=n_samples, n_steps=n_steps, seed=seed)
        found.append(x)
        reached.append(np.bincount(nearest(x, means[0]), minlength=n_modes) / n_samples)
    return xarray.Dataset(
        {
            "x": (("w", "sample", "axis"), np.array(found)),
            "means": (("label", "mode", "axis"), means),
            "reached": (("w", "mode"), np.array(reached)),
        },
        coords={"w": list(WEIGHTS)},
    )


def against_weight(
    weights: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    *,
    d: int = 44,
    n_samples: int = 64,
    n_draws: int = 24,
    n_steps: int = 60,
    seed: int = 0,
    progress: bool | None = None,
) -> xarray.Dataset:
    """K_div against w: theory at d = infinity over a fine grid, and particles at d, others annealed.

    Of particles K_div is that of their m_B and v_B (M4), as changed by guidance; errors over draws.

    Returns
    -------
    xarray.Dataset : `theory`, `of_the_shift` over (sampler, fine); `found`, `error` over (sampler, w).
    """
    samplers = list(SAMPLER)
    base = Problem(classes=LAW, sigma2=SIGMA2, guidance=0.0, sampler="ode", t_start=T)

    def theory(sampler: str, fine: float) -> dict[str, float]:
        solved: Any = solve(base.replace(guidance=fine, sampler=sampler))
        return {"theory": solved.K_div, "of_the_shift": LAW.rho * solved.m_B**2 / (2.0 * LAW.tau)}

    def particles(sampler: str, w: float) -> dict[str, float]:
        options: dict[str, Any] = {"n_samples": n_samples, "n_draws": n_draws, "n_steps": n_steps, "seed": seed}
        data = run_modes(base.replace(guidance=w, sampler=sampler), d, others="annealed", twin=True, **options)
        m_B = data.paired("m_B")
        value = LAW.rho * m_B.mean**2 / (2.0 * LAW.tau)
        return {"found": float(value), "error": float(2.0 * value * m_B.stderr / abs(m_B.mean))}

    fine, where = np.linspace(0.0, 5.0, 41), {"sampler": samplers}
    return xarray.Dataset(
        {
            **tabulate({**where, "fine": fine}, theory),
            **tabulate({**where, "w": list(weights)}, particles, title="modes lost", progress=progress),
        },
        coords={**where, "fine": fine, "w": list(weights)},
        attrs={"d": d, "n_samples": n_samples, "n_draws": n_draws, "n_steps": n_steps},
    )


def draw(plane: xarray.Dataset, marks: xarray.Dataset, axes=None):
    """Two panels in the plane and one of K_div: results of `in_the_plane` and `against_weight`.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 2.5), 3, across=2) as (figure, axes):
        for i, axis in enumerate(axes[:2]):
            row = plane.isel(w=i)
            others = row.means.values[1:].reshape(-1, 2)
            own, reached = row.means.values[0], row.reached.values > 0.0
            axis.plot(*others.T, ".", color="0.8", ms=2.5)
            axis.plot(*row.x.values.T, ".", color=SAMPLER["ode"].colour, ms=1.5, alpha=0.5)
            axis.plot(*own[reached].T, "o", color="black", ms=3.5, mfc="none", mew=0.8)
            axis.plot(*own[~reached].T, "x", color="black", ms=3.5, mew=0.8)
            axis.set(aspect="equal", xticks=[], yticks=[], xlim=(-0.6, 3.3), ylim=(-1.95, 1.95))
            axis.set_xlabel(f"{int(reached.sum())} of {len(own)} modes reached")
        named = {}
        for sampler, look in SAMPLER.items():
            at = marks.sel(sampler=sampler)
            (named[look.label],) = axes[2].plot(at.fine, at.theory, **look.curve)
            axes[2].errorbar(at.w, at.found, at.error, mfc="none" if sampler == "ode" else None, **look.points)
        axes[2].set(xlabel="guidance w", ylabel=r"modes lost, $K_\mathrm{div}$", xlim=(0, 5), ylim=(0, None))
        noted(axes[2], rf"of $\alpha_2 = {LAW.alpha[1]:g}$", (0.04, 0.92))
        named_lines(axes[2], named)
        lettered(axes, "no guidance", f"w = {WEIGHTS[1]:g}, ODE", "modes lost")
    return figure, axes


def _parts(profile: str) -> dict[str, Part]:
    draws = {"quick": 12, "standard": 24}.get(profile, 96)
    return {"plane": Part(in_the_plane), "marks": Part(against_weight, {"n_draws": draws})}


def _caption(data: Data) -> str:
    plane, marks = data["plane"], data["marks"]
    about = marks.attrs
    return (
        f"(a, b) One label of {plane.sizes['mode']} modes among {plane.sizes['label']} in the plane: circles, modes in "
        "which samples end; crosses, those that none reaches; grey, modes of other labels. Guidance keeps to the outer "
        r"ones. (c) Of $e^{\alpha_2 d}$ modes samples reach $e^{(\alpha_2 - K_\mathrm{div})d}$; "
        rf"$\alpha_1 = {LAW.alpha[0]:g}$, $\rho = {LAW.rho:g}$, $\sigma^2 = {SIGMA2:g}$, $T = {T:g}$. Lines: theory at "
        rf"$d = \infty$. Points: particles at $d = {about['d']}$ in the average density of other labels, "
        f"{about['n_draws']} draws of {about['n_samples']} samples, by the shift of their modes; standard errors over "
        "draws. What is left between points and lines is the effect of finite $d$."
    )


FIGURE = GalleryFigure(
    "modes", "Modes that guidance loses", _parts, lambda data: draw(data["plane"], data["marks"]), _caption
)
