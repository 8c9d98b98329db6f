"""The figure of learned scores on real digits; its data need the extra `learned`."""

from typing import Any

from simulate.learned import available
from simulate.randomness.streams import resampling_counts
from validate.figures.digits.drawing import draw
from validate.figures.digits.levels import EXACT, exact_level, learned_level, mean_field_level, real_level
from validate.figures.digits.schedules import W
from validate.figures.digits.summary import pooled, skill
from validate.recipe import Data, GalleryFigure, Part

__all__ = ["FIGURE", "draw"]

FULL = 3000  # steps of the training that docs/learned-score.md speaks of
THEORY = {"mean field": "mean-field", **{level: level.replace(" ", "-") for level in EXACT}}  # level -> part
SIZE: dict[str, dict[str, Any]] = {  # trainings, their steps, samplers, samples of a class
    "quick": {"trainings": 1, "steps": 800, "samplers": ("ode",), "n_samples": 80, "n_steps": 40},
    "standard": {"trainings": 3, "steps": FULL, "samplers": ("ode", "sde"), "n_samples": 240, "n_steps": 60},
    "full": {"trainings": 5, "steps": FULL, "samplers": ("ode", "sde"), "n_samples": 480, "n_steps": 60},
}


def _parts(profile: str) -> dict[str, Part]:
    size = dict(SIZE[profile])
    trainings, steps = size.pop("trainings"), size.pop("steps")
    parts = {"real": Part(real_level), "mean-field": Part(mean_field_level, {"samplers": size["samplers"]})}
    parts |= {THEORY[level]: Part(exact_level, {"level": level, "seed": 0, **size}) for level in EXACT}
    for i in range(trainings):
        training = {"training": {"steps": steps, "seed": i}, "seed": i + 1}
        parts[f"learned-{i}"] = Part(learned_level, {**training, **size}, resumable=True)
    return parts


def _trainings(data: Data) -> list[Any]:
    return [data[name] for name in data if name.startswith("learned")]


def _theory(data: Data) -> dict[str, Any]:
    return {level: data[part] for level, part in THEORY.items()}


def _caption(data: Data) -> str:
    learned, counts = pooled(_trainings(data)), resampling_counts(10, 1000, seed=0)
    sampler = str(learned.sampler.values[0])

    def skills(name: str) -> str:
        found = {level: skill(pooled([d]), learned, name, sampler, counts) for level, d in _theory(data).items()}
        return ", ".join(f"{level} {one.value:.2f} ± {one.stderr:.1g}" for level, one in found.items())

    n, samples, steps = int(learned.attrs["n_trainings"]), int(learned.attrs["n_samples"]), len(data["learned-0"].step)
    errors = f"standard errors over {n} trainings" if n > 1 else "standard errors over the samples of one training"
    short = (
        f" A training of {steps} steps distorts more, at constant weight and in the interval, than the full one of "
        f"{FULL}, which the profile standard has and whose numbers docs/learned-score.md gives."
    )
    return (
        f"Scores of 8 x 8 digits learned from 901 real images, {sampler.upper()}, {steps} steps of training, {samples} "
        f"samples of each class; all schedules have the largest weight {W:g}. (a) The first sample of each class, "
        "of the same start in every row. (b, c) Class accuracy by a classifier of the held-out half, Wilson intervals, "
        "and energy distance to the held-out half, against diversity; cross: the other half of the real images. (d, e) "
        f"Distortion against unguided twins, average class; points: {errors}; lines: predictions from fits to the same "
        "images. Skill (1 right, 0 as good as no distortion, bootstrap error over classes), mean: "
        f"{skills('shift')}; variance: {skills('trace_guided')}.{short if steps < FULL else ''}"
    )


FIGURE = GalleryFigure(
    "digits",
    "A learned score on real digits, and what theory says of it",
    _parts,
    lambda data: draw(_theory(data), _trainings(data), data["real"]),
    _caption,
    extra="learned",
    available=available,
)
