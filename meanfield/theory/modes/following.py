"""Both orders of the two transitions: the superclass first and then a mode of it, or the mode first (docs/modes.md)."""

import math
from collections.abc import Callable

import numpy as np

from meanfield.errors import ConvergenceError, ScheduleError, require
from meanfield.problem.growth import Exponential
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.theory.modes.flow import Guided, Leg, alone, crossing, seen_at
from meanfield.theory.modes.trajectory import ModesTrajectory, overlap
from meanfield.theory.modes.weights import NONE, Mode, Place, Tree
from meanfield.theory.trajectory import Event, Trajectory

JUST_AFTER = 1e-9  # the choice, relative: on which side of a jump of w the chosen mode must gain
PER_STEP = 8  # times between two points of the first stage's curve at which a transition is looked for


def first_stage(problem: Problem, d: float) -> Problem:
    """The problem of one Gaussian a class that holds until a mode is chosen.

    A superclass is N(A, (tau + sigma2) I), with centres of variance rho; a mode is N(A + B, sigma2 I).
    """
    law = _law(problem)
    rule = "a rule that acts when a class has the weight knows classes of one Gaussian"
    alone = problem.schedule.by_rule and problem.schedule.acts_alone  # type: ignore[attr-defined]
    require(not alone, rule, problem.guidance, "Give a schedule, or Exponential.", error=ScheduleError)
    problem.require_no_ratio("solve with modes", "Give a schedule, or Exponential.")
    rule = "guidance with a second condition knows classes of one Gaussian"
    require(not problem.schedule.second, rule, problem.guidance, "Give a schedule.", error=ScheduleError)
    rule = "classes with many modes are isotropic; a spectrum is not known beside them"
    require(problem.spectrum is None, rule, problem.spectrum, "Leave the spectrum out, or take Exponential.")
    first, second = law.level_rates(d)
    if law.label == 2:
        return problem.replace(classes=Exponential(first + second))
    spectrum = Spectrum(c=[problem.sigma2 + law.tau], u=[problem.sigma2 + 1.0])
    return problem.replace(classes=Exponential(first), sigma2=None, spectrum=spectrum)


def follow(problem: Problem, d: float, stage: Trajectory) -> ModesTrajectory:
    """From the solution of the `first_stage` to that of the tree."""
    law = _law(problem)
    tree = Tree.of(law, d)
    return (_superclass if law.label == 1 else _one_mode)(problem, d, tree, stage)


def _law(problem: Problem) -> Hierarchy:
    assert isinstance(problem.classes, Hierarchy)
    return problem.classes


def _superclass(problem: Problem, d: float, tree: Tree, stage: Trajectory) -> ModesTrajectory:
    """Label 1. A mode is chosen where I = alpha_2, (M3); before the superclass has the weight, guidance goes on."""
    sigma2, t_label = problem.sigma2, stage.t_speciation

    def excess(t: float, p: Place) -> float:
        return tree.information_mode(sigma2 + t, tree.q_label(p)) - tree.alpha_2

    t_mode = _first(excess, stage, label=1)
    if t_mode is None:
        return _made(problem, d, tree, None, [_until(stage, tree, problem, 0.0)], t_label, math.nan, stage)
    p = _place(stage, t_mode, label=1)
    D = sigma2 + t_mode
    mode, chosen = tree.choose(D, p.a, p.v)
    legs, where = [_until(stage, tree, problem, t_mode)], D
    if not t_label >= t_mode:  # the mode is chosen first, and the superclass with it
        _require_capture(problem, t_mode)
        driven, where, chosen = Guided(problem, tree, mode, against_all=True).run(D, chosen)
        legs += driven
        t_label = where - sigma2 if where > sigma2 else math.nan
    if where > sigma2:
        legs.append(alone(problem, mode, where, chosen))
    return _made(problem, d, tree, mode, legs, t_label, t_mode, stage)


def _one_mode(problem: Problem, d: float, tree: Tree, stage: Trajectory) -> ModesTrajectory:
    """Label 2. The superclass may outweigh the rest before the mode does: then its other modes are the rivals."""
    sigma2, mode = problem.sigma2, Mode(0.0, tree.tau)

    def lead(t: float, p: Place) -> float:
        D = sigma2 + t
        return tree.phi_label(D, tree.q_label(p, mode)) - tree.phi_all(D, tree.q(p, mode))

    t_mode = stage.t_speciation
    t_label = _first(lead, stage, label=2)
    if t_label is None or t_mode >= t_label:
        return _made(problem, d, tree, mode, [_until(stage, tree, problem, 0.0)], t_mode, t_mode, stage)
    flow = Guided(problem, tree, mode, against_all=False)
    legs, where, chosen = flow.run(sigma2 + t_label, _place(stage, t_label, label=2))
    legs = [_until(stage, tree, problem, t_label), *legs]
    if where > sigma2:
        legs.append(alone(problem, mode, where, chosen))
    return _made(problem, d, tree, mode, legs, t_label, where - sigma2 if where > sigma2 else math.nan, stage)


def _places(stage: Trajectory, t: np.ndarray, label: int) -> list[Place]:
    """Where the first stage is at times."""
    state = stage.at(t)
    m = state.m.tolist()
    return [Place(*p) for p in zip(m, m if label == 2 else [0.0] * len(m), state.v.tolist(), strict=True)]


def _place(stage: Trajectory, t: float, label: int) -> Place:
    """Where the first stage is at t."""
    return _places(stage, np.array([t]), label)[0]


def _first(function: Callable[[float, Place], float], stage: Trajectory, label: int) -> float | None:
    """The first time of the first stage at which a function of time and place turns positive."""
    times = _fine(stage)
    values = [function(t, p) for t, p in zip(times.tolist(), _places(stage, times, label), strict=True)]
    return crossing(lambda t: function(t, _place(stage, t, label)), times, values)


def _fine(stage: Trajectory) -> np.ndarray:
    """Decreasing times of the first stage, closer than its curve, and where guidance jumps: none is to
    step over a transition."""
    low = stage.problem.least_variance
    tau = np.log(low + stage.t)
    fine = np.interp(np.arange((len(tau) - 1) * PER_STEP + 1) / PER_STEP, np.arange(len(tau)), tau)
    jumps = [t for t in stage.problem.schedule.breakpoints if t < stage.t[0]]
    return np.unique(np.concatenate([np.maximum(np.exp(fine[:-1]) - low, 0.0), jumps, [0.0]]))[::-1]


def _until(stage: Trajectory, tree: Tree, problem: Problem, t: float) -> Leg:
    """The first stage as a leg; guidance acts until its class has the weight."""
    label, sigma2, top = _law(problem).label, problem.sigma2, float(stage.t[0])
    acts_above = sigma2 + (0.0 if math.isnan(stage.t_speciation) else stage.t_speciation)

    def at(D: float) -> Place:
        return _place(stage, min(max(D - sigma2, 0.0), top), label)

    def crowd(D: float) -> bool:
        return D <= acts_above or tree.crowded(D, tree.q(at(D), _seen_as(tree, label)))

    return Leg("crowd", sigma2 + top, sigma2 + t, at, crowd)


def _seen_as(tree: Tree, label: int) -> Mode:
    """The mode while none is chosen: none of a superclass; that of the label, in its superclass anywhere."""
    return NONE if label == 1 else Mode(0.0, tree.tau)


def _require_capture(problem: Problem, t_mode: float) -> None:
    """Refuse a glass of modes: the chosen mode gains on the others of its superclass as the flow goes on, (M14)."""
    w, least = float(problem.weight(t_mode * (1.0 - JUST_AFTER))), -1.0 / (1.0 + problem.eta**2)
    if not w > least:
        raise ConvergenceError(
            f"w must exceed -1/(1 + eta^2) = {least:g} where a mode is chosen before the label is decided, for samples "
            f"to stay with it; got w = {w:g} at t = {t_mode:.4g}, a glass of modes, which this theory does not know. "
            "Use run_modes (particles), or raise w there."
        )


def _made(
    problem: Problem, d: float, tree: Tree, mode: Mode | None, legs: list[Leg], t_label: float, t_mode: float,
    stage: Trajectory,
) -> ModesTrajectory:  # fmt: skip
    """The result, with its events and how it stands."""
    legs = [leg for leg in legs if leg.D_high > leg.D_low or leg is legs[0]]
    label, events = _law(problem).label, []
    for kind, t in (("speciation", t_label), ("choice", t_mode)):
        if not math.isnan(t):
            shown, place = seen_at(legs, problem.sigma2 + t)
            law = _seen_as(tree, label) if shown.phase == "crowd" or mode is None else mode
            m, v, _ = overlap(tree, place, law, label)
            events.append(Event(kind, t, m, v))
    events.sort(key=lambda x: -x.t)
    return ModesTrajectory(
        problem, d, tree, mode, tuple(legs), tuple(events), t_label, t_mode, _standing(problem, d, legs, stage)
    )


def _standing(problem: Problem, d: float, legs: list[Leg], stage: Trajectory) -> str:
    """How the result stands: a glass while guidance acts is not known; nor is what weights of modes do where one is
    chosen while guidance acts: particles then prefer the strong ones (docs/modes.md)."""

    def acts(D: float) -> bool:
        return bool(problem.amplitude(D - problem.sigma2) != 0.0)

    seen = [(leg, float(D)) for leg in legs for D in np.geomspace(leg.D_high, leg.D_low, 65)[:-1]]
    if not all(leg.crowd(D) or not acts(D) for leg, D in seen):
        return "approximate"
    driven = _law(problem).label == 1 and any(leg.phase == "chosen" and acts(D) for leg, D in seen)
    if driven and _law(problem).spread:
        return "approximate"
    return "asymptotic" if stage.standing == "exact" and math.isfinite(d) else stage.standing
