"""`quenched` of classes with many modes: the statement of a tree at dimension d, and its samples as an `Ensemble`."""

import math
import time
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import require
from meanfield.finite.sampling import Settings, averages, make_grid
from meanfield.guidance.placing import thinning
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.tools.resolution import require_resolved, within_doubles
from meanfield.tools.versions import versions

ROLE = 5  # spawn key of the random streams


def quenched_modes(
    problem: Problem, s: Settings, tolerance: float, n_explicit: int, n_most: int, progress: Any
) -> Ensemble:
    """The body of `meanfield.quenched` for a `Hierarchy`; the settings are checked there."""
    law = _known(problem)
    began = time.perf_counter()
    from meanfield.finite.modes import choosing  # numba is loaded only when it is needed
    from meanfield.finite.nearest import Rule

    model = _model(problem, law, s)
    few = math.log(max(n_explicit, 0.5)) + 1e-12
    log_counts = [float(rivals[0, 0]) for rivals in (model.modes, model.others)]
    n_all = [round(math.exp(x)) if x <= few else -1 for x in log_counts]
    rule = Rule(tolerance, n_most, np.array(n_all))
    tallies: list[list[float]] = []

    def fill(rng: Any, samples: int, out: np.ndarray) -> float:
        with within_doubles(s.n_steps):
            *tally, squares = choosing.fill(rng, samples, model, rule, out)
        tallies.append(tally)
        return squares

    rows = len(choosing.NAMES)
    draws, number = averages(s, rows, model.grid, ROLE, fill, "quenched modes", progress)
    balls, in_balls, excess = np.transpose(tallies)
    log_superclasses, log_modes = law.log_counts(s.d)
    about = {
        "method": "quenched modes",
        "seed": s.seed,
        "n_steps": s.n_steps,
        "guidance_per_step": require_resolved(number, float(model.grid.strength.max()), s.n_steps),
        "log_superclasses": log_superclasses,
        "log_modes": log_modes,
        "tolerance": tolerance,
        "standing": "approximate",  # the modes of other superclasses are their average
        "balls": float(balls.sum()) / (s.batch * s.n_draws),
        "classes_in_ball": float(in_balls.sum() / balls.sum()) if balls.any() else float(max(n_all[0], 0)),
        "excess": math.exp(0.5 * excess.max()),
        "unguided": None,  # there is no twin
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    named = {name: np.ascontiguousarray(draws[:, i]) for i, name in enumerate(choosing.NAMES)}
    return Ensemble(problem, s.d, model.grid.t[model.grid.slot >= 0], named, s.batch, about)


def _known(problem: Problem) -> Hierarchy:
    """Refuse what is not known of a tree."""
    law = problem.classes
    assert isinstance(law, Hierarchy)
    problem.require_isotropic("the quenched theory of modes", "Leave the spectrum out.")
    problem.weight(1.0)  # a function of t alone
    rule, remedy = "the quenched theory of modes knows modes of equal weight", "Leave the spread out, or use run_modes."
    require(law.spread == 0.0, rule, repr(law), remedy)
    rule = "the quenched theory of modes needs a finite start"
    require(math.isfinite(problem.T), rule, "t_start = inf", "Give e.g. t_start=1000.")
    return law


def _model(problem: Problem, law: Hierarchy, s: Settings) -> Any:
    """The tree at dimension d."""
    from meanfield.finite.modes.choosing import LIGHT, Model

    first, second = law.log_counts(s.d)
    rule = "the quenched theory of modes needs two superclasses or more, and two modes of each"
    require(min(first, second) > 0.0, rule, f"{law!r} at d = {s.d}", "Take a larger d.")
    modes = (second, LIGHT) if law.label == 1 else (_without_one(second), 0.0)
    sizes = np.array([s.d])
    above = thinning(problem.schedule, problem.largest_weight, min(first, second), s.d, problem.e)
    grid = make_grid(problem, problem.T, s, sizes, above)
    near, others = (np.array([row]) for row in (modes, (_without_one(first), 0.0)))
    return Model(sizes, 2.0 - law.label, law.tau, law.rho, second, near, others, math.sqrt(problem.v_T), grid)


def _without_one(log_count: float) -> float:
    """log(n - 1)."""
    return log_count + math.log(-math.expm1(-log_count))
