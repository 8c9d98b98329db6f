"""`few_classes`: the sharp theory of sub-exponentially many classes, and `few_limits`, its amplitudes.

With log P much below d the sample chooses its class at D ~ d/log P, where nothing but the P - 1 log-odds matters: the
means are orthogonal there to leading order in 1/d, and guidance moves x by as much as noise does. That is a process of
P numbers (`meanfield.finite.orthogonal`), (F1) to (F5) of docs/theory.md; its distortion at t = 0 is
    m(0) - 1 = C (sigma2/d)^e (1 + O(1/d)),    v(0)/sigma2 - 1 = -(V/d) (sigma2/d)^(eta^2) (1 + O(1/d)),
with amplitudes of P, w and eta alone. The terms O(1/d) come from the fluctuations of the Gram matrix of the means.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import checked, require, whole
from meanfield.finite.sampling import Model, check_settings, make_model, sample
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from meanfield.tools.door import door

ROLE = 6  # spawn key of its random streams
STEPS = 200
MOST = 20_000  # classes, all of them held
DENSE = 0.2  # log(P)/d, whose square is left out
CORRECTED = 512  # classes up to which the order 1/d is computed
SMALL = 1e-3  # (1 + log P)/d, about the relative size of the order 1/d, below which it is left out
LATE = 60.0  # d/D beyond that of speciation, 2 log P, at which every sample is decided
LIMIT_D = 10_000  # d at which amplitudes are read off, the order 1/d left out


class FewLimits(NamedTuple):
    """C and V of (F4), (F5), with standard errors."""

    shift: float
    loss: float
    shift_stderr: float
    loss_stderr: float


@door()
def few_classes(
    problem: Problem,
    d: int,
    *,
    n_samples: int | None = None,
    n_draws: int = 50,
    n_steps: int = STEPS,
    seed: int = 0,
    n_times: int | None = None,
    order: int = 1,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the theory of few classes: `n_samples` samples in `n_draws` batches, which give the error bar.

    Parameters
    ----------
    problem : isotropic classes of equal weight, 2 to 20,000 of them at this d, from t = infinity; any schedule
        (w > -1/2 far out) and noise process.
    d : dimension, >= 4, with log(P)/d <= 0.2.
    n_samples, n_draws : samples in all (default: 20,000, fewer above 100 classes), and batches; n_samples is rounded
        down to whole batches. Two make a pair of opposite normals, so batches should be even.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included (default: all n_steps + 1).
    order : 0 is the limit alone; 1 adds the relative order 1/d, where it may be above 1e-3 and P <= 512.
    threads : processors to use (default: all available); the result does not depend on it.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches; the twin has its exact law. `log_odds`, `weight`,
        `participation` and `accuracy` are those of the limit. `info["order"]` is the order that was computed,
        `info["standing"]` "asymptotic".

    Raises
    ------
    ProblemError : a setting out of range, or a problem that the theory does not know. ScheduleError : guidance that
        depends on the sample. ConvergenceError : too few steps.

    Examples
    --------
    >>> from meanfield import Fixed, Problem
    >>> problem = Problem(classes=Fixed(10), sigma2=0.25, guidance=1.0)
    >>> data = few_classes(problem, 1000, n_samples=2000, n_draws=20, n_steps=80)
    >>> round(1e4 * float(data.final.m.mean - 1), 1), round(1e4 * 2.12 * 0.25 / 1000, 1)  # C = 2.12
    (5.3, 5.3)
    """
    _require_known(problem)
    d = whole("d", d, low=4, high=1e15)
    n = _number(problem, d)
    n_samples = _affordable(n) if n_samples is None else n_samples
    n_times = whole("n_steps", n_steps, low=1, high=1e7) + 1 if n_times is None else n_times
    s = check_settings(problem, d, n_samples, n_draws, n_steps, n_times, seed, threads)
    order = whole("order", order, low=0, high=1)
    model = make_model(problem, s)
    log_count = model.log_count
    rule = "guidance must be above -1/2 far out, or a wrong class keeps the sample"
    require(model.law.w > -0.5, rule, model.law.w, "Use quenched or simulate.run.")
    plain = _one_group(model)
    plain = plain._replace(grid=_graded(plain))
    model = model._replace(grid=model.grid._replace(strength=plain.grid.strength))
    order = order if n <= CORRECTED and (1.0 + log_count) / s.d > SMALL else 0
    share = max(1, n // 16)  # of the samples, with the order 1/d: they cost so many times as much

    def fill(rng: Any, samples: int, out: Any) -> float:
        from meanfield.finite import orthogonal  # numba is loaded only when it is needed

        return orthogonal.fill(rng, samples, plain, max(1, samples // share) if order else 0, out)

    about = {"log_classes": log_count, "standing": "asymptotic", "order": order}
    return sample(problem, s, model, ROLE, fill, "few classes", progress, **about)


@door()
def few_limits(
    n: int, w: float, eta: float = 1.0, *, n_samples: int | None = None, n_steps: int = STEPS, seed: int = 0,
    threads: int | None = None,
) -> FewLimits:  # fmt: skip
    """Amplitudes of the distortion of few classes, C of (F4) and V of (F5).

    Parameters
    ----------
    n : classes, 2 to 20,000.
    w : constant guidance, > -1/2.
    eta : stochasticity, 0 (ODE) to 3.
    n_samples, n_steps, seed, threads : as in `few_classes`. Relative errors of C are about 1/n_samples^(1/2) or less.

    Raises
    ------
    ProblemError : a parameter out of range. ConvergenceError : too few steps.

    Examples
    --------
    >>> found = few_limits(2, 1.0, eta=0.0, n_samples=4000, n_steps=100)
    >>> round(found.shift, 2), found.shift_stderr < 0.002
    (0.46, True)
    """
    n = whole("n", n, low=2, high=MOST)
    w, eta = checked("w", w, low=-0.5, open_low=True, high=1e3), checked("eta", eta, low=0.0, high=3.0)
    problem = Problem(classes=Fixed(n), sigma2=1.0, guidance=w, sampler=eta)
    settings: dict[str, Any] = {"n_steps": n_steps, "seed": seed, "n_times": 2, "threads": threads}
    final = few_classes(problem, LIMIT_D, n_samples=n_samples, order=0, progress=False, **settings).final
    shift, loss = LIMIT_D**problem.e, -(LIMIT_D - 1.0) * LIMIT_D ** (problem.eta**2)
    C, V = (final.m.mean - 1.0) * shift, (final.v.mean - 1.0) * loss
    return FewLimits(float(C), float(V), float(final.m.stderr * shift), float(-final.v.stderr * loss))


def beside(problem: Problem, data: Ensemble) -> Ensemble:
    """`few_classes` at the d of a run, with a record at each of its times: what is decided at two of them is the same
    number twice, and no interpolation may tell them apart."""
    n = int(data.info.get("n_steps", STEPS))
    n_steps = n * math.ceil(STEPS / n)
    return few_classes(problem, data.d, n_steps=n_steps, progress=False)


def applies(problem: Problem, d: float) -> bool:
    """Whether `few_classes` is the theory of a problem at this d: the distortion vanishes as d grows, and all is known.

    Examples
    --------
    >>> from meanfield import Exponential, Fixed, Problem
    >>> problem = Problem(classes=Fixed(10), sigma2=0.25)
    >>> applies(problem, 100), applies(problem, 4), applies(problem.replace(classes=Exponential(0.1)), 100)
    (True, False, False)
    """
    schedule, law, count = problem.schedule, problem.classes, problem.classes.log_count(d)
    plain = not (schedule.by_rule or schedule.by_sample or schedule.second) and problem.spectrum is None and law.equal
    few = math.isfinite(d) and law.rate() == 0.0 and 0.0 < count <= min(math.log(MOST), DENSE * d) + 1e-9
    return plain and few and d >= 4 and math.isinf(problem.T) and float(problem.amplitude(1e12)) > -0.5


def _require_known(problem: Problem) -> None:
    """Refuse what the theory does not know."""
    require(isinstance(problem, Problem), "problem must be a meanfield.Problem", repr(problem))
    who, schedule = "the theory of few classes", problem.schedule
    problem.require_isotropic(who)
    problem.require_equal_weights(who)
    problem.require_no_ratio(who)
    plain = not (schedule.by_rule or schedule.by_sample or schedule.second)
    require(plain, f"{who} knows a weight w(t) alone", repr(problem.guidance), "Use quenched or simulate.run.")
    rule = f"{who} starts at t = infinity, where the choice is still to come"
    require(math.isinf(problem.T), rule, f"t_start={problem.t_start:g}", "Use quenched or simulate.run.")


def _affordable(n: int) -> int:
    """Samples in all where none are asked for: fewer above 100 classes, as each costs so many times as much."""
    return max(1000, min(20_000, 2_000_000 // n))


def _number(problem: Problem, d: int) -> int:
    """P at this d, in the range of the theory."""
    log_count = problem.classes.log_count(d)
    n = round(math.exp(min(log_count, 50.0)))
    got = f"{n} at d={d}" if log_count < 30.0 else f"exp({log_count:.4g}) at d={d}"
    remedy = "Use reduced, or solve(problem, d)."
    require(2 <= n <= MOST, f"the theory of few classes holds all of 2 to {MOST} classes", got, remedy)
    rule = f"the theory of few classes needs log(P)/d of at most {DENSE:g}"
    require(log_count <= DENSE * d, rule, f"{log_count / d:.3g}", "Use quenched.")
    return n


def _one_group(model: Model) -> Model:
    """The model of isotropic classes without the axis over groups of directions, of which there is one."""
    grid, law = model.grid, model.law
    flat = {name: np.ascontiguousarray(getattr(grid, name)[:, 0]) for name in ("D", "decay", "phi", "noise")}
    start: dict[str, Any] = {name: float(getattr(law, name)[0]) for name in ("m", "v", "m_twin", "v_twin")}
    return model._replace(grid=grid._replace(**flat), law=law._replace(**start))


def _graded(model: Model) -> Any:
    """The grid with the largest N of a step here, e w h d/D, as far out as samples are undecided."""
    grid = model.grid
    w = np.maximum(np.abs(grid.w_start), np.abs(grid.w_end))
    undecided = np.minimum(model.d / grid.D[1:], 2.0 * model.log_count + LATE)
    return grid._replace(strength=-np.log(grid.decay) * w * undecided)
