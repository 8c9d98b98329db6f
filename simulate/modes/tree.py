"""A tree of two levels, drawn at dimension d: a `Mixture` whose components are the modes."""

import math
from typing import NamedTuple

import numpy as np

from meanfield.errors import ProblemError, one_of, require
from meanfield.problem.hierarchy import Hierarchy
from simulate.mixtures.mixture import Mixture
from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import MEANS

LARGEST = 2**21  # modes that are held; a score takes all of them


class DrawnTree(NamedTuple):
    """A draw: the mixture of all modes; of the target superclass the centre A (d,), its modes B (modes, d), and their
    weights (modes,), whose sum is 1."""

    mixture: Mixture
    A: np.ndarray
    B: np.ndarray
    weights: np.ndarray


def draw_tree(law: Hierarchy, sigma2: float, d: int, seed: int, draw: int, others: str = "explicit") -> DrawnTree:
    """Centres A_a ~ N(0, rho I) and modes B_ab ~ N(0, tau I) (docs/modes.md).

    As in sec. 1 of docs/theory.md the target has the length of the limit: |A_1|^2 = rho d for a superclass; for a mode
    |B_11|^2 = tau d besides, and B_11 across A_1.

    others : "explicit" draws all superclasses; "annealed" has the modes of the target alone and, for all others, their
        average density N(0, (1 + sigma2) I): a component with their weight.

    Raises
    ------
    ProblemError : more modes than are held.

    Examples
    --------
    >>> tree = draw_tree(Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, d=12, seed=0, draw=0)
    >>> tree.mixture.dim, len(tree.mixture.classes), tree.B.shape, round(float(tree.A @ tree.A), 6)
    (12, 3, (37, 12), 8.4)
    """
    n1, n2 = _held(law, d, others)
    key = make_key(seed, MEANS, draw)
    held = round(n1) if others == "explicit" else 1
    A = math.sqrt(law.rho) * normals(key, range(held), d).astype(float)
    B = math.sqrt(law.tau) * normals(key, range(held * n2), d, step=1).astype(float).reshape(held, n2, d)
    A[0] *= math.sqrt(law.rho * d) / np.linalg.norm(A[0])
    if law.label == 2:
        B[0, 0] -= (B[0, 0] @ A[0]) / (A[0] @ A[0]) * A[0]
        B[0, 0] *= math.sqrt(law.tau * d) / np.linalg.norm(B[0, 0])
    logs = law.spread * math.sqrt(d) * normals(key, range(held * n2), 1, step=2).astype(float).reshape(held, n2)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    means, labels = (A[:, None] + B).reshape(-1, d), np.arange(held * n2)
    if law.label == 1:
        labels //= n2
    if others == "explicit":
        mixture = Mixture(means, variances=sigma2, weights=shares.ravel(), labels=labels.tolist())
        return DrawnTree(mixture, A[0], B[0], shares[0])
    means = np.vstack([means, np.zeros(d)])
    variances, weights = np.full(n2 + 1, sigma2), np.append(shares[0], n1 - 1.0)
    variances[-1] = 1.0 + sigma2
    mixture = Mixture(means, variances=variances, weights=weights, labels=[*labels.tolist(), "others"])
    return DrawnTree(mixture, A[0], B[0], shares[0])


def _held(law: Hierarchy, d: int, others: str) -> tuple[float, int]:
    """Numbers of superclasses and of modes in each, once the modes fit."""
    one_of("others", others, ["explicit", "annealed"])
    first, second = law.log_counts(d)
    log_held = second + (first if others == "explicit" else 0.0)
    if log_held > math.log(LARGEST):
        remedy = "Take a smaller d" + (', or others="annealed".' if second <= math.log(LARGEST) else ".")
        raise ProblemError(f"at most {LARGEST:,} modes are held; {law!r} has exp({log_held:.4g}) at d = {d}. {remedy}")
    require(
        others == "explicit" or first > 0.0, "annealed others need a second superclass", repr(law), "Take larger d."
    )
    return math.exp(first), round(math.exp(second))
