"""`Mixture.design`: the window of a class tuned by its particles, rivals at equal shift, all verified by fresh ones."""

import json
import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from meanfield.errors import ProblemError, checked, one_of, require, whole
from meanfield.guidance.schedules import Schedule, as_schedule
from meanfield.problem.statement import LARGEST_W, Problem
from meanfield.tools.door import door
from meanfield.tools.progress import Progress
from meanfield.tools.roots import brentq
from simulate.mixtures.given import warn_of_early_start
from simulate.mixtures.mixture import Mixture
from validate.data.measuring import Shape, measured
from validate.data.twins import Plan
from validate.results.provenance import versions
from validate.tuning.bench import Bench
from validate.tuning.result import MixtureDesign
from validate.tuning.rivals import EQUAL, by_theory, rivals
from validate.tuning.window import RUNGS, Axis, Window, again, tuned

if TYPE_CHECKING:
    import xarray

BATCHES = 8
ENOUGH = 0.25  # of the tolerance: a standard error that needs no more samples
CLOSE, ROUNDS = 0.005, 4  # of a shift that is asked for: how near to come to it on a larger bench, in so many turns
GROWTH, LARGEST = 4, 16  # factors by which samples grow until that, and at most
EXPECTED = 80  # runs of a search, for a progress bar
OWN, THEORY = "window", "mean field"


@door()
def design_mixture(
    mixture: Mixture,
    target: Hashable,
    w_max: float = 6.0,
    *,
    w_min: float = -1.0,
    keep: float = 1.0,
    tolerance: float = 0.01,
    shift: float | None = None,
    equal: str = "shift",
    guidance: Any = None,
    sampler: str | float = "ode",
    theory: bool = True,
    n_samples: int = 500,
    n_steps: int = 60,
    seed: int = 0,
    t_start: float | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> MixtureDesign:
    """The schedule that shifts a class and keeps its trace, tuned and ranked by particles; also `Mixture.design`.

    w_max early, a negative weight late: switch and late weight are tuned so that the trace of the covariance is `keep`
    times that of samples without guidance, without losing samples to other classes (`validate.tuning.window`).

    Parameters
    ----------
    mixture, target : a class of it, by its label.
    w_max : the early weight, > 0. w_min : the most negative late one, -10 <= w_min <= 0.
    keep : trace of the covariance, guided over unguided, 0.1 to 10. tolerance : 1e-4 to 0.5, for `keep`.
    shift : of the mean along that of the class, over its distance from the mean of the mixture, > 0; the early weight
        is lowered until it is reached. By default that of w_max.
    equal : "shift" or "accuracy" (the mean log posterior of the class), what rivals have in common with the window.
    guidance : a rule, such as `Rescale`, whose amplitude is designed; None for a weight.
    sampler : "ode", "sde" or a stochasticity eta.
    theory : also try what `meanfield.design` makes for the spectrum of the class; it takes most of the time.
    n_samples : of each run, >= 160; more are taken until the error of the trace is a quarter of the tolerance, 16 times
        as many at most. n_steps, seed, t_start : as in `sample_mixture` and `Mixture.problem`.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    MixtureDesign : what was tuned, and what it is ranked against: constant guidance; early only, w = 0 later; late
        unconditional, w = -1 later; an interval. Verified on random numbers that were not used to tune.

    Raises
    ------
    ProblemError : an unknown target, a single class, numbers out of range, a class that guidance does not move, a shift
        that is not reached: with the largest that is. ConvergenceError : steps that do not resolve the guidance.

    Examples
    --------
    >>> mixture = Mixture([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]], variances=[0.3, 0.4, 0.5])
    >>> made = mixture.design(0, w_max=3.0, theory=False, n_steps=30, progress=False)
    >>> made.kept, made.candidates[0], made.estimate("shift").value > 0.0
    (True, 'window', True)
    """
    remedy = "Guidance that shifts the class is above 0; 6 is strong."
    w_max = checked("w_max", w_max, low=0, open_low=True, high=LARGEST_W, remedy=remedy)
    w_min = checked("w_min", w_min, low=-10.0, high=0.0, remedy="The window is negative: w_min = -1 is unconditional.")
    keep = checked("keep", keep, low=0.1, high=10.0, remedy="It is a ratio of traces; 1 keeps the class as it is.")
    tolerance = checked("tolerance", tolerance, low=1e-4, high=0.5)
    one_of("equal", equal, tuple(EQUAL))
    n_samples = whole("n_samples", n_samples, low=20 * BATCHES, high=10**7)
    n_samples -= n_samples % BATCHES
    shift = None if shift is None else checked("shift", shift, low=0, open_low=True)
    problem = _problem(mixture, target, guidance, sampler, t_start)
    warn_of_early_start(problem, mixture, target, problem.T)
    with Progress(progress, 2 * EXPECTED, "designing a schedule") as show:
        runs = [0]

        def ran(_: int) -> None:
            runs[0] += 1
            show(min(runs[0], EXPECTED - 1))

        bench = Bench(problem, mixture, target, n_samples=n_samples, n_steps=n_steps, seed=seed, show=ran)
        axis = Axis(bench.trace / mixture.dim, problem.T)
        tuned_on, window = _window(bench, axis, (w_min, w_max), keep, tolerance, shift)
        level = getattr(window.trial, EQUAL[equal])
        reaching, left_out = rivals(bench, axis, w_max, keep, equal, level)
        schedules = {OWN: window.trial.schedule, **reaching}
        made = by_theory(mixture, target, problem, w_min, w_max) if theory and not problem.schedule.by_rule else None
        schedules |= {} if made is None else {THEORY: made}
        data = _verified(
            mixture, target, problem, schedules, bench, tolerance, lambda x: show(round(EXPECTED * (1 + x)))
        )
    return MixtureDesign(
        data.assign_attrs(
            target=json.dumps(target), keep=keep, tolerance=tolerance, w_min=w_min, w_max=w_max, equal=equal,
            sampler=str(sampler), guidance=json.dumps(problem.guidance.to_dict()) if problem.schedule.by_rule else "",
            shift=json.dumps(shift), left_out=json.dumps(left_out),
            window=json.dumps([window.w, axis.t(window.s), window.w_late]), tuned_on=tuned_on.n_samples,
            n_steps=n_steps, seed=seed, t_start=problem.T, versions=json.dumps(versions()),
        )
    )  # fmt: skip


def _problem(mixture: Mixture, target: Hashable, guidance: Any, sampler: Any, t_start: float | None) -> Problem:
    """What is sampled: a class that guidance can move."""
    mixture.members(target)
    rule = "guidance moves a class away from others"
    require(len(mixture.classes) > 1, rule, "a single class", "Give the mixture the other classes too.")
    problem = mixture.problem(target, 0.0 if guidance is None else guidance, sampler, t_start)
    takes = guidance is None or problem.schedule.by_rule
    require(takes, "guidance must be a rule, whose amplitude is designed, or None", guidance, "Leave it out for w(t).")
    way = mixture.mean(target) - mixture.mean()
    if not float(way @ way) > 1e-12 * mixture.extent:
        raise ProblemError(
            "a class is shifted away from the mean of the mixture; this one has the same mean. Use predict with "
            "schedules of your own."
        )
    return problem


def _window(
    bench: Bench, axis: Axis, bounds: tuple[float, float], keep: float, tolerance: float, shift: float | None
) -> tuple[Bench, Window]:
    """The window, and a bench with samples enough for the tolerance."""
    w_min, w_max = bounds
    lates = [w_min * x for x in RUNGS] if w_min < 0.0 else []
    found = tuned(bench, axis, w_max, lates, keep, tolerance)
    reached = found.trial.shift
    if not reached > 0.0:
        raise ProblemError(
            f"guidance must shift the class; constant w = {w_max:g} shifts it by {reached:.2g} of its distance from "
            "the centre. No other class is near: there is nothing to design. Raise w_max."
        )
    if shift is not None:
        found = _weaker(bench, axis, found, lates, keep, tolerance, shift)
    factor = 1
    while found.kept and found.trial.ratio.stderr > ENOUGH * tolerance and factor < LARGEST and found.s > 0.0:
        factor *= GROWTH
        bench = bench.larger(GROWTH)
        found = again(bench, axis, found, keep, tolerance)
        if shift is not None:
            found = _aimed(bench, axis, found, w_max, keep, tolerance, shift)
    return bench, found


def _weaker(
    bench: Bench, axis: Axis, best: Window, lates: list[float], keep: float, tolerance: float, shift: float
) -> Window:
    """The window of a smaller early weight with a given shift."""
    if shift > best.trial.shift * 1.01:
        kept = f"keeps the trace at {keep:g}" if best.kept else f"comes nearest to a trace of {keep:g}"
        raise ProblemError(
            f"the largest shift that {kept} with w <= {best.w:g} is {best.trial.shift:.3g} of the distance of the "
            f"class from the centre; got shift = {shift:g}. Raise w_max, or ask for less."
        )
    found = {best.w: best}

    def excess(log_w: float) -> float:
        w = math.exp(log_w)
        if w not in found:
            found[w] = tuned(bench, axis, w, lates, keep, tolerance)
        return found[w].trial.shift - shift

    top, low = math.log(best.w), math.log(best.w / 64.0)
    if excess(top) > 0.0 and excess(low) < 0.0:
        brentq(excess, low, top, xtol=0.01)
    return min(found.values(), key=lambda window: abs(window.trial.shift - shift))


def _aimed(
    bench: Bench, axis: Axis, window: Window, w_max: float, keep: float, tolerance: float, shift: float
) -> Window:
    """The window of that shift on this bench: on a smaller one its shift was another. It is nearly linear in w."""
    for _ in range(ROUNDS):
        now = window.trial.shift
        if not window.kept or abs(now - shift) <= CLOSE * shift:
            break
        nearer = again(bench, axis, window._replace(w=min(window.w * shift / now, w_max)), keep, tolerance)
        if not nearer.kept or abs(nearer.trial.shift - shift) >= abs(now - shift):
            break
        window = nearer
    return window


def _verified(
    mixture: Mixture, target: Hashable, problem: Problem, schedules: dict[str, Schedule], bench: Bench,
    tolerance: float, show: Callable[[float], Any],
) -> "xarray.Dataset":  # fmt: skip
    """Every schedule measured on fresh random numbers; the window on more of them until its error is enough."""
    import xarray

    shape, rows = Shape.of(mixture, target), []
    for k, (name, schedule) in enumerate(schedules.items()):
        n, most = bench.n_samples, LARGEST * bench.n_samples if name == OWN else 0
        while True:
            plan = Plan(
                mixture, target, problem.with_amplitude(schedule), None, None, n, BATCHES, bench.n_steps, bench.seed + 1
            )
            row = measured(plan, shape, lambda x, k=k: show((k + x) / len(schedules)))  # type: ignore[misc]
            if float(row.trace_ratio_stderr) <= ENOUGH * tolerance or GROWTH * n > most:
                break
            n *= GROWTH
        keeps = [x for x in row.data_vars if row[x].dims in ((), ("component",)) and not str(x).startswith("t_decided")]
        rows.append(row[keeps].assign(n_samples=n, schedule=json.dumps(as_schedule(schedule).to_dict())))
    return xarray.concat(rows, "candidate").assign_coords(candidate=list(schedules))
