"""What a disagreement looks like: when it begins, and which one number of the problem would explain it.

The theory is solved again with w, alpha, eta, t_start or sigma2 changed, one at a time, and the change fitted to what
is left between theory and particles. A number explains the disagreement if all scores after its fit are below their
family's threshold. There is a hint only where one number explains it and no other does, or with a sum of z^2 that is
larger by 16; or where alpha and eta do: both act at speciation, and at d = 16 there is no telling 10 % of the one from
5 % of the other.

Particles that were run with a wrong sigma2 or start show it in their unguided twins, which know nothing of w and
alpha: so the twins are fitted along. A theory that is stated, or of a problem that is assumed, is what may be wrong,
the particles' own problem is not: then twins must stay as they are.

While samples decide for their classes, at finite d not all at once, the theory at d = infinity does not know what a
change does: those times are left out, but for the end, where all that was done is in m and v.

Finite d comes first, and a time step that is known to be too coarse: a theory without the one, and particles with the
other, differ for that reason already, and nothing else is fitted.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from meanfield import VE, CfgfieldError, Constant, Ensemble, Exponential, Problem, Schedule, solve
from validate.agreement.estimates import QUANTITIES
from validate.agreement.means import mean_of
from validate.agreement.sampled import is_sampled
from validate.agreement.stated import Stated
from validate.agreement.statistics import family_threshold, normal_score

NAMES = ("w", "alpha", "eta", "t_start", "sigma2")
ALIKE = {"alpha", "eta"}  # 10 % of alpha do what 5 % of eta do
COARSE = "warning: the time-step error"  # how the note on it begins
TWINS = ("m_twin", "v_twin")
CLEAR = 16.0  # of chi2: four standard deviations
UNDECIDED = (0.05, 0.95)  # weight of the target while samples decide
FACTOR = 2.0  # a number may be off by as much
LEAST_ETA = 0.01  # what the ODE may have of noise, unseen
FAR = 1e3  # how far above the records a start at infinity may lie in truth
HOPELESS = 1e30  # chi2 of a change of which there is no theory


class Hint(NamedTuple):
    """A number of the problem that explains a disagreement: its value in the theory, and the one that fits.

    `largest` is the largest |z| that is left, `chi2` the sum of all z^2.
    """

    name: str
    theory: float
    fitted: float
    largest: float
    chi2: float

    def __str__(self) -> str:
        return (
            f"{self.name} were {self.fitted:.3g} instead of {self.theory:.3g}, which leaves |z| <= {self.largest:.2f}"
        )


class Knob(NamedTuple):
    """A number of a problem that may be off: its value x in the theory, its range, and the problem with another x."""

    name: str
    value: float
    low: float
    high: float
    turned: Callable[[float], Problem]


@dataclass(frozen=True)
class Residuals:
    """What is left of each number, and how a changed problem moves it.

    Attributes
    ----------
    paired : whether m and v are paired with the unguided twin.
    names, t : quantity ("m", "v", and "m_twin", "v_twin" of the unguided twin) and VE time of each, (k,).
    value, stderr : particles minus theory and its standard error, (k,).
    suspect : whether it is the particles that may be of another problem. Their twin's law then moves, and what moves
        paired numbers is only what guided ones do beyond it.
    """

    data: Ensemble
    paired: bool
    suspect: bool
    names: tuple[str, ...]
    t: np.ndarray
    value: np.ndarray
    stderr: np.ndarray

    def numbers(self, problem: Problem) -> np.ndarray:
        """The theory's numbers (k,), up to what no change moves. Raises CfgfieldError where there is no theory."""
        times, place = np.unique(-self.t, return_inverse=True)
        at, still = solve(problem, self.data.d).at(-times), np.zeros((2, len(times)))
        if self.suspect:
            still = np.array(replace(self.data, problem=problem, t=-times, draws={"m": still, "v": still}).unguided())
        beyond = np.array([at.m, at.v]) - (still if self.paired else 0.0)
        table = dict(zip((*QUANTITIES, *TWINS), (*beyond, *still), strict=True))
        return np.array([table[q][i] for q, i in zip(self.names, place, strict=True)])

    def scores(self, shift: np.ndarray) -> np.ndarray:
        """z of what is left after a shift of the theory, (k,)."""
        left, dof = self.value - shift, self.data.n_draws - 1
        return np.array([normal_score(a, b, dof) for a, b in zip(left, self.stderr, strict=True)])


class Scaled(Schedule):
    """A schedule times a factor."""

    def __init__(self, schedule: Schedule, factor: float) -> None:
        self.schedule, self.factor = schedule, factor

    def w(self, t: Any) -> Any:
        """The factor times the weight."""
        return self.factor * self.schedule.w(t)

    @property
    def _jumps(self) -> Any:
        return self.schedule._jumps

    @property
    def constant_above(self) -> float:
        """As that of the schedule."""
        return self.schedule.constant_above


def explain(comparison: Any) -> tuple[str, ...]:
    """Lines on a `Comparison` that disagrees: where it begins, and what would explain it, if that is clear."""
    first = next((r for r in comparison.rows if not comparison.agrees(r)), None)
    if first is None:
        return ("no number disagrees by itself, all together do (chi2): a small common drift, or a step too coarse",)
    where = f"first disagreement: {first.quantity} at t = {first.t:.4g} (z = {first.z:+.2f})"
    if is_sampled(comparison.data):
        return (where,)
    grouped = comparison.theory.problem.spectrum is not None  # eras and hints are of isotropic classes
    lines = [where if grouped else where + _era(comparison.data, first.t)]
    if not finite_d_is_in(comparison):
        d = comparison.data.d
        lines.append(f'finite d is not in this theory: take quenched(problem, {d}), or add finite_size="reduced"')
    elif any(note.startswith(COARSE) for note in comparison.notes):
        lines.append("the time step comes first: it moves m and v as a wrong problem would")
    elif not grouped and (hints := hints_of(comparison)):
        lines.append(f"hint: as if {', or '.join(map(str, hints))}; none other of {', '.join(NAMES)} does")
    return tuple(lines)


def _era(data: Ensemble, t: float) -> str:
    """What can be at work at a time, from the posterior weight of the target in the particles."""
    weight = _weight(data, t)
    if weight < UNDECIDED[0]:
        return ", before the target has weight: w, the start and sigma2 act there, alpha does not yet"
    if weight < UNDECIDED[1]:
        return f", while the target takes over (its weight is {weight:.2f}): alpha acts there too"
    return ", after the target has taken over: what alpha and w did is in it" if weight > UNDECIDED[1] else ""


def _weight(data: Ensemble, t: float) -> float:
    """Mean posterior weight of the target at the record nearest to t; nan without one, and in a continuum."""
    if "weight" not in data.draws or math.isinf(data.problem.classes.rate(data.d)):
        return math.nan
    return float(np.mean(data.draws["weight"][:, int(np.argmin(np.abs(data.t - t)))]))


def finite_d_is_in(comparison: Any) -> bool:
    """Whether the theory is one of the particles' d: of an ensemble, with its effect added, or right at every d."""
    problem = comparison.theory.problem
    exact = problem.classes.rate(comparison.data.d) in (0.0, math.inf) or problem.largest_weight == 0.0
    added = not math.isnan(comparison.rows[0].finite_size)
    return isinstance(comparison.theory, Ensemble) or added or (exact and not problem.guidance.by_rule)


def hints_of(comparison: Any) -> tuple[Hint, ...]:
    """The one number that explains a disagreement, or the two that do the same, the better first; else none."""
    problem = comparison.theory.problem
    try:
        residuals = _residuals(comparison)
        if not residuals.names:
            return ()
        base = residuals.numbers(problem)
    except CfgfieldError:
        return ()
    threshold = family_threshold(len(base), comparison.level)
    found = [_fitted(knob, residuals, base) for knob in _knobs(problem, comparison.data)]
    good = sorted((hint for hint in found if hint.largest <= threshold), key=lambda hint: hint.chi2)
    near = tuple(hint for hint in good if hint.chi2 < good[0].chi2 + CLEAR)
    return near if len(near) == 1 or {hint.name for hint in near} == ALIKE else ()


def _residuals(comparison: Any) -> Residuals:
    """Of the rows of m and v that have an error, and of the twins at the same records."""
    data, theory = comparison.data, comparison.theory
    decided = {r.t: r.t == 0.0 or not UNDECIDED[0] < _weight(data, r.t) < UNDECIDED[1] for r in comparison.rows}
    used = [r for r in comparison.rows if r.quantity in QUANTITIES and decided[r.t]]
    rows = [(r.quantity, r.t, r.particles - r.predicted, r.stderr) for r in used]
    if all(q in data.draws for q in TWINS):
        law = data.unguided()
        for i in sorted({int(i) for r in comparison.rows for i in np.flatnonzero(data.t == r.t)}):
            twins = [mean_of(data.draws[q][:, i]) for q in TWINS]
            rows += [
                (q, data.t[i], x.value - law[j][i], x.stderr) for j, (q, x) in enumerate(zip(TWINS, twins, strict=True))
            ]
    rows = [row for row in rows if row[3] > 1e-13]
    suspect = not isinstance(theory, Stated) and theory.problem == data.problem
    columns = [np.array([row[j] for row in rows]) for j in (1, 2, 3)]
    return Residuals(data, comparison.estimator == "paired", suspect, tuple(row[0] for row in rows), *columns)


def _knobs(problem: Problem, data: Ensemble) -> Iterator[Knob]:
    """What of a problem may be off: what it has of w, alpha, eta, t_start and sigma2."""
    guidance: Any = problem.guidance.guidance if problem.guidance.by_rule else problem.guidance
    w = guidance.value if isinstance(guidance, Constant) else 1.0
    name = "w" if isinstance(guidance, Constant) else "a factor of w"
    if w != 0.0 and not guidance.by_sample:
        ends = sorted((w / FACTOR, w * FACTOR))
        yield Knob(name, w, ends[0], ends[1], lambda x: problem.with_amplitude(Scaled(guidance, x / w)))
    alpha = problem.classes.rate(data.d)
    if 0.0 < alpha < math.inf and problem.classes.equal:
        yield Knob(
            "alpha", alpha, alpha / FACTOR, alpha * FACTOR, lambda x: problem.replace(classes=Exponential(alpha=x))
        )
    eta = problem.eta
    ends = [eta / FACTOR, eta * FACTOR] if eta > 0.0 else [LEAST_ETA, 1.0]
    yield Knob("eta", eta, ends[0], ends[1], lambda x: problem.replace(sampler=x))
    T = problem.t_start
    if math.isfinite(T):
        yield Knob("t_start", T, T / FACTOR, T * FACTOR, lambda x: problem.replace(t_start=x))
    elif problem.noise == VE():
        yield Knob("t_start", T, float(data.t[0]), FAR * float(data.t[0]), lambda x: problem.replace(t_start=x))
    if problem.spectrum is None:
        sigma2 = problem.sigma2
        yield Knob("sigma2", sigma2, sigma2 / FACTOR, sigma2 * FACTOR, lambda x: problem.replace(sigma2=x))


def _fitted(knob: Knob, residuals: Residuals, base: np.ndarray) -> Hint:
    """The value of a number that leaves the least sum of z^2."""
    from scipy.optimize import minimize_scalar

    def left(x: float) -> np.ndarray | None:
        try:
            return residuals.scores(residuals.numbers(knob.turned(float(x))) - base)
        except CfgfieldError:
            return None

    def chi2(log_x: float) -> float:
        z = left(math.copysign(math.exp(log_x), knob.low))
        return HOPELESS if z is None else float(z @ z)

    bounds = sorted(math.log(abs(x)) for x in (knob.low, knob.high))
    best = minimize_scalar(chi2, bounds=bounds, method="bounded", options={"xatol": 1e-4, "maxiter": 60})
    fitted = math.copysign(math.exp(best.x), knob.low)
    z = left(fitted)
    largest = math.inf if z is None else float(np.abs(z).max())
    return Hint(knob.name, knob.value, fitted, largest, float(best.fun))
