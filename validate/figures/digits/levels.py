"""The same guided digits at five levels, from the mean field to a learned score, by the same measures.

    mean field     theory of a cloud of classes with the covariance of the one sampled (see digits.schedules)
    equal shapes   particles, exact score of ten Gaussians at the ten means, all with the covariance of the one sampled
    ten Gaussians  particles, exact score of ten Gaussians with the moments of the classes (`sample_mixture`)
    training set   particles, exact score of the blurred training images (`PointScore`): what perfect fitting gives
    learned        particles, score of a network (`simulate.learned.train`)
    real           the other half of the real images: what each measure says of two halves of the same data

From one level to the next one assumption falls: a cloud of classes in the limit of many dimensions; one covariance for
all; classes that are Gaussians; a score without error. All fits and trainings see the generator half alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from meanfield.errors import one_of
from simulate import PointScore, sample_mixture, sample_scores
from simulate.learned import BLUR, Digits, Training, digit_problem, load_digits, make_classifier, train
from simulate.randomness.streams import resampling_counts
from validate.data.mean_field import ClassTheory
from validate.data.measures import bandwidth, energy_distance, mean_shift, trace_ratio, vendi, with_errors
from validate.errors import ComparisonError
from validate.figures.digits.schedules import SCHEDULES, schedule_of
from validate.results.provenance import versions
from validate.results.tables import Columns, Show, tabulate

EXACT = ("equal shapes", "ten Gaussians", "training set")
BATCH = 40  # images whose Vendi score is taken at once
RESAMPLES = 200
SHOWN = 2  # sample images kept for each class
T_START = 6400.0
IMAGES = ("shown", "row", "column")  # dimensions of what is kept of them
Sampler = Callable[[Any], np.ndarray]  # problem -> samples (10, n, 64)


def mean_field_level(samplers: Sequence[str] = ("ode", "sde")) -> xarray.Dataset:
    """Mean shift and trace ratio of every class by the mean field: no samples, no errors.

    Returns
    -------
    xarray.Dataset : `shift` (m - m unguided, along the mean of the class) and `trace_guided` (trace of the covariance
        over that without guidance), over (sampler, schedule, class); `t_speciation`; `standing` by theory.
    """
    means, covariances = load_digits().moments()

    def measure(sampler, k):
        """One class under all schedules, against itself without guidance."""
        theory = ClassTheory(means, means[k], covariances[k], sampler, T_START)
        return tabulate({"schedule": SCHEDULES}, lambda name: theory.distortion(schedule_of(name, sampler)))

    data = _dataset(tabulate({"sampler": samplers, "class": range(10)}, measure), samplers)
    return data.assign_attrs(level="mean field", t_start=T_START, **_about())


def exact_level(
    level: str,
    samplers: Sequence[str] = ("ode", "sde"),
    *,
    n_samples: int = 240,
    n_steps: int = 60,
    seed: int = 0,
    progress: Show = None,
) -> xarray.Dataset:
    """Particles with the exact score of one of the levels "equal shapes", "ten Gaussians", "training set".

    Parameters
    ----------
    n_samples : of each class, at least 40. n_steps, seed : as in `sample_scores`.

    Returns
    -------
    xarray.Dataset : over (sampler, schedule, class), each but `accuracy` with its `_stderr`: `shift` and `trace_guided`
        as `mean_field_level`, against twins with the same random numbers; `error` and `trace`, the same against the
        moments of the generator half; `accuracy`; `vendi`, effective number of different images among 40; `energy`,
        distance to the held-out half; `images` of the first sampler, in grey levels.
    """
    one_of("level", level, EXACT, error=ComparisonError)
    digits = load_digits()
    options: dict[str, Any] = {"n_samples": n_samples, "n_steps": n_steps}

    means, covariances = digits.moments()

    def gaussians(problem: Any) -> np.ndarray:
        shapes = covariances if level == EXACT[0] else [covariances] * 10
        samples = (
            sample_mixture(problem, means, shapes[k], target=k, seed=10 * seed + k, **options) for k in range(10)
        )
        return np.array(list(samples))

    def points(problem: Any) -> np.ndarray:
        everything = PointScore(digits.x, BLUR)
        own = (PointScore(digits.x[digits.labels == k], BLUR) for k in range(10))
        exact: dict[str, Any] = {"t_end": 0.0, **options}
        samples = (sample_scores(problem, s, everything, 64, seed=10 * seed + k, **exact) for k, s in enumerate(own))
        return np.array(list(samples))

    sample = points if level == EXACT[2] else gaussians
    data = _measured(sample, digits, samplers, n_samples, seed, level, progress)
    return data.assign_attrs(level=level, n_steps=n_steps, seed=seed, t_start=T_START, **_about())


def learned_level(
    training: Mapping[str, Any] | None = None,
    samplers: Sequence[str] = ("ode", "sde"),
    *,
    n_samples: int = 240,
    n_steps: int = 60,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: Show = None,
) -> xarray.Dataset:
    """Train a network and measure its samples.

    Parameters
    ----------
    training : the fields of `simulate.learned.Training`. checkpoint : as for `train`.
    n_samples, n_steps, seed : as `exact_level`; give every training a seed of its own for the samples too.

    Returns
    -------
    xarray.Dataset : as `exact_level`; `loss` by step.
    """
    digits, settings = load_digits(), Training(**(training or {}))
    score = train(settings, checkpoint=checkpoint, progress=progress)
    labels = np.repeat(np.arange(10), n_samples)

    def sample(problem: Any) -> np.ndarray:
        return score.sample(problem, labels, n_steps=n_steps, seed=seed).reshape(10, n_samples, -1)

    data = _measured(sample, digits, samplers, n_samples, seed, "learned score", progress)
    data["loss"] = ("step", score.losses)
    about = {"n_steps": n_steps, "seed": seed, "training": json.dumps(asdict(settings))}
    return data.assign_attrs(level="learned", t_start=T_START, **about, **_about())


def real_level(seed: int = 0) -> xarray.Dataset:
    """What the measures say of real images: the generator half, judged by the held-out half, or the other way round.

    Returns
    -------
    xarray.Dataset : over class: `trace` of the held-out half over that of the generator half, `error` of its mean along
        the class mean, `vendi` of the held-out half, `energy` between the halves, `accuracy` on the generator half;
        `images` of the generator half.
    """
    digits = load_digits()
    means, covariances = digits.moments()
    ours, held, classify = digits.blurred("generator", seed), digits.blurred("held-out", seed), make_classifier(digits)

    def measure(k):
        x, y, mean, covariance = ours[digits.labels == k], held[digits.labels_held_out == k], means[k], covariances[k]
        counts = [resampling_counts(len(z), RESAMPLES, seed, draw=i) for i, z in enumerate((x, y))]
        trace = float(np.trace(covariance)) * len(x) / (len(x) - 1)
        found = {"error": mean_shift(y, mean, mean), "trace": trace_ratio(y, trace, counts[1])}
        found |= {"vendi": vendi(y, bandwidth(covariance), BATCH), "energy": energy_distance(x, y, *counts)}
        about = {"accuracy": float(np.mean(classify(x) == k)), "n": len(x)}
        return with_errors(found) | about | {"images": (IMAGES, digits.pixels(x[:SHOWN]))}

    return _dataset(tabulate({"class": range(10)}, measure)).assign_attrs(level="real", **_about())


def _measured(
    sample: Sampler, digits: "Digits", samplers: Sequence[str], n_samples: int, seed: int, label: str, progress: Show
) -> xarray.Dataset:
    """All measures of the samples of all schedules; the first one, unguided, gives the twins."""
    means, covariances = digits.moments()
    held, classify = digits.blurred("held-out"), make_classifier(digits)
    references = [held[digits.labels_held_out == k] for k in range(10)]
    counts = resampling_counts(n_samples, RESAMPLES, seed)
    others = [resampling_counts(len(y), RESAMPLES, seed, draw=1) for y in references]
    twins: dict[str, np.ndarray] = {}
    images: dict[str, np.ndarray] = {}

    def measure(sampler, name):
        """One schedule, all classes. The first schedule is unguided: its samples are the twins of all others."""
        x = sample(digit_problem(schedule_of(name, sampler), sampler, T_START))
        twin = twins.setdefault(sampler, x)
        images.setdefault(name, digits.pixels(x[:, :SHOWN]))  # of the first sampler

        def of_class(k):
            mean, covariance = means[k], covariances[k]
            found = {
                "shift": mean_shift(x[k], twin[k], mean),
                "trace_guided": trace_ratio(x[k], twin[k], counts),
                "error": mean_shift(x[k], mean, mean),
                "trace": trace_ratio(x[k], float(np.trace(covariance)), counts),
                "vendi": vendi(x[k], bandwidth(covariance), BATCH),
                "energy": energy_distance(x[k], references[k], counts, others[k]),
            }
            return with_errors(found) | {"accuracy": float(np.mean(classify(x[k]) == k))}

        return tabulate({"class": range(10)}, of_class)

    columns = tabulate({"sampler": samplers, "schedule": SCHEDULES}, measure, title=label, progress=progress)
    data = _dataset(columns, samplers)
    data["images"] = (("schedule", "class", *IMAGES), np.asarray([*images.values()], np.float32))
    return data.assign_attrs(n_samples=n_samples)


def _dataset(columns: Columns, samplers: Sequence[str] = ()) -> xarray.Dataset:
    """Columns by (sampler, schedule, class), or by class alone; images have more dimensions."""
    coords: dict[str, Any] = {"class": np.arange(10)}
    if samplers:
        coords |= {"sampler": list(samplers), "schedule": list(SCHEDULES)}
    return xarray.Dataset(columns, coords).transpose("sampler", "schedule", "class", *IMAGES, missing_dims="ignore")


def _about() -> dict[str, str]:
    """Schedules and versions, for the attributes."""
    from importlib.metadata import version

    found = {s: {name: schedule_of(name, s).to_dict() for name in SCHEDULES} for s in ("ode", "sde")}
    libraries = {name: version(name) for name in ("torch", "scikit-learn")}
    return {"schedules": json.dumps(found), "versions": json.dumps({**versions(), **libraries})}
