"""The judge: do theory and particles agree, with honest error bars?"""

from typing import TYPE_CHECKING

from meanfield.loading import late

if TYPE_CHECKING:
    from validate import figures
    from validate.agreement.comparison import compare
    from validate.agreement.extrapolation import Extrapolation, extrapolate
    from validate.agreement.joint import hotelling
    from validate.agreement.statistics import family_threshold, wilson
    from validate.agreement.verdict import Comparison
    from validate.data.predicting import predict
    from validate.data.prediction import Prediction, Predictions
    from validate.errors import (
        ComparisonError,
        ConfigError,
        ExecutorError,
        ExtrapolationError,
        StoreError,
        StoreWarning,
        SweepWarning,
    )
    from validate.regimes.judgement import Judgement, judge
    from validate.regimes.measurement import atlas
    from validate.results.files import read_dataset, write_dataset
    from validate.samplers.checking import check_sampler
    from validate.samplers.outcome import SamplerCheck
    from validate.sweeps.grid import sweep
    from validate.tuning.result import MixtureDesign

__all__ = [
    # agreement
    "compare",
    "check_sampler",
    "extrapolate",
    "family_threshold",
    "hotelling",
    "wilson",
    # your data
    "predict",
    # many regimes
    "sweep",
    "atlas",
    "judge",
    # files and figures
    "read_dataset",
    "write_dataset",
    "figures",
    # results
    "Comparison",
    "Extrapolation",
    "Judgement",
    "SamplerCheck",
    "MixtureDesign",
    "Prediction",
    "Predictions",
    # errors
    "ComparisonError",
    "ExtrapolationError",
    "ConfigError",
    "ExecutorError",
    "StoreError",
    "StoreWarning",
    "SweepWarning",
]

late(__name__)
