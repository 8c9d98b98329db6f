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

The rules look at the problem and d alone: the same call gives the same numbers on any machine. Neither speed nor free
memory changes the choice; where memory is short, the run is refused and told what fits.
"""

import math
from typing import NamedTuple

from meanfield.errors import ProblemError
from meanfield.problem.statement import Problem
from simulate.scores.mixture import count_classes, count_in_words, size_of_means

__all__ = ["WAYS", "Choice", "choose", "remedies"]

WAYS = ("auto", "explicit", "streamed", "lazy", "span", "reference")
EXPLICIT_BYTES = 2**30  # float32 means of a draw, up to which "auto" holds them all
STREAMED_CLASSES = 1e8
LAZY_D = (4, 100_000)


class Choice(NamedTuple):
    """A way to hold the classes, and in words why it is taken."""

    classes: str
    why: str


def choose(problem: Problem, d: int, classes: str = "auto") -> Choice:
    """Check the way that is asked for, or choose one.

    Raises
    ------
    ProblemError : an unknown way, one that does not fit the problem, or (for "auto") none that does.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
    >>> choose(problem, 16).classes, choose(problem, 200).classes
    ('explicit', 'lazy')
    >>> choose(problem, 200).why
    'exp(80) classes, 1e29 GiB of means: those that a sample can feel'
    """
    if classes not in WAYS:
        raise ProblemError(f"classes must be one of {list(WAYS)}; got {classes!r}.")
    _require(problem, d, classes)
    if math.isinf(problem.classes.rate(d)):
        return Choice("continuum", "a continuum has no single classes")
    if classes != "auto":
        return Choice(classes, f'asked for by classes="{classes}"')
    count, means = count_in_words(problem, d), f"{size_of_means(problem, d, d)} of means"
    if problem.spectrum is None and count_classes(problem, d) < d:
        return Choice("span", f"{count} classes, fewer than d = {d}: exact in their span")
    if problem.classes.log_count(d) + math.log(4.0 * d) <= math.log(EXPLICIT_BYTES):
        return Choice("explicit", f"{count} classes, {means}: all are held")
    if _lazy(problem, d):
        return Choice("lazy", f"{count} classes, {means}: those that a sample can feel")
    if count_classes(problem, d) <= STREAMED_CLASSES:
        return Choice("streamed", f"{count} classes, {means}: made again where they are needed")
    raise ProblemError(
        f"d={d} with {problem.classes!r} has {count} classes ({means}): more than can be held, or streamed "
        f"({STREAMED_CLASSES:g}), and lazy classes are isotropic with {LAZY_D[0]} <= d <= {LAZY_D[1]}; "
        f"{remedies(problem, d)}."
    )


def remedies(problem: Problem, d: int) -> str:
    """What can be done where the classes do not fit, in words."""
    ways = [f'classes="{name}" ({what})' for name, fits, what in (
        ("lazy", _lazy(problem, d), "any number of classes, to a stated tolerance"),
        ("streamed", count_classes(problem, d) <= STREAMED_CLASSES, "exact, without memory, slow"),
    ) if fits]  # fmt: skip
    ways.append("fewer threads, a lower d or growth of the classes")
    if problem.spectrum is None and not problem.guidance.by_ratio and d >= LAZY_D[0]:
        ways.append("meanfield.reduced (annealed)")
    return "use " + ", or ".join(ways)


def _lazy(problem: Problem, d: int) -> bool:
    return problem.spectrum is None and not problem.guidance.by_ratio and LAZY_D[0] <= d <= LAZY_D[1]


def _require(problem: Problem, d: int, classes: str) -> None:
    """Refuse a way that does not fit the problem."""
    if classes in ("span", "lazy"):
        problem.require_isotropic(f'classes="{classes}"', 'Use classes="explicit" or "streamed".')
    if classes == "lazy":
        problem.require_no_ratio('classes="lazy"', 'Use classes="explicit" or "streamed".')
    count = count_classes(problem, d)
    if classes == "span" and count > d:
        raise ProblemError(f'classes="span" needs at most d classes; got {count:g} at d={d}. Use classes="auto".')
    if classes == "lazy" and not _lazy(problem, d):
        raise ProblemError(f'classes="lazy" needs {LAZY_D[0]} <= d <= {LAZY_D[1]}; got {d}. Use classes="auto".')
    if classes == "streamed" and count > STREAMED_CLASSES and math.isfinite(problem.classes.rate(d)):
        raise ProblemError(
            f'classes="streamed" takes at most {STREAMED_CLASSES:g} classes; got {count_in_words(problem, d)} at '
            f"d={d}; {remedies(problem, d)}."
        )
