"""scikit-learn's digits: 1797 real images of 8 x 8 pixels, shipped with the package, in the units of the theory.

Every second image of a class goes to the *generator* half, the others to the *held-out* half (the file lists the images
writer by writer, so both halves have all writers). The generator half trains the scores and gives every fit; the
held-out half trains the classifier and is what samples are compared with. Other splits, drawn at random, say what hangs
on this one.

Units. With the centre mu and the variance B of the class means, both of the generator half,

    x = (pixels - mu)/s,      s^2 = tr B/d_live,

so that, as in sec. 1 of docs/theory.md, class means have variance 1 per dimension; d_live = 60 pixels of the generator
half vary at all.

Blur. Grey levels are whole numbers, and some pixels never vary: the law of the images has no density. The data are
therefore defined as the images plus noise of variance `BLUR` (a standard deviation of 0.35 grey levels, about that of
rounding), x_0 = x + BLUR^(1/2) z. VE time t then means variance BLUR + t on top of an image, every class has variance
at least BLUR in every direction, and classifiers, fits and references all see blurred images. It is the one
regularisation of the covariances: C_k + BLUR I are the exact second moments of what the scores are trained on.
"""

from dataclasses import dataclass

import numpy as np

from meanfield.errors import one_of, require, whole
from simulate.learned.extra import library
from simulate.randomness.streams import FORWARD, SPLIT, stream
from simulate.samples.scored import numbers

BLUR = 0.02


@dataclass(frozen=True)
class Digits:
    """The two halves of the images, in the units of the theory, without blur.

    For other images than the 8 x 8 digits, 64 stands for their pixels.

    Attributes
    ----------
    x, labels : (images, 64) and (images,) of the generator half.
    x_held_out, labels_held_out : the same of the held-out half.
    centre : (64,) in grey levels. scale : grey levels in one unit.
    """

    x: np.ndarray
    labels: np.ndarray
    x_held_out: np.ndarray
    labels_held_out: np.ndarray
    centre: np.ndarray
    scale: float

    def pixels(self, x: np.ndarray) -> np.ndarray:
        """Samples (..., 64) as grey levels 0 ... 16 of shape (..., 8, 8)."""
        x = numbers("x", x)
        require(x.shape[-1:] == self.centre.shape, f"samples must have shape (..., {len(self.centre)})", x.shape)
        return (self.scale * x + self.centre).reshape(*x.shape[:-1], 8, 8)

    def blurred(self, half: str, seed: int = 0) -> np.ndarray:
        """The images of "generator" or "held-out" with noise of variance `BLUR`: what samples are compared with."""
        one_of("half", half, ("generator", "held-out"))
        seed = whole("seed", seed, low=0)
        x = self.x if half == "generator" else self.x_held_out
        return x + BLUR**0.5 * stream(seed, FORWARD, 0, int(half == "held-out")).standard_normal(x.shape)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (10, 64) and covariances (10, 64, 64) of the classes of the generator half, blur included."""
        parts = [self.x[self.labels == k] for k in range(10)]
        blur = BLUR * np.eye(self.x.shape[1])
        return np.array([p.mean(axis=0) for p in parts]), np.array([np.cov(p.T, bias=True) + blur for p in parts])


def load_digits(split: int = 0) -> Digits:
    """The digits, split and scaled. Needs the extra `learned`; nothing is downloaded.

    Parameters
    ----------
    split : 0 takes every second image of a class; 1, 2, ... halve every class at random.

    Raises
    ------
    MissingExtraError : scikit-learn is not installed.
    ProblemError : a split that is no number of one.
    """
    split = whole("split", split, low=0)
    found = library("sklearn.datasets").load_digits()
    return halved(found.data.astype(float), found.target.astype(int), split)


def halved(pixels: np.ndarray, labels: np.ndarray, split: int = 0) -> Digits:
    """Images (images, pixels) with labels 0 ... 9 in two halves, in the units of the theory."""
    rank = np.empty(len(labels), dtype=int)  # position of an image within its class
    for k in range(10):
        order = np.arange(np.sum(labels == k))
        rank[labels == k] = stream(split, SPLIT, 0, k).permutation(order) if split else order
    own = rank % 2 == 0
    return in_units(pixels[own], labels[own], pixels[~own], labels[~own])


def in_units(x: np.ndarray, labels: np.ndarray, x_held_out: np.ndarray, labels_held_out: np.ndarray) -> Digits:
    """Two halves (images, pixels) in the units of the theory, which the first one gives."""
    means = np.array([x[labels == k].mean(axis=0) for k in range(10)])
    centre = means.mean(axis=0)
    live = int(np.sum(x.var(axis=0) > 0.0))
    scale = float(np.sqrt(np.sum((means - centre) ** 2) / len(means) / live))
    return Digits((x - centre) / scale, labels, (x_held_out - centre) / scale, labels_held_out, centre, scale)
