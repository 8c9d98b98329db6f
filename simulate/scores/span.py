"""Exact reduction to the span of the class means, for fewer classes than dimensions (sec. 8 of docs/theory.md).

The score depends on x through x.mu_k alone. With P < d, P coordinates per sample suffice:
- the means enter through their Gram matrix, whose law at any d is Bartlett's: coordinates (P, P) lower triangular,
  N(0, 1) below the diagonal, diagonal entry i (from 0) the square root of a chi-square with d - i degrees of freedom;
- the d - P other coordinates feel the linear force -y/D only, so the sum R of their squares is a Markov chain:
  over a step D -> D' = r D,  R' = s^2 chi'^2_{d-P}(r^{2e} R/s^2),  s^2 = D'(1 - r^{eta^2}), exactly, over any step.
Guided sample and unguided twin share the other coordinates: they start alike there and feel the same force.
"""

import math

import numpy as np

from meanfield.problem.statement import Problem
from simulate.randomness.chi_squares import ATTEMPTS, chi_squares
from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import MEANS, ORTHOGONAL, stream
from simulate.scores.mixture import Held


def draw_span(d: int, n_classes: int, seed: int, draw: int, log_weight: float | np.ndarray = 0.0) -> Held:
    """The classes of one draw in coordinates of their span: dim = P. Memory P^2, any d >= P.

    Examples
    --------
    >>> mixture = draw_span(d=10**6, n_classes=5, seed=0, draw=0)
    >>> mixture.delta.shape, round(float(mixture.target @ mixture.target))
    ((4, 5), 1000000)
    """
    rng = stream(seed, MEANS, draw)
    delta = np.zeros((n_classes - 1, n_classes), dtype=np.float32)
    for i, row in enumerate(delta, start=1):
        rng.standard_normal(out=row[:i], dtype=np.float32)
        row[i] = math.sqrt(rng.chisquare(d - i))
    target = np.zeros(n_classes)
    target[0] = math.sqrt(d)
    delta[:, 0] -= np.float32(target[0])
    return Held(target, delta, n_classes, log_weight=log_weight)


def outside_squares(
    problem: Problem, t: np.ndarray, variance: float, freedom: int, seed: int, draw: int, samples: range
) -> np.ndarray:
    """|y|^2 in the `freedom` directions outside the simulated space, at the times t, shape (times, samples).

    The chain starts from N(0, variance I) at t[0]. Zero where there are no such directions.
    """
    out = np.zeros((len(t), len(samples)))
    if freedom < 1:
        return out
    key = make_key(seed, ORTHOGONAL, draw)
    out[0] = variance * chi_squares(key, samples, freedom, 0)
    D = problem.sigma2 + t
    for n in range(1, len(t)):
        log_r = math.log(D[n] / D[n - 1])
        noise2 = D[n] * -math.expm1(problem.eta**2 * log_r)
        kept = np.sqrt(out[n - 1]) * math.exp(problem.e * log_r)  # length along the old direction
        if noise2 > 0:
            along = normals(key, samples, 1, ATTEMPTS * (2 * n - 1), np.empty((len(samples), 1)))[:, 0]
            across = chi_squares(key, samples, freedom - 1, 2 * n) if freedom > 1 else 0.0
            out[n] = (kept + math.sqrt(noise2) * along) ** 2 + noise2 * across
        else:
            out[n] = kept**2
    return out
