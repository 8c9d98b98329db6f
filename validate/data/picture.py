"""Figures of predictions: particles as points with errors, the mean field as lines or crosses; nothing is computed."""

from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import require, short
from validate.drawing import QUIET, SCHEDULE, canvas, lettered
from validate.errors import ComparisonError

if TYPE_CHECKING:
    from validate.data.prediction import Prediction, Predictions

GUIDED, FREE, THEORY = SCHEDULE["designed"].colour, QUIET, "black"
NAMED = 12  # classes, modes or directions that have a tick each


def draw(found: "Prediction", axes: Any, columns: int) -> Any:
    """See `Prediction.plot`."""
    with _canvas(axes, columns) as (figure, grid):
        panels, data = grid.ravel(), found.dataset
        _variances(panels[0], data)
        many = data.sizes["component"] > 1
        (_modes if many else _features)(panels[1], data)
        _way(panels[2], found)
        lettered(panels, "Variance by direction", "Modes of the class" if many else "Shift of the mean", "On the way")
    return figure, grid


def draw_all(found: "Predictions", axes: Any, columns: int) -> Any:
    """See `Predictions.plot`."""
    with _canvas(axes, columns) as (figure, grid):
        panels, data = grid.ravel(), found.dataset
        labels = [str(x) for x in data["class"].values]
        for panel, name, null in ((panels[0], "trace_ratio", 1.0), (panels[1], "shift", 0.0)):
            _points(panel, data[name].values, data[f"{name}_stderr"].values, data[f"theory_{name}"].values, null)
            _ticks(panel, labels)
            panel.set_xlabel("class")
        panels[0].set_ylabel("trace of the covariance,\nguided / unguided")
        panels[1].set_ylabel("shift along the class /\nits distance from the centre")
        for k in range(len(labels)):
            _curves(panels[2], data.isel({"class": k}), first=k == 0, alpha=0.5)
        _dress(panels[2], data)
        lettered(panels, "Variance", "Shift of the mean", "On the way, class by class")
    return figure, grid


def _canvas(axes: Any, columns: int) -> Any:
    require(columns in (1, 3), "columns must be 1 or 3", short(columns), error=ComparisonError)
    size, shape = ((9.6, 2.9), (1, 3)) if columns == 3 else ((4.2, 8.4), (3, 1))
    return canvas(axes, size, shape)


def _points(panel: Any, values: Any, errors: Any, theory: Any, null: float) -> None:
    x = np.arange(len(values))
    panel.axhline(null, color="0.75", lw=0.8, zorder=0)
    panel.errorbar(x, values, errors, fmt="o", color=GUIDED, capsize=2, label="particles")
    if np.isfinite(theory).any():
        panel.plot(x, theory, "x", color=THEORY, ms=5, label="mean field")
    panel.legend()


def _ticks(panel: Any, labels: list[str]) -> None:
    if len(labels) <= NAMED:
        long = max(map(len, labels)) > 3
        panel.set_xticks(range(len(labels)), labels, rotation=40 if long else 0, ha="right" if long else "center")


def _variances(panel: Any, data: Any) -> None:
    theory = data.theory_variance_ratio.values
    _points(panel, data.variance_ratio.values, data.variance_ratio_stderr.values, theory, 1.0)
    n = len(theory)
    panel.set_xticks(range(0, n, 1 + n // NAMED), range(1, n + 1, 1 + n // NAMED))
    panel.set(
        xlabel="eigenvector of the class, widest first", ylabel="variance, guided / unguided", xlim=(-0.5, n - 0.5)
    )


def _modes(panel: Any, data: Any) -> None:
    x, weight = np.arange(data.sizes["component"]), data.weight.values
    sides = (("share_unguided", FREE, "unguided", -0.2), ("share", GUIDED, "guided", 0.2))
    for name, colour, label, aside in sides:
        height, error = data[name].values, data[f"{name}_stderr"].values
        panel.bar(x + aside, height, 0.38, yerr=error, color=colour, label=label, capsize=2, error_kw={"lw": 0.8})
    panel.hlines(weight, x - 0.42, x + 0.42, color="black", lw=1.2, label="weight")
    lost = data.lost.values.astype(bool)
    for at in x[lost]:
        panel.annotate("lost", (at + 0.2, 0.0), (0, 6), textcoords="offset points", ha="center", color=GUIDED)
    _ticks(panel, [str(k) for k in data.component.values])
    panel.set(xlabel="component of the mixture", ylabel="share of the samples", ylim=(0.0, 1.25 * panel.get_ylim()[1]))
    panel.legend(ncols=3, loc="upper center", columnspacing=1.0, handlelength=1.2)


def _features(panel: Any, data: Any) -> None:
    shift, error = data.shift_feature.values, data.shift_feature_stderr.values
    panel.axhline(0.0, color="0.75", lw=0.8, zorder=0)
    panel.errorbar(np.arange(len(shift)), shift, error, fmt=".", color=GUIDED, elinewidth=0.8)
    panel.set(xlabel="feature", ylabel="guided - unguided, data units")


def _way(panel: Any, found: "Prediction") -> None:
    _curves(panel, found.dataset, first=True)
    for name, colour in (("t_decided", GUIDED), ("t_decided_unguided", FREE)):
        if np.isfinite(found.theory(name)) and found.dataset.sizes["step"]:
            panel.axvline(found.theory(name), color=colour, ls=":", lw=1.0)
    _dress(panel, found.dataset, dotted=np.isfinite(found.theory("t_decided")))


def _curves(panel: Any, data: Any, first: bool, alpha: float = 1.0) -> None:
    late = data.t.values > 0.0
    for name, colour, label in (("posterior_unguided", FREE, "unguided"), ("posterior", GUIDED, "guided")):
        t, y, error = (data[x].values[late] for x in ("t", name, f"{name}_stderr"))
        panel.plot(t, y, color=colour, alpha=alpha, label=label if first else None)
        panel.fill_between(t, y - error, y + error, color=colour, alpha=0.3 * alpha, lw=0)


def _dress(panel: Any, data: Any, dotted: bool = False) -> None:
    if not data.sizes["step"]:
        panel.text(0.5, 0.5, "steps that adapt:\nno common times", ha="center", transform=panel.transAxes)
        panel.set_axis_off()
        return
    panel.axhline(0.5, color="0.75", lw=0.8, zorder=0)
    if dotted:
        panel.plot([], [], ":", color="0.4", lw=1.0, label="mean field: decided")
    panel.set(xscale="log", ylim=(-0.03, 1.05), ylabel="mean posterior of the class")
    _where_it_happens(panel, data)
    panel.set_xlabel("noise variance t, falling")
    panel.legend(loc="best")


def _where_it_happens(panel: Any, data: Any) -> None:
    """From the start to where all curves have come to rest, falling noise to the right."""
    both = np.stack([data.posterior.values, data.posterior_unguided.values])
    moving = np.abs(both - both[..., -1:]) > 0.01
    t = np.broadcast_to(data.t.values, both.shape)
    end = t[moving & (t > 0.0)].min(initial=float(t.max())) / 5.0
    panel.set_xlim(float(t.max()), max(end, float(t[t > 0.0].min())))
