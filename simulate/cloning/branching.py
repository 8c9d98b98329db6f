"""Trajectories of the unconditional sampler, split into two clones at given times: the dynamics behind `clones`.

The sampler is w = -1, the score s_u = (p - y)/D, where p = sum_k pi_k(x) mu_k for classes of one width (sec. 1 of
docs/theory.md); what p, y and D are for each form of classes says `simulate.cloning.classes`. A step D -> r D of
stochasticity eta, e = (1 + eta^2)/2, h = -log r, is
    y* = r^e y + (1 - r^e) p + (D r (1 - r^{eta^2}))^{1/2} xi,     y' = y* + f (p(y*, r D) - p),
    f = 1 - (1 - r^e)/(e h):
exact for the linear force, and for p linear in log D (exponential Heun, as in `simulate.steps.integrators`).

All walkers (the trunk of each sample, and both clones of each split passed so far) go down the same grid of D together,
so that one call of the streamed score serves them all. A walker stops where one class has all the weight, up to `SURE`:
under the reverse SDE (eta = 1) the weights pi_k(x_t) are martingales (they are conditional probabilities of the end
point), so the chance that a stopped walker would still have left its class is below `SURE`. For the same reason a stop
at t > 0 leaves E[sum_k pi_k(a) pi_k(b)], the agreement of classes drawn from the weights of two clones a, b, as it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.guidance.placing import through
from simulate.cloning.classes import WEIGHTS, Classes, Look, normalised

SURE = 1e-6  # a walker stops when the weight of all other classes is below this


@dataclass(frozen=True)
class Descent:
    """The grid of D, decreasing, shape (n + 1,); indices of the splits in it, and their times; start and end; the trunk
    ("sde" or "ode") and the stochasticity of the clones."""

    D: np.ndarray
    splits: tuple[int, ...]
    t: np.ndarray
    t_start: float
    t_end: float
    trunk: str
    eta: float

    @property
    def split_D(self) -> np.ndarray:
        return self.D[list(self.splits)]

    def coefficients(self, n: int, eta: float) -> tuple[float, float, float]:
        """(r^e, f, standard deviation of the noise) of step n."""
        e, h = 0.5 * (1.0 + eta**2), float(np.log(self.D[n] / self.D[n + 1]))
        decay = float(np.exp(-e * h))
        return decay, 1.0 + float(np.expm1(-e * h)) / (e * h), float(np.sqrt(self.D[n + 1] * -np.expm1(-(eta**2) * h)))


def make_descent(t: Any, sigma2: float, n_steps: int, *, eta: Any, trunk: str, t_start: Any, t_end: Any) -> Descent:
    """The way down for splits at the times t, in any order; the rest as in `clones`. Raises ProblemError.

    Examples
    --------
    >>> descent = make_descent([1.0, 4.0], 0.25, 8, eta=1.0, trunk="ode", t_start=None, t_end=None)
    >>> descent.t.tolist(), descent.split_D.round(12).tolist(), descent.t_start, descent.t_end
    ([4.0, 1.0], [4.25, 1.25], 40.0, 0.0)
    """
    times = _split_times(t)
    remedy = "Clones of the ODE follow the same path and never separate."
    eta = checked("eta", eta, low=0, high=100, open_low=True, remedy=remedy)
    require(trunk in ("sde", "ode"), 'trunk must be "sde" or "ode"', repr(trunk))
    T, end = _ends(times, sigma2, t_start, t_end)
    D, splits = _grid(times, sigma2, T, end, whole("n_steps", n_steps, low=1, high=1e7))
    require(np.all(np.diff(D) < 0), "steps in D = sigma2 + t must be above rounding", f"sigma2={sigma2:g}, t={times}")
    return Descent(D, splits, times, T, end, trunk, eta)


def simulate_clones(
    classes: Classes, look: Look, descent: Descent, samples: int, rng: np.random.Generator, tick
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run `samples` trunks and the clones of each at every split.

    Returns
    -------
    ends : end points y of the clones, (splits, 2, samples, dim).
    end_D : total variance at which each stopped, (splits, 2, samples).
    squares : sum_k pi_k^2 of the trunk at each split, (splits, samples).
    """
    n_splits = len(descent.splits)
    ends = np.empty((n_splits, 2, samples, classes.dim))
    end_D = np.empty((n_splits, 2, samples))
    squares = np.ones((n_splits, samples))
    y = classes.states(descent.D[0], samples, rng)
    sample, split, clone = np.arange(samples), np.full(samples, -1), np.zeros(samples, dtype=int)  # split -1: trunk
    last = len(descent.D) - 1
    for n, D in enumerate(descent.D):
        force, together = look(y, D, full=True)
        certain = together * (1.0 + SURE) > 1.0
        if n in descent.splits:
            j = descent.splits.index(n)
            trunk = np.flatnonzero(split < 0)
            squares[j, sample[trunk]] = together[trunk]
            keep = np.flatnonzero((split >= 0) | (j < n_splits - 1))  # the last split ends the trunk
            rows = np.concatenate([keep, trunk, trunk])
            y, force, certain, sample = y[rows], force[rows], certain[rows], sample[rows]
            fresh = len(rows) - len(keep)
            split = np.concatenate([split[keep], np.full(fresh, j)])
            clone = np.concatenate([clone[keep], np.repeat([0, 1], len(trunk))])
        stop = certain if n < last else np.ones(len(y), dtype=bool)
        if stop.any():
            _record(ends, end_D, y[stop], D, sample[stop], split[stop], clone[stop], descent.split_D)
            y, force, sample, split, clone = (a[~stop] for a in (y, force, sample, split, clone))
        tick()
        if n == last or not len(y):
            break
        y = _step(look, descent, n, y, force, split < 0, rng)
    return ends, end_D, squares


def _step(look: Look, descent: Descent, n: int, y, force, trunk, rng) -> np.ndarray:
    upper, lower = descent.coefficients(n, 1.0 if descent.trunk == "sde" else 0.0), descent.coefficients(n, descent.eta)
    decay, f, spread = (np.where(trunk, a, b)[:, None] for a, b in zip(upper, lower, strict=True))  # (walkers, 1)
    predicted = decay * y + (1.0 - decay) * force + spread * rng.standard_normal(y.shape)
    return predicted + f * (look(predicted, descent.D[n + 1])[0] - force)


def _record(ends, end_D, y, D, sample, split, clone, split_D) -> None:
    """Note where walkers stopped. A trunk that stops is certain of its class, and so are its later clones."""
    own = split >= 0
    ends[split[own], clone[own], sample[own]] = y[own]
    end_D[split[own], clone[own], sample[own]] = D
    later = np.flatnonzero(split_D < D)
    if len(later) and not own.all():
        ends[later[0] :, :, sample[~own]] = y[~own]
        end_D[later[0] :, :, sample[~own]] = D


def end_agreement(
    classes: Classes, ends: np.ndarray, end_D: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pair of clones: sum_k pi_k(a) pi_k(b), whether both have the same nearest class, and the overlaps of
    their classes by group.

    Parameters
    ----------
    ends : (splits, 2, samples, dim);  end_D : (splits, 2, samples).

    Returns
    -------
    agreement, same : (splits, samples) each;  overlaps : (splits, samples, groups).
    """
    splits, _, samples, dim = ends.shape
    pairs = ends.transpose(0, 2, 1, 3).reshape(-1, 2, dim)  # (pairs, clone, dim)
    variance = end_D.transpose(0, 2, 1).reshape(-1, 2)
    agreement, same, overlaps = np.empty(len(pairs)), np.empty(len(pairs)), np.empty((len(pairs), groups))
    size = max(1, WEIGHTS // (2 * classes.n_weights))
    for i in range(0, len(pairs), size):
        part = slice(i, i + size)
        pi, _ = normalised(classes.log_posterior(pairs[part], variance[part]))
        agreement[part] = np.einsum("pk,pk->p", pi[:, 0], pi[:, 1])
        best = pi.argmax(axis=-1)
        same[part] = best[:, 0] == best[:, 1]
        overlaps[part] = classes.overlaps(pi[:, 0], pi[:, 1])
    return tuple(x.reshape(splits, samples, *x.shape[1:]) for x in (agreement, same, overlaps))  # type: ignore[return-value]


def posterior_moments(classes: Classes, y: np.ndarray, D: float, groups: int) -> np.ndarray:
    """Of states y (samples, dim), as columns: sum_k pi_k^2, sum_k pi_k log(pi_k/p_k) (in the mean, nats), and the
    overlaps of sum_k pi_k mu_k with itself by group."""
    moments = np.empty((len(y), 2 + groups))
    size = max(1, WEIGHTS // classes.n_weights)
    for i in range(0, len(y), size):
        part = slice(i, i + size)
        pi, log_pi = normalised(classes.log_posterior(y[part], np.full(len(y[part]), D)))
        moments[part, 0] = np.einsum("sk,sk->s", pi, pi)
        moments[part, 1] = classes.entropy + np.einsum("sk,sk->s", pi, log_pi)
        moments[part, 2:] = classes.overlaps(pi, pi)
    return moments


def _split_times(t) -> np.ndarray:
    times = np.atleast_1d(array(t, "t must be split times > 0"))
    if times.ndim != 1 or not len(times) or not np.all(np.isfinite(times)) or times.min() <= 0:
        raise ProblemError(f"t must be split times > 0, finite, in one dimension; got {t!r}.")
    require(len(np.unique(times)) == len(times), "split times must be distinct", t)
    return np.sort(times)[::-1]


def _ends(t: np.ndarray, sigma2: float, t_start, t_end) -> tuple[float, float]:
    T = 10.0 * t[0] if t_start is None else checked("t_start", t_start, low=float(t[0]))
    if t_end is None:
        return float(T), 0.0 if sigma2 > 0 else 1e-3 * float(t[-1])
    remedy = "With sigma2 = 0 the score diverges at t = 0." if sigma2 == 0 else ""
    end = checked("t_end", t_end, low=0, open_low=sigma2 == 0, high=float(t[-1]), remedy=remedy)
    require(end != t[-1], "t_end must be below the last split time", f"{t_end} and {t[-1]}")
    return float(T), float(end)


def _grid(t: np.ndarray, sigma2: float, T: float, end: float, n_steps: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Geometric in D from T to the end, with every split time on it; the indices of the splits."""
    nodes = np.concatenate([[T] if t[0] < T else [], t, [end]])
    D, at = through(sigma2 + nodes, n_steps)
    return D, tuple(int(n) for n in at[len(nodes) - 1 - len(t) : -1])
