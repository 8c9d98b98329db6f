"""The figure of rules of guidance on learned scores: does the theory's ranking hold for a network?"""

from typing import Any

from simulate.learned import available
from validate.figures.rules_network.data import gaussian_part, mean_field_part, network_part
from validate.figures.rules_network.drawing import caption, draw
from validate.figures.rules_network.ranking import Parts
from validate.figures.rules_network.sources import SOURCES
from validate.recipe import Data, GalleryFigure, Part

__all__ = ["FIGURE", "draw"]

Size = dict[str, int]
SIZE: dict[str, dict[str, Size]] = {  # splits, trainings of each, their steps, samples of a class, their steps
    "quick": {"digits": {"splits": 1, "trainings": 1, "steps": 400, "n_samples": 40, "n_steps": 30}},
    "standard": {
        "digits": {"splits": 3, "trainings": 2, "steps": 3000, "n_samples": 60, "n_steps": 40},
        "mnist": {"splits": 2, "trainings": 2, "steps": 1500, "n_samples": 60, "n_steps": 40},
    },
    "full": {
        "digits": {"splits": 5, "trainings": 3, "steps": 3000, "n_samples": 100, "n_steps": 60},
        "mnist": {"splits": 5, "trainings": 3, "steps": 3000, "n_samples": 100, "n_steps": 40},
    },
}


def _parts(profile: str) -> dict[str, Part]:
    return {name: part for data, size in SIZE[profile].items() for name, part in _of(data, **size).items()}


def _of(data: str, splits: int, trainings: int, steps: int, **size: int) -> dict[str, Part]:
    parts = {}
    for split in range(splits):
        where: dict[str, Any] = {"data": data, "split": split}
        parts[f"{data}-mean-field-{split}"] = Part(mean_field_part, where)
        parts[f"{data}-gaussians-{split}"] = Part(gaussian_part, {**where, "seed": split, **size})
        for i in range(trainings):
            seed = trainings * split + i  # every training and its samples have random numbers of their own
            training = {"training": {"steps": steps, "seed": seed}, "seed": seed}
            parts[f"{data}-network-{split}-{i}"] = Part(network_part, {**where, **training, **size}, resumable=True)
    return parts


def _sorted(data: Data) -> dict[str, Parts]:
    """The parts by what was learned from, and by level."""

    def of(name: str) -> list[Any]:
        return [data[part] for part in data if part.startswith(name)]

    levels = "mean-field", "gaussians", "network"
    return {s: Parts(*(of(f"{s}-{level}") for level in levels)) for s in SOURCES if of(s)}


FIGURE = GalleryFigure(
    "rules-network",
    "Rules of guidance on a learned score: does the ranking hold?",
    _parts,
    lambda data: draw(_sorted(data)),
    lambda data: caption(_sorted(data)),
    extra="learned",
    available=available,
)
