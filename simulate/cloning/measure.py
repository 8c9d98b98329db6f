"""`clones`: speciation and collapse of the unconditional sampler, measured by cloned trajectories.

A trajectory is run down to the split time t and continued by two clones with independent noise;
    phi(t) = probability that both clones end in the same class
rises from 1/P at large t to 1 at small t. If the "classes" are the points of a training set (sigma2 = 0), the same
curve shows the collapse: below it, both clones reproduce the same training point.

Exact identity: the reverse SDE with exact score samples p(x_0 | x_t), so given x_t the classes of the two end points
are independent draws from pi_k(x_t), and
    phi(t) = E_{x_t} [ sum_k pi_k(x_t)^2 ],      x_t = x_0 + t^{1/2} z,
for classes of any number, weights, covariances and d, where the class of an end point is drawn from its own weights
(which overlapping classes need; for separate ones it is the nearest class). `clones` measures both sides: the left by
dynamics, the right without any.

Where all classes have one variance only x.(mu_k - mu_1) enters the score, so P - 1 < d coordinates suffice (sec. 8 of
docs/theory.md, docs/speciation.md).
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, one_of, whole
from meanfield.problem.growth import Growth
from meanfield.problem.statement import Problem
from meanfield.tools.crew import Crew, check_threads, one_blas_thread
from meanfield.tools.door import Numbers, door
from meanfield.tools.progress import Progress
from meanfield.tools.versions import versions
from simulate.cloning.branching import (
    Descent,
    end_agreement,
    make_descent,
    posterior_moments,
    simulate_clones,
)
from simulate.cloning.sources import ClassSource, class_source
from simulate.mixtures.mixture import Mixture
from simulate.randomness.streams import CLONES, FORWARD, stream
from simulate.scores.products import FORMATS

if TYPE_CHECKING:
    import xarray

NAMES = ("phi", "same", "posterior", "posterior_trunk", "information")
OVERLAPS = ("overlap", "overlap_posterior")  # by group of directions
WALKERS = 4096  # walkers of a batch, at most
STATE_NUMBERS = 2**21  # coordinates of a batch, at most


@door()
def clones(
    classes: Numbers | Growth | Problem | Mixture,
    t: Numbers,
    *,
    d: int | None = None,
    sigma2: float | None = None,
    n_samples: int = 1000,
    n_draws: int = 16,
    n_steps: int = 200,
    seed: int = 0,
    eta: float = 1.0,
    trunk: str = "sde",
    t_start: float | None = None,
    t_end: float | None = None,
    reduce: bool = True,
    dtype: str = "float32",
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> "xarray.Dataset":
    """Probability phi(t) that two clones split at time t end in the same class, of the unconditional sampler.

    Parameters
    ----------
    classes : an array (P, d) of class means or of training points; a number |mu| > 0 for two classes at +mu and -mu; a
        growth law, whose classes N(0, I_d) are drawn anew for each draw; a `Problem` with such a law, w = -1 and no
        finite start, with or without a spectrum; or a `Mixture`, of any covariances and weights, many components in a
        class. All but the last have equal weights and one covariance.
    t : VE split times, > 0, shape (times,), distinct, any order, whatever the noise of a problem. OU time s is
        t = e^{2s} - 1.
    d : dimension; needed for a growth law, otherwise implied.
    sigma2 : class variance >= 0; a `Problem` and a `Mixture` bring their own. 0 is a training set.
    n_samples, n_draws : trajectories per draw, and independent draws (>= 2; they give the error bar). Given means are
        the same in every draw.
    n_steps : steps in all from t_start to t_end, at least; geometric in D, through all split times.
    eta : stochasticity of the clones, > 0. The identity with `posterior` holds for eta = 1.
    trunk : "sde" or "ode" down to the split; the law of x_t is the same.
    t_start : the trunk starts here from its exact law, default 10 max(t).
    t_end : clones end here, default 0, or min(t)/1000 where sigma2 = 0; a clone stops earlier where all but 1e-6 of the
        weight is on one class, which cannot change phi by more than 2e-6.
    reduce : work in the span of the means where it has less than d directions (exact); False keeps all d, and so do a
        `Mixture` and a spectrum.
    dtype, threads, progress : as in `simulate.run`. A `Mixture` and a spectrum are always float64.

    Returns
    -------
    xarray.Dataset : over t (decreasing), each with `_stderr` and, by draw, `_draws`:
        `phi` (classes of end points drawn from their weights), `same` (nearest class instead), `posterior`
        (E sum_k pi_k^2 over fresh states noised forward) and `posterior_trunk` (over the trunks' states: phi minus it
        has the smallest error); `information` (E sum_k pi_k log(pi_k/p_k) over the fresh states, p_k the weight of the
        class: what x_t tells of its class, in nats). With a spectrum, over t and group: `overlap` (mu_a.mu_b/(n_i g_i)
        of the classes of the end points, drawn from their weights, in the n_i directions) and `overlap_posterior` (the
        same over the fresh states). Coordinates D = sigma2 + t (of a `Mixture` or a spectrum with the least variance)
        and s (OU); parameters, seed and versions in attrs, with `chance`, sum_k p_k^2: phi at large t.

    Raises
    ------
    ProblemError : input out of range, classes that coincide, or clones that cannot separate (eta = 0).

    Examples
    --------
    >>> data = clones(8.0, [16.0, 64.0, 256.0], sigma2=0.25, n_samples=200, n_draws=4, n_steps=60)
    >>> data["phi"].values.round(1).tolist(), data["t"].values.tolist()
    ([0.6, 0.8, 1.0], [256.0, 64.0, 16.0])
    >>> from simulate import Mixture
    >>> wide_and_narrow = Mixture(np.zeros((2, 256)), variances=[1.75, 0.25])
    >>> data = clones(wide_and_narrow, [3.0, 30.0], n_samples=50, n_draws=4, n_steps=40)
    >>> data["phi"].values.round(1).tolist()
    [0.5, 1.0]
    """
    began = time.perf_counter()
    source = class_source(classes, d, sigma2, reduce)
    if isinstance(classes, Problem):
        if eta not in (1.0, classes.eta):
            raise ProblemError(f"the problem says eta = {classes.eta:g}; got eta={eta}. Change its sampler instead.")
        eta = classes.eta
    plan = _Plan(
        source,
        make_descent(t, source.sigma2, n_steps, eta=eta, trunk=trunk, t_start=t_start, t_end=t_end),
        n_samples=whole("n_samples", n_samples, low=1, high=1e9),
        n_draws=whole("n_draws", n_draws, low=2, high=1e6, remedy="Draws give the error bar."),
        seed=whole("seed", seed, low=0),
        threads=check_threads(threads),
        dtype=one_of("dtype", dtype, tuple(FORMATS)),
    )
    draws = _Run(plan).run(progress)  # (draws, names, times)
    return _dataset(plan, draws, time.perf_counter() - began)


@dataclass(frozen=True)
class _Plan:
    """The classes, the way down, and how often it is gone."""

    source: ClassSource
    descent: Descent
    n_samples: int
    n_draws: int
    seed: int
    threads: int
    dtype: str

    @property
    def walkers(self) -> int:
        """Of a sample: its trunk, and two clones of each split."""
        return 1 + 2 * len(self.descent.splits)

    @property
    def items(self) -> list[tuple[int, int, int]]:
        """(draw, batch, samples): what threads share."""
        size = max(1, min(WALKERS // self.walkers, STATE_NUMBERS // (self.walkers * self.source.dim)))
        starts = range(0, self.n_samples, size)
        return [(n, i // size, min(size, self.n_samples - i)) for n in range(self.n_draws) for i in starts]


class _Run:
    """Items in threads. Each has its own random streams: the result does not depend on the threads."""

    def __init__(self, plan: _Plan) -> None:
        self._plan, self._crew = plan, Crew(plan.threads)

    def run(self, show: Any) -> np.ndarray:
        """Averages over samples, (draws, names, times)."""
        plan, items = self._plan, self._plan.items
        total = len(items) * len(plan.descent.D)
        with one_blas_thread(), Progress(show, total, "clones") as progress:
            sums = np.stack(self._crew.run(self._item, items, progress))
            progress(total)
        return sums.reshape(plan.n_draws, -1, *sums.shape[1:]).sum(axis=1) / plan.n_samples

    def _item(self, item: tuple[int, int, int]) -> np.ndarray:
        """Sums over the samples of one batch, (names, times)."""
        plan, descent, (draw, batch, samples) = self._plan, self._plan.descent, item
        classes = plan.source.draw(plan.seed, draw)
        look = classes.look(samples * plan.walkers, plan.dtype, self._crew.check)
        rng = stream(plan.seed, CLONES, draw, batch)
        ends, end_D, squares = simulate_clones(classes, look, descent, samples, rng, self._crew.tick)
        agreement, same, overlaps = end_agreement(classes, ends, end_D, plan.source.groups)
        rng = stream(plan.seed, FORWARD, draw, batch)
        states = ((classes.states(D, samples, rng), D) for D in descent.split_D)
        fresh = np.array([posterior_moments(classes, y, D, plan.source.groups).sum(axis=0) for y, D in states]).T
        own = np.array([agreement.sum(axis=1), same.sum(axis=1), fresh[0], squares.sum(axis=1), fresh[1]])
        return np.concatenate([own, overlaps.sum(axis=1).T, fresh[2:]])  # (names and groups, splits)


def _dataset(plan: _Plan, draws: np.ndarray, seconds: float) -> "xarray.Dataset":
    import xarray

    descent, t = plan.descent, plan.descent.t
    attrs = {
        **plan.source.about,
        **{
            "chance": plan.source.draw(plan.seed, 0).chance,
            "n_samples": plan.n_samples,
            "n_draws": plan.n_draws,
            "n_steps": len(descent.D) - 1,
        },
        **{"seed": plan.seed, "eta": descent.eta, "trunk": descent.trunk},
        **{"t_start": descent.t_start, "t_end": descent.t_end, "dtype": plan.dtype},
        **{"threads": plan.threads, "seconds": seconds, "versions": json.dumps(versions())},
    }
    data: dict[str, Any] = {}
    for i, name in enumerate(NAMES):
        data[name] = ("t", draws[:, i].mean(axis=0))
        data[f"{name}_stderr"] = ("t", draws[:, i].std(axis=0, ddof=1) / math.sqrt(len(draws)))
        data[f"{name}_draws"] = (("draw", "t"), draws[:, i])
    by_group = draws[:, len(NAMES) :].transpose(0, 2, 1)  # (draws, times, both overlaps of every group)
    for name, values in zip(OVERLAPS, np.split(by_group, 2, axis=-1), strict=True) if by_group.size else ():
        data[name] = (("t", "group"), values.mean(axis=0))
        data[f"{name}_stderr"] = (("t", "group"), values.std(axis=0, ddof=1) / math.sqrt(len(draws)))
        data[f"{name}_draws"] = (("draw", "t", "group"), values)
    coords = {"t": t, "D": ("t", plan.source.sigma2 + t), "s": ("t", 0.5 * np.log1p(t))}
    return xarray.Dataset(data, coords=coords, attrs=attrs)
