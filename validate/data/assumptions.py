"""The mean field of a class of a mixture, and what it assumes that is not so: a plain sentence each.

It takes many classes, one Gaussian each, all of one covariance, with means that vary in every direction like a Gaussian
cloud; the class that is asked for has its own weight, all others have the same. What is not so does not make its
numbers wrong, but nobody has shown that they are right then.
"""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import CfgfieldError, short
from simulate.mixtures.mixture import Mixture
from validate.data.mean_field import ClassTheory, Distorted, along
from validate.data.measuring import Shape

FEW = 100  # classes: below, a cloud is a poor picture of them
SPREAD = 0.1  # of covariances about their mean, relative
COMMUTE = 0.1  # relative off-diagonal part of a covariance, in the basis of the aggregate
WIDER = 1.2  # ratio of widths, or of weights, that is no longer equal
LOOKED_AT = 100  # classes whose covariances are compared


class Crowd(NamedTuple):
    """All classes of a mixture: means (classes, dim), traces of some covariances, and how these spread.

    `spread` is their relative standard deviation about their mean, in the Frobenius norm.
    """

    means: np.ndarray
    trace: float
    spread: float
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, mixture: Mixture) -> "Crowd":
        """Of a mixture; of many classes, a hundred covariances are looked at."""
        classes = mixture.classes
        means = np.array([mixture.mean(label) for label in classes])
        some = classes[:: -(-len(classes) // LOOKED_AT)]
        mean, square = np.zeros((mixture.dim, mixture.dim)), 0.0
        for label in some:
            covariance = mixture.covariance(label)
            mean += covariance / len(some)
            square += float(np.sum(covariance**2)) / len(some)
        norm = float(np.sum(mean**2))
        spread = float(np.sqrt(max(square / norm - 1.0, 0.0)))
        return cls(means, float(np.trace(mean)), spread, tuple(_of_all(mixture, spread)))


def _of_all(mixture: Mixture, spread: float) -> list[str]:
    """What is not as assumed, of the mixture as a whole."""
    P, d, found = len(mixture.classes), mixture.dim, []
    if spread > SPREAD:
        found.append(
            f"The mean field takes one covariance for all classes; these differ from their mean by {spread:.0%} "
            "(relative Frobenius norm). The sign of the change of variance may then be wrong: a class grows where its "
            "rivals are narrower."
        )
    if P < FEW:
        found.append(f"The mean field takes many classes, a Gaussian cloud of means; there are {P}.")
    if P - 1 < d:
        found.append(
            f"The mean field takes means that vary in every direction; those of {P} classes vary in at most {P - 1} of "
            f"{d}, and their variance is spread over all."
        )
    many = sum(len(mixture.members(label)) > 1 for label in mixture.classes)
    if many:
        found.append(
            f"The mean field takes one Gaussian for a class; {many} of {P} classes have several components, of which "
            "it sees only mean and covariance."
        )
    return found


def _rivals(mixture: Mixture, target: Hashable) -> np.ndarray:
    """Weights of all other classes."""
    return np.array([mixture.prior(label) for label in mixture.classes if label != target])


def _of_weights(mixture: Mixture, target: Hashable) -> list[str]:
    """What is not as assumed of the weight of the class, which is known, and of those of all others."""
    others, own, found = _rivals(mixture, target), mixture.prior(target), []
    if others.max() > WIDER * others.min():
        found.append(
            "The mean field knows the weight of this class, and takes its rivals to be of equal weight among "
            f"themselves; theirs are {others.min():.2g} to {others.max():.2g}."
        )
    if len(others) >= FEW and float(others.sum()) < FEW / WIDER * own:
        found.append(
            f"The mean field takes a class that is one of many; this one has {own:.2g} of all weight. Guidance fades "
            "where it is decided, and does not end there as in the mean field: it does more than that says."
        )
    return found


def theory_of(
    crowd: Crowd, mixture: Mixture, target: Hashable, shape: Shape, problem: Any, code: Any
) -> tuple[Distorted | None, np.ndarray, Sequence[str]]:
    """The mean field of a class, its variance ratios along the leading eigenvectors, and doubts about this class.

    None with the reason, where there is no mean field.
    """
    nothing = np.full(len(shape.values), np.nan)
    if len(mixture.classes) < 2:
        return None, nothing, ["A single class: guidance has nothing to push away from."]
    if code is not None:
        reason = (
            "The mean field beside it is that of the ODE and the SDE; solve_sampler has the law of a sampler's code."
        )
        return None, nothing, [reason]
    away = shape.mean - crowd.means.mean(axis=0)
    try:
        factor = mixture.prior(target) / float(np.mean(_rivals(mixture, target)))
        theory = ClassTheory(crowd.means, away, shape.covariance, problem.sampler, problem.t_start, factor)
        found = theory.distorted(problem.guidance)
    except CfgfieldError as refusal:
        return None, nothing, [f"No mean field: {short(str(refusal), 300)}"]
    doubts, ratio = _of_weights(mixture, target), float(np.trace(shape.covariance)) / crowd.trace
    if not 1.0 / WIDER < ratio < WIDER:
        word = "wider" if ratio > 1.0 else "narrower"
        doubts.append(f"This class is {word} than the others are on the average: {ratio:.2f} of their trace.")
    if theory.off_diagonal > COMMUTE:
        doubts.append(
            "The mean field takes covariances that commute with that of the means; "
            f"{theory.off_diagonal:.0%} of that of this class does not."
        )
    found = found._replace(shift=along(found.moved, shape.mean - mixture.mean()))
    return found, theory.variances(shape.axes, found.ratios), doubts
