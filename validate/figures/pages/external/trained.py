"""Trained diffusion models of two classes of images against the law of two Gaussians: where it holds, and where not.

arXiv:2402.18491 cloned samples of trained networks; its repository has phi at every 50th of 1000 steps, 4000 pairs
each (`Saves/Exp_spec`), and the largest eigenvalue Lambda of the data (`src/Plots_paper.py`). Their criterion, Lambda
e^{-2s} = 1 in OU time, is t = Lambda - 1 in VE time; two Gaussians have phi = 0.7752 there, (C2) and (C4).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from validate.data.batches import written

CROSSING = 0.7752
HEADS = ("images", r"$\Lambda$", r"$t(\phi = 0.7752)/(\Lambda - 1)$")


class Quoted(NamedTuple):
    """Lambda, and the published phi at the two steps around the crossing, with the larger standard error."""

    largest: float
    steps: tuple[int, int]
    phi: tuple[float, float]
    error: float


PUBLISHED = {
    "MNIST": Quoted(7.66, (450, 400), (0.7412, 0.8232), 0.0057),
    "ImageNet, 16 pixels": Quoted(3.05, (350, 300), (0.7519, 0.8317), 0.0056),
    "ImageNet, 32 pixels": Quoted(12.11, (500, 450), (0.7485, 0.8003), 0.0056),
    "CIFAR": Quoted(16.72, (450, 400), (0.7428, 0.8307), 0.0057),
    "LSUN": Quoted(60.52, (550, 500), (0.7717, 0.8094), 0.0061),
}


def crossing(quoted: Quoted) -> tuple[float, float]:
    """t/(Lambda - 1) where phi crosses 0.7752, linear in log t, with its standard error.

    Examples
    --------
    >>> ratio, error = crossing(PUBLISHED["CIFAR"])
    >>> round(ratio, 2), error < 0.02
    (0.36, True)
    """
    betas = np.linspace(1e-4, 2e-2, 1000)  # theirs: linear
    kept = np.cumprod(1.0 - betas)[np.array(quoted.steps) - 1]
    late, early = np.log((1.0 - kept) / kept)
    slope = (early - late) / (quoted.phi[1] - quoted.phi[0])
    ratio = math.exp(late + slope * (CROSSING - quoted.phi[0])) / (quoted.largest - 1.0)
    return ratio, float(ratio * abs(slope) * quoted.error)


def markdown(names: Iterable[str] = tuple(PUBLISHED)) -> str:
    """The table of a page.

    Examples
    --------
    >>> print(markdown(["LSUN"]).splitlines()[-1])
    | LSUN | 60.52 | 0.33(3) |
    """
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for name in names:
        ratio, error = crossing(PUBLISHED[name])
        lines.append(f"| {name} | {PUBLISHED[name].largest:g} | {written(ratio, error)} |")
    return "\n".join(lines)
