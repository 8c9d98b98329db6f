"""How a run holds its classes: the ways, and the fixed rules by which the package chooses one.

| `classes=`  | what is held                                        | exact               | limits                     |
|-------------|-----------------------------------------------------|---------------------|----------------------------|
| "explicit"  | all P means of a draw                               | yes                 | memory: 4 P d bytes a draw |
| "span"      | the means in coordinates of their span              | yes                 | P <= d, isotropic; 4 P^2   |
| "streamed"  | nothing: means are made again where they are needed | yes                 | P <= 1e8; time             |
| "lazy"      | those that a sample can feel, the rest by average   | to stated tolerance | isotropic, 4 <= d <= 1e5   |
| "reference" | as explicit, score in plain NumPy (for tests)       | yes                 | memory, time               |

"auto" takes the first that fits of: span if P < d; explicit if the means of a draw take at most 1 GiB; lazy; streamed.
Exact ways come first as long as they are affordable: at 1 GiB a sample already costs some 10 ms a step, lazy classes
some 10 us, so there is no reason to go further by default. Beyond that limit lazy comes before streamed, which would be
slower still. A spectrum leaves explicit, then streamed.

A continuum has no classes: what such a run holds is called "continuum".

The rules look at the problem and d alone: the same call gives the same numbers on any machine. Neither speed nor free
memory changes the choice; where memory is short, the run is refused and told what fits.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from meanfield.errors import ProblemError, require
from meanfield.guidance.placing import thinning
from meanfield.problem.growth import Rivals
from meanfield.problem.populations import from_afar, together
from meanfield.problem.start import Start
from meanfield.problem.statement import Problem
from simulate.scores.mixture import LARGEST_LOG, mass_of

WAYS = ("auto", "explicit", "streamed", "lazy", "span", "reference")
EXPLICIT_BYTES = 2**30  # float32 means of a draw, up to which "auto" holds them all
STREAMED_CLASSES = 1e8
LAZY_D = (4, 100_000)
COUNTABLE = 34.5  # log P beyond which classes are not counted: more than any memory holds


@dataclass(frozen=True)
class Case:
    """A problem at dimension d: what d makes of it, and how its classes are held.

    Attributes
    ----------
    problem : with the spectrum that d can realise. counts : directions of its groups, None without a spectrum.
    n_classes : P, a whole number; inf for the continuum and for counts beyond any memory.
    classes, why : the way, and in words the reason.
    """

    problem: Problem
    d: int
    n_classes: float
    counts: tuple[int, ...] | None
    classes: str = ""
    why: str = ""

    @property
    def dim(self) -> int:
        """Coordinates in which a sample is simulated."""
        return int(self.n_classes) if self.classes == "span" else self.d

    @cached_property
    def begin(self) -> Start:
        """The law at the start."""
        rate, prior = from_afar(self.problem.classes, self.d)
        return self.problem.start(rate, self._mass, self.d, prior)

    @property
    def thinning(self) -> float:
        """D_c of `meanfield.guidance.placing`."""
        p = self.problem
        unit = 1.0 if p.spectrum is None else float(p.spectrum.g.max())
        return thinning(p.schedule, p.largest_weight, math.log(self._mass), self.d, p.e, unit)

    @property
    def log_weight(self) -> float | np.ndarray:
        """Log of the weight of each other class over the target's: one number, or (wrong classes,)."""
        counts, weights = np.transpose(self.rivals)
        return np.repeat(weights, np.rint(np.exp(counts)).astype(int)) if len(weights) > 1 else float(weights[0])

    @cached_property
    def rivals(self) -> tuple[Rivals, ...]:
        """All classes but the target, by their weights."""
        return self.problem.classes.rivals(self.d)

    @property
    def _mass(self) -> float:
        """Weight of all classes over the target's."""
        if len(self.rivals) == 1:
            return mass_of(self.n_classes, self.rivals[0].log_weight)
        return 1.0 + math.exp(min(sum(together(self.rivals)), LARGEST_LOG))

    @property
    def log_count(self) -> float:
        """log P, finite or infinite."""
        return self.problem.classes.log_count(self.d)

    @property
    def in_words(self) -> str:
        """P, as a whole number or as a power of e."""
        return f"{round(self.n_classes)}" if math.isfinite(self.n_classes) else f"exp({self.log_count:.4g})"

    def size_of_means(self, dim: int) -> str:
        """Size of the float32 means of a draw in `dim` coordinates."""
        gib = (self.log_count + math.log(4.0 * dim) - math.log(2.0**30)) / math.log(10.0)
        return f"{10**gib:.3g} GiB" if gib < 12 else f"1e{gib:.0f} GiB"

    @property
    def lazy(self) -> bool:
        """Whether lazy classes fit."""
        free = self.problem.spectrum is None and not self.problem.guidance.by_ratio
        return free and LAZY_D[0] <= self.d <= LAZY_D[1]

    @property
    def streamed(self) -> bool:
        """Whether streamed classes fit."""
        return self.n_classes <= STREAMED_CLASSES and len(self.rivals) == 1

    @property
    def remedies(self) -> str:
        """What can be done where the classes do not fit, in words."""
        ways = [f'classes="{name}" ({what})' for name, fits, what in (
            ("lazy", self.lazy, "any number of classes, to a stated tolerance"),
            ("streamed", self.streamed, "exact, without memory, slow"),
        ) if fits]  # fmt: skip
        ways.append("fewer threads, a lower d or growth of the classes")
        if not self.problem.guidance.by_ratio and self.d >= LAZY_D[0]:
            ways.append("meanfield.reduced (annealed)")
        return "use " + ", or ".join(ways)


def choose(problem: Problem, d: int, classes: str = "auto", span: bool = True) -> Case:
    """Check the way that is asked for, or choose one. A sampler's own code has all d coordinates: no `span`.

    Raises
    ------
    ProblemError : groups that d cannot realise, an unknown way, one that does not fit the problem, or (for "auto") none
        that does.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
    >>> choose(problem, 16).classes, choose(problem, 200).classes
    ('explicit', 'lazy')
    >>> choose(problem, 200).why
    'exp(80) classes, 1e29 GiB of means: those that a sample can feel'
    """
    counts = None
    if problem.spectrum is not None:
        counts, problem = problem.spectrum.counts(d), problem.replace(spectrum=problem.spectrum.at(d))
    case = Case(problem, d, count_classes(problem, d), counts)
    require(classes in WAYS, f"classes must be one of {list(WAYS)}", repr(classes))
    _require(case, classes)
    rule = "a sampler's own code sees all d coordinates of its arrays, so its classes are not held in their span"
    require(span or classes != "span", rule, 'classes="span"', 'Use classes="explicit" or "auto".')
    if math.isinf(problem.classes.rate(d)):
        way, why = "continuum", "a continuum has no single classes"
    elif classes != "auto":
        way, why = classes, f'asked for by classes="{classes}"'
    else:
        way, why = _first_that_fits(case, span)
    return replace(case, classes=way, why=why)


def count_classes(problem: Problem, d: int) -> float:
    """P at dimension d: a whole number, or inf for the continuum and for counts beyond any memory."""
    log_count = problem.classes.log_count(d)
    return float(round(math.exp(log_count))) if log_count < COUNTABLE else math.inf


def _first_that_fits(case: Case, span: bool) -> tuple[str, str]:
    d, count, means = case.d, case.in_words, f"{case.size_of_means(case.d)} of means"
    if span and case.problem.spectrum is None and case.n_classes < d:
        return "span", f"{count} classes, fewer than d = {d}: exact in their span"
    if case.log_count + math.log(4.0 * d) <= math.log(EXPLICIT_BYTES):
        return "explicit", f"{count} classes, {means}: all are held"
    if case.lazy:
        return "lazy", f"{count} classes, {means}: those that a sample can feel"
    if case.streamed:
        return "streamed", f"{count} classes, {means}: made again where they are needed"
    raise ProblemError(
        f"d={d} with {case.problem.classes!r} has {count} classes ({means}): more than can be held, or streamed "
        f"({STREAMED_CLASSES:g}), and lazy classes are isotropic with {LAZY_D[0]} <= d <= {LAZY_D[1]}; "
        f"{case.remedies}."
    )


def _require(case: Case, classes: str) -> None:
    """Refuse a way that does not fit the problem."""
    d, P = case.d, case.n_classes
    if classes in ("span", "lazy"):
        case.problem.require_isotropic(f'classes="{classes}"', 'Use classes="explicit" or "streamed".')
    if classes == "lazy":
        case.problem.require_no_ratio('classes="lazy"', 'Use classes="explicit" or "streamed".')
    if classes == "span" and P > d:
        raise ProblemError(f'classes="span" needs at most d classes; got {P:g} at d={d}. Use classes="auto".')
    if classes == "lazy" and not case.lazy:
        raise ProblemError(f'classes="lazy" needs {LAZY_D[0]} <= d <= {LAZY_D[1]}; got {d}. Use classes="auto".')
    rule = 'classes="streamed" knows one weight of all classes but the target'
    several = classes == "streamed" and len(case.rivals) > 1
    require(not several, rule, repr(case.problem.classes), 'Use classes="explicit" or "lazy".')
    if classes == "streamed" and P > STREAMED_CLASSES and math.isfinite(case.log_count):
        raise ProblemError(
            f'classes="streamed" takes at most {STREAMED_CLASSES:g} classes; got {case.in_words} at '
            f"d={d}; {case.remedies}."
        )
