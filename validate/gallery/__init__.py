"""The figures of the paper, in the order of its story; `cfgfield figures` makes them."""

from validate.gallery.extensions import FINITE_SIZE, SPECIATION, SPECTRUM
from validate.gallery.guidance_design import DESIGN, SCHEDULES, WINDOW
from validate.gallery.learned import DIGITS
from validate.gallery.line import ONE_DIMENSION, STRONG
from validate.gallery.make import make_figures
from validate.gallery.mechanism import ORDER, PHASES, PLANE, POTENTIAL
from validate.gallery.objective import DENSITY_RATIO
from validate.gallery.scales import CONTINUUM, DIMENSION, GUIDANCE

GALLERY = (
    PLANE,
    POTENTIAL,
    ORDER,
    GUIDANCE,
    DIMENSION,
    PHASES,
    CONTINUUM,
    SCHEDULES,
    WINDOW,
    DESIGN,
    SPECTRUM,
    FINITE_SIZE,
    SPECIATION,
    ONE_DIMENSION,
    STRONG,
    DENSITY_RATIO,
    DIGITS,
)

__all__ = ["GALLERY", "make_figures"]
