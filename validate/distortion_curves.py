"""Data of the figures that show the distortion: in time, against w, against d, and against the number of classes.

Theory on fine grids, particles at a few points, always as mean and standard error over draws. How classes are held
(in memory, lazily, in their span) is left to `simulate.run`.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.problem.growth import Continuum, Exponential, Fixed, Growth, Polynomial
from meanfield.problem.statement import Problem
from meanfield.tools.progress import Progress
from validate.agreement.estimates import theory_on
from validate.results.provenance import versions
from validate.sweeps.grid import theory_of

if TYPE_CHECKING:
    import xarray

__all__ = ["against_classes", "against_d", "against_w", "final_values", "marks_over", "order_parameters"]

SAMPLERS = ("sde", "ode")
Show = bool | Callable[[int, int], Any] | None


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
                points.append((data.D, *_paired(data)))
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
        attrs=_attrs(problem, options),
    )  # fmt: skip


def against_w(
    classes: Sequence[Growth], weights: Sequence[float], points: Sequence[float], *, d: int, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> "xarray.Dataset":  # fmt: skip
    """m(0) - 1 and v(0)/sigma2 against constant w: theory at d = infinity at `weights`, particles at d at `points`.

    Returns
    -------
    xarray.Dataset : `line_shift`, `line_v_ratio` (growth, sampler, w); `shift`, `v_ratio` with `_error` (growth,
        sampler, point).

    Examples
    --------
    >>> data = against_w([Continuum()], [0.0, 1.0], [1.0], d=8, n_samples=50, n_disorder=4, n_steps=20, progress=False)
    >>> data.line_v_ratio.values[0, 1].round(3)                 # ODE: no distortion at w = 0
    array([1. , 0.2])
    """
    import xarray

    from meanfield import solve
    from simulate import run

    base = Problem(classes=Continuum(), sigma2=sigma2, guidance=0.0)
    lines, marks = [], []
    with Progress(progress, len(classes) * len(samplers) * len(points), f"against w, d = {d}") as show:
        for growth in classes:
            for sampler in samplers:
                problem = base.replace(classes=growth, sampler=sampler)
                finals = [solve(problem.replace(guidance=float(w))).final for w in weights]
                lines.append([(f.m - 1.0, f.v / sigma2) for f in finals])
                for w in points:
                    marks.append(final_values(run(problem.replace(guidance=float(w)), d=d, progress=False, **options)))
                    show(len(marks))
    shape = (len(classes), len(samplers))
    line, mark = np.reshape(lines, (*shape, len(weights), 2)), np.reshape(marks, (*shape, len(points), 4))
    fine, at = ("growth", "sampler", "w"), ("growth", "sampler", "point")
    return xarray.Dataset(
        {"line_shift": (fine, line[..., 0]), "line_v_ratio": (fine, line[..., 1]), **marks_over(at, mark)},
        coords={"growth": [_name(g) for g in classes], "sampler": list(samplers), "w": list(weights),
                "point": list(points)},
        attrs=_attrs(base, options) | {"d": d},
    )  # fmt: skip


def against_d(
    families: Sequence[tuple[Growth, Sequence[int]]], *, w: float = 1.0, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> "xarray.Dataset":  # fmt: skip
    """m(0) - 1 and 1 - v(0)/sigma2 against d, for each growth at its own sizes, with the theory particles go to.

    Theory is that at d = infinity for exponential growth, that at the rate log(P)/d of each d for slower growth.

    Returns
    -------
    xarray.Dataset : over `row`: `growth`, `sampler`, `d`, `rate` (log(P)/d), `shift`, `v_ratio` with `_error`,
        `theory_shift`, `theory_v_ratio`, `held` (how the classes were held).

    Examples
    --------
    >>> data = against_d([(Fixed(20), (100, 1000))], n_samples=10, n_disorder=4, n_steps=20, progress=False)
    >>> bool((np.diff(data.theory_shift.values[:2]) < 0).all())                     # it vanishes as d grows
    True
    """
    import xarray

    from simulate import run

    base = Problem(classes=Continuum(), sigma2=sigma2, guidance=w)
    rows: list[dict[str, Any]] = []
    with Progress(progress, len(samplers) * sum(len(sizes) for _, sizes in families), "against d") as show:
        for growth, sizes in families:
            for sampler in samplers:
                problem = base.replace(classes=growth, sampler=sampler)
                for d in sizes:
                    theory = theory_of(problem, d)
                    data = run(problem, d=d, progress=False, **options)
                    shift, shift_error, v, v_error = final_values(data)
                    rows.append({
                        "growth": _name(growth), "sampler": sampler, "d": d, "rate": growth.rate(d),
                        "shift": shift, "shift_error": shift_error, "v_ratio": v, "v_ratio_error": v_error,
                        "theory_shift": theory.final.m - 1.0, "theory_v_ratio": theory.final.v / sigma2,
                        "held": str(data.info["method"]),
                    })  # fmt: skip
                    show(len(rows))
    variables = {name: ("row", [row[name] for row in rows]) for name in rows[0]}
    return xarray.Dataset(variables, attrs=_attrs(base, options))


def against_classes(
    counts: Sequence[int], sizes: Sequence[int], *, w: float = 1.0, sigma2: float = 0.25,
    samplers: Sequence[str] = SAMPLERS, progress: Show = None, **options: Any,
) -> "xarray.Dataset":  # fmt: skip
    """m(0) - 1 and v(0)/sigma2 against the number of classes at fixed d, with the limit of infinitely many.

    Returns
    -------
    xarray.Dataset : `shift`, `v_ratio` with `_error` (sampler, d, P), the last P being infinity (a continuum, run as
        such); `limit_shift`, `limit_v_ratio` (sampler): theory of the continuum, the same for every d.

    Examples
    --------
    >>> data = against_classes((2, 8), (4,), n_samples=20, n_disorder=4, n_steps=20, progress=False)
    >>> data.limit_v_ratio.values.round(4), data.P.values
    (array([0.4133, 0.2   ]), array([ 2.,  8., inf]))
    """
    import xarray

    from meanfield import solve
    from simulate import run

    base, laws = Problem(classes=Continuum(), sigma2=sigma2, guidance=w), [*map(Fixed, counts), Continuum()]
    marks, limits = [], []
    with Progress(progress, len(samplers) * len(sizes) * len(laws), "against the number of classes") as show:
        for sampler in samplers:
            final = solve(base.replace(sampler=sampler)).final
            limits.append((final.m - 1.0, final.v / sigma2))
            for d in sizes:
                for law in laws:
                    problem = base.replace(classes=law, sampler=sampler)
                    marks.append(final_values(run(problem, d=d, progress=False, **options)))
                    show(len(marks))
    mark = np.reshape(marks, (len(samplers), len(sizes), len(laws), 4))
    shift, v_ratio = np.transpose(limits)
    return xarray.Dataset(
        {"limit_shift": ("sampler", shift), "limit_v_ratio": ("sampler", v_ratio),
         **marks_over(("sampler", "d", "P"), mark)},
        coords={"sampler": list(samplers), "d": list(sizes), "P": [*map(float, counts), math.inf]},
        attrs=_attrs(base, options),
    )  # fmt: skip


def _paired(data: Ensemble) -> tuple[np.ndarray, ...]:
    """m, its error, v, its error at the recorded times: paired estimates."""
    return data.m_paired.mean, data.m_paired.stderr, data.v_paired.mean, data.v_paired.stderr


def final_values(data: Ensemble) -> tuple[float, ...]:
    """m(0) - 1, its error, v(0)/sigma2, its error: paired estimates."""
    m, m_error, v, v_error = (float(x[-1]) for x in _paired(data))
    return m - 1.0, m_error, v / data.problem.sigma2, v_error / data.problem.sigma2


def marks_over(dims: tuple[str, ...], mark: np.ndarray) -> dict[str, tuple]:
    """Variables over `dims` of an array (..., 4) of `final_values`."""
    names = ("shift", "shift_error", "v_ratio", "v_ratio_error")
    return {name: (dims, mark[..., i]) for i, name in enumerate(names)}


def _name(growth: Growth) -> str:
    """A growth law as figures call it."""
    if isinstance(growth, Exponential):
        return f"alpha = {growth.alpha:g}"
    if isinstance(growth, Polynomial):
        return f"P = d^{growth.gamma:g}"
    return f"P = {growth.n}" if isinstance(growth, Fixed) else "continuum"


def _attrs(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    about = {"problem": json.dumps(problem.to_dict()), "sigma2": problem.sigma2, "seed": options.get("seed", 0)}
    return {**about, "options": json.dumps(options), **versions()}
