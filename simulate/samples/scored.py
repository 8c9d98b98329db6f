"""Guided samples with any scores: learned ones, those of a fit, those of a finite set of points.

The scores come as two functions of a batch x and VE time t; nothing else is known of the classes. With D = c + t, c a
variance that is stated, the guided score is written as everywhere else (`simulate.steps.integrators`),

    s_w = s_c + w (s_c - s_u) = (b - x)/D,      b = x + D s_w,

so that time grid, coefficients, noise and random numbers are those of exact classes: with the exact scores of a mixture
a sample is that of `simulate.sample_mixture`, up to the error of the time step. What is not known here is how a
posterior moves with the state: `simulate.samples.driven`.

A rule of guidance (`meanfield.rules`) takes the two denoised predictions x + t s instead of the scores, per dim^(1/2),
and s_w = (guided - x)/t. The unconditional score may be any other one: that of a weak model, for instance.

No score is called at t below `t_end`: the steps go on to t = 0 with b(x, t_end), whose change over so short a time does
not matter. With s = sigma^2 -> 0 what is returned is then the denoised sample, as in other samplers. Scores in the form
(D(x, sigma) - x)/sigma^2 are 0/0 at t = 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.errors import ConvergenceError, array, checked, require, short, whole
from meanfield.problem.statement import Problem
from meanfield.tools.door import door
from meanfield.tools.progress import Progress
from simulate.samples.batch import Batch, require_start
from simulate.samples.driven import driven

T_END = 1e-4  # default of t_end, in units of sigma2: times below change a force b by a few 1e-5 of its size

ScoreFunction = Callable[[np.ndarray, float], np.ndarray]  # x (samples, dim), VE time t -> score (samples, dim)


@door()
def sample_scores(
    problem: Problem,
    conditional: ScoreFunction,
    unconditional: ScoreFunction,
    dim: int,
    *,
    n_samples: int = 1000,
    n_steps: int = 80,
    seed: int = 0,
    draw: int = 0,
    t_end: float | None = None,
    second: ScoreFunction | None = None,
    progress: bool | Callable[[int, int], Any] | None = False,
) -> np.ndarray:
    """Guided samples with the scores s_c and s_u given as functions.

    Parameters
    ----------
    problem : guidance (a schedule or a rule), sampler, noise and a finite start; its classes are not looked at. Its
        sigma2 is the variance c above, and sets the steps, log-uniform in c + t: give the least variance that a class
        has in any direction.
    conditional, unconditional : (x, t) -> score, x and score of shape (n_samples, dim), t the VE time. A conditional
        score may know one label for each sample. Neither is called where it does not enter (w = -1, w = 0). With a
        rule the second one is what the rule pushes away from: for `WeakModel` give the weak model's score.
    dim : number of dimensions.
    n_samples, n_steps, seed : as in `simulate.run`.
    draw : number of the batch, >= 0; another one has other random numbers.
    t_end : least VE time at which scores are called, from 0 to below the start; default 1e-4 sigma2. For a network that
        knows no noise below sigma_min give sigma_min^2. 0 is for scores that are right there, such as exact ones.
    second : score of the second condition, (x, t) -> score, of rules that take one (`Negative`, `Composed`). Where the
        unconditional score does not enter (`Negative`) it is not called.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    x : (n_samples, dim) at t = 0.

    Raises
    ------
    ProblemError : a start at t = infinity, a spectrum, a score that is no function or of another shape, a number out
        of range.
    ScheduleError : a weight that depends on the sample; a rule that fails.
    ConvergenceError : a score that is not finite.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0, sampler="ode", t_start=1000.0)
    >>> mean = np.array([1.0, -1.0])
    >>> conditional = lambda x, t: (mean - x) / (0.25 + t)
    >>> unconditional = lambda x, t: -x / (1.25 + t)
    >>> x = sample_scores(problem, conditional, unconditional, 2, n_samples=2000)
    >>> bool(abs(x[:, 0].var() / 0.05 - 1.0) < 0.1)      # (T18): v(0) = 0.25 T/(0.25 + T) exp(-G), exp(-G) = 0.2
    True
    """
    require(isinstance(problem, Problem), "problem must be a Problem", repr(problem))
    problem.require_isotropic("sample_scores", "Scores are given in the coordinates of x: state sigma2.")
    require_start(problem, "scores", 400, takes="rules")
    takes = problem.schedule.second
    rule_of_second = f"{problem.guidance!r} takes {'a score' if takes else 'no score'} of a second condition"
    require(takes == (second is not None), rule_of_second, f"second={short(second)}")
    scores = {"conditional": conditional, "unconditional": unconditional}
    scores |= {"second": second} if second is not None else {}
    for name, score in scores.items():
        require(callable(score), f"the {name} score must be a function of (x, t)", repr(score))
    batch = Batch(problem, n_steps, n_samples, whole("dim", dim, low=1), seed, draw)
    t_end = T_END * problem.sigma2 if t_end is None else checked("t_end", t_end, low=0)
    require(t_end < problem.T, "t_end must be below the start", f"t_end={t_end:g} and t={problem.T:g}", "Lower it.")
    t = np.maximum(batch.steps.t, t_end).tolist()
    rule = problem.schedule if problem.schedule.by_rule else None
    if rule is not None:
        require(t_end > 0.0, "a rule acts on denoised predictions, at t > 0", f"t_end={t_end:g}", "Leave t_end out.")

    def force(x: np.ndarray, n: int, w: float, inside: float) -> np.ndarray:
        plain = rule is None
        guided = (
            _guided(x, t[n], w, conditional, unconditional) if plain else _by_rule(rule, x, t[n], w, inside, scores)
        )
        return x + (problem.sigma2 + t[n]) * guided

    with Progress(progress, len(batch.steps), "sampling") as show:
        return driven(batch, batch.start, force, t, restarts=rule is not None, show=show)


def checked_state(x: np.ndarray, t: float, dim: int) -> tuple[np.ndarray, float]:
    """States (samples, dim) and VE time t >= 0 of a score.

    Examples
    --------
    >>> checked_state(np.zeros((2, 3)), 1.0, dim=4)
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: x must have the shape (samples, 4); got (2, 3).
    """
    x = numbers("x", x)
    require(x.ndim == 2 and x.shape[1] == dim, f"x must have the shape (samples, {dim})", x.shape)
    return x, checked("t", t, low=0)


def numbers(name: str, values: Any) -> np.ndarray:
    """Values as an array of floats.

    Examples
    --------
    >>> numbers("points", [[1.0], [2.0, 3.0]])
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: points must be an array of numbers; got [[1.0], [2.0, 3.0]].
    """
    return array(values, f"{name} must be an array of numbers")


def _guided(x: np.ndarray, t: float, w: float, conditional: ScoreFunction, unconditional: ScoreFunction) -> np.ndarray:
    """s_c + w (s_c - s_u), each score called only where it enters."""
    total = np.zeros_like(x)
    for name, weight, function in (("conditional", 1.0 + w, conditional), ("unconditional", -w, unconditional)):
        if weight != 0.0:
            total += weight * _checked(name, function, x, t)
    return total


def _by_rule(rule: Any, x: np.ndarray, t: float, w: float, inside: float, scores: dict[str, Any]) -> np.ndarray:
    """The score of what a rule makes of the denoised predictions; `inside` is the time that the rule sees."""
    needless = rule.second and not rule.competes
    found = {
        name: _checked(name, function, x, t)
        for name, function in scores.items()
        if not (needless and name == "unconditional")
    }
    return ruled(rule, x, t, w, inside, [found.get(name, found["conditional"]) for name in scores])


def ruled(rule: Any, x: np.ndarray, t: float, w: float, inside: float, scores: list[np.ndarray]) -> np.ndarray:
    """The score of what a rule makes of scores (samples, dim): the conditional one, the other, perhaps a second."""
    unit = math.sqrt(x.shape[1])
    cond, other, *second = ((x + t * score) / unit for score in scores)
    weight = w if rule.factors is None else w * rule.factors[0]
    return (unit * rule.combined(x / unit, cond, other, inside, weight, *second) - x) / t


def _checked(name: str, function: ScoreFunction, x: np.ndarray, t: float) -> np.ndarray:
    score = numbers(f"the {name} score", function(x, t))
    rule = f"the {name} score must have the shape of x, {x.shape}"
    require(score.shape == x.shape, rule, f"{score.shape} at t = {t:.4g}", "Return one score for each sample.")
    if not np.all(np.isfinite(score)):
        lost = int(np.sum(~np.isfinite(score).all(axis=1)))
        raise ConvergenceError(
            f"the {name} score must be finite; at t = {t:.4g} it is not for {lost} of {len(x)} samples. Weaken the "
            "guidance, take more steps, train longer, or raise t_end if it fails at small t."
        )
    return score
