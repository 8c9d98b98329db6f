"""One step of a batch: predict, evaluate the score once, correct, and move the posterior to the corrected state.

Moving. The posterior is known at the predicted state y* and wanted at y' = y* + u, u small (of the order of the local
error). What the wrong classes weigh together, log Z(y) = log sum_{k != 1} exp(l_k), has the derivatives
    D grad log Z = mean of delta_k over them,  a,       D^2 Hess log Z = their covariance ~ D/(1 + D)  (crowd),
so with the crowd's answer  a' = a + u/(1 + D),  log Z' = log Z + (u/D).(a + a')/2,  and the shift is (1 - pi_1') a'.
This is exact in the crowd, Gaussian in the classes; where few classes dominate it is first order in the part of the
Hessian that counts most, the exchange of weight between target and rest. Leaving it out costs stability, not order.

The arrays may be those of any library (the array API).
"""

from functools import reduce
from typing import Any, NamedTuple

from simulate.scores.posterior import Posterior, library, shares
from simulate.scores.reference import Score
from simulate.steps.answering import answer
from simulate.steps.guidance_force import Pull
from simulate.steps.integrators import Step, predict
from simulate.steps.parts import DECIDED, Parts, integral, split


class State(NamedTuple):
    """A batch between two steps.

    y (samples, dim); its posterior, None if not known; `before`, the force b where the last step began, or in steps by
    parts the values (L, a) where the last two began, the latest first (in place: (L and 1 + exp L, p)).
    """

    y: Any
    posterior: Posterior | None = None
    before: Any = 0.0


def advance(state: State, D: Any, noise: Any, step: Step, score: Score, pull: Pull, full: bool = False) -> State:
    """The state one step later. `full` asks for all that observables need of the posterior there.

    D is the total variance at the start of the step; `pull` gives the force b.
    """
    if step.w_start == 0.0 and step.w_end == 0.0:
        return State(predict(state.y, 0.0, 0.0, noise, step))
    posterior = state.posterior or score(state.y, D)
    if step.parts is not None:
        return _by_parts(step.parts, state, posterior, step, score, full)
    b = pull(step.w_start, posterior, D)
    ahead = b + step.ratio * (b - state.before)
    predicted = predict(state.y, b, ahead, noise, step)
    there = score(predicted, step.D_end, full)
    force = pull(step.w_end, there, step.D_end)
    change = answer(there, force, ahead, step.psi, step.D_end) if step.answers else step.psi * (force - ahead)
    return State(predicted + change, moved(there, change, step.D_end) if step.resolved else None, b)


def _by_parts(parts: Parts, state: State, posterior: Posterior, step: Step, score: Score, full: bool) -> State:
    """The step of `simulate.steps.parts`."""
    earlier = state.before if isinstance(state.before, tuple) else ()
    values = [split(posterior), *earlier]
    decided = reduce(library(state.y).maximum, [log_odds for log_odds, _ in values]) > DECIDED
    linear = step.decay * state.y
    predicted = linear + integral(parts, parts.ahead, values, decided)
    there = score(predicted, step.D_end, full)
    y = linear + integral(parts, parts.through, [split(there), *values], decided)
    return State(y, moved(there, y - predicted, step.D_end) if step.resolved else None, tuple(values[:2]))


def moved(posterior: Posterior, change: Any, D: Any) -> Posterior:
    """The posterior after a small change of state, (samples, dim), at total variance D.

    `participation` and `nearest` stay what they were.

    Examples
    --------
    >>> import numpy as np
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.scores.reference import ReferenceScore
    >>> score = ReferenceScore(draw_direct(d=8, n_classes=3000, seed=0, draw=0))
    >>> y, u = np.ones((1, 8)), np.full((1, 8), 0.1)
    >>> there = moved(score(y, D=4.0), u, D=4.0).shift - score(y + u, D=4.0).shift
    >>> bool(np.abs(there).max() < 0.2 * np.abs(score(y, D=4.0).shift - score(y + u, D=4.0).shift).max())
    True
    """
    xp = library(posterior.shift)
    known = xp.isfinite(posterior.log_odds)  # not in the continuum, nor where no rival counts: the weight stays
    wrong = posterior.rest  # (samples,)
    mean = posterior.shift / xp.where(wrong > 0, wrong, xp.ones_like(wrong))[:, None]  # (samples, dim)
    moved_mean = mean + change / (1.0 + D)
    log_odds = posterior.log_odds - 0.5 * xp.vecdot(change / D, mean + moved_mean)
    right, rest = shares(log_odds)
    weight, wrong = xp.where(known, right, posterior.weight), xp.where(known, rest, wrong)
    shift, ratio = wrong[:, None] * moved_mean, posterior.log_ratio
    if ratio is not None:  # grad log r = shift/D
        ratio = ratio + 0.5 * xp.vecdot(change / D, posterior.shift + shift)
    return Posterior(shift, log_odds, weight, posterior.participation, posterior.nearest, ratio)
