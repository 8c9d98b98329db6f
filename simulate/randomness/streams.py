"""Random numbers as a tree: roles, streams read in sequence, and the noise of a batch of samples.

What a sample receives depends on (seed, role, draw, sample) alone, so a result does not depend on batch size, block
size, number of threads or the order in which work is done. Class means, start and noise are taken by address from
`simulate.randomness.normals`; where other laws than the normal are needed, a NumPy stream of each sample gives them in
sequence.
"""

from typing import Any

import numpy as np

from simulate.randomness.normals import make_key, normals

MEANS, NOISE, ORTHOGONAL = 0, 1, 2  # roles: class means; start and noise in the simulated space; the space beyond it
CLONES, FORWARD = 3, 4  # roles: a batch of cloned trajectories; states noised forward
RESAMPLING = 5  # role: bootstrap
LINE = 6  # role: start and noise of samples on the line
SPLIT = 7  # role: halves of a set of images
EXACT = 8  # role: samples of a mixture of one's own, without diffusion
MOMENTS = 9  # role: data noised to check a score


def stream(seed: int, role: int, draw: int, sample: int = 0) -> np.random.Generator:
    """The sequential generator of one role for one sample of one draw of the class means.

    Examples
    --------
    >>> a, b = stream(0, NOISE, 3, 5), stream(0, NOISE, 3, 5)
    >>> bool(a.standard_normal() == b.standard_normal())
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(role, draw, sample))))


def resampling_counts(n: int, n_resamples: int, seed: int, draw: int = 0) -> np.ndarray:
    """How often each of n samples is in each bootstrap resample, (n_resamples, n); every row sums to n.

    Examples
    --------
    >>> resampling_counts(5, 3, seed=0).sum(axis=1)
    array([5, 5, 5])
    """
    return stream(seed, RESAMPLING, draw).multinomial(n, np.full(n, 1.0 / n), size=n_resamples)


class NoiseReader:
    """Normals of a batch of samples: those of the start, then those of one step after the other.

    Parameters
    ----------
    samples : indices of the samples in their draw.
    dim : number of coordinates.

    Examples
    --------
    >>> batch, alone = NoiseReader(0, 0, range(10), dim=3), NoiseReader(0, 0, range(7, 8), dim=3)
    >>> bool(np.array_equal(batch.step(np.ones(1))[7], alone.step(np.ones(1))[0]))
    True
    """

    def __init__(self, seed: int, draw: int, samples: range, dim: int) -> None:
        self._key, self._samples, self._dim = make_key(seed, NOISE, draw), samples, dim
        self._address = 1  # of the next fine step; 0 is the start
        self._noise, self._fine = np.empty((len(samples), dim)), np.empty((0, dim))

    def start(self, out: np.ndarray | None = None) -> np.ndarray:
        """The start normals, shape (samples, dim) float64; in `out` if given."""
        return normals(self._key, self._samples, self._dim, out=np.empty_like(self._noise) if out is None else out)

    def step(self, weights: np.ndarray) -> np.ndarray:
        """Noise of one step, sum_j weights[j] xi_j over its fine steps, shape (samples, dim).

        weights: (fine steps,), or (fine steps, dim) where directions differ. The array is used again by the next step.
        """
        noise = self._next(weights[0], self._noise)
        if len(weights) > 1 and not len(self._fine):
            self._fine = np.empty_like(noise)
        for weight in weights[1:]:
            noise += self._next(weight, self._fine)
        return noise

    def _next(self, weight: Any, out: np.ndarray) -> np.ndarray:
        self._address += 1
        out = normals(self._key, self._samples, self._dim, self._address - 1, out)
        out *= weight
        return out
