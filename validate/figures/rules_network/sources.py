"""What the scores are learned from, by name: images or codes in two halves, and who judges the class of a sample."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from meanfield.errors import one_of
from simulate.learned import Coding, Digits, encode_mnist, load_digits, make_classifier
from validate.errors import ComparisonError

SOURCES = ("digits", "mnist")


class Source(NamedTuple):
    """Images in the units of the theory, and a classifier of samples (samples, dim), of the held-out half alone."""

    images: Digits
    classify: Callable[[np.ndarray], np.ndarray]


@functools.lru_cache(maxsize=4)
def source(data: str, split: int, coding_steps: int = Coding.steps) -> Source:
    """scikit-learn's digits; or codes of MNIST, whose samples are judged as the images that they decode to."""
    one_of("data", data, SOURCES, error=ComparisonError)
    if data == "digits":
        images = load_digits(split)
        return Source(images, make_classifier(images))
    latent = encode_mnist(Coding(steps=coding_steps, seed=split), split, progress=False)
    judge = make_classifier(latent.images)
    return Source(latent.codes, lambda x: judge(latent.decode(x)))
