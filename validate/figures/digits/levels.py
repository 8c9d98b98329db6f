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
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import one_of
from meanfield.tools.progress import Progress
from validate.errors import ComparisonError
from validate.figures.digits.generative import energy_distance, mean_shift, trace_ratio, vendi
from validate.figures.digits.schedules import SCHEDULES, class_problem, schedule_of
from validate.results.provenance import versions

if TYPE_CHECKING:
    import xarray

    from simulate.learned import Digits

__all__ = ["EXACT", "exact_level", "learned_level", "mean_field_level", "real_level"]

EXACT = ("equal shapes", "ten Gaussians", "training set")
BATCH = 40  # images whose Vendi score is taken at once
RESAMPLES = 200
SHOWN = 2  # sample images kept for each class
T_START = 6400.0
Sampler = Callable[[Any], np.ndarray]  # problem -> samples (10, n, 64)
Show = bool | Callable[[int, int], Any] | None


def mean_field_level(samplers: Sequence[str] = ("ode", "sde")) -> "xarray.Dataset":
    """Mean shift and trace ratio of every class by the mean field: no samples, no errors.

    Returns
    -------
    xarray.Dataset : `shift` (m - m unguided, along the mean of the class) and `trace_guided` (trace of the covariance
        over that without guidance), over (sampler, schedule, class); `t_speciation`; `standing` by theory.
    """
    from meanfield import solve
    from simulate.learned import load_digits

    means, covariances = load_digits().moments()
    shape = (len(samplers), len(SCHEDULES), len(means))
    found = {name: np.empty(shape) for name in ("shift", "trace_guided", "t_speciation")}
    standing = np.empty(shape, dtype=object)
    for i, sampler in enumerate(samplers):
        for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
            problem, basis = class_problem(means, covariance, 0.0, sampler, T_START)
            assert problem.spectrum is not None
            c, square = np.asarray(problem.spectrum.c), (mean @ basis) ** 2
            left_out = np.trace(covariance) - c.sum()  # directions without guidance
            free: Any = solve(problem).final
            for j, name in enumerate(SCHEDULES):
                theory = solve(problem.replace(guidance=schedule_of(name, sampler)))
                final: Any = theory.final
                found["shift"][i, j, k] = (final.m_group - free.m_group) @ square / (mean @ mean)
                kept = c @ (final.v_group / free.v_group)
                found["trace_guided"][i, j, k] = (kept + left_out) / np.trace(covariance)
                found["t_speciation"][i, j, k] = theory.t_speciation
                standing[i, j, k] = theory.standing
    data = _dataset({**found, "standing": standing.astype(str)}, samplers, SCHEDULES)
    return data.assign_attrs(level="mean field", t_start=T_START, **_about())


def exact_level(
    level: str,
    samplers: Sequence[str] = ("ode", "sde"),
    *,
    n_samples: int = 240,
    n_steps: int = 60,
    seed: int = 0,
    progress: Show = None,
) -> "xarray.Dataset":
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
    from simulate import PointScore, sample_mixture, sample_scores
    from simulate.learned import BLUR, load_digits

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
        samples = (sample_scores(problem, s, everything, 64, seed=10 * seed + k, **options) for k, s in enumerate(own))
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
    checkpoint: str | None = None,
    progress: Show = None,
) -> "xarray.Dataset":
    """Train a network and measure its samples.

    Parameters
    ----------
    training : the fields of `simulate.learned.Training`. checkpoint : as for `train`.
    n_samples, n_steps, seed : as `exact_level`; give every training a seed of its own for the samples too.

    Returns
    -------
    xarray.Dataset : as `exact_level`; `loss` by step.
    """
    from simulate.learned import Training, load_digits, train

    digits, settings = load_digits(), Training(**(training or {}))
    score = train(settings, checkpoint=checkpoint, progress=progress)
    labels = np.repeat(np.arange(10), n_samples)

    def sample(problem: Any) -> np.ndarray:
        return score.sample(problem, labels, n_steps=n_steps, seed=seed).reshape(10, n_samples, -1)

    data = _measured(sample, digits, samplers, n_samples, seed, "learned score", progress)
    data["loss"] = ("step", score.losses)
    about = {"n_steps": n_steps, "seed": seed, "training": json.dumps(asdict(settings))}
    return data.assign_attrs(level="learned", t_start=T_START, **about, **_about())


def real_level(seed: int = 0) -> "xarray.Dataset":
    """What the measures say of real images: the generator half, judged by the held-out half, or the other way round.

    Returns
    -------
    xarray.Dataset : over class: `trace` of the held-out half over that of the generator half, `error` of its mean along
        the class mean, `vendi` of the held-out half, `energy` between the halves, `accuracy` on the generator half;
        `images` of the generator half.
    """
    from simulate.learned import load_digits, make_classifier
    from simulate.randomness.streams import resampling_counts

    digits = load_digits()
    means, covariances = digits.moments()
    ours, held, classify = digits.blurred("generator", seed), digits.blurred("held-out", seed), make_classifier(digits)
    rows: dict[str, list] = {}
    for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        x, y = ours[digits.labels == k], held[digits.labels_held_out == k]
        counts = [resampling_counts(len(z), RESAMPLES, seed, draw=i) for i, z in enumerate((x, y))]
        trace = float(np.trace(covariance)) * len(x) / (len(x) - 1)
        row = {"error": mean_shift(y, mean, mean), "trace": trace_ratio(y, trace, counts[1])}
        row |= {"vendi": vendi(y, _bandwidth(covariance), BATCH), "energy": energy_distance(x, y, *counts)}
        _append(rows, row, float(np.mean(classify(x) == k)))
        rows.setdefault("images", []).append(digits.pixels(x[:SHOWN]))
        rows.setdefault("n", []).append(len(x))
    return _dataset(rows).assign_attrs(level="real", **_about())


def _measured(
    sample: Sampler, digits: "Digits", samplers: Sequence[str], n_samples: int, seed: int, label: str, progress: Show
) -> "xarray.Dataset":
    """All measures of the samples of all schedules; the first one, unguided, gives the twins."""
    from simulate.learned import digit_problem, make_classifier
    from simulate.randomness.streams import resampling_counts

    means, covariances = digits.moments()
    held, classify = digits.blurred("held-out"), make_classifier(digits)
    references = [held[digits.labels_held_out == k] for k in range(10)]
    counts = resampling_counts(n_samples, RESAMPLES, seed)
    others = [resampling_counts(len(y), RESAMPLES, seed, draw=1) for y in references]
    rows: dict[str, list] = {}
    images = []
    with Progress(progress, len(samplers) * len(SCHEDULES), label) as show:
        for sampler in samplers:
            twins: Any = None
            for name in SCHEDULES:
                x = sample(digit_problem(schedule_of(name, sampler), sampler, T_START))
                twins = x if twins is None else twins
                for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
                    row = {
                        "shift": mean_shift(x[k], twins[k], mean),
                        "trace_guided": trace_ratio(x[k], twins[k], counts),
                        "error": mean_shift(x[k], mean, mean),
                        "trace": trace_ratio(x[k], float(np.trace(covariance)), counts),
                        "vendi": vendi(x[k], _bandwidth(covariance), BATCH),
                        "energy": energy_distance(x[k], references[k], counts, others[k]),
                    }
                    _append(rows, row, float(np.mean(classify(x[k]) == k)))
                if sampler == samplers[0]:
                    images.append(digits.pixels(x[:, :SHOWN]))
                show(len(rows["accuracy"]) // 10)
    data = _dataset(rows, samplers, SCHEDULES)
    data["images"] = (("schedule", "class", "shown", "row", "column"), np.asarray(images, np.float32))
    return data.assign_attrs(n_samples=n_samples)


def _append(rows: dict[str, list], row: Mapping[str, Any], accuracy: float) -> None:
    rows.setdefault("accuracy", []).append(accuracy)
    for name, estimate in row.items():
        rows.setdefault(name, []).append(estimate.value)
        rows.setdefault(f"{name}_stderr", []).append(estimate.stderr)


def _bandwidth(covariance: np.ndarray) -> float:
    """h with <|x - x'|^2>/(2 h^2) = 2: two images of the class are e^-2 alike."""
    return float(np.sqrt(0.5 * np.trace(covariance)))


def _dataset(
    columns: Mapping[str, Any], samplers: Sequence[str] = (), schedules: Mapping[str, Any] | None = None
) -> "xarray.Dataset":
    """Columns by (sampler, schedule, class), or by class alone; images have more dimensions."""
    import xarray

    coords: dict[str, Any] = {"class": np.arange(10)}
    dims: tuple[str, ...] = ("class",)
    if schedules is not None:
        dims = ("sampler", "schedule", "class")
        coords |= {"sampler": list(samplers), "schedule": list(schedules)}
    shape = tuple(len(coords[name]) for name in dims)
    variables: dict[str, Any] = {}
    for name, values in columns.items():
        array = np.asarray(values)
        inner = array.shape[1:] if array.shape[:1] != shape[:1] or len(shape) == 1 else ()
        extra = ("shown", "row", "column")[: len(inner)] if len(shape) == 1 else ()
        variables[name] = ((*dims, *extra), array.reshape(*shape, *(inner if extra else ())))
    return xarray.Dataset(variables, coords=coords)


def _about() -> dict[str, str]:
    """Schedules and versions, for the attributes."""
    from importlib.metadata import version

    found = {s: {name: schedule_of(name, s).to_dict() for name in SCHEDULES} for s in ("ode", "sde")}
    libraries = {name: version(name) for name in ("torch", "scikit-learn")}
    return {"schedules": json.dumps(found), "versions": json.dumps({**versions(), **libraries})}
