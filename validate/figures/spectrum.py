"""The distortion spectrum: what guidance does to every direction, theory as lines, particles as points."""

import json

import numpy as np

from validate.drawing import COLOURS, SAMPLER, styled

__all__ = ["draw"]

PANELS = (
    ("m_shift", "relative shift of the mean\n" + r"$m_i - 1$"),
    ("width", "shift in class widths\n" + r"$(m_i - 1)\,(g_i/c_i)^{1/2}$"),
    ("v_ratio", "variance ratio\n" + r"$v_i(0)\,/\,$undistorted"),
)


def draw(*datasets, axes=None, titles=None):
    """Draw results of `validate.spectra.distortion_spectrum`, one row of three panels each, against r = g/c.

    Parameters
    ----------
    datasets : one or more results.
    axes : array (rows, 3) of axes to draw into; made if None.
    titles : one line per row; by default the growth of the classes.

    Returns
    -------
    (fig, axes)
    """
    with styled():
        if axes is None:
            axes = _figure(len(datasets)).subplots(len(datasets), 3, squeeze=False, sharex="row")
        for i, (row, data) in enumerate(zip(axes, datasets, strict=True)):
            _row(row, data)
            row[0].set_title(_title(data) if titles is None else titles[i])
        for axis in axes[-1]:
            axis.set_xlabel(r"signal-to-noise ratio of the direction, $r = g/c$")
        return axes[0, 0].figure, axes


def _row(axes, data) -> None:
    r, line = ((data[f"u{x}"] / data[f"c{x}"] - 1.0).values for x in ("", "_probe"))
    order = np.argsort(line)
    sizes = data["size"].values
    shades = np.linspace(0.45, 1.0, len(sizes)) if len(sizes) > 1 else [1.0]
    for axis, (kind, label) in zip(axes, PANELS, strict=True):
        name = "v_ratio" if kind == "v_ratio" else "m_shift"
        scale, line_scale = (np.sqrt(r), np.sqrt(line)) if kind == "width" else (1.0, 1.0)
        for i, sampler in enumerate(data["sampler"].values):
            style, colour = SAMPLER[str(sampler)], COLOURS[i]
            curve = data[f"{name}_probe"].values[i] * line_scale
            axis.plot(line[order], curve[order], color=colour, label=rf"{style['label']}, theory, $d = \infty$")
            for j, d in enumerate(sizes):
                axis.errorbar(
                    r * (1.0 + 0.03 * (j - 0.5 * (len(sizes) - 1))),
                    data[f"{name}_particles"].values[i, j] * scale,
                    data[f"{name}_stderr"].values[i, j] * scale,
                    fmt=style["marker"],
                    color=_lighten(colour, shades[j]),
                    capsize=1.5,
                    elinewidth=0.8,
                    label=f"particles, d = {d}",
                )
        axis.set(xscale="log", ylabel=label)
        axis.axhline(1.0 if kind == "v_ratio" else 0.0, color="0.6", lw=0.6, zorder=0)
    axes[0].legend()


def _lighten(colour: str, strength: float) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return tuple(1.0 - strength * (1.0 - x) for x in to_rgb(colour))  # type: ignore[return-value]


def _title(data) -> str:
    problem = json.loads(data.attrs["problem"])
    classes, guidance = problem["classes"], problem["guidance"]
    growth = {
        "exponential": rf"$P = e^{{\alpha d}}$, $\alpha$ = {classes.get('alpha')}",
        "continuum": "continuum of classes (theory exact at every d)",
    }.get(classes["growth"], classes["growth"])
    w = f", w = {guidance['value']:g}" if guidance.get("schedule") == "constant" else ""
    return growth + w


def _figure(rows: int):
    from matplotlib.figure import Figure  # not pyplot: no global state, no window, nothing to close

    return Figure(figsize=(10.0, 0.3 + 2.9 * rows), layout="constrained")
