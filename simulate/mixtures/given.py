"""Guided samples of a mixture of your own: classes that are given or fitted, not drawn; the samples are returned."""

import math
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, require
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from meanfield.sampler.code import Sampler
from meanfield.sampler.embedding import checked_shape
from meanfield.tools.door import Numbers, door
from simulate.mixtures.coded import coded_samples
from simulate.mixtures.guided import guided_samples
from simulate.mixtures.mixture import Mixture

LEFT = 0.3  # of its width: how far the start alone may leave a class from its mean


class StartWarning(UserWarning):
    """A start too early for the data: the noise does not cover the classes, and samples are not those of the mixture.

    Examples
    --------
    >>> issubclass(StartWarning, UserWarning)
    True
    """


@door()
def sample_mixture(
    problem: Problem,
    means: Numbers | Mixture,
    covariances: Numbers | None = None,
    *,
    target: Hashable = 0,
    n_samples: int = 1000,
    n_steps: int = 200,
    seed: int = 0,
    draw: int = 0,
    second: Hashable = None,
    sampler: Sampler | None = None,
    shape: Sequence[int] | None = None,
    xp: Any = None,
    progress: bool | Callable[[int, int], Any] | None = False,
) -> np.ndarray:
    """Guided samples of one class of a mixture of your own, with its exact scores.

    Parameters
    ----------
    problem : guidance (any schedule, weight or rule), sampler, noise and a finite start. With a `Mixture` its classes
        and sigma2 are not looked at: `mixture.problem(target, guidance)` makes one that fits. With means its classes
        must be Fixed(len(means)), and its sigma2 is the class variance where no covariances are given.
    means : a `Mixture`; or the means (classes, dimensions) of classes of equal weight.
    covariances : with means: (classes, dimensions, dimensions), or one (dimensions, dimensions) for all; by default
        sigma2 I.
    target : the class that is sampled: its label, or its index among the means.
    n_samples, n_steps, seed : as in `simulate.run`.
    draw : number of the batch, >= 0; another one has other random numbers.
    second : the class that is the second condition of rules that take one (`Negative`, `Composed`).
    sampler : a sampler's own code, a function of (model, noise) as for `meanfield.solve_sampler`; then the problem's
        sampler, its t_start and `n_steps` are not looked at. Its levels are those of the data: sigma in their units.
    shape, xp : of one sample as the code has it, such as (1, 8, 8), and the code's array library (`run_sampler`).
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    x : (n_samples, dimensions) at t = 0.

    Raises
    ------
    ProblemError : means or covariances that do not fit the problem, an unknown target, a start at t = infinity.
    ConvergenceError : steps that do not resolve the guidance.
    NoMinimiserError : density-ratio guidance where it has no weight.

    Warns
    -----
    StartWarning : a start whose noise does not cover the data; samples begin at N(0, t_start I), whatever the data are.

    Examples
    --------
    >>> from meanfield import Fixed, Problem
    >>> problem = Problem(classes=Fixed(2), sigma2=0.04, guidance=0.0, t_start=100.0)
    >>> x = sample_mixture(problem, [[1.0, 0.0], [-1.0, 0.0]], n_samples=400, n_steps=20)
    >>> x.shape, bool(abs(x[:, 0].mean() - 1.0) < 0.05), bool(abs(x[:, 1].var() - 0.04) < 0.015)
    ((400, 2), True, True)
    >>> mixture = Mixture([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0]], variances=0.04, labels=["low", "low", "high"])
    >>> x = sample_mixture(mixture.problem("low", guidance=1.0), mixture, target="low", n_samples=400, n_steps=60)
    >>> bool(x[:, 1].mean() < 0.0)
    True
    """
    if isinstance(means, Mixture):
        require(covariances is None, "a Mixture has its own covariances", "covariances", "Leave them out.")
        mixture = means
    else:
        mixture = _of_means(problem, means, covariances)
    common: dict[str, Any] = {"n_samples": n_samples, "seed": seed, "draw": draw, "second": second}
    if sampler is not None:
        real = None if shape is None else checked_shape(shape)
        ran = coded_samples(problem, sampler, mixture, target, shape=real, xp=xp, **common)
        warn_of_early_start(problem, mixture, target, float(ran.times.max()))
        return ran.x
    require(shape is None and xp is None, "shape and xp are those of a sampler's code", "no sampler", "Leave them out.")
    warn_of_early_start(problem, mixture, target, problem.T)
    return guided_samples(problem, mixture, target, n_steps=n_steps, progress=progress, **common)


def _of_means(problem: Problem, means: Any, covariances: Any) -> Mixture:
    """Classes of equal weight, one component each."""
    problem.require_isotropic("sample_mixture", "Use simulate.run, or give covariances.")
    centres = np.asarray(means, float)
    if centres.ndim != 2 or centres.shape[1] < 1 or not np.all(np.isfinite(centres)):
        raise ProblemError(f"means must be finite, of shape (classes, dimensions); got shape {centres.shape}.")
    if problem.classes != Fixed(len(centres)):
        raise ProblemError(f"{len(centres)} means need classes=Fixed({len(centres)}); got {problem.classes!r}.")
    if covariances is None:
        return Mixture(centres, variances=problem.sigma2)
    return Mixture(centres, covariances)


def warn_of_early_start(problem: Problem, mixture: Mixture, target: Hashable, T: float) -> None:
    """Warn where the start T is not above |mu_k - mu_1|^2 and the class variances c, or leaves the target off its mean.

    Without guidance the mean of the target ends at mu_1 (1 - (c/(c + T))^e), as the start is centred at the origin.
    """
    members = mixture.members(target)
    least, largest, centre = mixture.components.least(members), mixture.components.largest(), mixture.mean(target)
    size, apart = float(np.linalg.norm(centre)), float(np.sum((mixture.means - centre) ** 2, axis=1).max())
    needed = max(apart, largest, least * ((size / (LEFT * math.sqrt(least))) ** (1.0 / problem.e) - 1.0))
    if T < needed:
        start = problem.noise.own_time(10.0 * needed)
        warnings.warn(
            f"the start must cover the data: VE time {T:.3g} is below {needed:.3g}, from the squared distances "
            f"between means ({apart:.3g}), the largest variance ({largest:.3g}) and the distance of the target "
            f"from the origin ({size:.3g}). Take t_start={start:.3g}, or centre the data and divide by their width.",
            StartWarning,
            stacklevel=4,
        )
