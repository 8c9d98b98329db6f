"""The distortion spectrum: what guidance does to every direction, theory as lines, particles as points.

The theory's lines are drawn through many directions between the groups: *probes* (c, u) with so small a share of the
dimensions that they follow the trajectory without moving it.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Continuum, Exponential, Problem, Spectrum, solve
from meanfield.errors import whole
from simulate import run
from validate.drawing import QUIET, SAMPLER, canvas, in_column, lettered, named_lines
from validate.errors import ComparisonError
from validate.recipe import Data, GalleryFigure, Part, effort, in_order
from validate.results.provenance import options_json
from validate.results.tables import Show, tabulate

PROBE = 1e-12  # share of all probes together
DEFAULTS: dict[str, Any] = {"n_samples": 250, "n_disorder": 24, "n_steps": 100, "seed": 0}  # of `simulate.run`


def with_probes(problem: Problem, c: Sequence[float], u: Sequence[float]) -> Problem:
    """The problem with further groups (c, u) of vanishing share, after its own.

    Examples
    --------
    >>> from meanfield import Exponential, solve
    >>> p = Problem(classes=Exponential(0.4), spectrum=Spectrum(c=[0.25, 0.5], u=[1.25, 4.5]), guidance=1.0)
    >>> a, b = solve(p), solve(with_probes(p, c=[0.5, 1.0], u=[4.5, 3.0]))
    >>> bool(abs(a.t_speciation - b.t_speciation) < 1e-9 and abs(b.final.m_group[1] - b.final.m_group[2]) < 1e-9)
    True
    """
    s = problem.spectrum
    if s is None:
        raise ComparisonError("probes need a problem with a spectrum; this one has none. Give spectrum=Spectrum(...).")
    own = [(1.0 - PROBE) * r for r in s.share]  # type: ignore[union-attr]
    spectrum = Spectrum([*s.c, *c], [*s.u, *u], [*own, *([PROBE / len(c)] * len(c))])
    return problem.replace(spectrum=spectrum)


def distortion_spectrum(
    problem: Problem,
    sizes: Sequence[int],
    *,
    probes: tuple[Sequence[float], Sequence[float]],
    samplers: Sequence[str] = ("sde", "ode"),
    progress: Show = None,
    **options: Any,
) -> Any:
    """Distortion by direction at t = 0: theory at d = infinity and particles at several d.

    Parameters
    ----------
    problem : with a spectrum; its sampler is replaced by each of `samplers`.
    sizes : dimensions of the particles. Each must realise the shares of the spectrum exactly.
    probes : (c, u) of the directions at which the theory is evaluated besides.
    options : of `simulate.run`, by default those of `DEFAULTS`.

    Returns
    -------
    xarray.Dataset : `m_shift` = m_i - 1 and `v_ratio` = v_i over its undistorted value, by (sampler, group) for theory,
        `*_particles` and `*_stderr` by (sampler, size, group), `*_probe` by (sampler, probe); c and u of all.

    Raises
    ------
    ComparisonError : a size does not realise the shares (theory and particles would be of two problems).
    """
    s, sizes = problem.spectrum, [whole("sizes", d, low=2) for d in sizes]
    line = with_probes(problem, *probes)
    assert s is not None
    _require_realised(s, sizes)
    n, D = len(s), s.D(0.0)
    options = {**DEFAULTS, **options}

    def theory(sampler):
        found: Any = solve(line.replace(sampler=sampler))
        shift, ratio = found.final.mean_shift_group, 1.0 + found.final.variance_excess_group
        columns = {"m_shift": ("group", shift[:n]), "v_ratio": ("group", ratio[:n]), "t_speciation": found.t_speciation}
        return columns | {"m_shift_probe": ("probe", shift[n:]), "v_ratio_probe": ("probe", ratio[n:])}

    def particles(sampler, d):
        final = run(problem.replace(sampler=sampler), d=d, progress=False, **options).final
        m, v = final.m_group_paired, final.v_group_paired
        found = {"m_shift_particles": m.mean - 1.0, "m_shift_stderr": m.stderr}
        found |= {"v_ratio_particles": v.mean / D, "v_ratio_stderr": v.stderr / D}
        return {name: ("group", values) for name, values in found.items()}

    grid: dict[str, Any] = {"sampler": list(samplers), "size": list(sizes)}
    return xarray.Dataset(
        {
            **tabulate({"sampler": samplers}, theory),
            **tabulate(grid, particles, title="distortion spectrum", progress=progress),
            **{name: ("group", np.array(getattr(s, name))) for name in ("c", "u", "share")},
            **{f"{name}_probe": ("probe", np.asarray(x, float)) for name, x in zip("cu", probes, strict=True)},
        },
        coords=grid,
        attrs={
            "problem": json.dumps(problem.to_dict()),
            "info": options_json({name: options[name] for name in DEFAULTS}),
        },
    )


def _require_realised(s: Spectrum, sizes: Sequence[int]) -> None:
    for d in sizes:
        if s.at(d) != s:
            raise ComparisonError(
                f"every size must realise the shares {s.share} exactly; d={d} gives {s.at(d).share}. "
                "Choose other sizes, or the spectrum.at(d) of one."
            )


PANELS = (
    ("m_shift", "relative shift of the mean\n" + r"$m_i - 1$"),
    ("width", "shift in class widths\n" + r"$(m_i - 1)\,(g_i/c_i)^{1/2}$"),
    ("v_ratio", "variance ratio\n" + r"$v_i(0)\,/\,$undistorted"),
)


def draw(*datasets, axes=None, titles=None):
    """Draw results of `distortion_spectrum`, one row of three panels each, against r = g/c.

    Parameters
    ----------
    datasets : one or more results.
    axes : array (rows, 3) of axes to draw into; made if None.
    titles : one line per row; by default the growth of the classes.

    Returns
    -------
    (fig, axes)
    """
    rows, named = len(datasets), []
    with canvas(axes, (7.0, 0.3 + 2.2 * rows), (rows, 3)) as (figure, axes):
        for row, data in zip(axes, datasets, strict=True):
            named += _row(row, data)
        words = [_title(data) for data in datasets] if titles is None else titles
        again = words if in_column() else [""] * rows  # beside the first panel it need not be said
        lettered(axes.flat, *(text for word, rest in zip(words, again, strict=True) for text in (word, rest, rest)))
        for axis in axes[-1]:
            axis.set_xlabel(r"signal-to-noise $r = g/c$")
        for axis, lines in zip(axes.flat, named, strict=True):
            named_lines(axis, lines)
    return figure, axes


def _row(axes, data) -> list[dict[str, Any]]:
    """Three panels of one result, and the lines of each by their names."""
    r, line = ((data[f"u{x}"] / data[f"c{x}"] - 1.0).values for x in ("", "_probe"))
    order, sizes = np.argsort(line), data["size"].values
    named: list[dict[str, Any]] = []
    for axis, (panel, label) in zip(axes, PANELS, strict=True):
        name = "v_ratio" if panel == "v_ratio" else "m_shift"
        scale, line_scale = (np.sqrt(r), np.sqrt(line)) if panel == "width" else (1.0, 1.0)
        named.append({})
        for i, sampler in enumerate(data["sampler"].values):
            look = SAMPLER[str(sampler)]
            curve = data[f"{name}_probe"].values[i] * line_scale
            (named[-1][look.label],) = axis.plot(line[order], curve[order], **look.curve)
            for j in range(len(sizes)):
                x = r * (1.0 + 0.03 * (j - 0.5 * (len(sizes) - 1)))  # sizes side by side
                y, error = (data[f"{name}_{kind}"].values[i, j] * scale for kind in ("particles", "stderr"))
                inside = look.colour if j == len(sizes) - 1 else "white"
                axis.errorbar(x, y, error, mfc=inside, ms=3.5, capsize=1.5, elinewidth=0.8, **look.points)
        axis.set(xscale="log", ylabel=label)
        axis.axhline(1.0 if panel == "v_ratio" else 0.0, color="0.6", lw=0.6, zorder=0)
    for j, d in enumerate(sizes):
        axes[0].plot([], [], "o", color=QUIET, mfc=QUIET if j == len(sizes) - 1 else "white", label=f"d = {d}")
    axes[0].legend()
    return named


def _title(data) -> str:
    problem = json.loads(data.attrs["problem"])
    classes, guidance = problem["classes"], problem["guidance"]
    growth = {
        "exponential": rf"$\alpha$ = {classes.get('alpha')}",
        "continuum": "continuum",
    }.get(classes["growth"], classes["growth"])
    w = f", w = {guidance['value']:g}" if guidance.get("schedule") == "constant" else ""
    return growth + w


def _groups() -> Spectrum:
    """Eight groups of equal share: signal-to-noise r = g/c from 0.1 to 40, mean spread g from 0.5 to 4."""
    c, u = _directions(np.geomspace(0.1, 40.0, 8))
    return Spectrum(c=c.tolist(), u=u.tolist())


def _directions(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """c and u of directions of signal-to-noise r; g grows with r as in the spectrum."""
    g = 0.5 * 8.0 ** (np.log(r / 0.1) / np.log(400.0))
    return g / r, g / r + g


def _parts(profile: str) -> dict[str, Part]:
    own = _groups()
    shared = {"probes": _directions(np.geomspace(0.08, 50.0, 60)), "seed": 0}
    shared |= effort(profile, (60, 12, 60), (250, 24, 100), (500, 48, 150))
    problem = Problem(classes=Continuum(), spectrum=own, guidance=2.0)
    return {
        "continuum": Part(distortion_spectrum, {"problem": problem, "sizes": (16,), **shared}),
        "alpha": Part(
            distortion_spectrum, {"problem": problem.replace(classes=Exponential(0.4)), "sizes": (16, 24), **shared}
        ),
    }


def _caption(data: Data) -> str:
    d = data["alpha"]
    return (
        "Distortion by direction at $w = 2$: eight groups of directions of equal share, signal-to-noise $r = g/c$ from "
        r"0.1 to 40, $T = \infty$. Lines: theory at $d = \infty$, through probes of vanishing share. Points: particles "
        rf"of the same spectrum, $d = 16$ (continuum) and {', '.join(map(str, d['size'].values))} ($\alpha = 0.4$), "
        "standard errors over draws."
    )


FIGURE = GalleryFigure("spectrum", "Anisotropic classes: the distortion spectrum", _parts, in_order(draw), _caption)
