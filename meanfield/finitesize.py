"""Finite d without classes: the annealed reduced model (sec. 7 of docs/theory.md), a sharp finite-size theory.

All wrong classes are replaced by their average over the disorder, so that the unconditional density is
    p_u = (1/P) N(mu_1, D I) + (1 - 1/P) N(0, (1 + D) I).
With y = x - mu_1, u its component along mu_1 and G the squared length of the rest g, the target's log-odds are
    ell = -(u^2 + G)/(2 D (1 + D)) + (2 u sqrt(d) + d)/(2(1 + D)) + (d/2) log(1 + 1/D) - log(P - 1),
and, with pi = sigmoid(ell), the guided score is (b - y)/D with b = -w (1 - pi) (x/(1 + D) - mu_1)  (T19).
Cost does not depend on P. The model tends to sec. 3 as d -> infinity and is exact in the continuum. At the d of
particles it misses what their own disorder does around speciation: at alpha = 0.4, w = 1, SDE, m(0) is 1.0881 at d = 24
and particles have 1.0861(4); the gap falls faster than 1/d. In the glass it is wrong, because there the disorder must
not be averaged over.

A sample is a few numbers. Steps are those of an exponential Heun scheme in tau = -log D, dy = e (b - y) dtau + noise,
exact where w = 0. Across mu_1 the force is along g; the unguided twin h feels the same noise. So g and h matter only
through |g|^2, g.h and |h|^2, and the noise through two components in their plane and the squared length (chi-square,
d - 3 degrees of freedom) of the rest.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, log_expit

from meanfield.ensemble import Ensemble
from meanfield.errors import ProblemError, checked
from meanfield.problem import Problem
from meanfield.progress import Progress

__all__ = ["reduced"]

NAMES = ("m", "v", "q", "m_twin", "v_twin", "weight", "log_odds", "participation", "accuracy")
ROLE = 3  # spawn key of these random streams


def reduced(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 10_000,
    n_draws: int = 50,
    n_steps: int = 200,
    seed: int = 0,
    n_times: int = 33,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the reduced model: `n_samples` independent samples in `n_draws` batches, which give the error bar.

    Parameters
    ----------
    problem : what is sampled.
    d : dimension, >= 4.
    n_samples, n_draws : samples in all, and batches they are split into; n_samples is rounded down to whole batches.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches. There are no single wrong classes here: `accuracy` is
        the share of samples with pi_1 > 1/2, and `participation` is 1/(pi_1^2 + (1 - pi_1)^2/(P - 1)), its value if
        they had equal weights. `log_odds` is nan where P = 1 or infinite, `participation` where P is infinite.

    Raises
    ------
    ProblemError : a setting out of range.

    Examples
    --------
    >>> from meanfield.problem import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = reduced(problem, 24, n_samples=4000, n_draws=4, n_steps=50)
    >>> round(float(data.final.m_paired.mean), 1)
    1.1
    """
    began = time.perf_counter()
    if not isinstance(problem, Problem):
        raise ProblemError(f"problem must be a meanfield.Problem; got {problem!r}.")
    d = int(checked("d", d, low=4, high=1e15, integer=True, remedy="simulate.run takes any d >= 2."))
    n_draws = int(checked("n_draws", n_draws, low=1, high=1e6, integer=True))
    n_samples = int(checked("n_samples", n_samples, low=n_draws, high=1e10, integer=True, remedy="One a batch."))
    n_steps = int(checked("n_steps", n_steps, low=1, high=1e7, integer=True))
    n_times = int(checked("n_times", n_times, low=2, high=1e6, integer=True))
    seed = int(checked("seed", seed, low=0, integer=True))
    record = np.unique(np.round(np.linspace(0, n_steps, min(n_times, n_steps + 1))).astype(int))
    model = _Model(problem, d, n_steps)
    draws = np.empty((n_draws, len(NAMES), len(record)))
    batch = n_samples // n_draws
    with Progress(progress, n_draws, f"reduced model, d = {d}") as show:
        for draw in range(n_draws):
            rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(ROLE, draw))))
            draws[draw] = model.sample(rng, batch, record)
            show(draw + 1)
    info = {
        "method": "reduced",
        "seed": seed,
        "n_steps": n_steps,
        "log_classes": model.log_count if math.isfinite(model.log_count) else "inf",
        "seconds": time.perf_counter() - began,
        "versions": {"numpy": np.__version__},
    }
    observables = {name: np.ascontiguousarray(draws[:, i]) for i, name in enumerate(NAMES)}
    return Ensemble(problem, d, model.t[record], observables, batch, info)


class _State:
    """Samples as numbers, each an array (samples,): u, u0 along mu_1 (guided, twin); g.g, g.h, h.h across it."""

    def __init__(self, u, u0, gg, gh, hh) -> None:
        self.u, self.u0, self.gg, self.gh, self.hh = u, u0, gg, gh, hh


class _Model:
    """The steps of one problem at one d."""

    def __init__(self, problem: Problem, d: int, n_steps: int) -> None:
        self.problem, self.d, self.root_d = problem, d, math.sqrt(d)
        self.log_count = problem.classes.log_count(d)
        count = math.exp(self.log_count) if self.log_count < 700 else math.inf
        self.log_rivals = self.log_count + math.log1p(-1.0 / count) if self.log_count > 0 else -math.inf
        self.begin = problem.start(rate=self.log_count / d, count=count)
        self.t = _times(problem, self.begin.t, n_steps)
        self.D = problem.sigma2 + self.t
        inside = -1e-9 * np.diff(self.t)  # a schedule may jump at the ends of a step: look at it from inside
        self.w_start = problem.weight(self.t[:-1] - inside)
        self.w_end = problem.weight(self.t[1:] + inside)
        h = -np.diff(np.log(self.D))
        self.decay = np.exp(-problem.e * h)
        self.phi = 1.0 + np.expm1(-problem.e * h) / (problem.e * h)
        self.noise = np.sqrt(self.D[1:] * -np.expm1(-(problem.eta**2) * h))

    def sample(self, rng: np.random.Generator, n_samples: int, record: np.ndarray) -> np.ndarray:
        """Averages over one batch, (observables, times)."""
        state = self._start(rng, n_samples)
        out = np.empty((len(NAMES), len(record)))
        slot = {int(n): i for i, n in enumerate(record)}
        for n in range(len(self.t)):
            if n in slot:
                out[:, slot[n]] = self._observe(state, self.D[n])
            if n < len(self.decay):
                state = self._step(rng, state, n)
        return out

    def _start(self, rng: np.random.Generator, n_samples: int) -> _State:
        _t, m, v = self.begin
        infinite = math.isinf(self.problem.t_start)
        along, across = rng.standard_normal(n_samples), rng.chisquare(self.d - 1, n_samples)
        v0, m0 = (self.D[0], 1.0) if infinite else (v, m)
        u, u0 = (m - 1.0) * self.root_d + math.sqrt(v) * along, (m0 - 1.0) * self.root_d + math.sqrt(v0) * along
        return _State(u, u0, v * across, math.sqrt(v * v0) * across, v0 * across)

    def _wrong(self, u: np.ndarray, gg: np.ndarray, D: float) -> np.ndarray:
        """1 - pi_1, the weight of all wrong classes, (samples,)."""
        if math.isinf(self.log_count):
            return np.ones_like(u)
        if self.log_count == 0.0:
            return np.zeros_like(u)
        return expit(-self._log_odds(u, gg, D))

    def _log_odds(self, u: np.ndarray, gg: np.ndarray, D: float) -> np.ndarray:
        d = self.d
        constant = d / (2.0 * (1.0 + D)) + 0.5 * d * math.log1p(1.0 / D) - self.log_rivals
        return u * (self.root_d / (1.0 + D)) - (u * u + gg) / (2.0 * D * (1.0 + D)) + constant

    def _force(self, u: np.ndarray, gg: np.ndarray, D: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        """b along mu_1, and the factor k of b = k g across it."""
        k = -w * self._wrong(u, gg, D) / (1.0 + D)  # (samples,)
        return k * (u - D * self.root_d), k  # x/(1 + D) - mu_1 = (y - D mu_1)/(1 + D)

    def _step(self, rng: np.random.Generator, s: _State, n: int) -> _State:
        keep, phi = self.decay[n], self.phi[n]
        along, first, second, rest = self._noise(rng, len(s.u), self.noise[n])
        square = first * first + second * second + rest  # |noise across|^2
        g = np.sqrt(s.gg)
        safe = np.where(g > 0, g, 1.0)
        h1 = s.gh / safe  # h in the basis (g/|g|, and the rest of h)
        h2 = np.sqrt(np.maximum(s.hh - h1 * h1, 0.0))
        b0, k0 = self._force(s.u, s.gg, self.D[n], self.w_start[n])
        u = keep * s.u + (1.0 - keep) * b0 + along
        scale = keep + (1.0 - keep) * k0  # predictor: g -> scale g + noise
        gg = scale * scale * s.gg + 2.0 * scale * g * first + square
        b1, k1 = self._force(u, np.maximum(gg, 0.0), self.D[n + 1], self.w_end[n])
        u = u + phi * (b1 - b0)
        grow = 1.0 + phi * k1  # corrector: g -> grow (scale g + noise) - phi k0 g = a g + grow noise
        a = grow * scale - phi * k0
        gg = a * a * s.gg + 2.0 * a * grow * g * first + grow * grow * square
        gh = a * keep * s.gh + a * g * first + grow * (keep * (h1 * first + h2 * second) + square)
        hh = keep * keep * s.hh + 2.0 * keep * (h1 * first + h2 * second) + square
        return _State(u, keep * s.u0 + along, np.maximum(gg, 0.0), gh, np.maximum(hh, 0.0))

    def _noise(self, rng: np.random.Generator, n_samples: int, size: float):
        """Noise along mu_1, its two components in the plane of g and h, and the squared length of the rest."""
        if size == 0.0:
            return 0.0, 0.0, 0.0, 0.0
        along, first, second = size * rng.standard_normal((3, n_samples))
        return along, first, second, size * size * rng.chisquare(self.d - 3, n_samples)

    def _observe(self, s: _State, D: float) -> np.ndarray:
        d = self.d
        log_odds: Any = math.nan
        participation: Any = math.nan
        weight: Any = 0.0
        accuracy: Any = 0.0
        m, m_twin = 1.0 + s.u / self.root_d, 1.0 + s.u0 / self.root_d
        if self.log_count == 0.0:
            weight = accuracy = participation = 1.0
        elif math.isfinite(self.log_count):
            log_odds = self._log_odds(s.u, s.gg, D)
            weight, accuracy = expit(log_odds), log_odds > 0
            log_sum = np.logaddexp(2.0 * log_expit(log_odds), 2.0 * log_expit(-log_odds) - self.log_rivals)
            participation = np.exp(np.minimum(-log_sum, 700.0))
        each = (m, s.gg / (d - 1), m * m + s.gg / d, m_twin, s.hh / (d - 1), weight, log_odds, participation, accuracy)
        return np.array([np.mean(values) for values in each])


def _times(problem: Problem, t_start: float, n_steps: int) -> np.ndarray:
    """Step ends, log-uniform in D between the breakpoints of the schedule, from t_start to exactly 0."""
    jumps = [t for t in reversed(problem.guidance.breakpoints) if t < t_start]
    ends = np.array([t_start, *jumps, 0.0])
    log_D = np.log(problem.sigma2 + ends)
    if n_steps < len(jumps) + 1:
        raise ProblemError(
            f"n_steps must be at least {len(jumps) + 1}, one for each piece of the schedule; got {n_steps}."
        )
    spare = n_steps - len(jumps) - 1
    share = np.floor(spare * (log_D[0] - log_D) / (log_D[0] - log_D[-1]) + 1e-9).astype(int)  # cumulative
    counts = 1 + np.diff(share)
    pieces = [np.exp(np.linspace(a, b, k + 1)[1:]) for a, b, k in zip(log_D[:-1], log_D[1:], counts, strict=True)]
    for piece, end in zip(pieces, ends[1:], strict=True):
        piece[-1] = problem.sigma2 + end
    t = np.concatenate([[problem.sigma2 + t_start], *pieces]) - problem.sigma2
    t[np.cumsum([0, *counts])] = ends
    return t
