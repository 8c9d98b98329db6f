"""Figures of the mechanism: the problem in the plane, the effective potential, m(t) and v(t), phase diagrams."""

import numpy as np

from meanfield.maps.diagrams import phase_diagram
from meanfield.problem.growth import Exponential, Polynomial
from meanfield.problem.statement import Problem
from meanfield.theory.landscape import potential
from validate.distortion_curves import order_parameters
from validate.figures import distortion, landscape
from validate.figures import phase_diagram as maps
from validate.figures import plane as picture
from validate.gallery.recipe import Data, GalleryFigure, Part, effort, effort_in_words
from validate.plane import plane

__all__ = ["ORDER", "PHASES", "PLANE", "POTENTIAL"]

BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0)


def _plane_parts(profile: str) -> dict[str, Part]:
    return {"samples": Part(plane, {"n_samples": {"quick": 1500}.get(profile, 4000)})}


def _plane_caption(data: Data) -> str:
    d = data["samples"]
    return (
        f"One class (black: one and two standard deviations) among {d.sizes['class']}, d = 2, sigma2 = "
        f"{d.attrs['sigma2']:g}, ODE; {d.sizes['sample']} samples a panel with the exact score. Constant guidance "
        "moves the mean outwards and shrinks the class; the designed schedule, negative late, keeps its variance. "
        "Numbers below: mean and variance, in units of the class's own, over the samples."
    )


PLANE = GalleryFigure(
    "plane", "The problem in two dimensions", _plane_parts, lambda data: picture.draw(data["samples"]), _plane_caption
)


def _potential_parts(profile: str) -> dict[str, Part]:
    m = {"m": np.linspace(-1.2, 4.2, {"quick": 361}.get(profile, 721))}
    strong, weak = BASE.replace(guidance=2.0), BASE.replace(guidance=-0.5)
    square = strong.replace(classes=Polynomial(2.0))
    return {
        "exponential": Part(potential, {"problem": strong, "t": [30.0, 10.0, 3.43, 1.0, 0.2], **m}),
        "d100": Part(potential, {"problem": square, "t": [300.0, 80.0, 27.0, 8.0, 1.0], "d": 100, **m}),
        "d10000": Part(potential, {"problem": square, "t": [15000.0, 4000.0, 1358.0, 400.0, 50.0], "d": 10_000, **m}),
        "negative": Part(potential, {"problem": weak, "t": [10.0, 3.0, 1.0, 0.3, 0.1], **m}),
    }


def _potential_draw(data: Data):
    titles = {
        "exponential": r"$\alpha = 0.4$, w = 2",
        "d100": r"$P = d^2$, d = 100, w = 2",
        "d10000": r"$P = d^2$, d = $10^4$, w = 2",
        "negative": r"$\alpha = 0.4$, w = -0.5",
    }
    return landscape.draw([(title, data[name]) for name, title in titles.items()])


def _potential_caption(data: Data) -> str:
    return (
        "Effective potential V(m; t) of the guided SDE as t falls (top to bottom), sigma2 = 0.25, T = infinity; the "
        "disc is the mean-field sample. Speciation is the moment at which the kink F = 0 reaches it. With P = d^2 the "
        "same picture comes at times that grow with d: guidance is switched off before it can act on the scale of the "
        "class. Theory, exact at d = infinity; no sampling error."
    )


POTENTIAL = GalleryFigure(
    "potential",
    "The effective potential through the transition",
    _potential_parts,
    _potential_draw,
    _potential_caption,
)


def _order_parts(profile: str) -> dict[str, Part]:
    options = effort(profile, (64, 12, 60), (256, 48, 150), (512, 96, 200))
    arguments = {"problem": BASE.replace(guidance=1.0), "sizes": (16, 200), "seed": 0, **options}
    return {"curves": Part(order_parameters, arguments)}


def _order_caption(data: Data) -> str:
    d = data["curves"]
    return (
        f"m(t) and v(t)/D(t) at alpha = 0.4, w = 1, sigma2 = {d.attrs['sigma2']:g}, T = infinity; D falls to the "
        f"right. Lines: theory at d = infinity. Points: particles at d = {', '.join(map(str, d['size'].values))}, "
        f"{effort_in_words(d)}, standard errors over draws (largest {float(d.m_error.max()):.1g} of m, "
        f"{float(d.v_ratio_error.max()):.1g} of v/D). Dotted: speciation. The distance at the smaller d is the "
        "finite-size effect."
    )


ORDER = GalleryFigure(
    "order-parameters",
    "m(t) and v(t): theory and particles",
    _order_parts,
    lambda data: distortion.order_parameters(data["curves"]),
    _order_caption,
)


def _phase_parts(profile: str) -> dict[str, Part]:
    n = {"quick": 81, "standard": 201}.get(profile, 401)
    alpha = ("alpha", np.linspace(0.05, 1.2, n))
    positive, negative = ("w", np.linspace(10.0 / n, 10.0, n)), ("w", np.linspace(-1.0, 1.0, n))
    in_time = ("t", np.geomspace(0.01, 100.0, n))
    parts = {}
    for sampler in ("sde", "ode"):
        base = BASE.replace(sampler=sampler)
        parts[f"{sampler}-variance"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": positive})
        parts[f"{sampler}-shift"] = Part(phase_diagram, {"problem": base, "x": alpha, "y": negative})
        guided = base.replace(guidance=6.0)
        parts[f"{sampler}-time"] = Part(phase_diagram, {"problem": guided, "x": alpha, "y": in_time})
    return parts


def _phase_draw(data: Data):
    rows = (("variance", "v_ratio", "w > 0"), ("shift", "m_shift", "weak w"), ("time", "phase", "phases at w = 6"))
    panels = [
        (f"{sampler.upper()}, {title}", field, data[f"{sampler}-{name}"])
        for name, field, title in rows
        for sampler in ("sde", "ode")
    ]
    return maps.draw(panels)


def _phase_caption(data: Data) -> str:
    n = data["sde-variance"].sizes["x"]
    return (
        f"Phase diagrams, sigma2 = 0.25, T = infinity, {n} x {n} mean-field trajectories a panel; boundaries bisected "
        "to 1e-8 of a cell. Top: variance ratio at t = 0. Middle: mean shift for weak and negative guidance. Bottom: "
        "the phase at every time. Theory at d = infinity; below w = 0 in the glass it is asymptotic (capture)."
    )


PHASES = GalleryFigure("phases", "Phase diagrams", _phase_parts, _phase_draw, _phase_caption)
