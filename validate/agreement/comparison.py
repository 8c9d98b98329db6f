"""Does a theory agree with particles? Three errors, never mixed.

- *Statistical*: the standard error over independent draws. Only this one sets the scale of z.
- *Time step*: a bias of the integrator, measured by `simulate.timestep_error` (n_steps against 2 n_steps on the same
  noise). It is stated, and warned about where it is not small; it never widens a tolerance.
- *Finite d*: a shift that theory predicts, `reduced(problem, d) - solve(problem)` (sec. 7 of docs/theory.md). It is
  added to the prediction and has its own column; the statistical error of its estimate is combined in quadrature.
  `fade` leaves out a relative order 1/d, which particles resolve: `reduced(problem, d) - fade(problem, d)` is always
  added, exact in the continuum. With drawn classes nothing knows what is left out, and `compare` does not judge.
  Of sub-exponentially many classes all distortion is one: `few_classes` is added wherever it applies.

A theory may be anybody's (`validate.agreement.stated`), and of another problem where that is said (`assume`).

Verdict: every z below the family-wise threshold, and so is Hotelling's T^2 of the last of them, as many as the draws
can weigh, which sees what single scores miss (a small common drift). It counts as one more test of the family.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import (
    Continuum,
    ConvergenceError,
    Ensemble,
    Fade,
    NoMinimiserError,
    Problem,
    Trajectory,
    fade,
    reduced,
    solve,
)
from meanfield.errors import one_of, short
from meanfield.exact.crossover import ManyClasses
from meanfield.finite.few import applies, beside
from meanfield.tools.door import Numbers, door
from meanfield.vector.law import SamplerLaw
from validate.agreement.estimates import (
    QUANTITIES,
    draws_at,
    draws_at_calls,
    draws_of,
    numbers_of,
    reading_note,
    twins_coincide,
    value_of,
)
from validate.agreement.joint import ChiSquared, hotelling, weighable
from validate.agreement.means import Mean, mean_of
from validate.agreement.sampled import is_sampled, law_notes, require_same_sampler, sampler_of
from validate.agreement.stated import Stated, errors_of, stated
from validate.agreement.statistics import family_threshold
from validate.agreement.verdict import Comparison, Row, differences, step_warning
from validate.errors import ComparisonError

if TYPE_CHECKING:
    import simulate

STATED_ERRORS = "no chi2: how the stated errors are correlated is not known"
REDUCED: dict[str, Any] = {"n_samples": 50_000, "n_draws": 50}  # stderr of m below 1e-4 at d = 24


@door(ComparisonError)
def compare(
    theory: Trajectory | Fade | SamplerLaw | Ensemble | ManyClasses | Mapping | Callable | Sequence[float],
    data: Ensemble,
    *,
    times: Numbers | None = None,
    level: float = 0.01,
    finite_size: str | Ensemble | None = None,
    timestep: "simulate.TimestepError | None" = None,
    estimator: str = "paired",
    assume: Problem | Mapping | None = None,
    name: str | None = None,
) -> Comparison:
    """Compare a theory with particles of the same problem, at t = 0 and a handful of earlier times.

    With a spectrum m and v of every group of directions are compared (rows "m[0]", "v[0]", "m[1]", ...). The law of a
    sampler's own code is compared with its particles call by call (`validate.agreement.sampled`).

    Parameters
    ----------
    theory : a `Trajectory` (d infinite, or the d of the data), a `Fade` of density-ratio guidance, a `SamplerLaw`, or
        an `Ensemble` such as `reduced(problem, d)`, whose own statistical error is combined with that of the particles.
        Or one of your own: a function of VE time t -> (m, v), a table {t: (m, v)} or {"t": [...], "m": [...], "v":
        [...]}, or (m, v) at t = 0, as `many_classes` gives it; each with m_error, v_error, its own standard errors, if
        there are any. A table is compared at its own times, between records too. Of a sampler's own code the end alone
        is compared, and with a spectrum m and v over all directions.
    data : the particles.
    times : recorded times to compare at (the nearest record is taken); by default up to five, fewer with few draws.
    level : probability of a false alarm of the whole comparison.
    finite_size : the finite-d effect added to a theory at d = infinity: None, "reduced", "few classes" (computed here),
        or an `Ensemble` of either at the d of the data. None means "reduced" for density-ratio guidance, "few classes"
        for a sub-exponential number. "reduced" is not exact (`validate.regimes.groups.annealed_error`).
    timestep : result of `simulate.timestep_error`, stated in the verdict.
    estimator : "paired" (against the unguided twin, precise) or "plain". Where guidance does nothing (w = 0) both twins
        coincide, the paired estimate carries no information, and "plain" is used by itself.
    assume : the problem of the theory where it is another one on purpose ("what if alpha were 0.44?"): a `Problem`, or
        what `Problem.replace` changes in that of the particles. The result says what differs.
    name : what the theory is called in the result; a function's own name, if it is one.

    Raises
    ------
    ComparisonError : the two are of different problems, samplers or dimensions, or have no error bars; or `fade` with
        drawn classes, whose effect on it is not known. Of a theory of your own: it is no finite (m, v), or raises.

    Examples
    --------
    >>> from meanfield import Exponential, Problem, solve
    >>> from simulate import run
    >>> p = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=0.0)
    >>> bool(compare(solve(p), run(p, d=10, n_samples=200, n_disorder=8, n_steps=10, seed=0, progress=False)))
    True
    >>> compare((1.0, 0.25), run(p, d=10, n_samples=20, n_disorder=8, n_steps=10, progress=False), name="nothing").title
    "user's theory 'nothing' against particles at d = 10 (8 draws x 20 samples)"
    """
    problem = _assumed(assume, data)
    held = _opened(theory, problem, name)
    _same_problem(held, problem, data, assumed=assume is not None)
    if data.n_draws < 2:
        raise ComparisonError(
            f"a comparison needs at least 2 draws for an error bar; got {data.n_draws}. Raise n_disorder."
        )
    one_of("estimator", estimator, ("paired", "plain"), error=ComparisonError)
    notes = []
    if not isinstance(held, Stated) and (is_sampled(held) or is_sampled(data)):
        require_same_sampler(held, data, finite_size)
        notes += law_notes(held, data)
    if problem.guidance.by_ratio and not isinstance(held, Ensemble | Stated):
        _require_known_order(problem, data.d)
        finite_size = "reduced" if finite_size is None else finite_size
        notes.append("finite d: the order 1/d that fade leaves out is estimated by reduced, and added")
    if estimator == "paired" and twins_coincide(data):
        estimator = "plain"
        notes.append("estimator: plain (guidance does nothing here, so the paired estimate carries no information)")
    limit = isinstance(held, Trajectory) and math.isinf(held.d)
    if finite_size is None and limit and not twins_coincide(data) and applies(problem, data.d):
        finite_size = "few classes"
        notes.append("finite d: the distortion by few classes (few_classes) is added to that at d = infinity")
    keys, t = numbers_of(held, problem, data, times)
    if isinstance(held, Stated) and not is_sampled(data):
        samples = draws_at(data, keys, t, estimator)
        notes += reading_note(data, keys, t, estimator)
    else:
        samples = np.column_stack([draws_of(data, q, estimator)[:, i] for q, i in keys])  # (draws, k)
    base, reference = _prediction(held, keys, t, finite_size, data, estimator)
    errors = errors_of(held, keys, t)
    rows = tuple(
        _row(key, t[j], base[j], samples[:, j], None if reference is None else reference[:, j], errors[j], held)
        for j, (key, _) in enumerate(keys)
    )
    chi2, note = (None, STATED_ERRORS) if any(errors) else _chi2(rows, samples, reference)
    step = _timestep(timestep)
    notes += [n for n in (note, step_warning(step, rows)) if n]
    threshold = family_threshold(len(rows) + (chi2 is not None), level)
    title, differs = _title(held, data, name), differences(held.problem, data.problem)
    return Comparison(rows, threshold, level, chi2, step, tuple(notes), title, held, data, estimator, differs)


def _row(
    quantity: str, t: float, base: float, samples: np.ndarray, reference: np.ndarray | None, error: float, theory: Any
) -> Row:
    """`base` is the theory's number; `reference` the draws of a statistical prediction that replaces it, or None;
    `error` the standard error that was stated of it."""
    particles = mean_of(samples)
    predicted = Mean(float(base)) if reference is None else mean_of(reference)
    predicted = predicted.minus(Mean(0.0, error)) if error > 0.0 else predicted
    effect = math.nan if reference is None or isinstance(theory, Ensemble) else predicted.value - base
    away = particles.minus(predicted)
    if away.stderr < 1e-13 * max(abs(particles.value), 1.0):
        away = Mean(away.value)  # no spread but rounding: nothing random happened yet
    return Row(quantity, float(t), float(base), float(effect), particles.value, away.stderr, away.z)


def _prediction(theory, keys, t, finite_size, data, estimator) -> tuple[np.ndarray, np.ndarray | None]:
    """Numbers of the theory (k,), and the draws (other draws, k) of a statistical prediction or None."""
    calls = [(q, i - len(data.t)) for q, i in keys]  # of a sampler's code, from the end
    if isinstance(theory, Ensemble):
        if finite_size is not None:
            raise ComparisonError(
                "finite_size adds the finite-d effect to a theory at d = infinity; got a theory that is itself at "
                f"d = {theory.d:g}. Leave finite_size out."
            )
        draws = draws_at_calls(theory, calls, estimator) if is_sampled(theory) else draws_at(theory, keys, t, estimator)
        return draws.mean(axis=0), draws
    base = _numbers(theory, calls if is_sampled(theory) else keys, t)
    if finite_size is None:
        return base, None
    problem = theory.problem
    if math.isfinite(theory.d) and not problem.guidance.by_ratio:
        raise ComparisonError(
            f"finite_size adds the finite-d effect to a theory at d = infinity; got a theory at d = {theory.d:g}. "
            "Use solve(problem), or leave finite_size out."
        )
    own = fade(problem, data.d).trajectory if problem.guidance.by_ratio else solve(problem)
    effect = draws_at(_reduced(finite_size, problem, data), keys, t, estimator) - _numbers(own, keys, t)
    return base, base + effect  # the effect is the problem's own: it cannot mend a theory that is wrong


def _numbers(theory: Trajectory | SamplerLaw | Stated, keys, t) -> np.ndarray:
    if isinstance(theory, SamplerLaw):
        return np.array([value_of(theory, q)[call] for q, call in keys])
    at = theory.at(t)
    return np.array([value_of(at, q)[j] for j, (q, _) in enumerate(keys)])


def _reduced(finite_size: Any, problem: Problem, data: Ensemble) -> Ensemble:
    if isinstance(finite_size, Ensemble):
        _same_problem(finite_size, problem, data)
        return finite_size
    if finite_size not in ("reduced", "few classes"):
        known = 'None, "reduced" or an Ensemble, or "few classes"'
        raise ComparisonError(f"finite_size must be {known}; got {finite_size!r}.")
    try:
        if finite_size == "few classes":
            return beside(problem, data)
        return reduced(problem, data.d, n_times=len(data.t), **REDUCED)
    except (ConvergenceError, NoMinimiserError) as cause:
        raise ComparisonError(f"the effect of finite d could not be computed: {cause}") from cause


def _require_known_order(problem: Problem, d: int) -> None:
    """What `fade` leaves out must be known: with drawn classes it is not, and moves v by the SDE most."""
    if not isinstance(problem.classes, Continuum) or d < 4:
        raise ComparisonError(
            f"a verdict on fade needs classes in a continuum and d >= 4, where what it leaves out is known; got "
            f"{short(problem.classes)} at d = {d}: single classes move m and v by more than particles "
            "resolve. Compare with classes=Continuum(), with other particles, or extrapolate in d "
            "(docs/training-objective.md)."
        )


def _opened(theory: Any, problem: Problem, name: str | None) -> Any:
    """A theory that can be read: a `Trajectory`, `SamplerLaw` or `Ensemble`, or what was `stated`."""
    theory = theory.trajectory if isinstance(theory, Fade) else theory
    return theory if isinstance(theory, Trajectory | SamplerLaw | Ensemble) else stated(theory, problem, name)


def _assumed(assume: Any, data: Ensemble) -> Problem:
    """The problem that the theory is of."""
    if assume is None or isinstance(assume, Problem):
        return data.problem if assume is None else assume
    if not all(isinstance(name, str) for name in assume):
        raise ComparisonError(f'assume names what it changes, such as {{"alpha": 0.44}}; got {short(assume)}.')
    return data.problem.replace(**assume)


def _same_problem(theory: Any, problem: Problem, data: Ensemble, *, assumed: bool = False) -> None:
    if theory.problem != problem:
        pairs = "; ".join(f"{n}: {one} and {other}" for n, one, other in differences(theory.problem, problem))
        if assumed:
            raise ComparisonError(f"the theory must be of the problem that is assumed; these differ in {pairs}.")
        raise ComparisonError(
            f"theory and particles must be of one problem; these differ in {pairs}. Solve the one that was run, or say "
            "assume=theory.problem if you mean another."
        )
    if math.isfinite(theory.d) and theory.d != data.d:
        raise ComparisonError(
            f"a theory at finite d is for that d alone; got d = {theory.d:g} and particles at d = {data.d}. "
            f"Use solve(problem, d={data.d}) or d = infinity."
        )


def _chi2(rows: tuple[Row, ...], samples: np.ndarray, reference: np.ndarray | None) -> tuple[ChiSquared | None, str]:
    free = [j for j, r in enumerate(rows) if r.stderr > 0.0]
    fewest = min(len(draws) for draws in (samples, reference) if draws is not None)
    most = weighable(fewest)
    if len(free) < 2:
        return None, ""
    if most < 2:
        return None, f"no chi2: {fewest} draws weigh no two numbers together. Use 16 draws or more (n_disorder)."
    note = f"chi2 of the last {most} of {len(free)} numbers: {fewest} draws weigh no more" if len(free) > most else ""
    free = free[-most:]
    delta = np.array([rows[j].particles - rows[j].predicted for j in free])
    try:
        other = None if reference is None else reference[:, free]
        if other is not None:  # an ensemble as theory has its mean in `theory`: either way delta is mean - prediction
            delta = samples[:, free].mean(axis=0) - other.mean(axis=0)
        return hotelling(delta, samples[:, free], other), note
    except ComparisonError as cause:
        return None, f"no chi2: {cause}"


def _timestep(timestep: Any) -> tuple[tuple[str, float, float], ...]:
    if timestep is None:
        return ()
    return tuple((q, float(getattr(timestep, q)), float(getattr(timestep, f"{q}_stderr"))) for q in QUANTITIES)


def _title(theory: Any, data: Ensemble, name: str | None) -> str:
    particles = f"against particles at d = {data.d} ({data.n_draws} draws x {data.n_samples} samples)"
    if isinstance(theory, Stated):
        return f"user's theory {short(theory.name, 60)} {particles}"
    size = "d = infinity" if math.isinf(theory.d) else f"d = {theory.d:g}"
    kind = theory.info.get("method", "ensemble") if isinstance(theory, Ensemble) else f"{theory.standing} theory"
    kind = f"{sampler_of(theory)}: {kind}" if is_sampled(theory) else kind
    return f"{kind if name is None else f'{short(name, 60)}, {kind},'} at {size} {particles}"
