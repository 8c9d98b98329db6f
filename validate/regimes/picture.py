"""The summary figure of an atlas: where distortion survives, how it depends on guidance, how well theory agrees."""

import io
import json
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from meanfield.tools.door import door
from validate.drawing import COLOURS, SAMPLER, canvas, styled
from validate.regimes.groups import SIGMA2
from validate.regimes.judgement import RESOLUTION, SMALLEST, extrapolation, judge

if TYPE_CHECKING:
    import xarray

MAIN = "alpha=0.4 w=1"  # the groups of panels a and c
VANISHING = "P=d^0.5 w=1"  # and of panel a
GROUND = {"exact": COLOURS[2], "equal d": COLOURS[0], "few classes": COLOURS[4], "many classes": COLOURS[5]}
GROUND |= {"d = inf": COLOURS[1], "exponent": COLOURS[3]}


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
    with canvas(axes, (10.0, 7.6), (2, 2)) as (figure, grid):
        axes = grid.ravel()
        main, vanishing = ([f"{kind} {sampler}" for sampler in SAMPLER] for kind in (MAIN, VANISHING))
        _panel(axes[0], _against_dimension, data, [*main, *vanishing])
        if np.any(data["sigma2"].values == SIGMA2):
            _against_guidance(axes[1], data)
        else:
            _nothing(axes[1], f"nothing was measured at sigma2 = {SIGMA2:g}")
        _panel(axes[2], _trajectories, data, main)
        _scores(axes[3], data, level)
        sigma2 = ", ".join(f"{x:g}" for x in np.unique(data["sigma2"].values)[:4])
        points = r"points: particles, mean $\pm$ stderr over draws of the class means"
        figure.suptitle(rf"Guided sampling of one class among P, $\sigma^2$ = {sigma2}; {points}", fontsize=9)
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
            files[kind] = stream.getvalue()
    return files


def _panel(axis, draw, data, needed: list[str]) -> None:
    """Draw a panel, or say in its place that none of the groups it needs was measured."""
    if set(needed) & set(data["group"].values.tolist()):
        draw(axis, data)
    else:
        _nothing(axis, f"none of {', '.join(needed[:2])}\nwas measured")


def _nothing(axis, why: str) -> None:
    axis.text(0.5, 0.5, why, ha="center", transform=axis.transAxes)
    axis.set_axis_off()


def _against_dimension(axis, data) -> None:
    axis.set_title("a  Does the shift of the mean survive in high dimension?")
    for sampler, colour in zip(("sde", "ode"), COLOURS, strict=False):
        style = {"fmt": SAMPLER[sampler]["marker"], "color": colour, "capsize": 2}
        for kind, growth, face in ((MAIN, "e^{0.4d}", colour), (VANISHING, "d^{1/2}", "white")):
            group = _group(data, f"{kind} {sampler}")
            if group is None:
                continue
            d, m, err = _finals(group, "m")
            axis.errorbar(d, m - 1, err, mfc=face, label=f"{SAMPLER[sampler]['label']}, $P={growth}$", **style)
            if kind == MAIN:
                axis.axhline(float(group["theory_m"].values[0, -1]) - 1, color=colour)
            elif "few_m" in group and np.isfinite(group["few_m"].values[:, :, -1]).any(axis=1).all():
                axis.plot(d, _finals(group, "few_m")[1] - 1, "--", color=colour, lw=1)
    axis.plot([], [], "-", color="0.4", label=r"theory, $d=\infty$")
    axis.plot([], [], "--", color="0.4", label="theory of few classes, same d")
    axis.set(xscale="log", yscale="log", xlabel="dimension d", ylabel="shift of the mean, m(0) − 1   (w = 1)")
    axis.legend(loc="lower left")


def _against_guidance(axis, data) -> None:
    axis.set_title("b  Guidance narrows the class: variance at the end")
    alphas = np.asarray(data["curve_alpha"].values)
    for alpha, colour in zip(alphas, COLOURS, strict=False):
        for sampler, line in (("sde", "-"), ("ode", "--")):
            curve = data.sel(curve_alpha=alpha, curve_sampler=sampler)
            settled = curve["curve_settled"].values.astype(bool)
            w, v = data["curve_w"].values, curve["curve_v"].values
            axis.plot(w, np.where(settled, v, np.nan), line, color=colour)
            open_ends = settled & np.roll(settled, 1) & np.roll(settled, -1)  # join the faint part to its neighbours
            axis.plot(w, np.where(open_ends, np.nan, v), line, color=colour, alpha=0.3)
            for w, value, error, conclusive in _extrapolated(data, alpha, sampler):
                if error > 3 * RESOLUTION:
                    continue
                sharp = {"mfc": colour, "mec": "black"} if conclusive else {"mfc": "white", "mec": colour}
                alpha_bar = {} if conclusive else {"alpha": 0.35}
                marker = SAMPLER[sampler]["marker"]
                axis.errorbar(w, value, error, fmt=marker, color=colour, mew=0.6, capsize=2, **sharp, **alpha_bar)
        axis.plot([], [], color=colour, label=rf"$\alpha$ = {alpha:g}")
    axis.axhline(1, color="0.7", lw=0.8, zorder=0)
    for style, line in zip(SAMPLER.values(), ("-", "--"), strict=True):
        label = f"{style['label']}: theory; particles, d → ∞"
        axis.plot([], [], line, color="0.4", marker=style["marker"], label=label)
    axis.plot([], [], "-", color="0.4", alpha=0.3, label="theory approximate")
    axis.plot([], [], "D", mfc="white", mec="0.5", label=f"inconclusive: error > {RESOLUTION:g}, or d < {SMALLEST}")
    axis.set_xscale("asinh", linear_width=1.0)  # smooth: a curve has no kink that is none of its own
    axis.set_xticks([-0.5, 0, 0.5, 1, 2, 5, 10], ["−0.5", "0", "0.5", "1", "2", "5", "10"])
    axis.set(xlabel="guidance weight w", ylabel=r"variance ratio, v(0)/$\sigma^2$", ylim=(-0.2, 2.6))
    axis.legend(loc="upper right")


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


def _trajectories(axis, data) -> None:
    axis.set_title("c  Along the way, at the largest d")
    for sampler, colour in zip(("sde", "ode"), COLOURS, strict=False):
        group = _group(data, f"{MAIN} {sampler}")
        if group is None:
            continue
        cell = group.isel(cell=int(np.argmax(group["d"].values)))
        D = float(cell["sigma2"]) + cell["t"].values
        shown = D < 60
        for q, scale, line in (("m", np.ones_like(D), "-"), ("v", D, "--")):
            axis.plot(*_fine(cell, q, D[shown].max()), line, color=colour)
            _quenched(axis, cell, q, D[shown].max(), colour)
            draws = cell[q].values[np.isfinite(cell[q].values[:, -1])]
            error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
            use = shown & (np.arange(len(D))[::-1] % 2 == 0)  # every other record, the last one included
            marker = {"fmt": SAMPLER[sampler]["marker"], "ms": 3.5, "mfc": colour if q == "m" else "white"}
            axis.errorbar(D[use], (draws.mean(axis=0) / scale)[use], (error / scale)[use], color=colour, **marker)
        axis.axvline(float(cell["sigma2"]) + float(cell["t_speciation"]), color=colour, lw=0.8, ls=":", ymax=0.83)
        style = SAMPLER[sampler]
        axis.plot(
            [],
            [],
            color=colour,
            marker=style["marker"],
            ls="",
            label=f"{style['label']}, particles, d = {int(cell['d'])}",
        )
    axis.plot([], [], "-", color="0.4", label=r"m(t), theory, $d=\infty$")
    axis.plot([], [], "--", color="0.4", label=r"v(t)/D(t), theory, $d=\infty$")
    axis.plot([], [], ":", color="0.4", lw=1.6, label="quenched, same d")
    axis.plot([], [], ":", color="0.4", lw=0.8, label="speciation (theory)")
    axis.set(xscale="log", ylabel="order parameters", ylim=(0.6, 2.3))
    axis.set_xlabel(r"noise level $D=\sigma^2+t$   (sampling runs to the left)")
    axis.legend(loc="upper left", ncols=2)


def _quenched(axis, cell, q: str, top: float, colour: str) -> None:
    """The theory at this d, m or v/D at its own records, where it was computed."""
    if "quenched_t" not in cell or not np.isfinite(cell["quenched_t"].values).all():
        return
    D = float(cell["sigma2"]) + cell["quenched_t"].values
    values = np.nanmean(cell[f"quenched_{q}"].values, axis=0) / (1.0 if q == "m" else D)
    axis.plot(D[top >= D], values[top >= D], ":", color=colour, lw=1.6, zorder=3)


def _fine(cell, q: str, top: float) -> tuple[np.ndarray, np.ndarray]:
    """The theory's curve of m, or of v/D, below D = top."""
    D = float(cell["sigma2"]) + cell["fine_t"].values
    values = cell[f"fine_{q}"].values / (1.0 if q == "m" else D)
    return D[D <= top], values[D <= top]


def _scores(axis, data, level: float) -> None:
    verdict = judge(data, level)
    claimed = sorted(verdict.claimed, key=lambda v: v.z)
    axis.set_title(f"d  {len(claimed)} numbers tested, {len(verdict.disagreements)} disagree")
    normal = special.ndtri((np.arange(len(claimed)) + 0.5) / max(len(claimed), 1))
    limit = verdict.threshold
    top = max(limit + 1.0, *(min(abs(v.z), 12.0) + 0.5 for v in claimed)) if claimed else limit + 1.0
    for ground, colour in GROUND.items():
        points = [(x, np.clip(v.z, -top, top)) for x, v in zip(normal, claimed, strict=True) if v.ground == ground]
        if points:
            axis.plot(*np.transpose(points), "o", color=colour, label=_GROUND_LABEL[ground])
    ends = np.array([-3.2, 3.2])
    axis.plot(ends, ends, color="0.6", lw=1, zorder=0, label="normal law")
    axis.axhspan(-limit, limit, color="0.93", lw=0, zorder=-1, label=f"|z| ≤ {limit:.2f} ({level:g} for all)")
    axis.set(xlabel="expected z", ylabel="z = (particles − theory)/stderr", xlim=(-3.2, 3.2), ylim=(-top, top))
    axis.legend(loc="upper left")


_GROUND_LABEL = {
    "exact": "exact at every d",
    "equal d": "theory at equal d",
    "few classes": "few classes at equal d",
    "many classes": "many classes at equal d",
    "d = inf": "extrapolated to d = ∞",
    "exponent": "exponent of the decay",
}


def _group(data, name: str):
    use = data["group"].values == name
    return data.isel(cell=use) if use.any() else None


def _finals(group, q: str):
    """d (ascending), mean and standard error of a quantity at t = 0."""
    order = np.argsort(group["d"].values)
    draws = group[q].values[order, :, -1]
    count = np.isfinite(draws).sum(axis=1)
    return group["d"].values[order], np.nanmean(draws, axis=1), np.nanstd(draws, axis=1, ddof=1) / np.sqrt(count)
