"""Rules of guidance: what is made of a conditional and an unconditional prediction, written once in array code.

A rule maps a state x = x_0 + sqrt(t) z, the two denoised predictions there and the weight w(t) to the guided denoised
prediction. Vectors are the last axis and come per d^(1/2): norms and inner products are of order one, do not depend on
d, and self-average. So the same code acts on batches of samples (the particles, the theories at finite d) and on the
vector of coordinates that the mean field needs (`meanfield.theory.push`): where a rule is made of inner products and
linear combinations, the guided vector lies in the span of mu_1 and x, and m and v close.

    s = (guided - x)/t,       cfg: guided = cond + w (cond - uncond),       s = s_c + w (s_c - s_u).
"""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from meanfield.errors import ScheduleError, settle
from meanfield.guidance.amplified import Amplified
from meanfield.guidance.schedules import as_schedule
from meanfield.tools.door import Numbers, door

SMALLEST = 1e-300  # in place of a norm of 0 that is divided by


def dot(a: Any, b: Any) -> Any:
    """Inner product of vectors, the last axis, which stays.

    Examples
    --------
    >>> dot(np.array([[3.0, 4.0]]), np.array([[1.0, 1.0]]))
    array([[7.]])
    """
    return (a * b).sum(axis=-1, keepdims=True)


def norm(a: Any) -> Any:
    """Norm of vectors; not exactly 0, so that it may be divided by."""
    return np.sqrt(dot(a, a)) + SMALLEST


@door(ScheduleError, made_by="Rescale")
class Rule(Amplified):
    """Base of the rules. One of your own is a frozen dataclass with a `name`, `guidance`, and `guided`.

    Attributes
    ----------
    guidance : the amplitude w(t), a number or a schedule of t.

    Examples
    --------
    A rule of ten lines, that clips the difference of the predictions at a length of 1 per direction:

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Clipped(Rule):
    ...     guidance: Any = 1.0
    ...     name = "clipped"
    ...     def guided(self, x, cond, uncond, t, w):
    ...         difference = cond - uncond
    ...         return cond + w * difference * np.minimum(1.0, 1.0 / norm(difference))
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Clipped(3.0), sampler="ode", t_start=1000.0)
    >>> round(float(solve(problem).final.m), 3)
    1.391
    """

    by_rule: ClassVar[bool] = True
    widens: ClassVar[float] = 0.0  # by how much the class is wider that takes the unconditional's place; 0: none does
    isotropic: ClassVar[bool] = True  # whether a rotation of all vectors rotates the result

    def __post_init__(self) -> None:
        from meanfield.rules.checking import check_rule

        inner = as_schedule(self.guidance)
        if inner.by_sample:
            raise ScheduleError(f"the amplitude of a rule must be a function of t; got {inner!r}.")
        settle(self, guidance=inner)
        check_rule(self)

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any, *second: Any) -> Any:
        """The guided denoised prediction, of the shape of x.

        Parameters
        ----------
        x, cond, uncond : state and denoised predictions per d^(1/2), (..., directions).
        t : VE time, > 0. w : amplitude at t.
        second : the denoised prediction of a second condition, of rules that take one.
        """
        raise NotImplementedError

    def other(self, x: Any, cond: Any, uncond: Any, t: float, variances: Any) -> Any:
        """What takes the place of the unconditional prediction; `variances` of the class, by direction."""
        return uncond

    def linear(self, D: Any, t: Any, w: Any) -> tuple[Any, Any] | None:
        """a and b of D s = (1 + a) mu_1 - (1 + b) x in a crowd, where they are functions of t alone.

        None where they follow the state, which is the rule: doses (T14)-(T18) know the others.
        """
        return None

    def felt(self, t: float, w: float) -> float:
        """How strongly it weighs the unconditional prediction, roughly: what single classes do acts so much."""
        return w

    def shrinks(self, sigma2: float, eta: float) -> bool | None:
        """(T17): no amplitude w >= 0, from any start, keeps more than no guidance in a crowd. Proved, or refuted.

        None where neither is known (docs/rules.md, Theorems).
        """
        return None

    @property
    def by_sample(self) -> bool:
        return True

    @property
    def known_beside(self) -> bool:
        """Whether what takes the unconditional's place is known of any mixture: itself, or the class, wider."""
        return type(self).other is Rule.other or self.widens > 0.0

    def w(self, t: Numbers):
        raise ScheduleError(
            f"{self!r} is a rule, and no weight w(t) equals it. Use `amplitude(t)`; solve, reduced, quenched, run, "
            "solve_sampler and run_sampler take rules."
        )

    @cached_property
    def acts_alone(self) -> bool:
        """Whether it acts also where both predictions agree."""
        x, cond, *second = self._tried(2)
        return bool(np.abs(self.apply(x, cond, cond, 1.0, 1.0, 0.25, *second) - cond).max() > 1e-9)

    @cached_property
    def competes(self) -> bool:
        """Whether the unconditional prediction enters, and with it all other classes."""
        x, cond, one, other, *second = self._tried(4)
        made = [self.apply(x, cond, uncond, 1.0, 1.0, 0.25, *second) for uncond in (one, other)]
        return bool(np.abs(made[0] - made[1]).max() > 1e-9)

    def _tried(self, n: int) -> list[np.ndarray]:
        """n vectors (1, 4) that look like any others, and one for a second condition."""
        from meanfield.rules.checking import vectors

        return np.split(vectors(n + self.second, 4), n + self.second)

    def apply(self, x: Any, cond: Any, uncond: Any, t: float, w: Any, variances: Any, *second: Any) -> np.ndarray:
        """`combined` with what takes the place of the unconditional prediction."""
        return self.combined(x, cond, self.other(x, cond, uncond, t, variances), t, w, *second)

    def combined(self, x: Any, cond: Any, other: Any, t: float, w: Any, *second: Any) -> np.ndarray:
        """`guided` of the predictions, checked: finite, of the shape of x."""
        made = np.asarray(self.guided(x, cond, other, t, w, *second), float)
        if made.shape != x.shape:
            raise ScheduleError(f"a rule must return the shape of x, {x.shape}; {self!r} returned {made.shape}.")
        if not np.isfinite(made).all():
            raise ScheduleError(
                f"a rule must return finite numbers; {self!r} at t = {t:.4g} did not. Where both predictions agree "
                "(after speciation) nothing may be divided by their difference: see `norm`."
            )
        return made
