"""The figures of the paper, in the order of its story; `cfgfield figures` makes them."""

from validate.figures import (
    cfg_plus_plus,
    continuum,
    density_ratio,
    design,
    digits,
    dimension,
    finite_size,
    guidance,
    guidance_rules,
    modes,
    modes_kept,
    negative_window,
    one_dimension,
    order_parameters,
    phases,
    plane,
    potential,
    rules_network,
    samplers,
    schedules,
    speciation,
    spectrum,
    strong_guidance,
    which_guidance,
)
from validate.gallery.make import make_figures
from validate.gallery.registry import register
from validate.recipe import GalleryFigure, Part

ROOMS = (
    plane, potential, order_parameters, guidance, dimension, phases, continuum, schedules, negative_window, design,
    spectrum, finite_size, speciation, one_dimension, strong_guidance, density_ratio, samplers,
    guidance_rules, cfg_plus_plus, which_guidance, modes, modes_kept, digits, rules_network,
)  # fmt: skip
GALLERY: tuple[GalleryFigure, ...] = tuple(room.FIGURE for room in ROOMS)

__all__ = ["GALLERY", "GalleryFigure", "Part", "make_figures", "register"]
