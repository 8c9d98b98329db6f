"""The figure of rules of guidance on learned scores: does the theory's ranking hold for a network?"""

from typing import Any

from simulate.learned import available
from validate.figures.rules_network.cells import DESIGNED, SAMPLERS, SCHEDULES
from validate.figures.rules_network.data import exact_part, mean_field_part, network_part
from validate.figures.rules_network.drawing import caption, draw
from validate.figures.rules_network.ranking import Parts
from validate.figures.rules_network.sources import SOURCES
from validate.recipe import Data, GalleryFigure, Part

__all__ = ["FIGURE", "draw"]

SIZE: dict[str, dict[str, dict[str, Any]]] = {  # `steps` of training, `n_steps` of sampling
    "quick": {
        "digits": {
            "splits": 1, "trainings": 1, "steps": 400, "samplers": ("ode",), "n_samples": 30, "n_steps": 20,
        },
    },
    "standard": {
        "digits": {"splits": 3, "trainings": 2, "steps": 3000, "n_samples": 30, "n_steps": 30},
        "mnist": {"splits": 2, "trainings": 2, "steps": 1500, "n_samples": 30, "n_steps": 30},
    },
    "full": {
        "digits": {"splits": 5, "trainings": 3, "steps": 3000, "n_samples": 100, "n_steps": 60},
        "mnist": {"splits": 5, "trainings": 3, "steps": 3000, "n_samples": 100, "n_steps": 60},
    },
}  # fmt: skip
EXACT_SCHEDULES = {"equal shapes": ("constant", DESIGNED), "ten Gaussians": SCHEDULES}
LEVELS = ("mean field", *EXACT_SCHEDULES, "network")


def _parts(profile: str) -> dict[str, Part]:
    return {name: part for data, size in SIZE[profile].items() for name, part in _of(data, **size).items()}


def _of(
    data: str, splits: int, trainings: int, steps: int, samplers: tuple[str, ...] = SAMPLERS, **size: int
) -> dict[str, Part]:
    parts = {}
    for split in range(splits):
        where: dict[str, Any] = {"data": data, "split": split, "samplers": samplers}
        parts[_name(data, LEVELS[0], split)] = Part(mean_field_part, where)
        for level, schedules in EXACT_SCHEDULES.items():
            what = {"level": level, **where, "schedules": schedules, "seed": split}
            parts[_name(data, level, split)] = Part(exact_part, {**what, **size})
        for i in range(trainings):
            seed = trainings * split + i  # every training and its samples have random numbers of their own
            training = {"training": {"steps": steps, "seed": seed}, "seed": seed}
            name = _name(data, LEVELS[-1], f"{split}-{i}")
            parts[name] = Part(network_part, {**where, **training, **size}, resumable=True)
    return parts


def _name(data: str, level: str, number: Any) -> str:
    return f"{data}-{level.lower().replace(' ', '-')}-{number}"


def _sorted(data: Data) -> dict[str, Parts]:
    """The parts by what was learned from, and by level."""

    def of(source: str, level: str) -> list[Any]:
        return [data[part] for part in data if part.startswith(_name(source, level, ""))]

    return {s: {level: of(s, level) for level in LEVELS} for s in SOURCES if of(s, LEVELS[0])}


FIGURE = GalleryFigure(
    "rules-network",
    "Rules of guidance on a learned score: does the ranking hold?",
    _parts,
    lambda data: draw(_sorted(data)),
    lambda data: caption(_sorted(data)),
    extra="learned",
    available=available,
)
