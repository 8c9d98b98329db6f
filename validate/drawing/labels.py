"""Names on a drawing: letters of panels, lines named where they end, one legend for all panels, remarks."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from validate.drawing.looks import QUIET
from validate.drawing.page import in_column

SMALL = {False: 7.0, True: 6.2}  # points: names and remarks, on the page and in a column


def lettered(axes: Sequence[Any], *titles: str) -> None:
    """Titles of panels, with the letters by which a caption calls them: (a), (b), ..."""
    for letter, axis, title in zip("abcdefghijklmnopqrstuvwxyz", axes, titles, strict=False):
        axis.set_title(f"({letter}) {title}".rstrip())


def legend_below(axes: Any, columns: int) -> None:
    """One legend below all panels, of what is labelled in any of `axes`, each label once."""
    flat = np.ravel(axes)
    found = {label: h for axis in flat for h, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    columns = min(columns, 2) if in_column() else columns
    flat[0].figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns)


def noted(axis: Any, text: str, where: tuple[float, float], **options: Any) -> Any:
    """A remark in small grey letters, at a point of the axes or of what `xycoords` says."""
    look = {"fontsize": SMALL[in_column()], "color": QUIET, "xycoords": "axes fraction", **options}
    return axis.annotate(text, where, **look)


def named_lines(axis: Any, names: dict[str, Any], gap: float = 1.25) -> None:
    """Name lines at their right ends, in their colours, instead of by a legend; names that collide are pushed apart.

    A thin line leads to the name of one that ends before the frame does.

    Parameters
    ----------
    names : text -> the line that it names (`axis.plot(...)[0]`).
    gap : least distance of two names, in heights of their letters.
    """
    if not names:
        return
    figure, size = axis.figure.figure, SMALL[in_column()]
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # from here on the frame is where it will be, but for the room of these names
    box = axis.get_window_extent()
    ends = [(np.array(_end(axis, line)) - box.p0) / box.size for line in names.values()]
    step = gap * size / 72.0 * figure.dpi / box.height
    places = _apart(np.array([y for _, y in ends]), step)
    for (text, line), (x, y), place in zip(names.items(), ends, places, strict=True):
        if x < 0.97 or abs(place - y) > 0.04:
            axis.plot([x, 1.015], [y, place], color=line.get_color(), lw=0.4, alpha=0.8, transform=axis.transAxes,
                      clip_on=False, scalex=False, scaley=False)  # fmt: skip
        axis.annotate(text, (1.0, place), (4, 0), xycoords="axes fraction", textcoords="offset points", va="center",
                      fontsize=size, color=line.get_color(), annotation_clip=False)  # fmt: skip


def _end(axis: Any, line: Any) -> Any:
    """Pixels at which a line leaves the frame, or ends in it."""
    x, y = (np.asarray(values, float) for values in line.get_data())
    (left, right), (low, high) = sorted(axis.get_xlim()), sorted(axis.get_ylim())
    inside = (x >= left) & (x <= right) & (y >= low) & (y <= high)
    seen = np.flatnonzero(inside if inside.any() else np.isfinite(x) & np.isfinite(y))
    order = seen[np.argsort(x[seen])]
    last = order[0] if axis.xaxis_inverted() else order[-1]
    return axis.transData.transform((x[last], y[last]))


def _apart(places: np.ndarray, step: float) -> np.ndarray:
    """Heights at least a step from each other, in the same order, moved as little as it takes, in [0, 1] if they fit.

    Examples
    --------
    >>> _apart(np.array([0.5, 0.5, 0.9]), 0.1).round(2)
    array([0.45, 0.55, 0.9 ])
    """
    order, kept = np.argsort(places, kind="stable"), np.clip(places, 0.0, 1.0)
    groups: list[list[float]] = []  # [centre, number] of runs of names that touch
    for place in kept[order]:
        groups.append([float(place), 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < 0.5 * step * (groups[-1][1] + groups[-2][1]) - 1e-12:
            (c2, n2), (c1, n1) = groups.pop(), groups.pop()
            half = 0.5 * step * (n1 + n2 - 1)  # a run stays within the frame, if it fits
            centre = np.clip((c1 * n1 + c2 * n2) / (n1 + n2), min(half, 0.5), max(1.0 - half, 0.5))
            groups.append([float(centre), n1 + n2])
    found = np.concatenate([centre + step * (np.arange(n) - 0.5 * (n - 1)) for centre, n in groups])
    result = np.empty_like(found)
    result[order] = found
    return result
