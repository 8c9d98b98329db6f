"""One class measured: everything that guidance does to it, as a dataset with units, long names and errors.

Each number is that of guided samples against their twins (`validate.data.twins`), or of either. Eigenvectors, widths
and posteriors are the exact ones of the mixture, not of samples.
"""

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simulate.mixtures.mixture import Mixture
from validate.agreement.statistics import wilson
from validate.data.batches import Moments, Pair, jackknife, mean_of, root, share
from validate.data.fits import kl, w2_squared
from validate.data.mean_field import along
from validate.data.measures import Estimate, bandwidth, twins_energy, vendi_score
from validate.data.prediction import ABOUT, LINES, UNITS
from validate.data.twins import Batch, Plan, Way

if TYPE_CHECKING:
    import xarray

LEADING = 16  # eigenvectors of the class that are looked at
LOST = 0.1  # of its weight: a mode with less is lost
IMAGES = 40  # samples whose Vendi score is taken at once


class Shape(NamedTuple):
    """The exact class: its mean, covariance, and leading eigenvalues and eigenvectors (columns)."""

    mean: np.ndarray
    covariance: np.ndarray
    values: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, mixture: Mixture, target: Hashable) -> "Shape":
        """Of a class of a mixture."""
        covariance = mixture.covariance(target)
        values, vectors = np.linalg.eigh(covariance)
        leading = np.argsort(-values)[:LEADING]
        return cls(mixture.mean(target), covariance, values[leading], vectors[:, leading])


class _Way(NamedTuple):
    """What is kept of one way of a batch: moments, and numbers by name."""

    moments: Moments
    vendi: float
    right: int
    log_posterior: float
    modes: np.ndarray


def measured(plan: Plan, shape: Shape, show: Callable[[float], Any]) -> "xarray.Dataset":
    """The samples of a plan, measured; the theory is not in it yet."""
    import xarray

    full = plan.n_samples > 2 * plan.mixture.dim
    pairs, energies, ways, times = [], [], [], []
    for batch in plan.batches(show):
        pair = tuple(_way(plan, shape, way, full) for way in batch)
        ways.append(pair)
        pairs.append((pair[0].moments, pair[1].moments))
        energies.append(twins_energy(batch.guided.x, batch.free.x))
        times.append(batch)
    found = _of_moments(pairs, plan.mixture, shape, full) | _of_ways(ways, plan) | _of_times(times)
    found["energy"] = mean_of(energies)
    data: dict[str, Any] = {}
    for name, estimate in found.items():
        dims = LINES[name][:1] if name in LINES else ()
        long_name, units = LINES[name][1:] if name in LINES else ABOUT[name]
        data[name] = (dims, estimate.value, {"long_name": long_name, "units": units})
        data[f"{name}_stderr"] = (
            dims,
            estimate.stderr,
            {"long_name": f"standard error of: {long_name}", "units": units},
        )
    members = plan.mixture.members(plan.target)
    weights = plan.mixture.weights[members] / plan.mixture.weights[members].sum()
    data["weight"] = ("component", weights, {"long_name": "weight of the component in its class", "units": "1"})
    data["variance"] = ("direction", shape.values, {"long_name": "variance of the class", "units": f"({UNITS})^2"})
    data["t"] = ("step", _common(times), {"long_name": "VE time", "units": f"({UNITS})^2"})
    lost = _lost(data["share"][1], weights, plan)
    data["lost"] = ("component", lost, {"long_name": f"below {LOST:g} of its weight", "units": "1"})
    return xarray.Dataset(data, coords={"component": members})


def _way(plan: Plan, shape: Shape, way: Way, full: bool) -> _Way:
    mixture, x, members = plan.mixture, way.x, plan.mixture.members(plan.target)
    own, whole = mixture.components.split(x, 0.0, mixture.log_weights, members)
    log = np.minimum(own.log - whole.log, 0.0)
    open_still = log <= math.log(0.5)  # the others are of the class for sure
    right = int(np.sum(~open_still))
    if open_still.any():
        right += int(np.sum(mixture.classify(x[open_still]) == plan.target))
    n, h = min(IMAGES, len(x)), bandwidth(shape.covariance)
    scores = [vendi_score(x[i : i + n], h) for i in range(0, len(x) - n + 1, n)]
    modes = np.sum(mixture.modes(x, plan.target)[:, None] == members, axis=0)
    moments = Moments.of(x - shape.mean, shape.axes, full)
    return _Way(moments, float(np.mean(scores)), right, float(log.mean()), modes)


def _of_moments(pairs: list[Pair], mixture: Mixture, shape: Shape, full: bool) -> dict[str, Estimate]:
    direction = shape.mean - mixture.mean()
    nothing = Estimate(math.nan, math.nan)
    trace = float(np.trace(shape.covariance))
    apart = lambda a, b: a.mean - b.mean  # noqa: E731
    with np.errstate(divide="ignore", invalid="ignore"):  # samples that do not vary, as clipped ones
        return {
            "shift": jackknife(lambda a, b: along(apart(a, b), direction), pairs),
            "shift_norm": root(jackknife(lambda a, b: float(np.sum(apart(a, b) ** 2)), pairs)),
            "shift_feature": jackknife(apart, pairs),
            "trace_ratio": jackknife(lambda a, b: np.divide(a.trace, b.trace), pairs),
            "trace_unguided": jackknife(lambda a, b: b.trace / trace, pairs),
            "variance_ratio": jackknife(lambda a, b: a.variances / b.variances, pairs),
            "w2": root(jackknife(w2_squared, pairs)) if full else nothing,
            "kl": jackknife(kl, pairs) if full else nothing,
        }


def _of_ways(ways: list[Any], plan: Plan) -> dict[str, Estimate]:
    found: dict[str, Any] = {}
    n = plan.n_samples
    for suffix, side in zip(("", "_unguided"), zip(*ways, strict=True), strict=True):
        modes = [share(int(count), n) for count in sum(way.modes for way in side)]
        found |= {
            f"vendi{suffix}": mean_of([way.vendi for way in side]),
            f"accuracy{suffix}": share(sum(way.right for way in side), n),
            f"log_posterior{suffix}": mean_of([way.log_posterior for way in side]),
            f"share{suffix}": Estimate(*np.array(modes).T),
        }
    return found


def _of_times(batches: list[Batch]) -> dict[str, Estimate]:
    """Posteriors on the way, and when they pass 1/2."""
    found: dict[str, Any] = {}
    t = _common(batches)
    for suffix, side in zip(("", "_unguided"), zip(*batches, strict=True), strict=True):
        curves, B = np.array([way.posterior if len(t) else t for way in side]), len(side)
        mean = curves.mean(axis=0)
        others = [crossing(t, (B * mean - curve) / (B - 1)) for curve in curves]
        found[f"posterior{suffix}"] = Estimate(mean, curves.std(axis=0, ddof=1) / math.sqrt(B))
        spread = (
            math.sqrt((B - 1) ** 2 / B) * float(np.std(others, ddof=1)) if np.all(np.isfinite(others)) else math.nan
        )
        found[f"t_decided{suffix}"] = Estimate(crossing(t, mean), spread)
    return found


def _common(batches: list[Batch]) -> np.ndarray:
    """The times that all ways have; none where code adapts its steps to what it samples."""
    first = batches[0].guided.t
    return first if all(np.array_equal(way.t, first) for batch in batches for way in batch) else first[:0]


def crossing(t: np.ndarray, posterior: np.ndarray) -> float:
    """The last time, as noise falls, at which the posterior passes 1/2; infinite if it is above from the start, nan if
    it ends below.

    Examples
    --------
    >>> round(crossing(np.array([100.0, 10.0, 1.0, 0.0]), np.array([0.1, 0.4, 0.6, 1.0])), 3)      # 10^(1/2)
    3.162
    >>> crossing(np.array([10.0, 0.0]), np.array([0.6, 0.9])), crossing(np.array([10.0, 0.0]), np.array([0.1, 0.2]))
    (inf, nan)
    """
    below = np.flatnonzero(posterior < 0.5)
    if not len(t) or (len(below) and below[-1] == len(t) - 1):
        return math.nan
    if not len(below):
        return math.inf
    i = below[-1]
    part = (0.5 - posterior[i]) / (posterior[i + 1] - posterior[i])
    if t[i + 1] == 0.0:
        return float((1.0 - part) * t[i])
    return float(t[i] ** (1.0 - part) * t[i + 1] ** part)


def _lost(shares: np.ndarray, weights: np.ndarray, plan: Plan) -> np.ndarray:
    """Modes whose share is below `LOST` of their weight, and would be so with 95 % probability."""
    n = plan.n_samples
    return np.array(
        [len(shares) > 1 and wilson(round(s * n), n)[1] < LOST * w for s, w in zip(shares, weights, strict=True)]
    )
