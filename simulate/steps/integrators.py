"""Exponential multistep: one score a step, exact for the linear part of the force.

In the frame of the target and in tau = -log D, the reverse step of sec. 1 of docs/theory.md reads
    dy = e (b - y) dtau + eta sqrt(D) dB,      b = -w(t) sum_k pi_k(y) delta_k,
because s_w = (b - y)/D. Over a step from D to D' = r D (h = -log r), with b a polynomial of z in [0, 1],
    y' = r^e y + int_0^h e exp(-e (h - s)) b(z(s)) ds + sqrt(D' (1 - r^{eta^2})) xi,
    z = (D^{1/4} - D(s)^{1/4})/(D^{1/4} - D'^{1/4}),      D(s) = D exp(-s);
the noise variance eta^2 int D(s) exp(-2 e (h - s)) ds is exact, so w = 0 is exact in law at any number of steps.
With c_j = int_0^h e exp(-e (h - s)) z^j ds: c_0 = 1 - r^e. Lines and parabolas are in D^{1/4} rather than log D as this
bends with the force through speciation: of both, D^{1/2} and D it had the smallest errors (docs/steps.md).

*Predict* with the line through b_- and b, the forces of the last step and of this one, b^ its end point, rho the length
of the step over that of the one before, both in D^{1/4}:
    b^ = b + rho (b - b_-),      y* = r^e y + c_0 b + c_1 (b^ - b) + noise.
*Evaluate* b* = b(y*, D'), the only score of the step. *Correct* with the parabola through b_-, b and the force at the
end, which differs from the line by (b(y') - b^) z (1 + rho z)/(1 + rho):
    y' = y* + psi (b(y') - b^),   psi = (c_1 + rho c_2)/(1 + rho);   c_1/(e h) -> 1/2, psi/(e h) -> 5/12 for small h.
What b is at y' follows from what was seen at y* (`simulate.steps.answering`). *Move* the posterior there, too, without
a new one (`simulate.steps.stepping.moved`): it gives the next step's b. At the start and where w or a derivative jumps,
rho = 0: a line instead of the parabola. So too where a step is too long for the guidance (`STABLE`); there the
correction is psi (b* - b^), the posterior is not moved but evaluated again, and the step is one of Heun's method.

Order 3 for the ODE: the local errors of y* and of the moved posterior, O(h^3), enter with a factor h. Weak order 2 for
the SDE: a kick xi reaches the later forces with the weights of a quadrature rule (5, 13, 12, 12, ... twelfths of h, and
exactly 6, 12, 12, ...), and what the noise does within a step, its bridge, would add a variance to y of
(e |grad b|)^2 eta^2 D h^3/12 a step, which is left out. Tests measure both.

With a spectrum (docs/spectra.md) y is whitened and every group of directions has its own D = (c + t)/g: coefficients
of a step then are one number per direction.

The noise may be drawn on a grid `refinement` times finer and combined exactly: runs with different steps then share it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meanfield.guidance.stops import stops
from meanfield.problem.statement import Problem
from simulate.steps.parts import Parts, make_parts

STABLE = 2.4  # e |w| h/(1 + D) up to which the parabola is stable in the crowd (the line: 2); from the growth factors


POWER = 0.25  # of D, along which the force is a line or parabola
SAFE = 1.0  # e |w| h/(1 + D) up to which the correction is solved for where w < 0: its crowd then is far from a pole
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(32)


def order(eta: float) -> int:
    """Order of the error in the step: of the solution for the ODE (eta = 0), of averages for the SDE."""
    return 3 if eta == 0 else 2


class Step(NamedTuple):
    """Coefficients of one step, as in `Steps`: numbers, or with a spectrum arrays (dim,); mix (refinement, ...)."""

    D_end: Any
    w_start: float
    w_end: float
    decay: Any
    phi: Any
    psi: Any
    ratio: Any
    strength: float
    resolved: bool
    answers: bool
    mix: np.ndarray
    parts: Parts | None = None


@dataclass(frozen=True)
class Steps:
    """A time grid D[0] > ... > D[n] = sigma2 and the coefficients of its n steps.

    With a spectrum `counts` are the directions per group, and all but t, w_start, w_end have the groups as last axis.

    Attributes
    ----------
    D, t : (n + 1,).
    w_start, w_end : (n,) weights at the ends of each step, seen from inside it (a schedule may jump at the ends); where
        guidance depends on the sample, their factor `Problem.amplitude`.
    decay, phi, psi, noise : (n,) r^e; c_1; the weight of the correction; the noise's standard deviation.
    ratio : (n,) rho, the length of the step over that of the one before, in D^{1/4}; 0 where the multistep starts.
    strength : (n,) e h/(1 + D) at the end of the step, the largest of all directions: times |w| (1 - pi_1), what
        guidance does in it (`meanfield.tools.resolution`). bound : the most that can be, over all steps, at pi_1 = 0.
    resolved : (n,) whether the step is short enough for the guidance, e |w| h/(1 + D) < `STABLE`, in every direction.
    answers : (n,) whether the correction is solved for (`simulate.steps.answering`): not in steps of Heun's method.
    mix : (n, refinement) coefficients of the fine normals in each step's noise; mix**2 sums to noise**2.
    parts : (n,) of the ODE with one D and a weight that depends on t alone (`simulate.steps.parts`).
    record : indices of the times at which observables are taken.
    """

    D: np.ndarray
    t: np.ndarray
    w_start: np.ndarray
    w_end: np.ndarray
    decay: np.ndarray
    phi: np.ndarray
    psi: np.ndarray
    ratio: np.ndarray
    strength: np.ndarray
    bound: float
    resolved: np.ndarray
    answers: np.ndarray
    noise: np.ndarray
    mix: np.ndarray
    counts: tuple[int, ...] | None = None
    parts: tuple[Parts, ...] | None = None
    record: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.decay)

    def variance(self, n: int) -> Any:
        """D[n]: a number, or with a spectrum an array (dim,)."""
        return self._by_direction(self.D[n])

    def step(self, n: int) -> Step:
        """Step n."""
        numbers = self.D[n + 1], self.decay[n], self.phi[n], self.psi[n], self.ratio[n], self.mix[n]
        D, decay, phi, psi, ratio, mix = map(self._by_direction, numbers)
        strength, resolved, answers = float(self.strength[n]), bool(self.resolved[n]), bool(self.answers[n])
        w_start, w_end, parts = self.w_start[n], self.w_end[n], self.parts[n] if self.parts else None
        return Step(D, w_start, w_end, decay, phi, psi, ratio, strength, resolved, answers, mix, parts)

    def _by_direction(self, x: Any) -> Any:
        return x if self.counts is None else np.repeat(x, self.counts, axis=-1)


def make_steps(
    problem: Problem,
    t: np.ndarray,
    refinement: int = 1,
    counts: tuple[int, ...] | None = None,
    variances: np.ndarray | None = None,
    spread: float = 1.0,
) -> Steps:
    """Coefficients of the steps on the times t[::refinement], with noise on all of t.

    `counts` are the directions per group of the problem's spectrum, if it has one; `variances` (dim,) those of the
    target, where every direction has its own; `spread` is the variance of the means, the largest of all directions.
    """
    e, eta2, spectrum = problem.e, problem.eta**2, problem.spectrum
    fine = problem.sigma2 + t if spectrum is None else spectrum.D(t)  # (times,), or (times, groups), or (times, dim)
    if variances is not None:
        fine = variances + t[:, None]
    coarse, D = t[::refinement], fine[::refinement]
    width = coarse[:-1] - coarse[1:]
    inside = 1e-9 * width
    h = -np.log(D[1:] / D[:-1])
    fall = -np.diff(D**POWER, axis=0)
    ratio = np.zeros_like(h)
    ratio[1:] = fall[1:] / fall[:-1]
    restarts = np.isin(coarse[:-1], stops(problem.schedule))
    ratio[restarts] = 0.0
    w_start, w_end = problem.amplitude(coarse[:-1] - inside), problem.amplitude(coarse[1:] + inside)
    w = np.maximum(np.abs(w_start), np.abs(w_end))
    if problem.schedule.exponent:  # what an amplitude comes to, where the weight depends on the sample
        w = w * D[1:].reshape(len(h), -1).min(axis=1) ** -problem.schedule.exponent
    strength = (e * h * spread / (spread + D[1:])).reshape(len(h), -1).max(axis=1)
    resolved = strength * w < STABLE
    ratio[~resolved] = 0.0
    answers = resolved & ((w_end >= 0.0) | (strength * w < SAFE))
    parts = None
    if eta2 == 0.0 and D.ndim == 1 and not problem.schedule.by_sample:
        idle = (w_start == 0.0) & (w_end == 0.0)  # steps that evaluate nothing
        restarts = restarts | np.concatenate([[True], idle[:-1]])
        parts = make_parts(problem, D, strength * w, restarts, resolved)
    phi, c_2 = _moments(e, h)
    # standard deviation of each fine step's noise, carried by the linear flow to the end of its coarse step
    sd = np.sqrt(fine[1:] * -np.expm1(eta2 * np.log(fine[1:] / fine[:-1])))
    end = np.repeat(D[1:], refinement, axis=0)
    mix = (sd * (end / fine[1:]) ** e).reshape(-1, refinement, *D.shape[1:])
    return Steps(
        D=D,
        t=coarse,
        w_start=w_start,
        w_end=w_end,
        decay=np.exp(-e * h),
        phi=phi,
        psi=(phi + c_2 * ratio) / (1.0 + ratio),
        ratio=ratio,
        strength=strength,
        bound=float((strength * w).max()),
        resolved=resolved,
        answers=answers,
        noise=np.sqrt(D[1:] * -np.expm1(-eta2 * h)),
        mix=mix,
        counts=counts,
        parts=parts,
    )


def _moments(e: float, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """c_1 and c_2 of steps of these lengths h, by Gauss's points: no differences, which cancel where h is small."""
    x = 0.5 * (POINTS + 1.0)
    weights = e * h[..., None] * np.exp(-e * h[..., None] * (1.0 - x)) * (0.5 * WEIGHTS)
    zeta = np.expm1(-POWER * h[..., None] * x) / np.expm1(-POWER * h[..., None])
    return (weights * zeta).sum(axis=-1), (weights * zeta**2).sum(axis=-1)


def predict(y: np.ndarray, b: Any, b_end: Any, noise: Any, step: Step) -> np.ndarray:
    """y at the end of the step if the force goes from b to b_end along a line in D^{1/4}."""
    return step.decay * y + (1.0 - step.decay) * b + step.phi * (b_end - b) + noise


def correct(predicted: np.ndarray, miss: Any, step: Step) -> np.ndarray:
    """y at the end of the step, given how far the force at the predicted state is from the predicted force."""
    return predicted + step.psi * miss
