"""Rules of guidance times schedules on real images: by the mean field, and by samples with exact or learned scores.

    mean field     theory of a cloud of classes with the covariance of the one sampled (`digits.schedules`)
    equal shapes   samples, exact score of ten Gaussians at the ten means, all with the covariance of the one sampled
    ten Gaussians  samples, exact score of ten Gaussians with the moments of the classes
    network        samples, a learned score

From one level to the next one assumption falls. All distortions are against unguided twins with the same random
numbers. Every split of the images has fits, trainings, classifier and references of its own.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from meanfield.errors import one_of
from simulate import sample_scores
from simulate.learned import Training, digit_problem, train
from validate.data.mean_field import ClassTheory
from validate.data.measures import bandwidth, coverage, energy_distance, mean_shift, recall, trace_ratio, vendi_score
from validate.errors import ComparisonError
from validate.figures.rules_network.cells import (
    RULES,
    SAMPLERS,
    SCHEDULES,
    Scores,
    for_scores,
    in_theory,
    shape_of,
    two_bands,
)
from validate.figures.rules_network.designs import WINDOWS
from validate.figures.rules_network.gaussians import EqualShapes, GaussianScores
from validate.figures.rules_network.sources import Source, source
from validate.results.provenance import versions
from validate.results.tables import Show, tabulate

T_START = 6400.0
CELLS: dict[str, list[Any]] = {"rule": [*RULES], "schedule": [*SCHEDULES]}
CLASSES = list(range(10))
EXACT: dict[str, Any] = {"equal shapes": EqualShapes, "ten Gaussians": GaussianScores}


def mean_field_part(split: int = 0, data: str = "digits", samplers: Sequence[str] = SAMPLERS) -> xarray.Dataset:
    """`shift` and `trace_guided` of every class in every cell by theory; no samples, no errors.

    Parameters
    ----------
    split : as of `load_digits`. data : "digits", or "mnist" for codes of MNIST. samplers : "ode", "sde".

    Returns
    -------
    xarray.Dataset : over (sampler, class, rule, schedule); nan where a rule has no designed window.
    """
    means, covariances = source(data, split).images.moments()

    def measure(sampler, k):
        theory = ClassTheory(means, means[k], covariances[k], sampler, T_START)

        def cell(rule, schedule):
            shape = shape_of(schedule, WINDOWS[data].get(rule))
            return {} if shape is None else theory.distortion(in_theory(rule, shape, theory.problem))

        return tabulate(CELLS, cell)

    return _dataset(
        tabulate({"sampler": samplers, "class": CLASSES}, measure), samplers, level="mean field", split=split
    )


def exact_part(
    level: str, split: int = 0, data: str = "digits", samplers: Sequence[str] = SAMPLERS,
    schedules: Sequence[str] = SCHEDULES, *, n_samples: int = 100, n_steps: int = 60, seed: int = 0,
    progress: Show = None,
) -> xarray.Dataset:  # fmt: skip
    """Samples with an exact score, at the level "equal shapes" or "ten Gaussians"; see `network_part`."""
    one_of("level", level, EXACT, error=ComparisonError)
    given = source(data, split)
    exact, labels = EXACT[level](*given.images.moments()), np.repeat(CLASSES, n_samples)
    scores = Scores(exact.conditional(labels), exact.unconditional(labels), two_bands(given.images.x))
    measures = _Measures(scores, given, data, {"n_samples": n_samples, "n_steps": n_steps, "seed": seed})
    about: dict[str, Any] = {"split": split, **measures.size}
    cells = CELLS | {"schedule": [*schedules]}
    return _dataset(measures.of(samplers, cells, level, progress), samplers, cells, level=level, **about)


def network_part(
    training: Mapping[str, Any] | None = None, split: int = 0, data: str = "digits",
    samplers: Sequence[str] = SAMPLERS, *, n_samples: int = 100, n_steps: int = 60, seed: int = 0,
    checkpoint: str | Path | None = None, progress: Show = None,
) -> xarray.Dataset:  # fmt: skip
    """Train a network on a split of the images, and sample it in every cell.

    Parameters
    ----------
    training : fields of `simulate.learned.Training`. checkpoint : as for `train`, written every epoch.
    n_samples : of each class. n_steps, seed : as in `sample_scores`; give every training a seed of its own here too.

    Returns
    -------
    xarray.Dataset : over (sampler, rule, schedule, class), and with the prefix `free_` over (sampler, class) without
        guidance: `shift`, `trace_guided` against unguided twins, `trace` over that of the fitted half, `accuracy` by a
        classifier of the held-out half, and against the images of that half `energy`, `coverage`, `recall`; `vendi` of
        all samples. nan where a rule has no designed window.
    """
    given, settings = source(data, split), Training(**(training or {}))
    epoch = math.ceil(len(given.images.x) / settings.batch)  # steps: what a kill loses at most
    network = train(settings, images=given.images, checkpoint=checkpoint, every=epoch, progress=progress)
    labels = np.repeat(CLASSES, n_samples)
    scores = Scores(network.conditional(labels), network.unconditional, two_bands(given.images.x))
    measures = _Measures(scores, given, data, {"n_samples": n_samples, "n_steps": n_steps, "seed": seed})
    about: dict[str, Any] = {"split": split, "training": json.dumps(asdict(settings)), **measures.size}
    return _dataset(measures.of(samplers, CELLS, "network", progress), samplers, level="network", **about)


class _Measures:
    """What is measured of samples with some scores, guided and not; `size` : n_samples of a class, n_steps, seed."""

    def __init__(self, scores: Scores, given: Source, data: str, size: Mapping[str, int]) -> None:
        self._scores, self._given, self._data, self.size = scores, given, data, size
        images, held = given.images, given.images.blurred("held-out")
        self._means, covariances = images.moments()
        self._traces = np.trace(covariances, axis1=1, axis2=2)
        self._widths = [bandwidth(S) for S in covariances]
        self._real = [held[images.labels_held_out == k] for k in CLASSES]
        self._single = np.ones((2, size["n_samples"]))  # errors come from trainings and splits, not from a bootstrap

    def of(
        self, samplers: Sequence[str], cells: Mapping[str, Sequence[Any]], label: str, progress: Show
    ) -> dict[str, Any]:
        """All measures of all cells, and of the unguided twins."""
        twins = {sampler: self._sample(0.0, sampler, self._scores.unconditional) for sampler in samplers}

        def cell(sampler, rule, schedule):
            shape = shape_of(schedule, WINDOWS[self._data].get(rule))
            if shape is None:
                return {}
            guidance, other = for_scores(rule, shape, self._scores)
            return self._measured(self._sample(guidance, sampler, other), twins[sampler])

        free = tabulate({"sampler": samplers}, lambda sampler: self._measured(twins[sampler], twins[sampler]))
        guided = tabulate({"sampler": samplers, **cells}, cell, title=label, progress=progress)
        return guided | {f"free_{name}": column for name, column in free.items()}

    def _sample(self, guidance: Any, sampler: str, other: Any) -> np.ndarray:
        """Samples (classes, n_samples, dim)."""
        problem, dim = digit_problem(guidance, sampler, T_START), self._means.shape[1]
        n = self.size["n_samples"]
        options: dict[str, Any] = {**self.size, "n_samples": len(CLASSES) * n}
        return sample_scores(problem, self._scores.conditional, other, dim, **options).reshape(len(CLASSES), n, dim)

    def _measured(self, samples: np.ndarray, twins: np.ndarray) -> dict[str, Any]:
        """By class."""

        def of_class(k):
            x, real, trace = samples[k], self._real[k], float(self._traces[k])
            return {
                "shift": mean_shift(x, twins[k], self._means[k]).value,
                "trace_guided": trace_ratio(x, twins[k], self._single).value,
                "trace": trace_ratio(x, trace, self._single).value,
                "accuracy": float(np.mean(self._given.classify(x) == k)),
                "energy": energy_distance(x, real, self._single, np.ones((2, len(real)))).value,
                "vendi": vendi_score(x, self._widths[k]),
                "coverage": coverage(x, real),
                "recall": recall(x, real),
            }

        return tabulate({"class": CLASSES}, of_class)


def _dataset(
    columns: Mapping[str, Any], samplers: Sequence[str], cells: Mapping[str, Any] = CELLS, **about: Any
) -> xarray.Dataset:
    attrs = {**about, "t_start": T_START, "versions": json.dumps(versions())}
    return xarray.Dataset(dict(columns), {"sampler": list(samplers), **cells, "class": CLASSES}, attrs)
