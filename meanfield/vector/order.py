"""The order of a sampler, and whether it solves what it says: its law against `solve` as steps grow.

With x = (m(0), v(0)/sigma2) and e_n = x(n steps) - x(continuous time), a sampler of order p on a smooth grid has

    (V10)  e_n = e_infinity + c_p/n^p + c_(p+1)/n^(p+1) + ...,

e_infinity = 0 if it is consistent. The polynomial in 1/n through all e_n gives e_infinity at 1/n = 0, and how that
changed at the last doubling is its uncertainty. A wrong coefficient leaves something, however good the order looks at
few steps.

Where guidance jumps (at F = 0, at an edge of a window) a step across the jump is of first order in every sampler, and
the error is a sawtooth of n: order and limit are uncertain there. Take guidance that is zero when it happens.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, require, whole
from meanfield.problem.statement import Problem
from meanfield.sampler.code import Sampler
from meanfield.theory.solver import solve
from meanfield.tools.door import door
from meanfield.vector.law import SamplerLaw
from meanfield.vector.solver import solve_sampler

STEPS = (16, 32, 64, 128, 256)
ACCURACY = 1e-6  # of `solve`, with a margin
START = 1e-5  # relative deviation of the start that is rounding


@door(made_by="order_of")
@dataclass(frozen=True, repr=False)
class Order:
    """How a sampler's law approaches continuous time.

    Attributes
    ----------
    sampler : its name with the most steps. eta : of the continuous sampler.
    steps : numbers of steps, each twice that before.
    errors : m(0) and v(0)/sigma2 less those of `solve`, (numbers of steps, 2).
    order : p of errors ~ steps^-p, from the last three.
    limit : errors at infinitely many steps by (V10), (2,).
    uncertainty : length of the change of `limit` at the last doubling.
    """

    sampler: str
    eta: float
    steps: tuple[int, ...]
    errors: np.ndarray
    order: float
    limit: np.ndarray
    uncertainty: float

    @property
    def consistent(self) -> bool:
        """Whether `limit` is 0 to twice its uncertainty."""
        return bool(np.linalg.norm(self.limit) <= 2.0 * self.uncertainty + ACCURACY)

    def __repr__(self) -> str:
        (m, v), last = self.limit, self.errors[-1]
        word = "consistent" if self.consistent else "NOT CONSISTENT: its limit is not the continuous sampler"
        return (
            f"{self.sampler}, against eta = {self.eta:g}: order {self.order:.2f}, {word}\n"
            f"  error   m(0) {last[0]:+.2e}   v(0)/sigma2 {last[1]:+.2e}\n"
            f"  limit   m(0) {m:+.2e}   v(0)/sigma2 {v:+.2e}   (known to {self.uncertainty:.1e})"
        )


@door()
def order_of(
    family: Callable[[int], Sampler], problem: Problem, eta: float = 0.0, *, steps: Sequence[int] = STEPS
) -> Order:
    """Measure the order of a family of samplers, and whether its limit is `solve(problem)`.

    Parameters
    ----------
    family : family(n) is the sampler of n steps. Its levels must become dense down to 0 as n grows, as
        `karras_sigmas(n, sigma_max/n^rho, sigma_max, rho)` do.
    problem : with t_start = infinity its start is taken from the sampler's first call.
    eta : stochasticity of the continuous sampler: 0 for ODE samplers, 1 for ancestral and SDE ones.
    steps : four or more numbers of steps, each twice that before.

    Returns
    -------
    Order : errors, order, limit, and `consistent`.

    Raises
    ------
    ProblemError : steps that do not double; a sampler that starts with another variance than the problem's noise
        process.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> from meanfield.sampler.levels import karras_sigmas
    >>> from meanfield.sampler.native import heun
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    >>> found = order_of(lambda n: heun(karras_sigmas(n, 30.0 / n**3, 30.0, rho=3)), problem)
    >>> round(found.order, 1), found.consistent
    (2.0, True)
    """
    counts = tuple(whole("a number of steps", n, low=1, high=1e6) for n in steps)
    doubling = len(counts) >= 4 and all(b == 2 * a for a, b in pairwise(counts))
    require(doubling, "steps must be four or more numbers, each twice that before", steps)
    problem = problem.replace(sampler=eta)
    laws: list[Any] = [solve_sampler(problem, family(n)) for n in counts]  # at d = infinity: no ensembles
    errors = np.array([_error(problem, law) for law in laws])
    sizes = np.linalg.norm(errors, axis=1)
    order = 0.5 * math.log2(sizes[-3] / sizes[-1]) if sizes[-1] > 0.0 else math.inf
    limit, before = _limit(counts, errors), _limit(counts[:-1], errors[:-1])
    return Order(laws[-1].sampler, eta, counts, errors, order, limit, float(np.linalg.norm(limit - before)))


def _error(problem: Problem, law: SamplerLaw) -> np.ndarray:
    """m(0) and v(0)/sigma2 of a law less those of the continuous sampler from the same start."""
    if math.isinf(problem.t_start):
        problem = problem.replace(t_start=float(problem.noise.own_time(law.t[0])))
    start = np.array([law.t[0], law.m[0], law.v[0]])
    wanted = np.array([problem.T, 0.0, problem.v_T])
    if not np.allclose(start, wanted, rtol=START, atol=START):
        raise ProblemError(
            f"a sampler must start as its problem: at t = {wanted[0]:.6g} with m = 0, v = {wanted[2]:.6g} "
            f"({problem.noise!r}); got t = {start[0]:.6g}, m = {start[1]:.3g}, v = {start[2]:.6g}. Samplers that start "
            "from x = z of a^2 + b^2 = 1 (start='vp') have v = t + 1: state such a noise process, e.g. "
            "noise='ornstein-uhlenbeck'."
        )
    end, continuous = law.final, solve(problem).final
    return np.array([end.m - continuous.m, (end.v - continuous.v) / problem.sigma2], float)


def _limit(steps: tuple[int, ...], errors: np.ndarray) -> np.ndarray:
    """The polynomial (V10) through all points, at 1/n = 0: Lagrange's formula."""
    n = np.array(steps, float)
    others = n[:, None] - n + np.diag(n)
    return (n ** len(n) / others.prod(axis=1)) @ errors
