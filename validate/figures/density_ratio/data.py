"""Density-ratio guidance: the objective on a line, its weight on the way, its distortion over sizes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import DensityRatio, Problem, fade, ratio_limits, solve
from meanfield.objective.contrastive import fit, minimiser, score_objective, weights
from meanfield.objective.smallmixture import SmallMixture
from simulate import run
from validate.agreement.extrapolation import Extrapolation, fit_inverse_size
from validate.results.provenance import options_json
from validate.results.tables import tabulate


def objective_on_a_line(
    beta: float = 0.3, t: float = 0.5, *, means: Sequence[float] = (1.5, -1.0, 0.2), variance: float = 0.3,
    points: int = 241, fitted: int = 24,
) -> xarray.Dataset:  # fmt: skip
    """The plain objective of a mixture on a line: its minimiser in closed form, found numerically, and where none is.

    Returns
    -------
    xarray.Dataset : `s_c`, `s_u`, `beta_r`, `minimiser` (nan where beta r >= 1), `share_c` and `share_u` (densities of
        the target and of the aggregate) over x; `found` over x_found, free values that minimise the objective.

    Examples
    --------
    >>> data = objective_on_a_line(points=41, fitted=8)
    >>> bool(np.isnan(data.minimiser[0])), bool(data.error < 1e-6)
    (True, True)
    """
    mixture, guidance = SmallMixture(list(means), variance), DensityRatio(beta)
    x = np.linspace(-3.5, 4.5, points)
    at = mixture.fields(x[:, None], t)
    beta_r = beta * np.exp(at.log_ratio)
    exists = beta_r < 1.0
    s = np.full(points, np.nan)
    s[exists] = minimiser(at.s_c, at.s_u, *np.where(exists, weights(guidance, at.log_ratio), [[1.0], [0.0]]))[exists, 0]
    safe = x[beta_r < 0.9]  # at the edge of existence the minimum is flat
    nodes = np.linspace(safe[0], safe[-1], fitted)
    objective = score_objective(mixture, guidance, t, nodes[:, None], np.ones(fitted))
    found = fit(objective, lambda p, _: (p[:, None], np.eye(fitted)[:, None, :]), np.full(fitted, 5.0)).theta
    there = mixture.fields(nodes[:, None], t)
    exact = minimiser(there.s_c, there.s_u, *weights(guidance, there.log_ratio))[:, 0]
    return xarray.Dataset(
        {
            "s_c": ("x", at.s_c[:, 0]),
            "s_u": ("x", at.s_u[:, 0]),
            "beta_r": ("x", beta_r),
            "minimiser": ("x", s),
            "share_c": ("x", np.exp(at.log_target)),
            "share_u": ("x", np.exp(at.log_target + at.log_ratio)),
            "found": ("x_found", found),
            "error": np.abs(found - exact).max(),
        },
        coords={"x": x, "x_found": nodes},
        attrs={"beta": beta, "t": t},
    )


def weight_on_the_way(
    problem: Problem,
    sizes: Sequence[int],
    theory: Sequence[int] = (),
    *,
    n_times: int = 25,
    seed: int = 0,
    **options: Any,
) -> xarray.Dataset:
    """The mean weight of density-ratio guidance against D, particles and theory.

    Parameters
    ----------
    problem : with `DensityRatio` guidance, from t = infinity.
    sizes : dimensions of the particles; `theory` : further ones without.
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : `w`, `w_error`, `D` over (size, time); `line`, `line_D` over (d, node); `D_fade`, `D_speciation`
        over d.
    """
    every, sigma2 = sorted({*sizes, *theory}), problem.sigma2

    def particles(d):
        data = run(problem, d=d, n_times=n_times, seed=seed, **options)
        return {"w": ("time", data.w.mean), "w_error": ("time", data.w.stderr), "D": ("time", data.D)}

    def line(d):
        faded = fade(problem, d)
        found = {"line": ("node", faded.weight), "line_D": ("node", faded.t + sigma2)}
        return found | {"D_fade": faded.t_fade + sigma2, "D_speciation": faded.trajectory.t_speciation + sigma2}

    return xarray.Dataset(
        {**tabulate({"d": every}, line), **tabulate({"size": sizes}, particles)},
        coords={"size": list(sizes), "d": every},
        attrs=_about(problem, seed, options),
    )


def distortion_over_sizes(
    problem: Problem,
    cases: Mapping[str, Any],
    *,
    samplers: Sequence[str] = ("ode", "sde"),
    seed: int = 0,
    **options: Any,
) -> xarray.Dataset:
    """m(0) and v(0) of density-ratio guidance and of constant guidance with its weight at large t, over sizes.

    Parameters
    ----------
    problem : with `DensityRatio` guidance, from t = infinity; its classes are not looked at.
    cases : name -> (classes, dimensions).
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : over (sampler, point): `shift` = m(0) - 1 and `loss` = 1 - v(0)/sigma2 with `_error`, `_theory`,
        and the same of constant guidance, `constant_...`; `case` and `d` over point; `shift_limit`, `shift_off` (at
        1.1 beta) and `loss_limit` over sampler, coefficients for d -> infinity.
    """
    points = [(name, classes, int(d)) for name, (classes, sizes) in cases.items() for d in sizes]
    off = DensityRatio(1.1 * problem.guidance.beta, problem.guidance.w_max)

    def measure(sampler, point):
        _, classes, d = point
        return _measured(problem.replace(classes=classes, sampler=sampler), d, seed, options)

    def limits(sampler):
        eta = problem.replace(sampler=sampler).eta
        found = ratio_limits(problem.guidance, eta)
        shift_off = float(ratio_limits(off, eta).shift)
        return {"shift_limit": float(found.shift), "loss_limit": float(found.loss), "shift_off": shift_off}

    return xarray.Dataset(
        {
            **tabulate({"sampler": samplers, "point": points}, measure),
            **tabulate({"sampler": samplers}, limits),
        },
        coords={
            "sampler": list(samplers),
            "case": ("point", [name for name, _, _ in points]),
            "d": ("point", [d for _, _, d in points]),
        },
        attrs=_about(problem, seed, options),
    )


def limit_from_sizes(data: xarray.Dataset, case: str, sampler: str) -> Extrapolation:
    """(m(0) - 1) (d/sigma2)^e of a case for d -> infinity, extrapolated in 1/d."""
    part = data.sel(sampler=sampler).isel(point=np.flatnonzero(data["case"].values == case))
    problem = Problem.from_dict(json.loads(data.attrs["problem"])).replace(sampler=sampler)
    unit = (part["d"].values / problem.sigma2) ** problem.e
    values, errors = (part[name].values * unit for name in ("shift", "shift_error"))
    return fit_inverse_size(part["d"], values, errors, quantity="C", order=1)


def _measured(problem: Problem, d: int, seed: int, options: Mapping[str, Any]) -> dict[str, float]:
    """One point: density-ratio guidance, and constant guidance of the same weight at large t."""
    constant = problem.replace(guidance=problem.guidance.largest)
    ways = {"": (problem, fade(problem, d).trajectory.final), "constant_": (constant, solve(constant, d).final)}
    found: dict[str, float] = {}
    for label, (each, theory) in ways.items():
        seen = run(each, d=d, seed=seed, **options).final
        m, v = seen.m_paired, seen.v_paired
        values = {"shift": m.mean - 1.0, "shift_error": m.stderr, "shift_theory": theory.mean_shift}
        values |= {"loss": 1.0 - v.mean / problem.sigma2, "loss_error": v.stderr / problem.sigma2}
        values |= {"loss_theory": -theory.variance_excess}
        found |= {label + name: float(value) for name, value in values.items()}
    return found


def _about(problem: Problem, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"problem": json.dumps(problem.to_dict()), "options": options_json(options), "seed": seed}
