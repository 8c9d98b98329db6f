"""Whether a score is of some data, by their two moments: an obviously wrong parametrisation explains less than they do.

Data x_0 of mean m and mean variance u per direction, noised to y = x_0 + t^(1/2) z. Tweedie's formula, x_0 ~ y + t s,
is the best estimate of x_0 if s is the score of these data. So its mean squared error is at most that of

    m + u/(u + t) (y - m),      which explains u/(u + t) of the variance of x_0:

the best that uses the two moments alone. Classes, correlations and shapes can only add to it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meanfield.errors import require
from simulate.randomness.streams import MOMENTS, stream
from simulate.samples.scored import ScoreFunction

LEVELS = (1.0, 4.0, 16.0)  # t in units of u
ENOUGH = 0.5  # of what the moments explain
ERRORS = 4.0  # standard errors


@dataclass(frozen=True, eq=False)
class ScoreCheck:
    """What scores explain of the variance of noised data, beside what the two moments of the data explain.

    Attributes
    ----------
    sigma : (levels,) of the noise: 1, 2 and 4 times the width of the data.
    explained : by reading, the stated one first: (levels,) the share of the variance of the data, at most 1.
    moments : (levels,) the share that mean and width alone explain: the least of a good score.
    stderr : (levels,) of the difference of both, for the stated reading.

    Examples
    --------
    >>> sigma, good, bad = np.array([1.0]), np.array([0.6]), np.array([-0.3])
    >>> ScoreCheck(sigma, {"eps": good, "x0": bad}, np.array([0.5]), np.array([0.01]))
    ScoreCheck: The network is a denoiser of these data when read as eps.
      sigma = 1: explains 0.60 of their variance; their two moments 0.50; read as x0 -0.30
    """

    sigma: np.ndarray
    explained: dict[str, np.ndarray]
    moments: np.ndarray
    stderr: np.ndarray

    @property
    def ok(self) -> bool:
        """Whether the stated reading explains at least half of what the moments explain, at every level."""
        return self._good(self._stated)

    @property
    def sentence(self) -> str:
        """The verdict."""
        if self.ok:
            return f"The network is a denoiser of these data when read as {self._stated}."
        better = [kind for kind in self.explained if self._good(kind)]
        best = max(better, key=lambda kind: float(self.explained[kind].sum()), default="")
        rest = f"; read as {best} it is." if best else ", nor in another reading: check noise, labels and scale."
        return f"The network is not a denoiser of these data when read as {self._stated}{rest}"

    def __repr__(self) -> str:
        lines = [f"ScoreCheck: {self.sentence}"]
        for i, sigma in enumerate(self.sigma):
            others = [f"{kind} {x[i]:.2f}" for kind, x in self.explained.items() if kind != self._stated]
            own, least = self.explained[self._stated][i], self.moments[i]
            shown = f"explains {own:.2f} of their variance; their two moments {least:.2f}"
            lines.append(f"  sigma = {sigma:.3g}: {shown}; read as {', '.join(others)}")
        return "\n".join(lines)

    @property
    def _stated(self) -> str:
        return next(iter(self.explained))

    def _good(self, kind: str) -> bool:
        return bool(np.all(self.explained[kind] + ERRORS * self.stderr >= ENOUGH * self.moments))


def check_moments(
    readings: Callable[[np.ndarray], dict[str, ScoreFunction]],
    data: np.ndarray,
    t_range: tuple[float, float],
    n_samples: int,
    seed: int,
) -> ScoreCheck:
    """The check, of scores that `readings` gives for the data of some indices; data (n, dim)."""
    mean, u = data.mean(axis=0), float(data.var(axis=0).mean())
    require(u > 0.0, "the data must vary", "data that are all the same")
    times = [u * level for level in LEVELS if t_range[0] <= u * level <= t_range[1]]
    rule = f"sigma of 1, 2 or 4 times the width of the data, {math.sqrt(u):.3g}, must be noise that the network knows"
    known = f"VE times from {t_range[0]:.3g} to {t_range[1]:.3g}"
    require(times, rule, known, "The data are in other units than those that it was trained on.")
    rng = stream(seed, MOMENTS, 0)
    rows = rng.integers(len(data), size=n_samples)
    x0, scores = data[rows], readings(rows)
    found: dict[str, list[float]] = {kind: [] for kind in scores}
    moments, stderr = [], []
    for t in times:
        y = x0 + math.sqrt(t) * rng.standard_normal(x0.shape)
        unit = u * data.shape[1]
        plain = np.sum((mean + u / (u + t) * (y - mean) - x0) ** 2, axis=1) / unit
        moments.append(u / (u + t))
        for n, (kind, score) in enumerate(scores.items()):
            better = plain - np.sum((y + t * score(y, t) - x0) ** 2, axis=1) / unit  # of the same noise
            found[kind].append(moments[-1] + float(better.mean()))
            if n == 0:
                stderr.append(float(better.std(ddof=1)) / math.sqrt(n_samples))
    explained = {kind: np.array(shares) for kind, shares in found.items()}
    return ScoreCheck(np.sqrt(times), explained, np.array(moments), np.array(stderr))
