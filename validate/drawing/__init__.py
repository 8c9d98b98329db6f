"""What all drawings share: one dictionary of looks, one style, readable in print and without colour, two widths.

A drawing is a function of saved data: axes in, or None, and (figure, axes) out. It computes nothing. Points are
particles; lines and bands are theory.

    def draw(data, axes=None):
        with canvas(axes, (7.0, 3.2), 2) as (figure, axes):
            ...
            lettered(axes, "mean", "variance")
        return figure, axes
"""

from validate.drawing.labels import legend_below, lettered, named_lines, noted
from validate.drawing.looks import (
    COLOURS,
    LEVEL,
    METHOD,
    PHASE,
    QUIET,
    RULE,
    SAMPLER,
    SCHEDULE,
    Look,
    face_of,
    shades,
)
from validate.drawing.page import WIDTH, canvas, in_column, made, sized, styled

__all__ = [
    "COLOURS", "LEVEL", "METHOD", "PHASE", "QUIET", "RULE", "SAMPLER", "SCHEDULE", "WIDTH", "Look", "canvas", "face_of",
    "in_column", "legend_below", "lettered", "made", "named_lines", "noted", "shades", "sized", "styled",
]  # fmt: skip
