"""Figures of the distortion: in time, against w, against d, against the number of classes.

Lines are theory, markers particles with standard errors. The same sampler has the same marker everywhere.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from validate.drawing import COLOURS, SAMPLER, styled

if TYPE_CHECKING:
    import xarray

__all__ = ["against_classes", "against_d", "against_w", "order_parameters"]

SHIFT, RATIO = r"mean shift $m(0) - 1$", r"variance $v(0)/\sigma^2$"
LOSS = r"lost variance $1 - v(0)/\sigma^2$"
DASHES = {"sde": "-", "ode": "--"}


def order_parameters(data: "xarray.Dataset", axes=None):
    """m(t) and v(t)/D(t) as D falls: result of `validate.distortion_curves.order_parameters`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with styled():
        axes = _axes(axes, 2)
        for axis, name, label in zip(axes, ("m", "v_ratio"), ("overlap m", r"variance ratio $v/D$"), strict=True):
            for i, sampler in enumerate(data.sampler.values):
                style = SAMPLER[sampler]
                axis.plot(data.line_D, data[f"line_{name}"][i], color=COLOURS[i], label=f"{style['label']}, theory")
                for j, d in enumerate(data["size"].values):
                    axis.errorbar(
                        data.D[i, j], data[name][i, j], data[f"{name}_error"][i, j], fmt=style["marker"],
                        color=COLOURS[i], mfc="white" if j == 0 else COLOURS[i], ms=3.5,
                        label=f"{style['label']}, d = {d}",
                    )  # fmt: skip
                D_s = data.attrs["sigma2"] + float(data.t_speciation[i])
                axis.axvline(D_s, color=COLOURS[i], lw=0.7, ls=":")
            top = float(data.line_D.max())
            axis.set(xscale="log", xlim=(top, float(data.line_D.min()) / 1.08), ylabel=label)
            axis.set_xlabel(r"noised class variance $D = \sigma^2 + t$")
        axes[0].legend(loc="lower left")
        return axes[0].figure, axes


def against_w(data: "xarray.Dataset", axes=None):
    """Mean shift and variance against w, one column a sampler: result of `validate.distortion_curves.against_w`.

    Parameters
    ----------
    axes : (2, samplers); made if None.

    Returns
    -------
    (fig, axes)
    """
    with styled():
        n = data.sizes["sampler"]
        if axes is None:
            axes = _figure((3.5 * n, 5.0)).subplots(2, n, squeeze=False, sharex=True, sharey="row")
        for (kind, label), row in zip((("shift", SHIFT), ("v_ratio", RATIO)), axes, strict=True):
            for axis, sampler in zip(row, data.sampler.values, strict=True):
                for k, growth in enumerate(data.growth.values):
                    at = data.sel(sampler=sampler, growth=growth)
                    axis.plot(at.w, at[f"line_{kind}"], color=_colour(k), label=_pretty(growth))
                    axis.errorbar(
                        at.point,
                        at[kind],
                        at[f"{kind}_error"],
                        fmt=SAMPLER[sampler]["marker"],
                        color=_colour(k),
                        ms=3.5,
                    )
                axis.axhline(0.0 if kind == "shift" else 1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            row[0].set_ylabel(label)
        for axis, sampler in zip(axes[0], data.sampler.values, strict=True):
            axis.set_title(SAMPLER[sampler]["label"])
        for axis in axes[-1]:
            axis.set_xlabel("guidance w")
        axes[0, 0].legend(loc="upper left")
        return axes[0, 0].figure, axes


def against_d(data: "xarray.Dataset", axes=None):
    """Mean shift and lost variance against d on logarithmic axes: result of `validate.distortion_curves.against_d`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with styled():
        axes = _axes(axes, 2)
        rows = data.to_dataframe()
        for axis, kind, label in zip(axes, ("shift", "loss"), (SHIFT, LOSS), strict=True):
            for k, (growth, family) in enumerate(rows.groupby("growth", sort=False)):
                for sampler, at in family.groupby("sampler", sort=False):
                    y, error = at["shift"], at["shift_error"]
                    theory = at["theory_shift"]
                    if kind == "loss":
                        y, error, theory = 1.0 - at["v_ratio"], at["v_ratio_error"], 1.0 - at["theory_v_ratio"]
                    axis.plot(at["d"], theory, DASHES[sampler], color=_colour(k), lw=1.1)
                    seen = (y > 2.0 * error).to_numpy()
                    axis.errorbar(
                        at["d"][seen], y[seen], error[seen], fmt=SAMPLER[sampler]["marker"], color=_colour(k),
                        mfc=_colour(k) if sampler == "sde" else "white", ms=3.8,
                        label=f"{_pretty(growth)}, {SAMPLER[sampler]['label']}",
                    )  # fmt: skip
            axis.set(xscale="log", yscale="log", xlabel="dimension d", ylabel=label)
        axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return axes[0].figure, axes


def against_classes(data: "xarray.Dataset", axes=None):
    """Mean shift and variance against the number of classes: result of `validate.distortion_curves.against_classes`.

    Parameters
    ----------
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    with styled():
        axes = _axes(axes, 2)
        finite = np.isfinite(data.P.values)
        last = float(data.P.values[finite].max())
        x = np.where(finite, data.P.values, 8.0 * last)  # infinity, at the right edge
        for axis, kind, label in zip(axes, ("shift", "v_ratio"), (SHIFT, RATIO), strict=True):
            for i, sampler in enumerate(data.sampler.values):
                for k, d in enumerate(data.d.values):
                    at = data.sel(sampler=sampler, d=d)
                    axis.errorbar(
                        x * 1.08 ** (k - 1), at[kind], at[f"{kind}_error"], ls="", marker=SAMPLER[sampler]["marker"],
                        color=_colour(k), mfc=_colour(k) if sampler == "sde" else "white", ms=4,
                        label=f"d = {d}, {SAMPLER[sampler]['label']}",
                    )  # fmt: skip
                axis.axhline(float(data[f"limit_{kind}"][i]), color="black", lw=1.0, ls=DASHES[sampler])
            axis.axhline(0.0 if kind == "shift" else 1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            axis.axvline(2.8 * last, color="0.8", lw=0.8)
            axis.set(xscale="log", xlabel="number of classes P", ylabel=label)
            ticks = [10.0**k for k in range(1, round(np.log10(last)) + 1, 1)]
            axis.set_xticks([*ticks, 8.0 * last], [*(f"$10^{{{k}}}$" for k in range(1, len(ticks) + 1)), r"$\infty$"])
        axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return axes[0].figure, axes


def _axes(axes: Any, n: int) -> Any:
    return _figure((3.55 * n, 3.3)).subplots(1, n) if axes is None else axes


def _figure(size: tuple[float, float]) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _pretty(growth: str) -> str:
    """The name of a growth law as mathematics."""
    if growth.startswith("alpha"):
        return rf"$\alpha$ = {growth.split('= ')[1]}"
    return f"$P = d^{{{growth.split('^')[1]}}}$" if "^" in growth else growth
