"""Figure of `validate.approach`: lazy particles towards the theory at d = infinity, m and v of each example."""

from typing import TYPE_CHECKING

import numpy as np

from validate.approach import at_infinity
from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

LABELS = {"m": r"$m(0)$", "v": r"$v(0)/\sigma^2$"}


def draw(data: "xarray.Dataset", axes=None):
    """m(0) and v(0)/sigma2 against 1/d, the fit with its error at d = infinity, the mean field, the annealed model.

    Parameters
    ----------
    data : as from `validate.approach.approach`.
    axes : one row of two axes (m, v) for each case; made if None.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure  # not pyplot: no global state

    cases = [str(c) for c in data["case"].values]
    with styled():
        if axes is None:
            axes = Figure(figsize=(7.0, 2.6 * len(cases) + 0.3), layout="constrained").subplots(len(cases), 2)
        axes = np.reshape(axes, (len(cases), 2))
        for row, case in zip(axes, cases, strict=True):
            for axis, q in zip(row, ("m", "v"), strict=True):
                _panel(axis, data.sel(case=case), q)
            row[0].set_title(case)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        axes[0, 0].figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return axes[0, 0].figure, axes


def _panel(axis, part: "xarray.Dataset", q: str) -> None:
    """One quantity of one case; looser tolerances are shifted a little to the right."""
    inverse, tolerances = 1.0 / part["d"].values, np.sort(part["class_tolerance"].values)
    fit = at_infinity(part, q)
    grid = np.linspace(1e-9, inverse.max(), 200)
    axis.plot(grid, fit.predict(1.0 / grid), "-", lw=0.9, color=COLOURS[0], label=r"fit $a + b/d + c/d^2$")
    axis.errorbar(0, fit.intercept, fit.error, fmt="s", ms=4, mfc="white", color=COLOURS[0], capsize=3, clip_on=False,
                  label="fit at $d = \\infty$ (statistics and form)")  # fmt: skip
    for i, tolerance in enumerate(tolerances):
        one = part.sel(class_tolerance=tolerance)
        style = {"fmt": "o", "color": COLOURS[0]} if i == 0 else {"fmt": "^", "mfc": "none", "color": COLOURS[2]}
        axis.errorbar(inverse + 0.006 * i * inverse.max(), one[q], one[f"{q}_stderr"], ms=4, lw=0.9, capsize=2,
                      label=f"lazy particles, tolerance {tolerance:g}", **style)  # fmt: skip
    axis.errorbar(inverse, part[f"annealed_{q}"], part[f"annealed_{q}_stderr"], fmt="x--", ms=4, lw=0.7, color="0.5",
                  label="annealed model")  # fmt: skip
    axis.axhline(float(part[f"theory_{q}"]), color=COLOURS[1], lw=1.0, zorder=0, label="theory, $d = \\infty$")
    axis.set(xlabel="d", ylabel=LABELS[q], xlim=(0, 1.06 * inverse.max()))
    shown = part["d"].values[inverse > 0.1 * inverse.max()]  # closer to infinity their labels would overlap
    axis.set_xticks([0, *1.0 / shown], [r"$\infty$", *[f"{d}" for d in shown]])
    axis.set_xticks(inverse, minor=True)
