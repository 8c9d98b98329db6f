"""Rules of guidance on learned scores: variance kept by theory against that of the network; how well ranks agree."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from validate.drawing import COLOURS, canvas, legend_below, lettered
from validate.figures.rules_network.cells import RULES, SCHEDULES, W
from validate.figures.rules_network.ranking import Parts, average, by_split, rank_correlation

PALETTE = (*COLOURS, "#999999", "#882255")
MARKERS = dict(zip(SCHEDULES, "osv", strict=True))
NAMES = {"digits": "8 x 8 digits", "mnist": "codes of MNIST"}
LEVELS = {"mean field": "mean_field", "ten Gaussians": "gaussians"}
AGAINST = {  # measure of the network -> its name, and the sign that theory's variance kept should have with it
    "trace_guided": "variance kept", "vendi": "Vendi score", "recall": "recall", "coverage": "coverage",
    "energy": "energy distance", "accuracy": "accuracy",
}  # fmt: skip


def draw(found: Mapping[str, Parts], axes=None):
    """A row for each set of images: mean field (left) and ten Gaussians (middle) against the network, one mark a rule
    and schedule; rank correlations of theory's variance kept with what is measured of the network (right).

    Parameters
    ----------
    found : "digits" or "mnist" -> its `Parts`. axes : three a row; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (10.0, 3.5 * len(found) + 0.7), (len(found), 3)) as (figure, axes):
        for row, (name, parts) in zip(axes, found.items(), strict=True):
            for axis, (label, field) in zip(row, LEVELS.items(), strict=False):
                _marks(axis, getattr(parts, field), parts, label)
            _correlations(row[2], parts)
            row[0].set_ylabel(f"variance kept, network\n({NAMES[name]})")
        lettered(axes.flat, *["mean field", "ten Gaussians", "rank correlation"] * len(found))
        legend_below(axes[0], 7)
    return figure, axes


def _marks(axis: Any, theory: Any, parts: Parts, label: str) -> None:
    """Variance kept, network against theory, with errors over splits."""
    x, y = average(by_split(theory, "trace_guided")), average(by_split(parts.networks, "trace_guided"))
    for i, rule in enumerate(RULES):
        for j, schedule in enumerate(SCHEDULES):
            at, first = (i, j), j == 0
            look: Any = {"color": PALETTE[i], "marker": MARKERS[schedule], "ls": "", "ms": 5, "lw": 0.8}
            shown = axis.errorbar(x.value[at], y.value[at], y.stderr[at], x.stderr[at], **look)
            if first:
                shown.set_label(rule)
    for schedule, marker in MARKERS.items():
        axis.plot([], [], marker, color="0.3", mfc="none", label=schedule)
    low, high = (f(np.append(x.value, y.value)) for f in (np.min, np.max))
    axis.plot([low, high], [low, high], color="0.7", lw=0.8, zorder=0)
    axis.set(xlabel=f"variance kept, {label}")


def _correlations(axis: Any, parts: Parts) -> None:
    """Spearman's correlations of both theories' variance kept with the network's measures, 95 % intervals."""
    for shift, (label, field) in zip((-0.12, 0.12), LEVELS.items(), strict=True):
        theory = by_split(getattr(parts, field), "trace_guided")
        found = [rank_correlation(theory, by_split(parts.networks, name)) for name in AGAINST]
        value, low, high = np.array(found).T
        places = np.arange(len(AGAINST)) + shift
        axis.errorbar(
            value, places, xerr=np.nan_to_num([value - low, high - value]).clip(0.0), fmt="o" if shift < 0 else "D",
            color="0.1" if shift < 0 else COLOURS[0], ms=4, capsize=2, label=label,
        )  # fmt: skip
    axis.axvline(0.0, color="0.7", lw=0.8, zorder=0)
    axis.set(xlim=(-1.05, 1.05), xlabel="Spearman, with theory's variance kept")
    axis.set_yticks(range(len(AGAINST)), AGAINST.values())
    axis.invert_yaxis()


def caption(found: Mapping[str, Parts]) -> str:
    """What is shown, with the rank correlations."""
    texts = []
    for name, parts in found.items():
        network = by_split(parts.networks, "trace_guided")
        ranks = []
        for label, field in LEVELS.items():
            value, low, high = rank_correlation(by_split(getattr(parts, field), "trace_guided"), network)
            interval = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
            ranks.append(f"{label} {value:.2f}{interval}")
        splits, trainings = network.shape[:2]
        texts.append(f"{NAMES[name]}, {splits} splits of {trainings} trainings: {', '.join(ranks)}")
    return (
        f"Rules of guidance at largest amplitude {W:g} times three schedules (marks), ODE. Trace of the covariance of "
        "the average class over that of unguided twins. Left: mean field; middle: samples with the exact score of ten "
        "Gaussians with the moments of the classes; both against samples of a network. Errors: standard errors over "
        "splits of the images, trainings within. Right: Spearman's correlation over all marks of a theory's variance "
        "kept with what is measured of the network, intervals of 95 % from resampled splits and trainings (few: they "
        f"are narrow). Variance against variance, {'; '.join(texts)}."
    )
