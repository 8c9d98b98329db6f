"""Figures beyond the isotropic mean field: spectra of directions, finite-size theory, speciation and collapse."""

from typing import Any

import numpy as np

from meanfield.problem.growth import Continuum, Exponential
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from validate.figures import finite_size, spectrum
from validate.figures import speciation as clones
from validate.finite_d import finite_d
from validate.gallery.recipe import Data, GalleryFigure, Part, effort
from validate.speciation import collapse_curves, speciation_curves
from validate.spectra import distortion_spectrum

__all__ = ["FINITE_SIZE", "SPECIATION", "SPECTRUM"]


def _spectrum() -> Spectrum:
    """Eight groups of equal share: signal-to-noise r = g/c from 0.1 to 40, mean spread g from 0.5 to 4."""
    c, u = _directions(np.geomspace(0.1, 40.0, 8))
    return Spectrum(c=c.tolist(), u=u.tolist())


def _directions(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """c and u of directions of signal-to-noise r; g grows with r as in the spectrum."""
    g = 0.5 * 8.0 ** (np.log(r / 0.1) / np.log(400.0))
    return g / r, g / r + g


def _spectrum_parts(profile: str) -> dict[str, Part]:
    own = _spectrum()
    shared = {"probes": _directions(np.geomspace(0.08, 50.0, 60)), "seed": 0}
    shared |= effort(profile, (60, 12, 60), (250, 24, 100), (500, 48, 150))
    problem = Problem(classes=Continuum(), spectrum=own, guidance=2.0)
    return {
        "continuum": Part(distortion_spectrum, {"problem": problem, "sizes": (16,), **shared}),
        "alpha": Part(
            distortion_spectrum, {"problem": problem.replace(classes=Exponential(0.4)), "sizes": (16, 24), **shared}
        ),
    }


def _spectrum_caption(data: Data) -> str:
    d = data["alpha"]
    return (
        "Distortion by direction at w = 2: eight groups of directions of equal share, signal-to-noise r = g/c from 0.1 "
        "to 40, T = infinity. Lines: theory at d = infinity, through probes of vanishing share. Points: particles "
        f"of the same spectrum, d = 16 (continuum) and {', '.join(map(str, d['size'].values))} (alpha = 0.4), standard "
        "errors over draws."
    )


SPECTRUM = GalleryFigure(
    "spectrum",
    "Anisotropic classes: the distortion spectrum",
    _spectrum_parts,
    lambda data: spectrum.draw(data["continuum"], data["alpha"]),
    _spectrum_caption,
)


def _finite_parts(profile: str) -> dict[str, Part]:
    size = {"quick": (24, 24), "standard": (32, 150)}.get(profile, (64, 300))
    options: dict[str, Any] = dict(zip(("n_samples", "n_disorder"), size, strict=True))
    if profile != "quick":
        options |= {"particles": (10, 12, 14, 16, 18), "theory": (10, 12, 14, 16, 18, 24, 48, 96, 192)}
    return {"sizes": Part(finite_d, options)}


def _finite_caption(data: Data) -> str:
    d = data["sizes"]
    a, b = (d.sel(kind=kind) for kind in ("particles", "quenched"))
    z = np.concatenate([((a[q] - b[q]) / np.hypot(a[f"{q}_error"], b[f"{q}_error"])).values.ravel() for q in "mv"])
    z = z[np.isfinite(z)]
    return (
        f"Finite d: particles with all classes in memory ({d.attrs['n_disorder']} draws of {d.attrs['n_samples']} "
        f"samples, {d.attrs['n_steps']} steps), the quenched and the annealed theory at the same d, and the mean field "
        "at d = infinity; sigma2 = 0.25, T = infinity. Standard errors over draws. Particles against quenched theory: "
        f"r.m.s. z = {np.sqrt(np.mean(z**2)):.2f} over {len(z)} numbers."
    )


FINITE_SIZE = GalleryFigure(
    "finite-size",
    "Finite-size theory against particles",
    _finite_parts,
    lambda data: finite_size.theories(data["sizes"]),
    _finite_caption,
)


def _speciation_parts(profile: str) -> dict[str, Part]:
    quick = profile == "quick"
    return {
        "speciation": Part(speciation_curves, {"n_samples": 200, "n_steps": 100} if quick else {}),
        "collapse": Part(
            collapse_curves, {"n_samples": 30, "n_draws": 8, "n_steps": 80} if quick else {"n_samples": 100}
        ),
    }


def _speciation_caption(data: Data) -> str:
    a, b = data["speciation"], data["collapse"]
    return (
        "Cloned trajectories of unguided samplers: the share of clones that end in one class against the time at which "
        f"they part. (a, b) Two classes, |mu|^2 = d, sigma2 = {a.attrs['sigma2']:g}: times from 2^8 to 2^16 dimensions "
        "collapse on one curve in VE time. (c, d) Training sets of n points: collapse, and excess entropy. Lines: "
        f"closed forms; points: {a.attrs['n_samples']} and {b.attrs['n_samples']} samples in {a.attrs['n_draws']} and "
        f"{b.attrs['n_draws']} draws, standard errors over draws."
    )


SPECIATION = GalleryFigure(
    "speciation",
    "Speciation and collapse",
    _speciation_parts,
    lambda data: clones.clone_curves(data["speciation"], data["collapse"]),
    _speciation_caption,
)
