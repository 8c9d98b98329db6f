"""The classes of a cloned run, however they are given, in the fewest coordinates.

Weights depend on x through x.(mu_k - mu_1) alone. In the frame of class 1 the span of the differences has at most P - 1
directions; a QR decomposition gives coordinates in it, lower triangular. The rest of x is independent Gaussian noise
that never matters for classes. Classes drawn from N(0, I_d) enter through their Gram matrix (Bartlett, as in
`simulate.scores.span`); here no class is special, so none is rescaled.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.guidance.schedules import Constant
from meanfield.problem.growth import Growth
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.tools.memory import require_memory
from simulate.cloning.classes import Classes, Equal, Given, Grouped
from simulate.mixtures.mixture import Mixture
from simulate.randomness.streams import MEANS, stream
from simulate.scores.mixture import Held


@dataclass(frozen=True)
class ClassSource:
    """`draw(seed, draw)` gives them; `dim` its coordinates; `about` what a result says of its classes."""

    draw: Callable[[int, int], Classes]
    dim: int
    n_classes: int
    sigma2: float
    about: dict[str, Any] = field(default_factory=dict)
    groups: int = 0  # of directions that are told apart


def class_source(classes: Any, d: int | None, sigma2: float | None, reduce: bool) -> ClassSource:
    """Check what the user gave, and choose coordinates. Raises ProblemError.

    Examples
    --------
    >>> source = class_source(np.eye(3, 1000), None, 0.25, True)
    >>> source.dim, source.draw(0, 0).mixture.delta.shape
    (2, (2, 2))
    """
    if d is not None:
        d = whole("d", d, low=1, high=1e12)
    if isinstance(classes, Problem):
        sigma2 = _of_problem(classes, sigma2)
        if classes.spectrum is not None:
            return _in_groups(classes.classes, classes.spectrum, d)
        classes = classes.classes
    if isinstance(classes, Mixture):
        return _of_mixture(classes, d, sigma2)
    if sigma2 is None:
        raise ProblemError("clones need the class variance sigma2; got none. sigma2=0 is a training set.")
    sigma2 = checked("sigma2", sigma2, low=0)
    if isinstance(classes, Growth):
        return _drawn(classes, d, sigma2, reduce)
    if isinstance(classes, int | float | np.number) and not isinstance(classes, bool):
        norm = checked("|mu| (two classes at +mu and -mu)", float(classes), low=0, open_low=True)
        pair = Equal(Held(np.full(1, norm), np.full((1, 1), -2.0 * norm), 2))
        about = {"classes": "+-mu", "norm": norm, "d": -1 if d is None else d, "n_classes": 2, "sigma2": sigma2}
        return ClassSource(lambda seed, draw: pair, 1, 2, sigma2, about | {"dim": 1})
    return _given(classes, d, sigma2, reduce)


def _of_problem(problem: Problem, sigma2: float | None) -> float:
    rule = "clones follow the unconditional sampler, w = -1"
    require(problem.guidance == Constant(-1.0), rule, problem.guidance, "Use problem.replace(guidance=-1.0).")
    rule = "clones start from the exact law of the noised mixture, not from N(0, T I)"
    require(math.isinf(problem.T), rule, f"t_start={problem.t_start}", "Leave it infinite.")
    if sigma2 is not None and sigma2 != problem.sigma2:
        raise ProblemError(f"the problem brings sigma2={problem.sigma2}; got sigma2={sigma2}. Leave sigma2 out.")
    return problem.sigma2


def _of_mixture(mixture: Mixture, d: int | None, sigma2: float | None) -> ClassSource:
    """In its own coordinates; c is its least variance."""
    for name, value in (("d", d), ("sigma2", sigma2)):
        require(
            value is None, "a Mixture has its own dimensions and variances", f"{name}={value}", f"Leave {name} out."
        )
    count, given = len(mixture.classes), Given(mixture)
    _check_count(count, repr(mixture))
    about = {"classes": "mixture", "d": mixture.dim, "n_classes": count, "components": len(mixture.means)}
    about |= {"sigma2": given.least}
    return ClassSource(lambda seed, draw: given, mixture.dim, count, given.least, about | {"dim": mixture.dim})


def _in_groups(law: Growth, spectrum: Spectrum, d: int | None) -> ClassSource:
    """Means N(0, g_i), covariance c_i of every class by direction, in their own coordinates; c is the least of them."""
    d, count = _drawn_count(law, d)
    _check_memory(count, d)
    counts, least = spectrum.counts(d, least=1), min(spectrum.c)
    width, variances = np.sqrt(np.repeat(spectrum.g, counts)), np.repeat(spectrum.c, counts)[None]

    def draw(seed: int, index: int) -> Classes:
        means = width * stream(seed, MEANS, index).standard_normal((count, d))
        return Grouped(Mixture(means, variances=variances), counts, spectrum.g)

    about: dict[str, Any] = {"classes": "drawn", "law": json.dumps(law.to_dict())}
    about |= {"spectrum": json.dumps(spectrum.to_dict()), "d": d, "n_classes": count, "sigma2": least, "dim": d}
    return ClassSource(draw, d, count, least, about, len(counts))


def _drawn_count(law: Growth, d: int | None) -> tuple[int, int]:
    """d and P of classes that are drawn."""
    if d is None:
        raise ProblemError(f"classes drawn by {law!r} need a dimension; got none. Give d.")
    require(law.equal, "clones know classes of equal weight only", repr(law), "Leave out prior and factor.")
    log_count = law.log_count(d)
    require(log_count < 34.5, "clones need a number of classes that can be stored", f"{law!r} at d={d}")
    count = round(math.exp(log_count))
    _check_count(count, f"{law!r} at d={d}")
    return d, count


def _drawn(law: Growth, d: int | None, sigma2: float, reduce: bool) -> ClassSource:
    d, count = _drawn_count(law, d)
    span = reduce and count <= d
    dim = count - 1 if span else d
    _check_memory(count, dim)

    def draw(seed: int, index: int) -> Classes:
        rng = stream(seed, MEANS, index)
        if not span:
            return _equal(rng.standard_normal((count, d)), False)
        means = np.tril(rng.standard_normal((count, count)), -1)
        means[np.diag_indices(count)] = np.sqrt(rng.chisquare(d - np.arange(count)))
        return _equal(means, True)

    about = {"classes": "drawn", "law": json.dumps(law.to_dict()), "d": d, "n_classes": count, "sigma2": sigma2}
    return ClassSource(draw, dim, count, sigma2, about | {"dim": dim})


def _given(means: Any, d: int | None, sigma2: float, reduce: bool) -> ClassSource:
    means = array(means, "classes must be an array (P, d) of means, a norm |mu|, a growth law or a problem")
    require(means.ndim == 2, "class means must be an array of shape (P, d)", f"shape {means.shape}")
    if d is not None and d != means.shape[1]:
        raise ProblemError(f"the means have d={means.shape[1]}; got d={d}. Leave d out, or transpose the means.")
    _check_count(len(means), f"an array of shape {means.shape}")
    require(means.shape[1] >= 1, "class means must have at least one direction", f"shape {means.shape}")
    if not np.all(np.isfinite(means)):
        raise ProblemError(f"class means must be finite; got {np.sum(~np.isfinite(means))} entries that are not.")
    distinct = len(np.unique(means, axis=0))
    rule = "classes must be distinct, or clones cannot tell them apart"
    require(distinct >= len(means), rule, f"{len(means)} means, {distinct} distinct", "Drop the repeated ones.")
    _check_memory(*means.shape)
    given = _equal(means, reduce and len(means) <= means.shape[1])
    about = {"classes": "given", "d": means.shape[1], "n_classes": len(means), "sigma2": sigma2, "dim": given.dim}
    return ClassSource(lambda seed, draw: given, given.dim, len(means), sigma2, about)


def _equal(means: np.ndarray, reduce: bool) -> Equal:
    """In the frame of class 1; `reduce` to the P - 1 directions of the differences."""
    delta = means[1:] - means[0]
    target = means[0]
    if reduce:
        delta = np.ascontiguousarray(np.transpose(np.linalg.qr(delta.T, mode="r")))  # (P - 1, P - 1), same Gram matrix
        target = np.zeros(len(delta))  # its own place in the span is not needed
    return Equal(Held(target, delta, len(means)))


def _check_count(count: int, what: str) -> None:
    require(count >= 2, "clones need at least two classes to choose from", f"{count} ({what})")


def _check_memory(count: int, dim: int) -> None:
    needed = 45.0 * count * dim
    what = f"all classes are held: got {count} in {dim} coordinates, which need {needed / 2**30:.3g} GiB"
    require_memory(needed, what, "lower d or the number of classes")
