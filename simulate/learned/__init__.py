"""Scores learned from real images, with the optional extra `learned` (torch, scikit-learn), from the source tree:

    pip install -c constraints.txt -c constraints-extras.txt -e '.[learned]'

Both are imported inside functions of this package alone.
"""

from simulate.learned.checkpoint import CheckpointError
from simulate.learned.classifier import make_classifier
from simulate.learned.digits import BLUR, Digits, load_digits
from simulate.learned.extra import MissingExtraError, available
from simulate.learned.score import LearnedScore, digit_problem
from simulate.learned.training import Training, train

__all__ = [
    # digits
    "available",
    "load_digits",
    "digit_problem",
    "BLUR",
    # verbs
    "train",
    "make_classifier",
    # results
    "Digits",
    "LearnedScore",
    "Training",
    # errors
    "MissingExtraError",
    "CheckpointError",
]
