"""Figures of how large the distortion is: against w, against d, against the number of classes; finite-size theory."""

import numpy as np

from meanfield.problem.growth import Continuum, Exponential, Fixed, Polynomial
from validate.distortion_curves import against_classes, against_d, against_w
from validate.figures import distortion
from validate.gallery.recipe import Data, GalleryFigure, Part, effort, effort_in_words
from validate.scaling import exponent

__all__ = ["CONTINUUM", "DIMENSION", "GUIDANCE"]


def _guidance_parts(profile: str) -> dict[str, Part]:
    classes = [Exponential(0.2), Exponential(0.4), Exponential(0.7), Continuum()]
    arguments = {
        "classes": classes,
        "weights": np.linspace(-0.3, 5.0, {"quick": 54}.get(profile, 107)),
        "points": np.array([0.5, 1.0, 2.0, 3.0, 5.0]),
        "d": 200,
        **effort(profile, (16, 12, 100), (64, 40, 300), (128, 40, 300)),
    }
    return {"curves": Part(against_w, arguments)}


def _guidance_caption(data: Data) -> str:
    d = data["curves"]
    return (
        f"Distortion at t = 0 against constant guidance w, sigma2 = {d.attrs['sigma2']:g}, T = infinity. Lines: theory "
        f"at d = infinity. Points: particles at d = {d.attrs['d']}, {effort_in_words(d)}; standard errors over "
        f"draws at most {float(d.shift_error.max()):.1g} (mean) and {float(d.v_ratio_error.max()):.1g} (variance)."
    )


GUIDANCE = GalleryFigure(
    "guidance",
    "Distortion against w",
    _guidance_parts,
    lambda data: distortion.against_w(data["curves"]),
    _guidance_caption,
)


def _dimension_parts(profile: str) -> dict[str, Part]:
    lazy = (12, 16, 24, 48, 100, 200, 400) if profile != "quick" else (12, 16, 24, 48, 100, 200)
    families = [
        (Exponential(0.4), lazy),
        (Polynomial(0.5), (100, 1000, 10_000, 100_000, 1_000_000)),
        (Fixed(100), (1000, 10_000, 100_000, 1_000_000)),
    ]
    return {
        "rows": Part(
            against_d, {"families": families, **effort(profile, (32, 16, 100), (128, 48, 200), (256, 48, 200))}
        )
    }


def _dimension_caption(data: Data) -> str:
    rows, found = data["rows"].to_dataframe(), []
    for (growth, sampler), at in rows[rows.growth != "alpha = 0.4"].groupby(["growth", "sampler"], sort=False):
        (p, error), (last, last_error) = (exponent(x.rate, x["shift"], x.shift_error) for x in (at, at[-2:]))
        found.append(
            f"{growth}, {sampler.upper()}: {p:.4f} +- {error:.1g} (the two largest d: {last:.4f} +- {last_error:.1g})"
        )
    return (
        f"Distortion against d at w = 1, sigma2 = {data['rows'].attrs['sigma2']:g}, T = infinity. Lines: theory (d = "
        "infinity for exponentially many classes, the rate log(P)/d of each d otherwise; full SDE, dashed ODE). "
        f"Points: particles, {effort_in_words(data['rows'])}, standard errors over draws. It persists with "
        "exponentially many classes and vanishes with fewer, the shift as (log(P)/d)^p with p = 1 (SDE), 1/2 (ODE); "
        f"fitted: {'; '.join(found)}. Values below two standard errors are not drawn."
    )


DIMENSION = GalleryFigure(
    "dimension",
    "Distortion against d: exponential and sub-exponential growth",
    _dimension_parts,
    lambda data: distortion.against_d(data["rows"]),
    _dimension_caption,
)


def _continuum_parts(profile: str) -> dict[str, Part]:
    counts = tuple(10**k for k in range(1, {"quick": 5}.get(profile, 6)))
    arguments = {"counts": counts, "sizes": (2, 8, 32), **effort(profile, (64, 16, 60), (256, 48, 100), (512, 48, 100))}
    return {"marks": Part(against_classes, arguments)}


def _continuum_caption(data: Data) -> str:
    d = data["marks"]
    return (
        f"Distortion at w = 1 against the number of classes P at fixed d, sigma2 = {d.attrs['sigma2']:g}, T = "
        f"infinity; at the right edge infinitely many. Points: particles, {effort_in_words(d)}, standard "
        "errors over draws. Lines: theory of the continuum (full SDE, dashed ODE), the same for every d. The larger d, "
        "the more classes it takes, exponentially many in d."
    )


CONTINUUM = GalleryFigure(
    "continuum",
    "Infinitely many classes: the same distortion at every d",
    _continuum_parts,
    lambda data: distortion.against_classes(data["marks"]),
    _continuum_caption,
)
