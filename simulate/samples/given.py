"""Samples of a mixture whose classes are given, not drawn: your own means and covariances, pictures, small checks.

The same score, integrator and random streams as `simulate.run`, but the samples themselves are returned.
"""

import math
import warnings
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, whole
from meanfield.problem.given import covariances_of
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from meanfield.tools.door import Numbers, door
from simulate.samples.batch import Batch, require_start
from simulate.scores.covariances import CovarianceScore
from simulate.scores.mixture import Mixture
from simulate.scores.reference import ReferenceScore
from simulate.steps.integrators import Step
from simulate.steps.resolving import Resolution
from simulate.steps.stepping import State, advance

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
    means: Numbers,
    covariances: Numbers | None = None,
    *,
    target: int = 0,
    n_samples: int = 1000,
    n_steps: int = 200,
    seed: int = 0,
) -> np.ndarray:
    """Guided samples of one class among classes N(means[k], covariances[k]) of equal weight.

    Parameters
    ----------
    problem : guidance, sampler, noise and a finite start; its classes must be Fixed(len(means)). Its sigma2 is the
        class variance where no covariances are given, and not looked at otherwise.
    means : (classes, dimensions).
    covariances : (classes, dimensions, dimensions), or one (dimensions, dimensions) for all; by default sigma2 I.
    target : index of the class that is sampled.
    n_samples, n_steps, seed : as in `simulate.run`.

    Returns
    -------
    x : (n_samples, dimensions) at t = 0.

    Raises
    ------
    ProblemError : means or covariances that do not fit the problem, a spectrum, or a start at t = infinity.
    ConvergenceError : steps that do not resolve the guidance.

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
    """
    problem.require_isotropic("sample_mixture", "Use simulate.run, or give covariances.")
    centres = np.asarray(means, float)
    if centres.ndim != 2 or centres.shape[1] < 1 or not np.all(np.isfinite(centres)):
        raise ProblemError(f"means must be finite, of shape (classes, dimensions); got shape {centres.shape}.")
    if problem.classes != Fixed(len(centres)):
        raise ProblemError(f"{len(centres)} means need classes=Fixed({len(centres)}); got {problem.classes!r}.")
    require_start(problem, "means", 1000)
    k = whole("target", target, low=0, high=len(centres) - 1)
    score: Any
    if covariances is None:
        others = (np.delete(centres, k, axis=0) - centres[k]).astype(np.float32)
        score = ReferenceScore(Mixture(centres[k], others, float(len(centres))))
        variances, basis = None, np.eye(centres.shape[1])
    else:
        score = CovarianceScore(centres, _checked_covariances(covariances, centres), k)
        variances, basis = score.c, score.basis  # steps are taken in the basis of the target, around its mean
        problem = problem.replace(sigma2=float(score.c[0]))  # the least variance sets the steps
    _warn_of_early_start(problem, centres, k, problem.sigma2 if variances is None else score.c)
    spread = float(np.linalg.norm(centres - centres.mean(axis=0), 2) ** 2 / len(centres))  # in the widest direction
    batch = Batch(problem, n_steps, n_samples, len(basis), seed, variances=variances, spread=spread)
    resolve = Resolution(lambda w, posterior, D: w, batch.steps, n_samples, n_samples)

    def move(state: State, n: int, step: Step, noise: Any) -> State:
        D = batch.steps.variance(n)
        if step.w_start != 0.0 or step.w_end != 0.0:
            posterior = state.posterior or score(state.y, D)
            state = state._replace(posterior=posterior)
            resolve(step, posterior, D)
        return advance(state, D, noise, step, score, lambda w, posterior, D: -w * posterior.shift)

    return batch.follow(State(batch.start - centres[k] @ basis), move).y @ basis.T + centres[k]


def _checked_covariances(covariances: Any, means: np.ndarray) -> np.ndarray:
    """(classes, dim, dim), symmetric and positive definite."""
    given = covariances_of(covariances, *means.shape)
    least = np.linalg.eigvalsh(given)[:, 0]
    if least.min() <= 0.0:
        k = int(np.argmin(least))
        raise ProblemError(
            f"covariances must be positive definite; that of class {k} has the eigenvalue {least[k]:.3g}. Add a small "
            "multiple of the identity, or leave out directions without variance."
        )
    return given


def _warn_of_early_start(problem: Problem, means: np.ndarray, target: int, c: Any) -> None:
    """Warn where t_start is not above |mu_k - mu_1|^2 and the class variances c, or leaves the target off its mean.

    Without guidance the mean of the target ends at mu_1 (1 - (c/(c + T))^e), as the start is centred at the origin.
    """
    least, size = float(np.min(c)), float(np.linalg.norm(means[target]))
    apart = float(np.sum((means - means[target]) ** 2, axis=1).max())
    needed = max(apart, float(np.max(c)), least * ((size / (LEFT * math.sqrt(least))) ** (1.0 / problem.e) - 1.0))
    if problem.T < needed:
        start = problem.noise.own_time(10.0 * needed)
        warnings.warn(
            f"the start must cover the data: VE time {problem.T:.3g} is below {needed:.3g}, from the squared distances "
            f"between means ({apart:.3g}), the largest class variance ({np.max(c):.3g}) and the distance of the target "
            f"from the origin ({size:.3g}). Take t_start={start:.3g}, or centre the data and divide by their width.",
            StartWarning,
            stacklevel=3,
        )
