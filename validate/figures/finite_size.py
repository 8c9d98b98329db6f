"""Figures of the finite-d theory: against particles at equal d, and in the glass as d grows."""

import math
from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["equal_d", "glass", "theories"]


def equal_d(verdict, axes=None):
    """All z of the quenched theory against particles, and against the normal law.

    Parameters
    ----------
    verdict : `validate.judge(data)` of an atlas, as from `validate.atlas("finite")`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    from scipy.stats import norm

    rows = [v for v in verdict.verdicts if v.ground == "equal d"]
    with styled():
        if axes is None:
            axes = _figure((7.0, 3.2)).subplots(1, 2, width_ratios=(1.5, 1))
        for q, colour, shift in (("m", COLOURS[0], -0.25), ("v", COLOURS[1], 0.25)):
            mine = [v for v in rows if v.quantity == q]
            axes[0].plot([v.d + shift for v in mine], [v.z for v in mine], "o", ms=3, mfc="none", color=colour, label=q)
            z = np.sort([v.z for v in mine])
            quantiles = norm.ppf((np.arange(len(z)) + 0.5) / len(z))
            spread = math.sqrt(float(np.mean(z**2)))
            axes[1].plot(quantiles, z, "o", ms=3, mfc="none", color=colour, label=f"{q}(0): r.m.s. {spread:.2f}")
        for side in (-verdict.threshold, verdict.threshold):
            axes[0].axhline(side, color="0.6", lw=0.8, ls=":")
        axes[0].axhspan(-1, 1, color="0.92", lw=0, zorder=0)
        sizes = sorted({v.d for v in rows})
        axes[0].set(xlabel="dimension d", ylabel="z = (particles - theory)/error", xticks=sizes)
        axes[0].set_ylim(-1.25 * verdict.threshold, 1.25 * verdict.threshold)
        axes[0].set_title(f"{len(rows)} numbers in {len({v.group for v in rows})} regimes")
        axes[0].legend(loc="upper right", ncols=2)
        axes[1].axline((0, 0), slope=1.0, color="0.5", lw=0.8)
        axes[1].set(xlabel="normal quantile", ylabel="z, sorted")
        axes[1].set_title("against the normal law")
        axes[1].legend(loc="upper left")
        return axes[0].figure, axes


def glass(data: "xarray.Dataset", axes=None):
    """v(0)/sigma2 of the quenched theory against 1/d, with the mean field at d = infinity.

    Parameters
    ----------
    data : as from `validate.glass.glass_limit`.
    axes : one axis for each case; made if None.

    Returns
    -------
    (fig, axes)
    """
    cases = [str(c) for c in data["case"].values]
    with styled():
        if axes is None:
            axes = _figure((7.0, 2.35 * math.ceil(len(cases) / 3))).subplots(math.ceil(len(cases) / 3), 3)
        for axis, case in zip(np.ravel(axes), cases, strict=False):
            part, inverse = data.sel(case=case), 1.0 / data["d"].values
            axis.errorbar(inverse, part["v"], part["v_stderr"], fmt="o-", ms=3.5, lw=0.8, color=COLOURS[0], capsize=2,
                          label="quenched theory")  # fmt: skip
            axis.plot(0, part["theory_v"], "D", color=COLOURS[1], clip_on=False, label="mean field, d = infinity")
            if abs(float(part["plain_v"] - part["theory_v"])) > 1e-9:
                axis.plot(0, part["plain_v"], "x", ms=6, color="black", clip_on=False, label="without capture")
            axis.set_title(case.replace(", w = 5, then", ",\nw = 5, then"), fontsize=7.5)
            axis.set_xlim(0, 1.08 * inverse.max())
            axis.set_xticks([0, *inverse[:2]], ["0", *[f"1/{d}" for d in data["d"].values[:2]]])
            low, high = axis.get_ylim()
            axis.set_ylim(min(low, 0.0) if low < 0.05 else low, high + 0.12 * (high - low))
        used, spare = np.ravel(axes)[: len(cases)], np.ravel(axes)[len(cases) :]
        for axis in used:
            axis.set(xlabel="1/d", ylabel=r"$v(0)/\sigma^2$")
        for axis in spare:
            axis.set_axis_off()
        figure = used[0].figure
        handles, labels = used[-1].get_legend_handles_labels()
        if len(spare):
            spare[-1].legend(handles, labels, loc="center")
        else:
            figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return figure, axes


def _figure(size: tuple[float, float]):
    from matplotlib.figure import Figure  # not pyplot: no global state, no window, nothing to close

    return Figure(figsize=size, layout="constrained")


def theories(data: "xarray.Dataset", axes=None):
    """Particles and finite-d theories against 1/d: result of `validate.finite_d.finite_d`.

    Parameters
    ----------
    axes : (2, cases); made if None.

    Returns
    -------
    (fig, axes)
    """
    look = {
        "annealed": {"fmt": "x--", "color": "0.5", "lw": 0.8, "ms": 4},
        "quenched": {"fmt": "D-", "color": COLOURS[2], "lw": 1.0, "ms": 3.5, "mfc": "white"},
        "particles": {"fmt": "o", "color": COLOURS[0], "ms": 4},
    }
    with styled():
        n = data.sizes["case"]
        if axes is None:
            axes = _figure((2.45 * n + 0.2, 4.4)).subplots(2, n, squeeze=False, sharex=True)
        for row, (name, label) in zip(axes, (("m", r"$m(0)$"), ("v", r"$v(0)/\sigma^2$")), strict=True):
            for axis, case in zip(row, data.case.values, strict=True):
                at = data.sel(case=case)
                for kind, style in look.items():
                    one = at.sel(kind=kind).dropna("d", subset=[name])
                    axis.errorbar(1.0 / one.d, one[name], one[f"{name}_error"], label=kind, capsize=1.5, **style)
                axis.plot(
                    0, at[f"limit_{name}"], "_", color=COLOURS[1], ms=16, mew=2, clip_on=False, label="mean field"
                )
                axis.set_xlim(0, 1.06 / float(data.d.min()))
            row[0].set_ylabel(label)
        for axis, case in zip(axes[0], data.case.values, strict=True):
            axis.set_title(case.replace("alpha", r"$\alpha$"), fontsize=8)
        shown = [d for d in data.d.values if d in (10, 16, 24, 48)]
        for axis in axes[-1]:
            axis.set_xticks([0, *(1.0 / d for d in shown)], [r"$\infty$", *map(str, shown)])
            axis.set_xlabel("dimension d (linear in 1/d)")
        axes[0, 0].figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return axes[0, 0].figure, axes
