"""One sampler call by call: the law of its code beside the same code without guidance."""

from typing import Any

import numpy as np
import xarray

from meanfield.vector.law import FAR, SamplerLaw
from validate.drawing import PHASE, QUIET, canvas, lettered


def sampler_portrait(law: SamplerLaw, d: int) -> xarray.Dataset:
    """A law at every call of the model, and how far each call is from F = 0 at dimension d.

    Returns
    -------
    xarray.Dataset : that of `SamplerLaw.to_dataset`, and over call `sigma` = t^(1/2), `v_ratio`, `v_ratio_alone`
        (v/D), `distance`.
    """
    data, undistorted = law.to_dataset(), law.problem.sigma2 + law.t
    found = {"sigma": np.sqrt(law.t), "v_ratio": law.v / undistorted, "v_ratio_alone": law.unguided[1] / undistorted}
    found["distance"] = law.distance(d)
    return data.assign({name: ("call", values) for name, values in found.items()}).assign_attrs(distance_d=d)


def draw_sampler(data: xarray.Dataset, axes=None):
    """Result of `sampler_portrait`: mean, variance, and distance from the transition at every call.

    Parameters
    ----------
    axes : three; made if None.

    Returns
    -------
    (fig, axes)
    """
    call = np.arange(1, data.sizes["call"] + 1)
    with canvas(axes, (7.0, 2.6), 3) as (figure, axes):
        for axis, name, label in zip(axes.flat, ("m", "v_ratio"), ("m", r"$v/(\sigma^2 + t)$"), strict=False):
            look: Any = {"ms": 3, "lw": 1.0}
            axis.plot(
                call, data[f"{name}_alone"], "--", color=QUIET, marker="s", label="sampler alone", mfc="white", **look
            )
            axis.plot(call, data[name], "o-", color="black", label="with guidance", **look)
            axis.axhline(1.0, color="0.6", lw=0.7, ls=":", zorder=0)
            axis.set_ylabel(label)
        axes.flat[0].legend()
        _distance(axes.flat[2], call, data)
        for axis in axes.flat:
            axis.set_xlabel("call of the model")
        lettered(axes.flat, "mean", "variance", "distance from F = 0")
        figure.suptitle(data.attrs["sampler"], fontsize=9)
    return figure, axes


def _distance(axis: Any, call: np.ndarray, data: xarray.Dataset) -> None:
    """Calls in units of the spread of F over samples, marked by phase; below the line samples are on both sides."""
    if not np.isfinite(data.distance).any():
        axis.text(0.5, 0.5, "no transition", transform=axis.transAxes, ha="center")
        axis.set_yticks([])
        return
    for phase, marker in zip(("crowd", "glass", "target"), "osD", strict=True):
        at = data.phase.values == phase
        if at.any():
            y = np.maximum(data.distance.values[at], 1e-2)
            axis.plot(call[at], y, marker, color="black", mfc=PHASE[phase], mew=0.6, ms=4.5, label=phase)
    axis.axhline(FAR, color="black", lw=0.8, ls="--", label=f"{FAR:g} standard deviations")
    axis.set(yscale="log", ylabel=f"at d = {data.attrs['distance_d']}")
    axis.legend()
