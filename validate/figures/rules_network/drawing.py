"""Rules of guidance on learned scores: variance kept by theory against the network's, ranks, and designed windows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from validate.drawing import LEVEL, QUIET, RULE, SAMPLER, SCHEDULE, Look, canvas, face_of, legend_below, lettered
from validate.figures.rules_network.cells import DESIGNED, EARLY, RULES, SCHEDULES, W
from validate.figures.rules_network.ranking import Parts, average, by_split, rank_correlation

MARKERS = {name: SCHEDULE[name].marker for name in SCHEDULES}
ALIAS = {  # rule -> its name in the dictionary of looks
    "rescale eps": "rescale", "projected": "APG", "tangential": "TCFG", "weak model": "autoguidance",
}  # fmt: skip
LOOKS = {name: RULE[ALIAS.get(name, name)] for name in RULES}
NAMES = {"digits": "8 x 8 digits", "mnist": "codes of MNIST"}
THEORIES = {"mean field": LEVEL["mean field"].colour, "ten Gaussians": LEVEL["quenched"].colour}
AGAINST = {  # measure of the network -> its name
    "trace_guided": "variance kept", "vendi": "Vendi score", "recall": "recall", "coverage": "coverage",
    "energy": "energy distance", "accuracy": "accuracy",
}  # fmt: skip


def draw(found: Mapping[str, Parts], axes=None):
    """Two rows for each set of images: variance kept by the network against the mean field, one mark a rule and
    schedule, for each sampler; rank correlations of theory's variance kept with what is measured of the network; what
    is left of the variance that a designed window keeps, level by level.

    Parameters
    ----------
    found : "digits" or "mnist" -> its `Parts`. axes : a row of samplers + 2 for each; made if None.

    Returns
    -------
    (fig, axes)
    """
    samplers = samplers_of(next(iter(found.values())))
    n = len(samplers) + 2
    columns = 2 if n == 4 else n  # a set of images on two rows
    with canvas(axes, (7.0, 2.7 * len(found) * n / columns + 0.6), (len(found) * n // columns, columns)) as (
        figure,
        axes,
    ):
        rows = axes.reshape(len(found), n)
        for row, (name, parts) in zip(rows, found.items(), strict=True):
            for axis, sampler in zip(row, samplers, strict=False):
                _marks(axis, parts, sampler)
                axis.set_ylabel(f"variance kept, network\n({NAMES[name]})")
            _correlations(row[-2], parts, samplers)
            _windows(row[-1], parts, samplers)
        titles = [f"{SAMPLER[s].label}: rules, schedules" for s in samplers]
        lettered(axes.flat, *[*titles, "rank correlation", "designed windows"] * len(found))
        legend_below([rows[0, 0], rows[0, -2], rows[0, -1]], 4)
    return figure, axes


def samplers_of(parts: Parts) -> list[str]:
    return [str(sampler) for sampler in parts["network"][0].sampler.values]


def _marks(axis: Any, parts: Parts, sampler: str) -> None:
    """Variance kept, network against mean field, with errors over splits."""
    x, y = (average(by_split(parts[level], "trace_guided", sampler)) for level in ("mean field", "network"))
    for i, rule in enumerate(RULES):
        for j, schedule in enumerate(SCHEDULES):
            at = i, j
            look: Any = {"color": LOOKS[rule].colour, "marker": MARKERS[schedule], "ls": "", "lw": 0.8}
            look["mfc"] = _face(LOOKS[rule])
            size = 9 if schedule == DESIGNED else 5
            shown = axis.errorbar(x.value[at], y.value[at], y.stderr[at], x.stderr[at], ms=size, **look)
            if j == 0:
                shown.set_label(rule)
    for schedule, marker in MARKERS.items():
        axis.plot([], [], marker, color="0.3", mfc="none", label=schedule)
    low, high = np.nanmin([x.value, y.value]), np.nanmax([x.value, y.value])
    axis.plot([low, high], [low, high], color="0.7", lw=0.8, zorder=0)
    axis.set(xlabel="variance kept, mean field")


def _face(look: Look) -> str:
    """Full, or empty for the second rule of a colour, whose line is broken where lines tell rules apart."""
    return look.colour if look.line == "-" else "white"


def _correlations(axis: Any, parts: Parts, samplers: Sequence[str]) -> None:
    """Spearman's correlations of both theories' variance kept with the network's measures, 95 % intervals."""
    lines = [(level, sampler) for level in THEORIES for sampler in samplers]
    for shift, (level, sampler) in zip(np.linspace(-0.27, 0.27, len(lines)), lines, strict=True):
        theory = by_split(parts[level], "trace_guided", sampler)
        found = [rank_correlation(theory, by_split(parts["network"], name, sampler)) for name in AGAINST]
        value, low, high = np.array(found).T
        colour = THEORIES[level]
        axis.errorbar(
            value, np.arange(len(AGAINST)) + shift, xerr=np.nan_to_num([value - low, high - value]).clip(0.0),
            fmt=SAMPLER[sampler].marker, color=colour, mfc=face_of(sampler, colour), ms=3.5, capsize=2,
            label=f"{level}, {sampler.upper()}",
        )  # fmt: skip
    axis.axvline(0.0, color="0.7", lw=0.8, zorder=0)
    axis.set(xlim=(-1.05, 1.05), xlabel="Spearman, with theory's variance kept")
    axis.set_yticks(range(len(AGAINST)), AGAINST.values())
    axis.invert_yaxis()


def _windows(axis: Any, parts: Parts, samplers: Sequence[str]) -> None:
    """Variance kept in the designed window of each rule, from level to level, one line for each rule and sampler."""
    levels = [*parts]
    for sampler in samplers:
        kept = [average(by_split(parts[level], "trace_guided", sampler, DESIGNED)) for level in levels]
        for i, look in enumerate(LOOKS.values()):
            value, stderr = (np.array([getattr(level, q)[i] for level in kept]) for q in ("value", "stderr"))
            if np.isfinite(value).all():
                line: Any = {"color": look.colour, "ls": SAMPLER[sampler].line, "ms": 5, "lw": 1.0}
                axis.errorbar(range(len(levels)), value, stderr, marker="*", mfc=_face(look), **line)
        axis.plot([], [], color=QUIET, ls=SAMPLER[sampler].line, label=f"designed, {sampler.upper()}")
    axis.axhline(1.0, color="0.7", lw=0.8, zorder=0)
    axis.set_xticks(range(len(levels)), [level.replace(" ", "\n") for level in levels])
    axis.set(xlim=(-0.3, len(levels) - 0.7), ylabel="variance kept")


def caption(found: Mapping[str, Parts]) -> str:
    """What is shown, with the rank correlations."""
    texts = []
    for name, parts in found.items():
        ranks = []
        for sampler in samplers_of(parts):
            network = by_split(parts["network"], "trace_guided", sampler)
            for level in THEORIES:
                value, low, high = rank_correlation(by_split(parts[level], "trace_guided", sampler), network)
                interval = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
                ranks.append(f"{level}, {sampler.upper()} {value:.2f}{interval}")
        splits, trainings = network.shape[:2]
        texts.append(f"{NAMES[name]}, {splits} splits of {trainings} trainings: {'; '.join(ranks)}")
    return (
        f"Rules of guidance at largest amplitude {W:g}: constant, in the interval $2 < t < 60$, early "
        f"($t > {EARLY:g}$), and in the window that `design` gives a rule for the ODE, if any. Trace of the covariance "
        "of the average class over that of unguided twins, mean field against samples of a network. Errors: standard "
        "errors over splits of the images, trainings within. Rank correlation: Spearman's, over all marks, of a "
        "theory's variance kept with what is measured of the network; ten Gaussians are samples with the exact "
        "score of the moments of the classes; intervals of 95 % from resampled splits and trainings (few: they are "
        "narrow). Designed windows: equal shapes are ten Gaussians, all with the covariance of the class sampled. "
        "Variance against variance, "
        f"{'. '.join(texts)}."
    )
