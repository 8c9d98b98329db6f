"""Whether the time steps of a run resolve its guidance: one number, the same for particles and the finite-d theories.

In a step of length h in log D guidance draws a sample towards its rivals' mean by the share

    N = e |w| (1 - pi_1) h/(1 + D),      pi_1 at the beginning of the step, D at its end,

of its distance. Explicit steps of N > 2 overshoot by more than they correct. A run's number is the root mean square,
over its samples, of each one's largest N on the way: whatever falls between two recorded times is in it, and samples
that a long step throws off weigh most. docs/steps.md has the errors that were found at each N.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from meanfield.errors import ConvergenceError

LARGEST = 1.0  # N of a run; beyond, errors in m are a tenth of what guidance does at the median, and have no limit
COARSE = 0.3  # N from which a result says that its steps are few
SPARE = 2.0  # the number of steps that is advised leaves this factor
MOST = 100_000  # steps worth advising


def require_resolved(number: float, bound: float, n_steps: int) -> float:
    """Refuse a run of `n_steps` steps whose N is above `LARGEST`, or not a number; otherwise return N.

    Parameters
    ----------
    number : N of the run.
    bound : largest N that any sample can have with these steps, at pi_1 = 0; it falls like 1/n_steps.

    Raises
    ------
    ConvergenceError : with a number of steps that is sure to do.

    Examples
    --------
    >>> require_resolved(0.2, bound=0.5, n_steps=100)
    0.2
    >>> require_resolved(14.4, bound=18.0, n_steps=2)
    Traceback (most recent call last):
    ...
    meanfield.errors.ConvergenceError: time steps must resolve the guidance: e |w| (1 - pi_1) h/(1 + D) of at most 1, \
h the step in log D; with 2 steps it is 14.4, r.m.s. over samples of the largest on their way. Take n_steps=72 \
(sure to do; fewer may: simulate.run finds how few with tol=0.01).
    """
    if number <= LARGEST:
        return float(number)
    sure = math.ceil(SPARE * bound * n_steps) if bound * n_steps < MOST else math.inf
    if sure <= MOST:
        remedy = f"Take n_steps={sure} (sure to do; fewer may: simulate.run finds how few with tol=0.01)."
    else:
        remedy = f"Take n_steps={2 * n_steps}, and double it while that is too few."
    raise ConvergenceError(
        f"time steps must resolve the guidance: e |w| (1 - pi_1) h/(1 + D) of at most {LARGEST:g}, h the step in log "
        f"D; with {n_steps} steps it is {number:.3g}, r.m.s. over samples of the largest on their way. {remedy}"
    )


@contextmanager
def within_doubles(n_steps: int) -> Iterator[None]:
    """Refuse `n_steps` steps by which states leave the range of doubles: compiled code then divides by zero."""
    try:
        yield
    except ZeroDivisionError as cause:
        raise ConvergenceError(
            f"time steps must resolve the guidance: with {n_steps} steps samples leave the range of doubles. "
            f"Take n_steps={2 * n_steps}, and double it while that is too few."
        ) from cause


def coarse(number: float) -> str:
    """What a result of steps with this N says of them; nothing below `COARSE`.

    Examples
    --------
    >>> coarse(0.02)
    ''
    >>> coarse(0.8)
    'few steps (N = 0.8): errors up to 0.1 in m and 0.5 in v/sigma2 were found at N <= 1; see docs/steps.md'
    """
    if number < COARSE:
        return ""
    found = "errors up to 0.1 in m and 0.5 in v/sigma2 were found at N <= 1; see docs/steps.md"
    return f"few steps (N = {number:.2g}): {found}"
