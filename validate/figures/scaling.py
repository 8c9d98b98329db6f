"""Figure of the exponents: distortion against alpha (T12), and against w (T13)."""

from typing import TYPE_CHECKING

import numpy as np

from validate.drawing import COLOURS, SAMPLER, styled
from validate.scaling import exponent

if TYPE_CHECKING:
    import xarray

__all__ = ["draw"]

QUANTITY = {"shift": (r"$m(0) - 1$", "-"), "loss": (r"$1 - v(0)/\sigma^2$", "--")}


def draw(falling: "xarray.Dataset", fixed: "xarray.Dataset", strong: "xarray.Dataset", axes=None):
    """Three panels: results of `small_rate_scaling` for P = d^gamma and for fixed P, of `strong_guidance_scaling`.

    Returns
    -------
    (fig, axes)
    """
    from matplotlib.figure import Figure

    with styled():
        if axes is None:
            axes = Figure(figsize=(10.2, 3.7), layout="constrained").subplots(1, 3)
        _against_alpha(axes[0], falling, "reduced")
        axes[0].set_title("P = d²: annealed model, d = 10³ ... 10⁶")
        _against_alpha(axes[1], fixed, "particles")
        axes[1].set_title("P = 64: particles, d = 10³ ... 10⁶")
        _against_w(axes[2], strong)
        axes[2].set_title("strong guidance, SDE")
        return axes[0].figure, axes


def _against_alpha(axis, data: "xarray.Dataset", points: str) -> None:
    alpha = data["alpha"].values
    for i, sampler in enumerate(data["sampler"].values):
        style = SAMPLER[str(sampler)]
        for quantity, (label, dashes) in QUANTITY.items():
            at = data.sel(sampler=sampler, quantity=quantity)
            y, error = at[points].values, at[f"{points}_stderr"].values
            axis.plot(alpha, at["theory"], dashes, color=COLOURS[i], lw=1.1)
            seen = y > 2.0 * error
            if seen.sum() < 2:
                continue
            p, e = exponent(alpha, y, error)
            axis.errorbar(
                alpha[seen],
                y[seen],
                error[seen],
                fmt=style["marker"],
                color=COLOURS[i],
                mfc=COLOURS[i] if quantity == "shift" else "white",
                label=f"{style['label']}, {label}: {p:.4f}({_digits(e)})",
            )
    axis.set(xscale="log", yscale="log", xlabel=r"$\alpha = \log P/d$", ylabel="distortion")
    axis.legend(title="fitted exponent", title_fontsize=7.5, loc="lower right", fontsize=7)


def _digits(e: float) -> str:
    """An error in units of the fourth decimal."""
    return f"{max(round(1e4 * e), 1)}"


def _against_w(axis, data: "xarray.Dataset") -> None:
    w = data["w"].values
    for i, alpha in enumerate(data["alpha"].values):
        at = data.sel(alpha=alpha)
        p, _ = exponent(w, at["loss"])
        axis.plot(w, at["loss"], color=COLOURS[i], label=rf"$\alpha$ = {alpha:g}: {p:.3f}")
        if alpha != 0.5:
            axis.plot(w, at["loss_limit"], ":", color=COLOURS[i], lw=2.2, alpha=0.6)
    if np.isfinite(data["reduced_loss"].values).any():
        p, _ = exponent(w, data["reduced_loss"], data["reduced_loss_stderr"])
        label = rf"annealed, $\alpha$ = {data.attrs['reduced_alpha']:g}, d = {data.attrs['reduced_d']:.0e}: {p:.3f}"
        axis.errorbar(w, data["reduced_loss"], data["reduced_loss_stderr"], fmt="o", color=COLOURS[0], label=label)
    axis.set(xscale="log", yscale="log", xlabel="guidance w", ylabel=r"$1 - v(0)/\sigma^2$")
    axis.legend(title="exponent (dotted: (T13))", title_fontsize=7.5, fontsize=7, loc="lower left")
