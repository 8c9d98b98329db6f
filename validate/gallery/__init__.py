"""The figures of the paper, in the order of its story; `cfgfield figures` makes them."""

from validate.figures import (
    continuum,
    density_ratio,
    design,
    digits,
    dimension,
    finite_size,
    guidance,
    negative_window,
    one_dimension,
    order_parameters,
    phases,
    plane,
    potential,
    schedules,
    speciation,
    spectrum,
    strong_guidance,
)
from validate.gallery.make import make_figures
from validate.gallery.registry import register
from validate.recipe import GalleryFigure, Part

ROOMS = (
    plane, potential, order_parameters, guidance, dimension, phases, continuum, schedules, negative_window, design,
    spectrum, finite_size, speciation, one_dimension, strong_guidance, density_ratio, digits,
)  # fmt: skip
GALLERY: tuple[GalleryFigure, ...] = tuple(room.FIGURE for room in ROOMS)

__all__ = ["GALLERY", "GalleryFigure", "Part", "make_figures", "register"]
