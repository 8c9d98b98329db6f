"""The score that a network has learned, and samples with it: the integrator and random numbers of exact scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.errors import ProblemError
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from simulate.learned.digits import BLUR
from simulate.learned.extra import library, one_thread
from simulate.learned.network import NO_LABEL
from simulate.samples.scored import ScoreFunction, checked_state, sample_scores


def digit_problem(guidance: Any = 0.0, sampler: str | float = "ode", t_start: float = 6400.0) -> Problem:
    """The problem of sampling a digit: ten classes, and the blur as the least class variance.

    Its guidance is any schedule or rule, in VE time on top of the blur; t = 6400 is sigma = 80 as in EDM.

    Examples
    --------
    >>> digit_problem(2.0).classes
    Fixed(n=10)
    """
    return Problem(classes=Fixed(10), sigma2=BLUR, guidance=guidance, sampler=sampler, t_start=t_start)


@dataclass(frozen=True, eq=False)
class LearnedScore:
    """A trained network as conditional and unconditional scores.

    Attributes
    ----------
    training : the fields of `Training` that it comes from.
    network : the torch module, its weights averaged over the training.
    losses : (steps,) of the training; F = 0, one Gaussian for all images, has about 1.
    """

    training: Mapping[str, Any]
    network: Any
    losses: np.ndarray

    def __repr__(self) -> str:
        size = sum(p.numel() for p in self.network.parameters())
        return f"LearnedScore({size} weights, {len(self.losses)} steps, last losses {self.losses[-100:].mean():.3f})"

    def conditional(self, labels: Sequence[int] | np.ndarray) -> ScoreFunction:
        """s_c(x, t) of samples with these labels, (samples,) numbers from 0 to 9; t >= 0."""
        try:
            given = np.asarray(labels)
        except ValueError:  # ragged
            given = np.empty(0)
        if given.ndim != 1 or given.dtype.kind not in "iu" or not len(given) or given.min() < 0 or given.max() > 9:
            raise ProblemError(f"labels must be a list of digits from 0 to 9; got {labels!r}.")
        return self._score(given)

    @property
    def unconditional(self) -> ScoreFunction:
        """s_u(x, t), t >= 0."""
        return self._score(None)

    def sample(
        self,
        problem: Problem,
        labels: Sequence[int] | np.ndarray,
        *,
        n_steps: int = 60,
        seed: int = 0,
        progress: bool | Callable[[int, int], Any] | None = False,
    ) -> np.ndarray:
        """Guided samples (len(labels), 64) of these labels, in the units of `Digits.x`, blur included.

        Sample i has the same start and noise for every guidance, and for every network. See `sample_scores`, which
        takes the scores of this network too, a weak model's in the place of the unconditional one for instance.

        Raises
        ------
        ProblemError : a problem whose sigma2 is not the blur, or that starts beyond what was learned; labels that are
            no digits; a seed below 0.
        """
        if problem.sigma2 != BLUR or problem.T > self.training["t_max"]:
            raise ProblemError(
                f"learned scores need sigma2 = {BLUR} and a start at t <= {self.training['t_max']:g}; got sigma2 = "
                f"{problem.sigma2:g}, t = {problem.T:g}. Take digit_problem(guidance)."
            )
        conditional = self.conditional(labels)
        return sample_scores(
            problem, conditional, self.unconditional, self.network.u.numel(), n_samples=len(labels), n_steps=n_steps,
            seed=seed, progress=progress, t_end=None if problem.schedule.by_rule else 0.0,
        )  # fmt: skip

    def _score(self, labels: np.ndarray | None) -> ScoreFunction:
        torch, dim = library("torch"), self.network.u.numel()

        def score(x: np.ndarray, t: float) -> np.ndarray:
            x, t = checked_state(x, t, dim)
            if labels is not None and len(labels) != len(x):
                raise ProblemError(f"every sample needs a label; got {len(labels)} labels for {len(x)} samples.")
            with torch.no_grad(), one_thread():
                chosen = torch.full((len(x),), NO_LABEL) if labels is None else torch.as_tensor(labels).long()
                s = torch.full((len(x),), BLUR + t, dtype=torch.float32)
                F = self.network(torch.as_tensor(x, dtype=torch.float32), s, chosen).double()
                u, basis = self.network.u.double(), self.network.basis.double()
            total = u.numpy() + BLUR + t  # the linear part in double precision: it is large where s is small
            rotated = -(x @ basis.numpy()) / total + np.sqrt(u.numpy() / ((BLUR + t) * total)) * F.numpy()
            return rotated @ basis.numpy().T

        return score
