"""Where guidance goes on the line: two classes, exact scores, any w (docs/one-dimension.md)."""

from meanfield.line.flow import end_law, trajectories
from meanfield.line.law import EndLaw
from meanfield.line.leaving import leaving_guidance, share_outside
from meanfield.line.limits import EndScale, crossing_start, end_scale, log_short_of, sde_edge_distance
from meanfield.line.scoreerror import ScoreError
from meanfield.line.sources import Normal, PiecewiseConstant, Uniform
from meanfield.line.statement import TwoClasses
from meanfield.line.tilting import TiltedLaw, end_distances, tilted_law

__all__ = [
    # the statement
    "TwoClasses",
    "Normal",
    "Uniform",
    "PiecewiseConstant",
    "ScoreError",
    # verbs
    "end_law",
    "trajectories",
    "tilted_law",
    "end_distances",
    "end_scale",
    "crossing_start",
    "log_short_of",
    "sde_edge_distance",
    "leaving_guidance",
    "share_outside",
    # results
    "EndLaw",
    "TiltedLaw",
    "EndScale",
]
