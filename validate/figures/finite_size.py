"""Finite d: explicit particles at small d beside both finite-d theories and the mean field.

Estimates are paired with the unguided twin, but for the ODE at strong guidance: there a sample forgets its start and
the twin does not, so that the difference would be noisier than the plain mean.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Exponential, Problem, quenched, reduced, solve
from simulate import run
from validate.drawing import LEVEL, canvas, in_column, legend_below, lettered
from validate.figures.curves import in_units, limit_in_units
from validate.recipe import Data, GalleryFigure, Part, in_order
from validate.results.provenance import versions
from validate.results.tables import Show, tabulate

_BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
KINDS = ("particles", "quenched", "annealed")
CASES: dict[str, Problem] = {
    "SDE, alpha = 0.4, w = 1": _BASE,
    "ODE, alpha = 0.4, w = 1": _BASE.replace(sampler="ode"),
    "ODE, alpha = 0.7, w = 5 (glass)": _BASE.replace(sampler="ode", classes=Exponential(0.7), guidance=5.0),
}


def finite_d(
    cases: Mapping[str, Problem] | None = None,
    particles: Sequence[int] = (10, 12, 14, 16),
    theory: Sequence[int] = (10, 12, 14, 16, 24, 48, 96),
    *,
    n_samples: int = 32,
    n_disorder: int = 32,
    n_steps: int = 120,
    seed: int = 0,
    progress: Show = None,
) -> xarray.Dataset:
    """m(0) and v(0)/sigma2 of particles, of the quenched and of the annealed theory, and of the mean field.

    Parameters
    ----------
    cases : name -> problem; by default `CASES`.
    particles : dimensions of the particles, all classes in memory.
    theory : dimensions of the finite-d theories.
    n_samples, n_disorder, n_steps, seed : of the particles; quenched samples number n_samples * n_disorder.

    Returns
    -------
    xarray.Dataset : `m`, `v` (in units of sigma2) with `_error` over (case, kind, d), nan where a kind is not computed;
        kind is "particles", "quenched" or "annealed"; `limit_m`, `limit_v` over case.

    Examples
    --------
    >>> one = {"crowd": CASES["SDE, alpha = 0.4, w = 1"]}
    >>> data = finite_d(one, (8,), (8, 12), n_samples=4, n_disorder=4, n_steps=40, progress=False)
    >>> data.m.dims, int(data.m.isnull().sum())                      # no particles at d = 12
    (('case', 'kind', 'd'), 1)
    """
    cases = CASES if cases is None else cases

    def measure(problem, kind, d):
        if d not in (particles if kind == "particles" else theory):
            return {}
        pairing = problem.eta > 0 or problem.schedule.largest <= 2.0
        shared: dict[str, Any] = {"n_steps": max(n_steps, 2 * d), "n_times": 2, "seed": seed, "progress": False}
        if kind == "particles":
            data = run(problem, d=d, n_samples=n_samples, n_disorder=n_disorder, classes="explicit", **shared)
        elif kind == "quenched":
            data = quenched(problem, d, n_samples=n_samples * n_disorder, n_draws=n_disorder, **shared)
        else:
            data = reduced(problem, d, n_samples=20_000, n_draws=40, **shared)
        return in_units(data, pairing, "_error")

    grid: dict[str, Any] = {"case": cases.values(), "kind": KINDS, "d": sorted({*particles, *theory})}
    settings = {"n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed}
    return xarray.Dataset(
        {
            **tabulate({"case": cases.values()}, lambda problem: limit_in_units(solve(problem), "limit")),
            **tabulate(grid, measure, title="finite d", progress=progress, cost=lambda *at: at[-1]),
        },
        coords={**grid, "case": list(cases), "kind": list(KINDS)},
        attrs={"problems": json.dumps([p.to_dict() for p in cases.values()]), **settings, **versions()},
    )


def draw(data: xarray.Dataset, axes=None):
    """Particles and finite-d theories against 1/d: result of `finite_d`.

    Parameters
    ----------
    axes : (2, cases); made if None.

    Returns
    -------
    (fig, axes)
    """
    n = data.sizes["case"]
    with canvas(axes, (7.0, 3.9), (2, n), across=2, sharex=True) as (figure, axes):
        for row, (name, label) in zip(axes, (("m", r"$m(0)$"), ("v", r"$v(0)/\sigma^2$")), strict=True):
            for axis, case in zip(row, data.case.values, strict=True):
                at = data.sel(case=case)
                draw_levels(axis, at, name)
                axis.set_xlim(0, 1.06 / float(data.d.min()))
            row[0].set_ylabel(label)
        titles = [case.replace("alpha", r"$\alpha$").replace(", w", ",\nw") for case in data.case.values]
        lettered(axes.flat, *titles, *(titles if in_column() else [""] * n))
        shown = [d for d in data.d.values if d in (10, 16, 24, 48)]
        for axis in axes[-1]:
            axis.set_xticks([0, *(1.0 / d for d in shown)], [r"$\infty$", *map(str, shown)])
            axis.set_xlabel("d (linear in 1/d)")
        legend_below(axes[0, 0], 4)
    return figure, axes


def draw_levels(axis: Any, data: xarray.Dataset, name: str) -> None:
    """Theories at the same d as lines with bands of their errors, particles as points, the limit where d ends."""
    for kind in ("annealed", "quenched"):
        one, look = data.sel(kind=kind).dropna("d", subset=[name]), LEVEL[kind]
        x, y, error = 1.0 / one.d.values, one[name].values, one[f"{name}_error"].values
        axis.plot(x, y, label=look.label, lw=1.1, **look.curve)
        axis.fill_between(x, y - error, y + error, color=look.colour, alpha=0.25, lw=0)
    one, look = data.sel(kind="particles").dropna("d", subset=[name]), LEVEL["particles"]
    axis.errorbar(1.0 / one.d, one[name], one[f"{name}_error"], label=look.label, ms=3.5, capsize=1.5, **look.points)
    end, limit = 0.07 / float(data.d.min()), float(data[f"limit_{name}"])
    axis.plot([0.0, end], [limit, limit], color=LEVEL["mean field"].colour, lw=2.5, label="mean field", clip_on=False)


def _parts(profile: str) -> dict[str, Part]:
    size = {"quick": (24, 24), "standard": (32, 150)}.get(profile, (64, 300))
    options: dict[str, Any] = dict(zip(("n_samples", "n_disorder"), size, strict=True))
    if profile != "quick":
        options |= {"particles": (10, 12, 14, 16, 18), "theory": (10, 12, 14, 16, 18, 24, 48, 96, 192)}
    return {"sizes": Part(finite_d, options)}


def _caption(data: Data) -> str:
    d = data["sizes"]
    a, b = (d.sel(kind=kind) for kind in ("particles", "quenched"))
    z = np.concatenate([((a[q] - b[q]) / np.hypot(a[f"{q}_error"], b[f"{q}_error"])).values.ravel() for q in "mv"])
    z = z[np.isfinite(z)]
    return (
        f"Finite $d$: particles with all classes in memory ({d.attrs['n_disorder']} draws of {d.attrs['n_samples']} "
        f"samples, {d.attrs['n_steps']} steps), the quenched and the annealed theory at the same $d$, and the mean "
        r"field at $d = \infty$; $\sigma^2 = 0.25$, $T = \infty$. Standard errors over draws. Particles against "
        f"quenched theory: r.m.s. $z = {np.sqrt(np.mean(z**2)):.2f}$ over {len(z)} numbers."
    )


FIGURE = GalleryFigure("finite-size", "Finite-size theory against particles", _parts, in_order(draw), _caption)
