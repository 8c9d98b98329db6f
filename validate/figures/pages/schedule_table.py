"""Every family of schedules at one and the same mean shift: what each does to variance, separation and accuracy.

A family is a schedule with one free amplitude A. For each class growth and sampler the target is the mean shift
m(0) - 1 of constant guidance, and A is the smallest amplitude that reaches it in the mean-field theory; what else
happens on the way (variance, KL, W2) is then compared. Particles at finite d run the same schedules.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray
from scipy.optimize import brentq

from meanfield import (
    ClampLinear,
    Constant,
    Exponential,
    ExponentialRamp,
    Interval,
    PowerLaw,
    Problem,
    Ramp,
    Schedule,
    Triangular,
    distortion,
    early_high,
    late_unconditional,
    solve,
)
from meanfield.errors import whole
from simulate import run
from validate.figures.curves import stated
from validate.results.tables import Show, tabulate

SPAN: dict[str, Any] = {"t_low": 0.02, "t_high": 20.0, "over": "log t"}  # the range of all ramps
LARGEST = 300.0  # amplitude up to which a family is searched
MEASURED = ("mean_shift", "variance_ratio", "accuracy")

FAMILIES: dict[str, Callable[[float], Schedule]] = {
    "constant": Constant,
    "interval": lambda a: Interval(a, 0.3, 5.0),
    "linear rising": lambda a: Ramp(0.0, a, **SPAN),
    "linear falling": lambda a: Ramp(a, 0.0, **SPAN),
    "cosine rising": lambda a: Ramp(0.0, a, shape="cosine", **SPAN),
    "cosine falling": lambda a: Ramp(a, 0.0, shape="cosine", **SPAN),
    "power rising": lambda a: Ramp(0.0, a, power=2.0, **SPAN),
    "power falling": lambda a: Ramp(a, 0.0, power=2.0, **SPAN),
    "clamp-linear rising": lambda a: ClampLinear(0.0, a, a / 4.0, **SPAN),
    "clamp-linear falling": lambda a: ClampLinear(a, 0.0, a / 4.0, **SPAN),
    "triangular": lambda a: Triangular(0.0, a, t_peak=math.sqrt(0.02 * 20.0), **SPAN),
    "exponential rising": lambda a: ExponentialRamp(a * math.exp(-3.0), -3.0, **SPAN),
    "exponential falling": lambda a: ExponentialRamp(a, 3.0, **SPAN),
    "early high, t > 2": lambda a: early_high(a, 2.0),
    "power law, a = 1": lambda a: PowerLaw(Interval(a, 0.0, 20.0), 1.0),
    "power law, a = -0.5": lambda a: PowerLaw(Interval(a, 0.0, 20.0), -0.5),
    "linear negative window": lambda a: Ramp(-1.0 + 5.0 * a, -1.0, 0.0, 5.0),  # w0 + omega t with w0 = -1, up to t = 5
    "late unconditional, t < 4": lambda a: late_unconditional(a, 4.0),
    "late unconditional, t < 2": lambda a: late_unconditional(a, 2.0),
}


class Found(NamedTuple):
    """The smallest amplitude of a family that reaches the target, or the one that comes nearest, and how it went."""

    amplitude: float
    reached: bool
    note: str


def find_amplitude(
    problem: Problem, family: Callable[[float], Schedule], mean_shift: float, largest: float = LARGEST
) -> Found:
    """Smallest amplitude A in (0, largest] at which family(A) has m(0) - 1 = mean_shift in the mean-field theory.

    Returns
    -------
    Found : with `reached` False and the reason where the family cannot: it saturates, or jumps over the target.

    Examples
    --------
    >>> from meanfield import Continuum
    >>> p = Problem(classes=Continuum(), sigma2=0.25)
    >>> find_amplitude(p, Constant, mean_shift=0.2).reached, find_amplitude(p, Constant, mean_shift=0.3).note
    (True, 'at most 0.25')
    """

    def excess(log_a: float) -> float:
        return float(solve(problem.replace(guidance=family(math.exp(log_a)))).final.mean_shift) - mean_shift

    grid = np.linspace(math.log(1e-2), math.log(largest), 31)
    values = np.full(len(grid), np.nan)
    for i, x in enumerate(grid):
        values[i] = excess(x)
        if values[i] >= 0.0:
            break
    best = int(np.nanargmax(values))
    if values[best] < 0.0:
        return Found(math.exp(grid[best]), False, f"at most {values[best] + mean_shift:.3g}")
    if best == 0:
        return Found(math.exp(grid[0]), False, "above the target at any amplitude")
    root = brentq(excess, grid[best - 1], grid[best], xtol=1e-14, rtol=1e-14)
    if abs(miss := excess(root)) > 1e-7:
        return Found(math.exp(root), False, f"jumps over the target, to {mean_shift + miss:.3g}")
    return Found(math.exp(root), True, "")


def tabulate_schedules(
    alphas: Sequence[float] = (0.4, 0.7),
    samplers: Sequence[str | float] = ("sde", "ode"),
    *,
    sigma2: float = 0.25,
    w: float = 1.0,
    families: Mapping[str, Callable[[float], Schedule]] | None = None,
    dimensions: Sequence[int] = (20, 12),
    progress: Show = None,
    **options: Any,
) -> xarray.Dataset:
    """All families at the mean shift that constant guidance w has in theory, for each alpha and sampler, T = infinity.

    Parameters
    ----------
    alphas, samplers : what to tabulate.
    families : name -> function of the amplitude; `FAMILIES` by default.
    dimensions : d of the particles, one for each alpha.
    options : of `simulate.run`, by default n_samples = 128, n_disorder = 16, n_steps = 100, seed = 0; none run with
        n_samples = 0.

    Returns
    -------
    xarray.Dataset : over (alpha, sampler, schedule): in theory `amplitude`, `mean_shift`, `variance_ratio`,
        `separation` (F), `kl`, `w2` (squared), `standing`; `reached` and `note` for families that miss the target; by
        particles `particle_mean_shift`, `particle_variance_ratio`, `particle_accuracy`, each with `_stderr`. The
        problems are in the attributes.

    Examples
    --------
    >>> data = tabulate_schedules((0.4,), ("sde",), families={"constant": Constant}, dimensions=(8,), n_samples=0)
    >>> round(float(data.amplitude.squeeze()), 6)
    1.0
    """
    families = dict(FAMILIES if families is None else families)
    options = {"n_samples": 128, "n_disorder": 16, "n_steps": 100, "seed": 0, **options}
    options["n_samples"] = whole("n_samples", options["n_samples"], low=0)

    def measure(size, sampler, family):
        alpha, d = size
        base = Problem(classes=Exponential(alpha=alpha), sigma2=sigma2, guidance=w, sampler=sampler)
        row = _theory(base, family)
        return row | _particles(Problem.from_dict(json.loads(row["problem"])), d, options)

    grid = {"alpha": [*zip(alphas, dimensions, strict=False)], "sampler": samplers, "schedule": families.values()}
    known = stated(options, ("seed", "n_samples", "n_disorder", "n_steps"))
    return xarray.Dataset(
        tabulate(grid, measure, title="schedules", progress=progress),
        coords={"alpha": list(alphas), "sampler": [str(s) for s in samplers], "schedule": list(families)},
        attrs={"sigma2": sigma2, "w": w, **known, "dimensions": list(dimensions)},
    )


def _theory(base: Problem, family: Callable[[float], Schedule]) -> dict[str, Any]:
    """Amplitude and measures of one family at the mean shift of `base`."""

    target = float(solve(base).final.mean_shift)
    found = find_amplitude(base, family, target)
    problem = base.replace(guidance=family(found.amplitude))
    theory = solve(problem)
    measures = distortion(theory)
    return {
        "amplitude": found.amplitude,
        "mean_shift": float(theory.final.mean_shift),
        **{n: getattr(measures, n) for n in ("variance_ratio", "separation", "kl", "w2")},
        "note": found.note,
        "reached": found.reached,
        "standing": theory.standing,
        "problem": json.dumps(problem.to_dict()),
    }


def _particles(problem: Problem, d: int, options: dict[str, Any]) -> dict[str, float]:
    """What particles measure, as nan without samples."""
    names = [f"particle_{name}{end}" for name in MEASURED for end in ("", "_stderr")]
    if not options["n_samples"]:
        return dict.fromkeys(names, math.nan)

    final, sigma2 = run(problem, d=d, n_times=2, progress=False, **options).final, problem.sigma2
    m, v, accuracy = final.m_paired, final.v_paired, final.accuracy
    values = (m.mean - 1.0, m.stderr, v.mean / sigma2, v.stderr / sigma2, accuracy.mean, accuracy.stderr)
    return dict(zip(names, map(float, values), strict=True))
