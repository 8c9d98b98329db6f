"""Training of a conditional and an unconditional score at once, resumable to the last bit.

With x = x_0 + s^(1/2) z, s = BLUR + t, log s uniform from BLUR to BLUR + t_max (the clock of the sampler's steps), the
network F of `simulate.learned.network` minimises

    E |F(x, s, label) - (x_0 - skip x)/out|^2,

the loss of an estimate of x_0 with weight 1/out^2, so that every noise counts alike. A share `label_dropout` of the
images has no label: what is learned of them is the unconditional score. The rate falls along a cosine; samples are
taken with an exponential average of the weights.

Every random number comes from torch's generator, seeded for the run and put back afterwards, and the run has one
thread; a checkpoint holds the generator's state. A run that was killed and resumed therefore ends in the same bits.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meanfield.errors import ProblemError, build, checked, one_of, settle, whole
from simulate.learned.digits import BLUR, Digits, load_digits
from simulate.learned.extra import library
from simulate.learned.network import NO_LABEL, make_network, principal_directions
from simulate.learned.resuming import Run, finished, require_digits, saving
from simulate.learned.score import LearnedScore

LABELS = ("true", "shuffled")
LEAST_VARIANCE = 1e-3  # of a principal direction in the preconditioning, where pixels never vary
WARM_UP = 100  # steps
DECAY = 0.999  # of the average of the weights


@dataclass(frozen=True)
class Training:
    """What a learned score depends on.

    Parameters
    ----------
    steps, batch, learning_rate : of Adam.
    width, depth, dropout : of the network.
    label_dropout : share of images without label, between 0 and 1.
    t_max : VE time up to which scores are learned; samplers start there or below.
    labels : "true", or "shuffled": a control that knows no classes.
    seed : of weights, batches, noise and dropout.

    Examples
    --------
    >>> Training(steps=100, seed=3).replace(labels="shuffled")
    Training(steps=100, batch=256, learning_rate=0.001, width=192, depth=2, dropout=0.1, label_dropout=0.2,
             t_max=6400.0, labels='shuffled', seed=3)
    """

    steps: int = 3000
    batch: int = 256
    learning_rate: float = 1e-3
    width: int = 192
    depth: int = 2
    dropout: float = 0.1
    label_dropout: float = 0.2
    t_max: float = 6400.0
    labels: str = "true"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("batch", 1), ("width", 1), ("depth", 1), ("seed", 0)):
            settle(self, **{name: whole(name, getattr(self, name), low=low, high=2**31)})
        for name, least, most in (("dropout", 0.0, 0.9), ("label_dropout", 0.01, 0.99), ("t_max", 1.0, 1e8)):
            settle(self, **{name: checked(name, getattr(self, name), low=least, high=most)})
        settle(self, learning_rate=checked("learning_rate", self.learning_rate, low=0, high=1, open_low=True))
        one_of("labels", self.labels, LABELS)

    def replace(self, **changes: Any) -> "Training":
        """A variant."""
        return build(Training, asdict(self) | changes)


def train(
    training: Training | None = None,
    *,
    images: Digits | None = None,
    checkpoint: str | Path | None = None,
    every: int = 250,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> LearnedScore:
    """Train a score on the generator half of the digits. The default takes about 40 s on one processor.

    Parameters
    ----------
    training : what is trained, and how; by default `Training()`.
    images : whose generator half is learned; by default `load_digits()`.
    checkpoint : a file that is written at times and at the end, whole or not at all. If it is there, the run goes on
        from it, to the same bits as one that was never interrupted; a finished one is returned as it is.
    every : steps from one checkpoint to the next, >= 1.
    progress : None shows a bar on a terminal, True always, False never; or a function of (done, total).

    Raises
    ------
    MissingExtraError : torch or scikit-learn is not installed.
    ProblemError : an argument of another kind.
    CheckpointError : the checkpoint is damaged, of another configuration, or unfinished and of another torch.
    """
    training = Training() if training is None else training
    if not isinstance(training, Training):
        raise ProblemError(f"training must be a Training; got {training!r}. Give e.g. Training(steps=500).")
    to = saving(checkpoint, every)
    library("torch")
    data = load_digits() if images is None else images
    require_digits(data)
    run = finished(lambda: _Run(training, data), asdict(training), data, to, progress)
    return LearnedScore(asdict(training), run.average.eval(), run.losses.numpy().copy())


class _Run(Run):
    """Network, its average, optimiser and losses of one training, between two steps."""

    parts = ("network", "average", "optimiser")

    def __init__(self, training: Training, data: Digits) -> None:
        torch = library("torch")
        torch.manual_seed(training.seed)
        self._training, self._torch = training, torch
        u, basis = principal_directions(data.x, LEAST_VARIANCE)
        shape = (u, basis, training.width, training.depth, training.dropout)
        self.network, self.average = make_network(*shape), make_network(*shape)
        self.average.load_state_dict(self.network.state_dict())
        self.average.requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=training.learning_rate)
        self.losses = torch.full((training.steps,), math.nan)
        self.step = 0
        self._x = torch.as_tensor(data.x, dtype=torch.float32)
        self._labels = torch.as_tensor(data.labels)
        if training.labels == "shuffled":
            self._labels = self._labels[torch.randperm(len(self._labels))]

    def advance(self) -> None:
        """One step of Adam on one batch."""
        torch, training = self._torch, self._training
        self.optimiser.param_groups[0]["lr"] = training.learning_rate * _rate(self.step / training.steps, self.step)
        chosen = torch.randint(len(self._x), (training.batch,))
        loss = self._loss(self._x[chosen], self._labels[chosen])
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        decay = min(DECAY, self.step / (self.step + 9.0))  # the first weights are forgotten quickly
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(weight, 1.0 - decay)
        self.losses[self.step] = loss.detach()
        self.step += 1

    def _loss(self, x, labels):
        torch, training = self._torch, self._training
        n = len(x)
        s = BLUR * torch.exp(torch.rand(n) * math.log1p(training.t_max / BLUR))
        labels = torch.where(torch.rand(n) < training.label_dropout, torch.full_like(labels, NO_LABEL), labels)
        noisy = x + torch.sqrt(s)[:, None] * torch.randn_like(x)
        skip, out, _ = self.network.coefficients(s)
        wanted = (x @ self.network.basis - skip * (noisy @ self.network.basis)) / out
        return torch.mean((self.network(noisy, s, labels) - wanted) ** 2)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "labels": self._labels}

    def restore(self, state: Mapping[str, Any]) -> None:
        if not self._torch.equal(state["labels"].sort().values, self._labels.sort().values):
            raise ValueError("its labels are not those of the images")
        super().restore(state)
        self._labels = state["labels"]


def _rate(progress: float, step: int) -> float:
    """Share of the learning rate: a warm-up, then a cosine to zero."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * progress))
