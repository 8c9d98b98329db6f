"""Rules of guidance times schedules on real images: by the mean field, and by samples with exact or learned scores.

All distortions are against unguided twins with the same random numbers. Every split of the images has fits, trainings,
classifier and references of its own.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from simulate import sample_scores
from simulate.learned import Training, digit_problem, train
from validate.figures.digits.generative import coverage, energy_distance, mean_shift, recall, trace_ratio, vendi_score
from validate.figures.digits.mean_field import ClassTheory
from validate.figures.rules_network.cells import RULES, SCHEDULES, Scores, for_scores, in_theory, two_bands
from validate.figures.rules_network.gaussians import GaussianScores
from validate.figures.rules_network.sources import Source, source
from validate.results.provenance import versions
from validate.results.tables import Show, tabulate

T_START = 6400.0
CELLS: dict[str, list[Any]] = {"rule": [*RULES], "schedule": [*SCHEDULES]}
CLASSES = list(range(10))


def mean_field_part(split: int = 0, data: str = "digits") -> xarray.Dataset:
    """`shift` and `trace_guided` of every class in every cell by theory, ODE; no samples, no errors.

    Parameters
    ----------
    split : as of `load_digits`. data : "digits", or "mnist" for codes of MNIST.

    Returns
    -------
    xarray.Dataset : over (class, rule, schedule).
    """
    means, covariances = source(data, split).images.moments()

    def measure(k):
        theory = ClassTheory(means, means[k], covariances[k], "ode", T_START)
        return tabulate(CELLS, lambda rule, schedule: theory.distortion(in_theory(rule, schedule, theory.problem)))

    return _dataset(tabulate({"class": CLASSES}, measure), level="mean field", split=split)


def gaussian_part(
    split: int = 0, data: str = "digits", *, n_samples: int = 100, n_steps: int = 60, seed: int = 0,
    progress: Show = None,
) -> xarray.Dataset:  # fmt: skip
    """Samples with the exact score of ten Gaussians that have the moments of the classes; see `network_part`."""
    given = source(data, split)
    exact = GaussianScores(*given.images.moments())
    scores = Scores(exact.conditional(_labels(n_samples)), exact.unconditional, two_bands(given.images.x))
    columns = _measured(scores, given, n_samples, n_steps, seed, "ten Gaussians", progress)
    return _dataset(columns, level="ten Gaussians", split=split, n_samples=n_samples, n_steps=n_steps, seed=seed)


def network_part(
    training: Mapping[str, Any] | None = None, split: int = 0, data: str = "digits", *, n_samples: int = 100,
    n_steps: int = 60, seed: int = 0, checkpoint: str | Path | None = None, progress: Show = None,
) -> xarray.Dataset:  # fmt: skip
    """Train a network on a split of the images, and sample it in every cell.

    Parameters
    ----------
    training : fields of `simulate.learned.Training`. checkpoint : as for `train`, written every epoch.
    n_samples : of each class. n_steps, seed : as in `sample_scores`; give every training a seed of its own here too.

    Returns
    -------
    xarray.Dataset : over (rule, schedule, class), and with the prefix `free_` over (class) without guidance: `shift`,
        `trace_guided` against unguided twins, `trace` over that of the fitted half, `accuracy` by a classifier of the
        held-out half, and against the images of that half `energy`, `coverage`, `recall`; `vendi` of all samples.
    """
    given, settings = source(data, split), Training(**(training or {}))
    epoch = math.ceil(len(given.images.x) / settings.batch)  # steps: what a kill loses at most
    network = train(settings, images=given.images, checkpoint=checkpoint, every=epoch, progress=progress)
    scores = Scores(network.conditional(_labels(n_samples)), network.unconditional, two_bands(given.images.x))
    columns = _measured(scores, given, n_samples, n_steps, seed, "network", progress)
    about = {"split": split, "n_samples": n_samples, "n_steps": n_steps, "seed": seed}
    return _dataset(columns, level="network", training=json.dumps(asdict(settings)), **about)


def _measured(
    scores: Scores, given: Source, n_samples: int, n_steps: int, seed: int, label: str, progress: Show
) -> dict[str, Any]:
    """The measures of all cells, and of the unguided twins."""
    images, classify = given
    held = images.blurred("held-out")
    means, covariances = images.moments()
    single = np.ones((2, n_samples))  # errors come from trainings and splits, not from a bootstrap over samples

    def sample(guidance, other):
        problem = digit_problem(guidance, "ode", T_START)
        options: dict[str, Any] = {"n_samples": len(CLASSES) * n_samples, "n_steps": n_steps, "seed": seed}
        x = sample_scores(problem, scores.conditional, other, images.x.shape[1], **options)
        return x.reshape(len(CLASSES), n_samples, -1)

    twin = sample(0.0, scores.unconditional)

    def measures(x):
        def of_class(k):
            real, trace = held[images.labels_held_out == k], float(np.trace(covariances[k]))
            return {
                "shift": mean_shift(x[k], twin[k], means[k]).value,
                "trace_guided": trace_ratio(x[k], twin[k], single).value,
                "trace": trace_ratio(x[k], trace, single).value,
                "accuracy": float(np.mean(classify(x[k]) == k)),
                "energy": energy_distance(x[k], real, single, np.ones((2, len(real)))).value,
                "vendi": vendi_score(x[k], float(np.sqrt(0.5 * trace))),
                "coverage": coverage(x[k], real),
                "recall": recall(x[k], real),
            }

        return tabulate({"class": CLASSES}, of_class)

    free = {f"free_{name}": column for name, column in measures(twin).items()}

    def cell(rule, schedule):
        return measures(sample(*for_scores(rule, schedule, scores)))

    return tabulate(CELLS, cell, title=label, progress=progress) | free


def _labels(n_samples: int) -> np.ndarray:
    return np.repeat(CLASSES, n_samples)


def _dataset(columns: Mapping[str, Any], **about: Any) -> xarray.Dataset:
    attrs = {**about, "t_start": T_START, "versions": json.dumps(versions())}
    return xarray.Dataset(dict(columns), {**CELLS, "class": CLASSES}, attrs)
