"""Exponential Heun steps, exact for the linear part of the force.

In the frame of the target and in tau = -log D, the reverse step of sec. 1 of docs/theory.md reads
    dy = e (b - y) dtau + eta sqrt(D) dB,      b = -w(t) sum_k pi_k(y) delta_k,
because s_w = (b - y)/D. Over a step from D to D' = r D (h = -log r), with b linear in tau from b_0 to b_1,
    y' = r^e y + (1 - r^e) b_0 + phi (b_1 - b_0) + sqrt(D' (1 - r^{eta^2})) xi,     phi = 1 - (1 - r^e)/(e h):
the noise variance eta^2 int D(s) exp(-2 e (h - s)) ds is exact, so w = 0 is exact in law at any number of steps.
Predictor: b_1 = b_0; corrector: b_1 at the predictor; same noise in both. Two scores a step.
Order 2 for the ODE, and weak order 2 for the SDE (additive noise); tests measure both.

With a spectrum (docs/spectra.md) y is whitened and every group of directions has its own D = (c + t)/g: coefficients
of a step then are one number per direction.

The noise may be drawn on a grid `refinement` times finer and combined exactly: runs with different steps then share it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem import Problem

__all__ = ["ORDER", "Step", "Steps", "correct", "make_steps", "predict", "time_grid"]

ORDER = 2  # of the error in the step, deterministic and weak


class Step(NamedTuple):
    """Coefficients of one step, as in `Steps`: numbers, or with a spectrum arrays (dim,); mix (refinement, ...)."""

    D_end: Any
    w_start: float
    w_end: float
    decay: Any
    phi: Any
    mix: np.ndarray


@dataclass(frozen=True)
class Steps:
    """A time grid D[0] > ... > D[n] = sigma2 and the coefficients of its n steps.

    With a spectrum `counts` are the directions per group, and all but t, w_start, w_end have the groups as last axis.

    Attributes
    ----------
    D, t : (n + 1,).
    w_start, w_end : (n,) weights at the ends of each step, seen from inside it (a schedule may jump at the ends); where
        guidance depends on the sample, their factor `Problem.amplitude`.
    decay, phi, noise : (n,) r^e; the weight of the correction; the noise's standard deviation.
    mix : (n, refinement) coefficients of the fine normals in each step's noise; mix**2 sums to noise**2.
    """

    D: np.ndarray
    t: np.ndarray
    w_start: np.ndarray
    w_end: np.ndarray
    decay: np.ndarray
    phi: np.ndarray
    noise: np.ndarray
    mix: np.ndarray
    counts: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.decay)

    def variance(self, n: int) -> Any:
        """D[n]: a number, or with a spectrum an array (dim,)."""
        return self._by_direction(self.D[n])

    def step(self, n: int) -> Step:
        """Step n."""
        by = self._by_direction
        return Step(
            by(self.D[n + 1]), self.w_start[n], self.w_end[n], by(self.decay[n]), by(self.phi[n]), by(self.mix[n])
        )

    def _by_direction(self, x: Any) -> Any:
        return x if self.counts is None else np.repeat(x, self.counts, axis=-1)


def time_grid(problem: Problem, t_start: float, n_steps: int, refinement: int = 1) -> np.ndarray:
    """VE times of `n_steps` steps, log-uniform in D between the schedule's breakpoints, each then cut in `refinement`.

    With a spectrum D is that of the least class variance, so that no direction takes a longer step in its own log D.

    Returns
    -------
    t : (n_steps * refinement + 1,), decreasing from t_start to exactly 0.
    """
    sigma2 = problem.least_variance
    jumps = sorted((t for t in problem.schedule.breakpoints if 0 < t < t_start), reverse=True)
    ends = np.array([t_start, *jumps, 0.0])
    lengths = -np.diff(np.log(sigma2 + ends))
    if n_steps < len(lengths):
        raise ProblemError(
            f"n_steps must be at least {len(lengths)}, one for each piece of the schedule; got {n_steps}."
        )
    counts = np.ones(len(lengths), dtype=int)
    for _ in range(n_steps - len(lengths)):
        counts[np.argmax(lengths / counts)] += 1
    times = [np.array([t_start])]
    for a, b, count in zip(ends[:-1], ends[1:], counts * refinement, strict=True):
        fraction = np.arange(1, count + 1) / count
        D = (sigma2 + a) * ((sigma2 + b) / (sigma2 + a)) ** fraction
        inner = D - sigma2
        inner[-1] = b
        times.append(inner)
    return np.concatenate(times)


def make_steps(problem: Problem, t: np.ndarray, refinement: int = 1, counts: tuple[int, ...] | None = None) -> Steps:
    """Coefficients of the steps on the times t[::refinement], with noise on all of t.

    `counts` are the directions per group of the problem's spectrum, if it has one.
    """
    e, eta2, spectrum = problem.e, problem.eta**2, problem.spectrum
    fine = problem.sigma2 + t if spectrum is None else spectrum.D(t)  # (times,) or (times, groups)
    coarse, D = t[::refinement], fine[::refinement]
    width = coarse[:-1] - coarse[1:]
    inside = 1e-9 * width
    h = -np.log(D[1:] / D[:-1])
    # standard deviation of each fine step's noise, carried by the linear flow to the end of its coarse step
    sd = np.sqrt(fine[1:] * -np.expm1(eta2 * np.log(fine[1:] / fine[:-1])))
    end = np.repeat(D[1:], refinement, axis=0)
    mix = (sd * (end / fine[1:]) ** e).reshape(-1, refinement, *D.shape[1:])
    return Steps(
        D=D,
        t=coarse,
        w_start=problem.amplitude(coarse[:-1] - inside),
        w_end=problem.amplitude(coarse[1:] + inside),
        decay=np.exp(-e * h),
        phi=1.0 + np.expm1(-e * h) / (e * h),
        noise=np.sqrt(D[1:] * -np.expm1(-eta2 * h)),
        mix=mix,
        counts=counts,
    )


def predict(y: np.ndarray, b: np.ndarray | float, noise: np.ndarray | float, decay: Any) -> np.ndarray:
    """The step with the force of its beginning; exact where b is constant."""
    return decay * y + (1.0 - decay) * b + noise


def correct(predicted: np.ndarray, b_start: np.ndarray, b_end: np.ndarray, phi: Any) -> np.ndarray:
    """The step with the force linear in log D, given its value at the predictor."""
    return predicted + phi * (b_end - b_start)
