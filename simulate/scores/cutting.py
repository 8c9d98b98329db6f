"""Negligible classes are left out, in two ways that never lose more than the relative mass `negligible` of a posterior.

* A block whose largest logit is log(P/negligible) below the leading one, or below the target's 0, adds nothing: each of
  its classes has less than negligible/P of the whole.
* By Schwarz, l_k <= |u||n_k| - |n_k|^2/2 with u = y/sqrt(D) and n_k = delta_k/sqrt(D) (direction by direction with a
  spectrum), so l_k < -log(P/negligible) for
      |n_k| > |u| + (|u|^2 + 2 log(P/negligible))^{1/2},
  and not even the logits of such classes are computed. This needs D well below the class distances, |delta_k|^2 ~ 2 d.

Observables (`full`) need the odds at full relative precision however small: for them only blocks negligible beside the
other wrong classes are left out.
"""

import math
from typing import Any, NamedTuple

import numpy as np

NEGLIGIBLE = {"float32": 1e-7, "float64": 1e-15}  # relative mass: below the rounding of the products
MANY = 256  # classes from which it pays to look for those that may be left out


class Cut(NamedTuple):
    """Left out, in bits: blocks `skip` below the leading logit or below `floor`; classes of |n|^2/2 > `limit`."""

    skip: float
    floor: float
    limit: float


def cut_off(y: np.ndarray, D: Any, n_wrong: int, negligible: float, full: bool, log_weight: float = 0.0) -> Cut:
    """What may be left out for samples y at D among `n_wrong` classes, at the loss of relative mass `negligible`.

    `log_weight` of the classes over the target's is part of their logits: |n|^2/2 less that is held to `limit`. The
    largest is the safe one where they differ: `limit` = |u|^2/2 + s + |u| (|u|^2 + 2 s + 2 log_weight)^{1/2} grows.

    Examples
    --------
    >>> cut = cut_off(np.ones((1, 4)), D=0.25, n_wrong=1023, negligible=2.0**-20, full=False)
    >>> cut.skip, cut.floor, round(cut.limit, 2)  # 2^10 classes of mass 2^-30 each; |u| = 4
    (30.0, -30.0, 96.88)
    """
    if not negligible:
        return Cut(np.inf, -np.inf, np.inf)
    skip = math.log2((n_wrong + 1) / negligible)
    if full or n_wrong < MANY:
        return Cut(skip, -np.inf if full else -skip, np.inf)
    square = np.einsum("sd,sd->s", y, y) / D if np.ndim(D) == 0 else (y * y) @ (1.0 / D)  # |u|^2 (samples,)
    u = math.sqrt(square.max() / math.log(2.0))
    bits = log_weight / math.log(2.0)
    reach = u * u + 2.0 * (skip + bits)
    return Cut(skip, -skip, 0.5 * (u + math.sqrt(reach)) ** 2 - bits if reach >= 0.0 else -np.inf)
