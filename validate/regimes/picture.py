"""The summary figure of an atlas: where distortion survives, how it depends on guidance, how well theory agrees."""

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from meanfield.tools.door import door
from validate.drawing import (
    LEVEL,
    QUIET,
    SAMPLER,
    SCHEDULE,
    Look,
    canvas,
    face_of,
    lettered,
    named_lines,
    noted,
    shades,
    styled,
)
from validate.regimes.groups import SIGMA2
from validate.regimes.judgement import RESOLUTION, SMALLEST, extrapolation, judge

if TYPE_CHECKING:
    import xarray

MAIN = "alpha=0.4 w=1"  # the groups of panels a and c
VANISHING = "P=d^0.5 w=1"  # and of panel a
GROUND = {  # of a claim -> its look
    "exact": Look("exact at every d", LEVEL["mean field"].colour, "", "s"),
    "equal d": LEVEL["quenched"]._replace(label="theory at equal d"),
    "few classes": LEVEL["few classes"]._replace(label="few classes at equal d"),
    "many classes": LEVEL["unguided"]._replace(label="many classes at equal d", marker="P"),
    "d = inf": LEVEL["annealed"]._replace(label="extrapolated to d = ∞", marker="o"),
    "exponent": SCHEDULE["designed"]._replace(label="exponent of the decay", marker="v"),
}


@door()
def summary(data: "xarray.Dataset", axes=None, level: float = 0.01):
    """Draw the summary of an atlas.

    Parameters
    ----------
    data : result of `validate.atlas`, or a file of it read back.
    axes : four axes to draw into; made if None.
    level : probability of a false alarm, as given to `validate.judge`.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (7.0, 5.8), (2, 2)) as (figure, grid):
        axes = grid.ravel()
        main, vanishing = ([f"{kind} {sampler}" for sampler in SAMPLER] for kind in (MAIN, VANISHING))
        _panel(axes[0], _against_dimension, data, [*main, *vanishing])
        if np.any(data["sigma2"].values == SIGMA2):
            curves = _against_guidance(axes[1], data)
        else:
            curves = _nothing(axes[1], f"nothing was measured at sigma2 = {SIGMA2:g}")
        ways = _panel(axes[2], _trajectories, data, main)
        tested = _scores(axes[3], data, level)
        sigma2 = ", ".join(f"{x:g}" for x in np.unique(data["sigma2"].values)[:4])
        points = r"points: particles, mean $\pm$ stderr over draws of the class means"
        figure.suptitle(rf"Guided sampling of one class among P, $\sigma^2$ = {sigma2}; {points}", fontsize=8)
        lettered(axes, "shift of the mean in high dimension", "variance at the end", "on the way, largest d", tested)
        named_lines(axes[1], curves)
        named_lines(axes[2], ways)
    return figure, axes


@door()
def save(data: "xarray.Dataset", level: float = 0.01) -> dict[str, bytes]:
    """The summary as PNG, PDF and SVG, in memory."""
    files = {}
    with styled():
        fig, _ = summary(data, level=level)
        for kind in ("png", "pdf", "svg"):
            stream = io.BytesIO()
            fig.savefig(stream, format=kind)
            fig.set_layout_engine("none")  # laid out once: in every format the panels stay where they are
            files[kind] = stream.getvalue()
    return files


def _panel(axis, draw, data, needed: list[str]) -> dict[str, Any]:
    """Draw a panel, or say in its place that none of the groups it needs was measured; its lines by name."""
    if set(needed) & set(data["group"].values.tolist()):
        return draw(axis, data) or {}
    return _nothing(axis, f"none of {', '.join(needed[:2])}\nwas measured")


def _nothing(axis, why: str) -> dict[str, Any]:
    axis.text(0.5, 0.5, why, ha="center", transform=axis.transAxes)
    axis.set_axis_off()
    return {}


def _against_dimension(axis, data) -> None:
    for sampler, look in SAMPLER.items():
        colour, style = look.colour, {"fmt": look.marker, "color": look.colour, "capsize": 2}
        for kind, growth, face in ((MAIN, "e^{0.4d}", colour), (VANISHING, "d^{1/2}", "white")):
            group = _group(data, f"{kind} {sampler}")
            if group is None:
                continue
            d, m, err = _finals(group, "m")
            axis.errorbar(d, m - 1, err, mfc=face, label=f"{look.label}, $P={growth}$", **style)
            if kind == MAIN:
                axis.axhline(float(group["theory_m"].values[0, -1]) - 1, color=colour)
            elif "few_m" in group and np.isfinite(group["few_m"].values[:, :, -1]).any(axis=1).all():
                axis.plot(d, _finals(group, "few_m")[1] - 1, "--", color=colour, lw=1)
    axis.plot([], [], "-", color="0.4", label=r"theory, $d=\infty$")
    axis.plot([], [], "--", color="0.4", label="theory of few classes, same d")
    axis.set(xscale="log", yscale="log", xlabel="dimension d", ylabel="shift of the mean, m(0) − 1   (w = 1)")
    axis.set_ylim(1e-3 * max(axis.get_ylim()[0], 1e-6))  # below the lines is room for the legend
    axis.legend(loc="lower left")


def _against_guidance(axis, data) -> dict[str, Any]:
    """The final variance: curves of the theory, particles extrapolated to d = infinity; the curves by their names."""
    alphas, named = np.asarray(data["curve_alpha"].values), {}
    for alpha, colour in zip(alphas, shades(len(alphas)), strict=True):
        for sampler, look in SAMPLER.items():
            curve = data.sel(curve_alpha=alpha, curve_sampler=sampler)
            settled = curve["curve_settled"].values.astype(bool)
            w, v = data["curve_w"].values, curve["curve_v"].values
            (sure,) = axis.plot(w, np.where(settled, v, np.nan), look.line, color=colour)
            named[rf"{look.label}, $\alpha$ = {alpha:g}"] = sure
            open_ends = settled & np.roll(settled, 1) & np.roll(settled, -1)  # join the faint part to its neighbours
            axis.plot(w, np.where(open_ends, np.nan, v), look.line, color=colour, alpha=0.3)
            for w, value, error, conclusive in _extrapolated(data, alpha, sampler):
                if error <= 3 * RESOLUTION and conclusive:
                    points = {"fmt": look.marker, "color": colour, "mfc": face_of(sampler, colour), "capsize": 2}
                    axis.errorbar(w, value, error, **points)
    axis.axhline(1, color="0.7", lw=0.8, zorder=0)
    axis.plot([], [], "o", color=QUIET, label="SDE, d → ∞")
    axis.plot([], [], "s", color=QUIET, mfc="white", label="ODE, d → ∞")
    axis.plot([], [], "-", color=QUIET, alpha=0.4, label="theory approximate")
    axis.set_xscale("asinh", linear_width=1.0)  # smooth: a curve has no kink that is none of its own
    axis.set_xticks([-0.5, 0, 0.5, 1, 2, 5, 10], ["−0.5", "0", "0.5", "1", "2", "5", "10"])
    axis.set(xlabel="guidance weight w", ylabel=r"variance ratio, v(0)/$\sigma^2$", ylim=(-0.1, 2.3))
    axis.legend(loc="upper right")
    return named


def _extrapolated(data, alpha: float, sampler: str):
    """(w, v/sigma2 at d = infinity, its error, whether that is conclusive) for the groups of an alpha and sampler."""
    here = data.isel(
        cell=(data["alpha"].values == alpha) & (data["sampler"].values == sampler) & np.isinf(data["t_start"].values)
    )
    for name in dict.fromkeys(here["group"].values):
        group = _group(here, name)
        if not _on_a_curve(group):
            continue
        d, v, err = _finals(group, "v")
        sigma2, w = float(group["sigma2"].values[0]), float(group["w"].values[0])
        if bool(group["exact"].values.all()):
            yield w, v[-1] / sigma2, err[-1] / sigma2, True
        elif len(d) >= 3:
            fit = extrapolation(group, "v")
            error = fit.error / sigma2
            yield w, fit.intercept / sigma2, error, error <= RESOLUTION and d[0] >= SMALLEST


def _on_a_curve(group) -> bool:
    """Whether the curves against w are of this group's problem: of its variance, weights of classes and guidance."""
    problem = json.loads(str(group["problem"].values[0]))
    equal = not {"prior", "factor"} & set(problem["classes"])
    return bool(equal and problem["sigma2"] == SIGMA2 and problem["guidance"]["schedule"] == "constant")


def _trajectories(axis, data) -> dict[str, Any]:
    """m(t) and v(t)/D(t) of both samplers at the largest d: mean field, quenched theory, particles."""
    named = {}
    for sampler, look in SAMPLER.items():
        group = _group(data, f"{MAIN} {sampler}")
        if group is None:
            continue
        cell = group.isel(cell=int(np.argmax(group["d"].values)))
        D = float(cell["sigma2"]) + cell["t"].values
        shown = D < 60
        for q, scale, text in (("m", np.ones_like(D), "m"), ("v", D, "v/D")):
            (named[f"{look.label}, {text}"],) = axis.plot(*_fine(cell, q, D[shown].max()), "-", color=look.colour)
            _quenched(axis, cell, q, D[shown].max())
            draws = cell[q].values[np.isfinite(cell[q].values[:, -1])]
            error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
            use = shown & (np.arange(len(D))[::-1] % 2 == 0)  # every other record, the last one included
            marker = {"fmt": look.marker, "ms": 3.5, "mfc": look.colour if q == "m" else "white"}
            axis.errorbar(D[use], (draws.mean(axis=0) / scale)[use], (error / scale)[use], color=look.colour, **marker)
        axis.axvline(float(cell["sigma2"]) + float(cell["t_speciation"]), color=look.colour, lw=0.8, ls=":")
        label = f"particles, d = {int(cell['d'])}" if sampler == "sde" else None
        axis.plot([], [], "o", color=QUIET, label=label)
    axis.plot([], [], "-", color=QUIET, label=r"mean field, $d=\infty$")
    axis.plot([], [], **_QUENCHED, label="quenched, same d")
    axis.plot([], [], ":", color=QUIET, lw=0.8, label="speciation")
    axis.set(xscale="log", ylabel="order parameters", ylim=(0.6, 2.1))
    axis.set_xlabel(r"noise level $D=\sigma^2+t$   (sampling runs to the left)")
    axis.legend(loc="center right")
    return named


_QUENCHED = {"ls": (0, (1, 1)), "color": LEVEL["quenched"].colour, "lw": 1.5}


def _quenched(axis, cell, q: str, top: float) -> None:
    """The theory at this d, m or v/D at its own records, where it was computed."""
    if "quenched_t" not in cell or not np.isfinite(cell["quenched_t"].values).all():
        return
    D = float(cell["sigma2"]) + cell["quenched_t"].values
    values = np.nanmean(cell[f"quenched_{q}"].values, axis=0) / (1.0 if q == "m" else D)
    axis.plot(D[top >= D], values[top >= D], **_QUENCHED, zorder=3)


def _fine(cell, q: str, top: float) -> tuple[np.ndarray, np.ndarray]:
    """The theory's curve of m, or of v/D, below D = top."""
    D = float(cell["sigma2"]) + cell["fine_t"].values
    values = cell[f"fine_{q}"].values / (1.0 if q == "m" else D)
    return D[D <= top], values[D <= top]


def _scores(axis, data, level: float) -> str:
    verdict = judge(data, level)
    claimed = sorted(verdict.claimed, key=lambda v: v.z)
    normal = special.ndtri((np.arange(len(claimed)) + 0.5) / max(len(claimed), 1))
    limit = verdict.threshold
    top = max(limit + 1.0, *(min(abs(v.z), 12.0) + 0.5 for v in claimed)) if claimed else limit + 1.0
    for ground, look in GROUND.items():
        points = [(x, np.clip(v.z, -top, top)) for x, v in zip(normal, claimed, strict=True) if v.ground == ground]
        if points:
            axis.plot(*np.transpose(points), **look.points, ms=3.5, mfc="none", mew=0.8, label=look.label)
    ends = np.array([-3.2, 3.2])
    axis.plot(ends, ends, color="0.6", lw=1, zorder=0)
    noted(axis, "normal law", (3.1, 3.1), xycoords="data", ha="right", va="bottom")
    axis.axhspan(-limit, limit, color="0.93", lw=0, zorder=-1)
    chance = f"|z| ≤ {limit:.2f}: a false alarm\nin all with probability {level:g}"
    noted(axis, chance, (3.1, 0.15 - limit), xycoords="data", ha="right", va="bottom")
    axis.set(xlabel="expected z", ylabel="z = (particles − theory)/stderr", xlim=(-3.2, 3.2), ylim=(-top, top + 3.0))
    axis.legend(loc="upper left")
    return f"{len(claimed)} numbers tested, {len(verdict.disagreements)} disagree"


def _group(data, name: str):
    use = data["group"].values == name
    return data.isel(cell=use) if use.any() else None


def _finals(group, q: str):
    """d (ascending), mean and standard error of a quantity at t = 0."""
    order = np.argsort(group["d"].values)
    draws = group[q].values[order, :, -1]
    count = np.isfinite(draws).sum(axis=1)
    return group["d"].values[order], np.nanmean(draws, axis=1), np.nanstd(draws, axis=1, ddof=1) / np.sqrt(count)
