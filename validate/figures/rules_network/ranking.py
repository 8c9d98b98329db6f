"""Does one level rank the cells as another does? Spearman's correlation, its interval over trainings and splits.

The splits of the images are independent draws, and so are the trainings of each split: a resample draws splits with
replacement, then trainings of each of them with replacement; theory goes with its split. The cells (rules times
schedules) are what is compared, no sample of anything, and are not resampled.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import xarray

from meanfield.errors import require
from simulate.randomness.streams import resampling_counts
from validate.errors import ComparisonError

RESAMPLES = 2000
Parts = Mapping[str, Sequence[xarray.Dataset]]  # level -> its datasets: one a split, of a network one a training
MEASURES = ("trace_guided", "vendi", "coverage", "recall", "accuracy", "energy", "shift")


class Mean(NamedTuple):
    """Means and their standard errors, (rules, schedules)."""

    value: np.ndarray
    stderr: np.ndarray


class Correlation(NamedTuple):
    """Spearman's correlation of the means, and the interval of 95 % of its resamples (nan if there are none)."""

    value: float
    low: float
    high: float


def by_split(parts: Sequence[xarray.Dataset], name: str, sampler: str, schedule: str | None = None) -> np.ndarray:
    """The average class of every cell, (splits, trainings, rules, schedules), or of one schedule, (splits, trainings,
    rules); theories have one "training"."""
    found: dict[int, list[np.ndarray]] = {}
    for part in parts:
        found.setdefault(int(part.attrs["split"]), []).append(_cells(part[name], sampler, schedule))
    counts = {len(values) for values in found.values()}
    require(len(counts) == 1, "splits must have equally many trainings", counts, error=ComparisonError)
    return np.array([found[split] for split in sorted(found)])


def _cells(measured: xarray.DataArray, sampler: str, schedule: str | None) -> np.ndarray:
    chosen = measured.sel(sampler=sampler)
    chosen = chosen if schedule is None else chosen.sel(schedule=schedule)
    return chosen.mean("class", skipna=False).transpose("rule", ...).values


def average(values: np.ndarray) -> Mean:
    """Mean over splits and trainings, (rules, schedules), and its standard error over splits: trainings are in it.

    Examples
    --------
    >>> average(np.array([[[[1.0]], [[3.0]]], [[[4.0]], [[4.0]]]]))
    Mean(value=array([[3.]]), stderr=array([[1.]]))
    """
    of_split, n = values.mean(axis=1), len(values)
    error = of_split.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(of_split.shape[1:], np.nan)
    return Mean(of_split.mean(axis=0), error)


def rank_correlation(theory: np.ndarray, learned: np.ndarray, seed: int = 0) -> Correlation:
    """Spearman's correlation over all cells that both have: nan is a rule without a designed window.

    Parameters
    ----------
    theory : (splits, 1, ...cells). learned : (splits, trainings, ...cells), of the same splits.

    Examples
    --------
    >>> cells = np.arange(5.0)
    >>> rank_correlation(np.tile(cells, (2, 1, 1)), np.tile(cells**3, (2, 2, 1)))
    Correlation(value=1.0, low=1.0, high=1.0)
    """
    rule = "theory and network must have the same splits and cells"
    same = theory.shape[0] == learned.shape[0] and theory.shape[2:] == learned.shape[2:]
    require(same, rule, f"{theory.shape} and {learned.shape}", error=ComparisonError)
    splits, trainings = learned.shape[:2]
    p, seen = theory.reshape(splits, -1), learned.reshape(splits, trainings, -1)
    both = np.isfinite(p).all(axis=0) & np.isfinite(seen).all(axis=(0, 1))
    p, seen = p[:, both], seen[..., both]
    value = spearman(p.mean(axis=0), seen.mean(axis=(0, 1)))
    if splits == 1:
        return Correlation(value, np.nan, np.nan)
    weights = _resampled(splits, trainings, seed)
    found = _spearman(weights.sum(axis=2) @ p, weights.reshape(RESAMPLES, -1) @ seen.reshape(splits * trainings, -1))
    return Correlation(value, *np.quantile(found, [0.025, 0.975]).tolist())


@lru_cache(maxsize=8)
def _resampled(splits: int, trainings: int, seed: int) -> np.ndarray:
    """The weight of every training of every split in each resample, (resamples, splits, trainings): the same for all
    that is measured of them."""
    weights = np.zeros((RESAMPLES, splits, trainings))
    for r, chosen in enumerate(resampling_counts(splits, RESAMPLES, seed)):
        within = resampling_counts(trainings, splits, seed, draw=r + 1) / (trainings * splits)  # (splits drawn, ...)
        np.add.at(weights[r], np.repeat(np.arange(splits), chosen), within)
    return weights


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of the ranks; equal values share theirs.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([5.0, 9.0, 8.0]))
    0.5
    """
    return float(_spearman(a, b))


def _spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of rows (..., cells)."""
    from scipy.stats import rankdata

    x, y = (rankdata(z, axis=-1) - 0.5 * (z.shape[-1] + 1) for z in (a, b))
    return np.round(np.sum(x * y, axis=-1) / np.sqrt(np.sum(x * x, axis=-1) * np.sum(y * y, axis=-1)), 12)
