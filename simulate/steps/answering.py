"""The correction of a step, solved for: the corrected state answers to its own force.

The step of `simulate.steps.integrators` is y' = y* + psi (b(y') - b^), with b = -w x a: x = 1 - pi_1, and a the mean of
the rivals. The score knows x* and a* at y*. What they are at y' = y* + u is known as well as the crowd's answer is
(`simulate.steps.stepping.moved`):
    a = a* + u/(1 + D),      L = L* - u.(a* + a)/(2 D),      x = 1/(1 + exp L),
so u is wanted with u = -psi (w x a + b^). Given x it is linear,
    u = -f psi (w x a* + b^),      f = 1/(1 + w x kappa),      kappa = psi/(1 + D),
and x is the one number left to solve for: in the log-odds,
    L = L* + f (w x S_1 + S_0) - f^2 ((w x)^2 Q_2 + 2 w x Q_1 + Q_0)/2,
    S_1 = psi |a*|^2/D,   S_0 = psi a*.b^/D,   (Q_2, Q_1, Q_0) = psi^2 (|a*|^2, a*.b^, |b^|^2)/(D (1 + D)).
With one D per direction these are sums over directions, and kappa = Q_2/S_1 is their mean. Where x is 1 to within
exp(-`DECIDED`), as in a crowd, there is nothing to solve for, and where it is 0 there is no answer (f = 1).

Why. y* lacks what the force answers to the noise of its own step. A force evaluated there and taken as it is leaves an
error in the covariance of force and noise, h^3 a step: of the order that the scheme has anyway, but the largest part of
its error. While a sample's class is decided the force answers to noise by w x (1 - x) |a|^2/D, many times a crowd's
answer. It costs no score to have it right.

Newton's method, kept between bounds: to the left of the solution L is less than the right-hand side, to the right more.
With w > 0 there is one solution, as more weight of the rivals draws y towards where they have less.
"""

from typing import Any

from meanfield.tools.compiling import inner
from simulate.scores.posterior import Posterior, library, shares
from simulate.steps.parts import DECIDED

ITERATIONS = 12  # at most; 4 do where steps are short
CLOSE = 1e-4  # of the last iteration: the error after it is about that squared
FAR = 1e9  # first bounds of the log-odds
LEAST = 0.2  # slope of an iteration, where w < 0 and there may be several solutions


def answer(posterior: Posterior, force: Any, ahead: Any, psi: Any, D: Any) -> Any:
    """u (samples, dim): the correction of the predicted states, at which the posterior and the force are known.

    `ahead` is the predicted force b^, and `psi` the weight of the correction; D the total variance. Arrays of any
    library, psi and D numbers or (dim,).

    Examples
    --------
    >>> import numpy as np
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.scores.reference import ReferenceScore
    >>> from simulate.steps.stepping import moved
    >>> score = ReferenceScore(draw_direct(d=8, n_classes=50, seed=0, draw=0))
    >>> y = np.ones((3, 8))
    >>> there = score(y, D=2.0)
    >>> u = answer(there, -there.shift, 0.0 * y, 0.2, D=2.0)       # w = 1, b^ = 0
    >>> bool(np.allclose(u, -0.2 * moved(there, u, 2.0).shift, atol=1e-12))
    True
    """
    xp = library(force)
    rest = posterior.rest
    known = xp.isfinite(posterior.log_odds)
    none = xp.zeros_like(rest)
    decided = xp.where(known, posterior.log_odds >= DECIDED, posterior.weight > 0.5)
    open_ = known & (xp.abs(posterior.log_odds) < DECIDED)
    over = xp.where(rest > 0.0, rest, xp.ones_like(rest))[:, None]
    mean = posterior.shift / over
    one, two = psi / D, psi * psi / (D * (1.0 + D))  # numbers, or (dim,)
    S1, S0 = _sum(one * mean * mean), _sum(one * mean * ahead)
    Q2, Q1, Q0 = _sum(two * mean * mean), _sum(two * mean * ahead), _sum(two * ahead * ahead)
    some = S1 > 0.0
    S1_safe = xp.where(some, S1, xp.ones_like(S1))
    pull = xp.where(some, -_sum(one * force * mean) / S1_safe, none)  # w x*
    kappa = xp.where(some, Q2 / S1_safe, none)
    w = pull / over[:, 0]
    start = xp.where(open_, posterior.log_odds, none)
    odds, low, high, moving = start, start - FAR, start + FAR, open_
    for _ in range(ITERATIONS):
        if not xp.any(moving):  # as in a crowd
            break
        _, gain, slope = terms(shares(odds)[1], w, S1, S0, Q2, Q1, Q0, kappa)
        miss, slope = start + gain - odds, xp.minimum(slope, -LEAST + none)
        low, high = xp.where(miss > 0.0, odds, low), xp.where(miss < 0.0, odds, high)
        new = odds - miss / slope
        new = xp.where((new < low) | (new > high), 0.5 * (low + high), new)
        odds, moving = xp.where(moving, new, odds), moving & (xp.abs(new - odds) > CLOSE)
    x = xp.where(open_, shares(odds)[1], rest)
    f = xp.where(decided, xp.ones_like(x), 1.0 / (1.0 + w * x * kappa))
    return (f[:, None] * psi) * ((x / over[:, 0])[:, None] * force - ahead)


def _sum(x: Any) -> Any:
    """Over directions, (samples,)."""
    return library(x).sum(x, axis=1)


@inner(forceinline=True, error_model="numpy")
def terms(x, w, S1, S0, Q2, Q1, Q0, kappa):  # compiled, and as it stands for arrays
    """Of the equation for L at some x: f, what the right-hand side adds to L*, and the slope of right minus left."""
    f = 1.0 / (1.0 + w * x * kappa)
    line, bend = f * (w * x * S1 + S0), f * f * ((w * x) ** 2 * Q2 + 2.0 * w * x * Q1 + Q0)
    change = f * w * (S1 - kappa * line) - f * f * w * (w * x * Q2 + Q1) + f * w * kappa * bend  # by x
    return f, line - 0.5 * bend, -change * x * (1.0 - x) - 1.0
