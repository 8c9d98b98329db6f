"""Estimates of m and v from an ensemble: which estimator, at which times.

A quantity is "m" or "v", "m_2" of guidance with a second condition, or with a spectrum "m[i]", "v[i]" or "m_2[i]": that
of group i of the directions, whitened.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from meanfield import Ensemble, Problem
from meanfield.errors import short
from validate.agreement.sampled import is_sampled
from validate.agreement.stated import Stated
from validate.errors import ComparisonError

QUANTITIES = ("m", "v")


def quantities(data: Ensemble) -> tuple[str, ...]:
    """What a comparison looks at: m and v, and m_2 if there is one, with a spectrum those of every group."""
    spectrum, names = data.problem.spectrum, (*QUANTITIES, *(["m_2"] if "m_2" in data.draws else []))
    return names if spectrum is None else tuple(f"{q}[{i}]" for i in range(len(spectrum)) for q in names)


def value_of(state: Any, quantity: str) -> Any:
    """A quantity of a theory's state or of an ensemble's draws, an array (..., times)."""
    name, group = _parse(quantity)
    return getattr(state, name) if group is None else getattr(state, f"{name}_group")[..., group]


def _parse(quantity: str) -> tuple[str, int | None]:
    name, _, group = quantity.rstrip("]").partition("[")
    return name, int(group) if group else None


def theory_on(theory: Any, t: np.ndarray) -> dict[str, np.ndarray]:
    """m and v of a trajectory at recorded times; nan above its start.

    From T = infinity particles start where their own rate log(P)/d says, which may lie a little above the start of the
    trajectory at d = infinity.
    """
    inside = np.minimum(t, theory.t[0])
    at = theory.at(inside)
    return {q: np.where(inside == t, getattr(at, q), np.nan) for q in QUANTITIES}


def best_draws(ensemble: Ensemble, quantity: str) -> np.ndarray:
    """Draws (draws, times) of m or v by the paired estimator, or the plain one where both twins coincide."""
    return draws_of(ensemble, quantity, "plain" if twins_coincide(ensemble) else "paired")


def draws_of(ensemble: Ensemble, quantity: str, estimator: str) -> np.ndarray:
    (name, group), suffix = _parse(quantity), "_paired" if estimator == "paired" else ""
    if group is None:
        return getattr(ensemble, f"{name}{suffix}").values
    return getattr(ensemble, f"{name}_group{suffix}").values[..., group]


def draws_at(ensemble: Ensemble, keys, t: np.ndarray, estimator: str) -> np.ndarray:
    """Draws of another ensemble at times t, shape (draws, k): cubic splines in log D through its records.

    v falls by orders of magnitude, so its spline is that of v/D: that of v itself, through records 0.4 apart in log D,
    is off by 5e-5, which paired draws resolve.
    """
    from scipy.interpolate import CubicSpline

    grid, wanted = np.log(ensemble.D[::-1]), np.log(ensemble.problem.sigma2 + t)
    columns = []
    for (quantity, _), x in zip(keys, wanted, strict=True):
        values = draws_of(ensemble, quantity, estimator)[:, ::-1]
        nearest = int(np.argmin(np.abs(grid - x)))
        if abs(grid[nearest] - x) < 1e-9:  # equal times must give the record itself, bit for bit
            columns.append(values[:, nearest])
            continue
        inside, power = np.clip(x, grid[0], grid[-1]), float(quantity.startswith("v"))
        smooth = CubicSpline(grid, values * np.exp(-power * grid), axis=1)
        columns.append(smooth(inside) * np.exp(power * inside))
    return np.column_stack(columns)


def numbers_of(theory: Any, problem: Problem, data: Ensemble, times: Any) -> tuple[list[tuple[str, int]], np.ndarray]:
    """What is compared: quantity and the nearest record of each number, earliest first, and its VE time."""
    own = theory.t if isinstance(theory, Stated) else None
    if own is not None and times is not None:
        raise ComparisonError(f"a table has times of its own; got times={short(times)}. Leave them out.")
    wanted: Any = times if own is None else own
    if isinstance(theory, Stated) and is_sampled(data):
        wanted = [0.0] if wanted is None else wanted
        if np.any(np.asarray(wanted) != 0.0):
            raise ComparisonError(
                "of a sampler's own code a stated theory is that of the end, t = 0; got "
                f"t = {short(np.ravel(wanted).tolist())}. Its calls have a theory of theirs: solve_sampler."
            )
        index = [len(data.t) - 1]
    else:
        index = record_indices(data, wanted) if own is None else [record_indices(data, [t])[0] for t in own]
    at = data.t[index] if own is None else own
    first = theory.t[0] if theory.t is not None and theory.problem != data.problem else math.inf
    pairs = [(i, t) for i, t in zip(index, at, strict=True) if t <= first * (1 + 1e-12)]
    if not pairs or (times is not None and len(pairs) < len(index)):
        raise ComparisonError(f"times must lie below the start of the theory, t = {first:g}; got {short(times)}.")
    # groups and a second overlap are compared where both have them
    alike = [(None if p.spectrum is None else len(p.spectrum), p.guidance.second) for p in (problem, data.problem)]
    names = quantities(data) if alike[0] == alike[1] and not isinstance(theory, Stated) else QUANTITIES
    return [(q, i) for i, _ in pairs for q in names], np.array([t for _, t in pairs for _ in names])


def reading_note(data: Ensemble, keys, t: np.ndarray, estimator: str) -> list[str]:
    """A warning where m or v at times between the records hangs on their number: half of them say something else."""
    last = len(data.t) - 1
    between = [j for j, x in enumerate(t) if np.abs(data.t - x).min() > 1e-9 * (data.problem.sigma2 + x)]
    if not between or last < 4:
        return ["warning: too few records to read the particles between them; raise n_times"] if between else []
    half = np.unique([0, *range(last % 2, last + 1, 2)])
    fewer = replace(data, t=data.t[half], draws={q: x[:, half] for q, x in data.draws.items()})
    keys, t = [keys[j] for j in between], t[between]
    full, part = (draws_at(each, keys, t, estimator) for each in (data, fewer))
    off = np.abs((full - part).mean(axis=0)) > full.std(axis=0, ddof=1) / np.sqrt(len(full))
    if not off.any():
        return []
    where = ", ".join(f"{x:.4g}" for x in sorted(set(t[off].tolist()))[:3])
    return [f"warning: half of the records would say something else at t = {where}; raise n_times"]


def draws_at_calls(ensemble: Ensemble, keys, estimator: str) -> np.ndarray:
    """Draws of another ensemble of the same sampler's code at the same calls, numbered from the end, (draws, k)."""
    return np.column_stack([draws_of(ensemble, q, estimator)[:, i] for q, i in keys])


def twins_coincide(data: Ensemble) -> bool:
    pairs = [(data.draws[q], data.draws[f"{q}_twin"]) for q in QUANTITIES]
    return all(np.allclose(a, b, rtol=1e-12, atol=0.0) for a, b in pairs)


def record_indices(data: Ensemble, times: Sequence[float] | None) -> list[int]:
    """Indices of the records to compare at, earliest first, always with t = 0 if none are asked for."""
    last = len(data.t) - 1
    if times is None and last == 0:
        return [0]
    if times is None:
        count = int(np.clip((data.n_draws - 1) // 3 // len(quantities(data)), 1, min(5, last)))
        return sorted({round(last * (j + 1) / count) for j in range(count)})
    wanted = np.atleast_1d(np.asarray(times, float))
    if wanted.ndim != 1 or wanted.size == 0 or not np.all((wanted >= 0) & (wanted <= data.t[0])):
        raise ComparisonError(
            f"times must lie within the record, 0 <= t <= {data.t[0]:g}; got {short(wanted.tolist())}."
        )
    return sorted({int(np.argmin(np.abs(data.t - t))) for t in wanted})
