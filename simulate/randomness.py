"""Random numbers as a tree of counter-based streams: one stream per sample, whatever runs it.

Each stream is a Philox generator keyed by (seed, role, draw, sample). What a sample receives depends on its key alone,
so a result does not depend on batch size, block size, number of threads or the order in which work is done. A stream
is read strictly in sequence (start normals first, then one vector per fine step), hence reading it in chunks of any
length gives the same numbers.
"""

import numpy as np

__all__ = ["CLONES", "FORWARD", "MEANS", "NOISE", "ORTHOGONAL", "NoiseReader", "stream"]

MEANS, NOISE, ORTHOGONAL = 0, 1, 2  # roles: class means; start and noise in the simulated space; the space beyond it
CLONES, FORWARD = 3, 4  # roles: a batch of cloned trajectories; states noised forward

CHUNK_BYTES = 2**24  # normals held at a time by one batch


def stream(seed: int, role: int, draw: int, sample: int = 0) -> np.random.Generator:
    """The generator of one role for one sample of one draw of the class means.

    Examples
    --------
    >>> a, b = stream(0, NOISE, 3, 5), stream(0, NOISE, 3, 5)
    >>> bool(a.standard_normal() == b.standard_normal())
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(role, draw, sample))))


class NoiseReader:
    """Normals of a batch of samples, read step by step from their streams in bounded memory.

    Parameters
    ----------
    samples : indices of the samples in their draw.
    dim : number of coordinates.
    n_fine : number of fine steps that will be read in all.
    refinement : fine steps per step; `step` combines that many vectors into one.
    """

    def __init__(self, seed: int, draw: int, samples: range, dim: int, n_fine: int, refinement: int = 1) -> None:
        self._streams = [stream(seed, NOISE, draw, i) for i in samples]
        self._refinement = refinement
        self._left = n_fine
        per_step = len(self._streams) * dim * refinement * 8
        length = min(n_fine, refinement * max(1, CHUNK_BYTES // max(per_step, 1)))
        self._buffer = np.empty((len(self._streams), length, dim))  # (samples, fine steps, dim)
        self._next = length

    def start(self) -> np.ndarray:
        """The start normals, shape (samples, dim); read these first."""
        return np.stack([s.standard_normal(self._buffer.shape[2]) for s in self._streams])

    def step(self, weights: np.ndarray) -> np.ndarray:
        """Noise of one step, sum_j weights[j] xi_j over its fine steps, shape (samples, dim).

        weights: (refinement,), or (refinement, dim) where directions differ.
        """
        if self._next >= self._buffer.shape[1]:
            self._fill()
        fine = self._buffer[:, self._next : self._next + self._refinement]  # (samples, refinement, dim)
        self._next += self._refinement
        if self._refinement == 1:
            return weights[0] * fine[:, 0]
        return np.einsum("j,sjd->sd" if weights.ndim == 1 else "jd,sjd->sd", weights, fine)

    def _fill(self) -> None:
        length = min(self._buffer.shape[1], self._left)
        for row, source in zip(self._buffer, self._streams, strict=True):
            source.standard_normal(out=row[:length])
        self._left -= length
        self._next = 0
