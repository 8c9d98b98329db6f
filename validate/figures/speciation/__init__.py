"""Speciation and collapse: when a sample knows its class, and when its training point."""

from validate.figures.speciation.data import TRAINING_SETS, collapse_curves, measured_time, speciation_curves
from validate.figures.speciation.drawing import draw
from validate.figures.speciation.exponents import speciation_times
from validate.recipe import Data, GalleryFigure, Part, in_order

__all__ = [
    "FIGURE",
    "TRAINING_SETS",
    "collapse_curves",
    "draw",
    "measured_time",
    "speciation_curves",
    "speciation_times",
]


def _parts(profile: str) -> dict[str, Part]:
    quick = profile == "quick"
    return {
        "speciation": Part(speciation_curves, {"n_samples": 200, "n_steps": 100} if quick else {}),
        "collapse": Part(
            collapse_curves, {"n_samples": 30, "n_draws": 8, "n_steps": 80} if quick else {"n_samples": 100}
        ),
    }


def _caption(data: Data) -> str:
    a, b = data["speciation"], data["collapse"]
    return (
        "Cloned trajectories of unguided samplers: the share of clones that end in one class against the time at which "
        rf"they part. (a, b) Two classes, $|\mu|^2 = d$, $\sigma^2 = {a.attrs['sigma2']:g}$: times from $2^8$ to "
        "$2^{16}$ dimensions collapse on one curve in VE time. (c, d) Training sets of $n$ points: collapse, and "
        "excess entropy. Lines: "
        f"closed forms; points: {a.attrs['n_samples']} and {b.attrs['n_samples']} samples in {a.attrs['n_draws']} and "
        f"{b.attrs['n_draws']} draws, standard errors over draws."
    )


FIGURE = GalleryFigure("speciation", "Speciation and collapse", _parts, in_order(draw), _caption)
