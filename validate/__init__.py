"""The judge: do theory and particles agree, with honest error bars?"""

from validate import figures
from validate.comparison import compare
from validate.errors import ComparisonError, ConfigError, ExecutorError, ExtrapolationError, StoreError, StoreWarning
from validate.extrapolation import Extrapolation, extrapolate
from validate.judgement import Judgement, judge
from validate.measurement import atlas
from validate.outcome import Comparison
from validate.statistics import family_threshold, hotelling, wilson
from validate.sweeps import sweep

__all__ = [
    "Comparison",
    "ComparisonError",
    "ConfigError",
    "ExecutorError",
    "Extrapolation",
    "ExtrapolationError",
    "Judgement",
    "StoreError",
    "StoreWarning",
    "atlas",
    "compare",
    "extrapolate",
    "family_threshold",
    "figures",
    "hotelling",
    "judge",
    "sweep",
    "wilson",
]
