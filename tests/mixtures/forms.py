"""A mixture of five components in three classes, in every form of its covariances."""

import numpy as np
from written_out import WrittenOut

from simulate import Mixture

RNG = np.random.default_rng(11)
K, D = 5, 4
MEANS = RNG.normal(size=(K, D)) * 1.5
MIXING = RNG.normal(size=(K, D, D)) * 0.4
FULL = np.einsum("kij,klj->kil", MIXING, MIXING) + 0.06 * np.eye(D)
TABLE = RNG.uniform(0.1, 0.6, size=(K, D))
WIDTHS = RNG.uniform(0.1, 0.6, size=K)
FACTORS = RNG.normal(size=(K, 2, D)) * 0.5
LABELS, WEIGHTS = ["a", "a", "b", "b", "c"], [1.0, 2.0, 3.0, 1.0, 1.0]
OPTIONS = {"labels": LABELS, "weights": WEIGHTS}


def diagonals(table):
    return np.array([np.diag(row) for row in table])


FORMS = {
    "full": (lambda: Mixture(MEANS, FULL, **OPTIONS), FULL),
    "tied": (lambda: Mixture(MEANS, FULL[0], **OPTIONS), np.array([FULL[0]] * K)),
    "diag": (lambda: Mixture(MEANS, variances=TABLE, **OPTIONS), diagonals(TABLE)),
    "diag for all": (lambda: Mixture(MEANS, variances=TABLE[:1], **OPTIONS), diagonals(TABLE[[0] * K])),
    "spherical": (lambda: Mixture(MEANS, variances=WIDTHS, **OPTIONS), diagonals(np.repeat(WIDTHS[:, None], D, 1))),
    "one number": (lambda: Mixture(MEANS, variances=0.3, **OPTIONS), np.array([0.3 * np.eye(D)] * K)),
    "low-rank": (
        lambda: Mixture.low_rank(MEANS, WIDTHS, FACTORS, **OPTIONS),
        np.array([w * np.eye(D) + F.T @ F for w, F in zip(WIDTHS, FACTORS, strict=True)]),
    ),
}


def made(request):
    """A mixture of a form, and the same written out, its target the class of two components: a fixture over `FORMS`."""
    make, covariances = FORMS[request.param]
    return make(), WrittenOut(WEIGHTS, MEANS, covariances, [0, 1])
