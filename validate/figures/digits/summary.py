"""How well does each level predict the learned score? Pooled over trainings and classes, with errors.

Several trainings are independent: their mean has the standard error of the scatter between them (which includes that of
the samples); a single one has that of its samples alone, and says so (`n_trainings`).

A prediction p of a distortion l (a mean shift, or the excess of a trace ratio over 1) is scored by

    skill = 1 - sum (l - p)^2 / sum l^2

over classes and guided schedules: 1 if it is right everywhere, 0 if it is worth as much as predicting no distortion,
negative if it is worse. Its error is a bootstrap over the ten classes, which share schedules and trainings.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray

from meanfield.errors import checked, one_of
from validate.data.measures import Estimate
from validate.errors import ComparisonError

COMPARED = ("constant", "interval", "negative window", "designed", "designed, continuum")  # the guided schedules
QUANTITIES = {"shift": 0.0, "trace_guided": 1.0}  # what the theory predicts, and its value without distortion
MEASURES = ("shift", "trace_guided", "error", "trace", "accuracy", "vendi", "energy")


def pooled(trainings: Sequence[xarray.Dataset]) -> xarray.Dataset:
    """Mean over trainings (results of `learned_level`, or one of any other level), with errors by class.

    Raises
    ------
    ComparisonError : no training, the same seed twice, or other schedules.
    """
    if not trainings:
        raise ComparisonError("pooling needs at least one training; got none.")
    first = trainings[0]
    seeds = [json.loads(d.attrs.get("training", "{}")).get("seed") for d in trainings]
    if len(set(seeds)) < len(seeds):
        raise ComparisonError(f"trainings must be independent; got the seeds {seeds}. Give each its own.")
    if any(d.attrs["schedules"] != first.attrs["schedules"] for d in trainings):
        raise ComparisonError("trainings must be sampled with the same schedules. Compute them again.")
    n = len(trainings)
    result = first[[name for name in MEASURES if name in first]].copy()
    attrs = {**first.attrs, "trainings": json.dumps([d.attrs.get("training", "") for d in trainings])}
    for name in list(result):
        values = np.array([d[name].values for d in trainings])  # (trainings, sampler, schedule, class)
        result[name] = (first[name].dims, values.mean(axis=0))
        if n > 1:
            error = values.std(axis=0, ddof=1) / math.sqrt(n)
        else:
            error = first[f"{name}_stderr"].values if f"{name}_stderr" in first else np.full(values.shape[1:], np.nan)
        result[f"{name}_stderr"] = (first[name].dims, error)
        mean = values.mean(axis=-1)  # (trainings, sampler, schedule): the average class
        spread = (
            mean.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.sqrt(np.sum(error**2, axis=-1)) / values.shape[-1]
        )
        result[f"{name}_mean_stderr"] = (first[name].dims[:-1], spread)
    return result.assign_attrs(attrs, n_trainings=n)


def by_schedule(level: xarray.Dataset, name: str, sampler: str, schedule: str) -> Estimate:
    """The average class of a pooled level; without samples the error is nan."""
    part = level.sel(sampler=sampler, schedule=schedule)
    return Estimate(float(part[name].mean()), float(part[f"{name}_mean_stderr"]))


def skill(predicted: xarray.Dataset, learned: xarray.Dataset, name: str, sampler: str, counts: np.ndarray) -> Estimate:
    """Skill of a level as a prediction of the learned one, for "shift" or "trace_guided"; see the module.

    Parameters
    ----------
    counts : (resamples, 10), how often each class is in each resample
        (`simulate.randomness.streams.resampling_counts`).
    """
    one_of("a predicted quantity", name, QUANTITIES, error=ComparisonError)
    checked("resamples", len(counts), low=2, error=ComparisonError)
    p, seen = (d[name].sel(sampler=sampler, schedule=list(COMPARED)).values for d in (predicted, learned))
    miss = np.sum((seen - p) ** 2, axis=0)  # (class,)
    size = np.sum((seen - QUANTITIES[name]) ** 2, axis=0)
    again = 1.0 - (counts @ miss) / (counts @ size)
    return Estimate(float(1.0 - miss.sum() / size.sum()), float(np.std(again, ddof=1)))


class OverSchedules(NamedTuple):
    """Skill for the average class: of a level, of the best single number, of the level with both means taken off."""

    skill: float
    one_number: float
    centred: float


def over_schedules(kept: xarray.Dataset, level: str, name: str, sampler: str) -> OverSchedules:
    """How much of a level's skill tells the guided schedules apart: a result of `summary`, the average class.

    One number for all schedules, fitted to what was learned, has skill too: it knows that there is a distortion.
    `centred` = 1 - sum (l - p - mean(l - p))^2/sum (l - mean l)^2 is 0 where a level knows no more than that.

    Examples
    --------
    >>> import xarray
    >>> shift = xarray.DataArray([[1.0, 1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 2.0, 3.0, 3.0]],
    ...     {"level": ["theory", "learned"], "schedule": list(COMPARED)}, ("level", "schedule"))
    >>> found = over_schedules(xarray.Dataset({"shift": shift.expand_dims(sampler=["ode"])}), "theory", "shift", "ode")
    >>> [round(x, 3) for x in found]                         # one unit too low everywhere, and right in all else
    [0.833, 0.96, 1.0]
    """
    values = kept[name].sel(sampler=sampler, schedule=list(COMPARED))
    p, seen = (values.sel(level=which).values - QUANTITIES[name] for which in (level, "learned"))
    size, spread = float(seen @ seen), float(np.sum((seen - seen.mean()) ** 2))
    miss = seen - p
    centred = 1.0 - float(np.sum((miss - miss.mean()) ** 2)) / spread
    return OverSchedules(1.0 - float(miss @ miss) / size, 1.0 - spread / size, centred)


def summary(levels: Mapping[str, xarray.Dataset]) -> xarray.Dataset:
    """The average class of pooled levels: what the documentation quotes, small enough to be kept.

    Parameters
    ----------
    levels : label -> `pooled` level; levels with one sampler are nan at the other.

    Returns
    -------
    xarray.Dataset : every measure and its `_stderr` over (level, sampler, schedule); what is behind each level, its
        training, seeds, versions and schedules, as JSON in the attributes.
    """
    parts = []
    for level in levels.values():
        part = level[[name for name in MEASURES if name in level]].mean("class")
        parts.append(part.assign({f"{name}_stderr": level[f"{name}_mean_stderr"] for name in list(part)}))
    both = xarray.concat(parts, dim=xarray.Variable("level", list(levels)), join="outer", data_vars="all")
    both.attrs = {label: json.dumps({k: str(v) for k, v in d.attrs.items()}) for label, d in levels.items()}
    return both


def table(levels: Mapping[str, xarray.Dataset], name: str, sampler: str) -> str:
    """Markdown: the average class by schedule and level, with standard errors where there are any."""
    lines = [f"| {sampler}, {name} | " + " | ".join(COMPARED) + " |", "|---" * (len(COMPARED) + 1) + "|"]
    for label, level in levels.items():
        cells = [by_schedule(level, name, sampler, s) for s in COMPARED]
        lines.append(f"| {label} | " + " | ".join(_cell(e) for e in cells) + " |")
    return "\n".join(lines)


def _cell(estimate: Estimate) -> str:
    value, error = estimate
    return f"{value:.3f}" if math.isnan(error) or error == 0.0 else f"{value:.3f} ± {error:.3f}"
