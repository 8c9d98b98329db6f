"""The model that a sampler's code is given: predictions at (x, level), guided by the problem, in any parametrisation.

State and level are those of the problem's noise process, x = a x_0 + b z; for variance-exploding noise the level is
sigma = sqrt(t), as samplers have it, otherwise the own time of the process. A class of variance c around M, noised, has
variance a^2 c + b^2, and with k = 1/(a^2 c + b^2)

    (P1)  denoised = k (a c x + b^2 M),   eps = k b (x - a M),   v = a eps - b denoised,   velocity = eps - denoised.

Conditional, unconditional and guided predictions differ in M alone: mu_1, the posterior mean M_u of the class centres,
and mu_1 + w (mu_1 - M_u). Nothing in (P1) cancels, at a = 0 (pure noise) or b = 0.

A process of the code's own is asked at a `Level` of its own: `model.eps(x, Level(a, b))`, whatever problem.noise is.

What M_u is, is asked of a `Space`: the mean field, a theory at finite d, or drawn classes.
"""

import math
from typing import Any, NamedTuple, Protocol

import numpy as np

from meanfield.errors import ProblemError, checked, require
from meanfield.problem.noise import VE
from meanfield.problem.statement import Problem
from meanfield.sampler.arrays import given, taken

PURE = 1e-8  # a/b is not taken below: what is left of the data there cannot be seen
LARGEST = 1e60  # of |x|, whose fourth powers are floats


class Level(NamedTuple):
    """a and b of a state x = a x_0 + b z, in place of a level of the problem's process.

    Examples
    --------
    >>> Level(a=0.8, b=0.6).checked()
    Level(a=0.8, b=0.6)
    """

    a: float
    b: float

    def checked(self) -> "Level":
        """Itself, as floats: both at least 0, not both 0."""
        a, b = checked("a", self.a, low=0, high=1e50), checked("b", self.b, low=0, high=1e50)
        require(a + b > 0.0, "a and b of x = a x_0 + b z must not both be 0", self)
        return Level(a, b)


class Space(Protocol):
    """Where a sampler's vectors live, and what is known of the classes there.

    Attributes
    ----------
    shape : (samples, ...) of the sampler's arrays; vectors here are (samples, directions).
    target : mu_1, (directions,); or the M of the conditional prediction where `centres` was asked last, (samples,
        directions). variances : class variance, a number or one of every group of directions.
    """

    shape: tuple[int, ...]
    target: np.ndarray
    variances: Any

    def scaled(self, factors: Any, x: np.ndarray) -> np.ndarray:
        """x with each group of directions times its factor (a number if there is one group)."""
        ...

    def centres(self, y: np.ndarray, t: float, w: float) -> tuple[np.ndarray, np.ndarray]:
        """The unconditional and the guided M at y = x/a and VE time t, (samples or 1, directions) each.

        w is the factor of the weight that depends on t alone. Called once for each state that the sampler asks about,
        in order.
        """
        ...


class Prediction:
    """One prediction of the model, in the forms in which networks are trained; x as `noise()` gives it, s its level or
    its `Level`."""

    __slots__ = ("_model", "_which")
    _model: "Model"
    _which: int

    def __init__(self, model: "Model", which: int) -> None:
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_which", which)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ProblemError(f"a sampler must leave its model as it is; got an assignment to model.{name}.")

    def denoised(self, x: Any, s: Any) -> Any:
        """Prediction of the data, E[x_0 | x]."""
        return self._model._predict(self._which, "denoised", x, s)

    def eps(self, x: Any, s: Any) -> Any:
        """Prediction of the noise z in x = a x_0 + b z."""
        return self._model._predict(self._which, "eps", x, s)

    def v(self, x: Any, s: Any) -> Any:
        """a eps - b denoised (Salimans & Ho, arXiv:2202.00512)."""
        return self._model._predict(self._which, "v", x, s)

    def velocity(self, x: Any, s: Any) -> Any:
        """eps - denoised, the velocity of a rectified flow."""
        return self._model._predict(self._which, "velocity", x, s)


class Model(Prediction):
    """The guided prediction; `cond` and `uncond` are the two it is made of. `times` are the VE times of the calls,
    `asked` the predictions that were asked for: 0 conditional, 1 unconditional, 2 guided."""

    __slots__ = ("_last", "_problem", "_space", "asked", "cond", "times", "uncond")
    _last: list[Any]  # state, level, centres, predictions asked for
    _problem: Problem
    _space: Space
    asked: set[int]
    times: list[float]

    def __init__(self, problem: Problem, space: Space) -> None:
        for name, value in {
            "_model": self, "_which": 2, "_problem": problem, "_space": space, "_last": [None, None, None, set()],
            "times": [], "asked": set(), "cond": Prediction(self, 0), "uncond": Prediction(self, 1),
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)

    def _predict(self, which: int, kind: str, x: Any, s: Any) -> Any:
        space = self._space
        self.asked.add(which)
        a, b = s.checked() if isinstance(s, Level) else level_at(self._problem, level_of(s))
        state = taken(x, space.shape, "x")
        M = self._centres(state, a, b, (which, kind))[which]
        k = 1.0 / (a * a * space.variances + b * b)
        eps: Any = None
        denoised: Any = None
        if kind != "denoised":
            eps = space.scaled(k * b, state - a * M)
        if kind != "eps":
            denoised = space.scaled(k * a * space.variances, state) + space.scaled(k * b * b, M)
        if kind == "v":
            value = a * eps - b * denoised
        elif kind == "velocity":
            value = eps - denoised
        else:
            value = denoised if eps is None else eps
        return given(value, space.shape, like=x)

    def _centres(self, x: np.ndarray, a: float, b: float, asked: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """M of the three predictions. Different predictions of one state are one call of the model; the same one asked
        again is a new call, so that their number does not depend on rounding where steps are tiny."""
        before, at, centres, known = self._last
        if at != (a, b) or asked in known or not np.array_equal(before, x):
            a_seen = max(a, PURE * b)
            t = (b / a_seen) ** 2
            if not np.abs(x).max() < LARGEST:  # nan is not
                raise ProblemError(
                    f"the model must be called at finite x, below {LARGEST:g}; at t = {t:.4g} it is not. The sampler "
                    "has diverged: less guidance, or more steps."
                )
            self.times.append(t)
            w = float(self._problem.amplitude(t))
            others, guided = self._space.centres(x / a_seen, t, w)
            centres = np.atleast_2d(self._space.target), others, guided
            self._last[:] = x, (a, b), centres, set()
        self._last[3].add(asked)
        return centres


def level_at(problem: Problem, s: float) -> Level:
    """a and b of x = a x_0 + b z at s: sigma for VE noise, else the own time of the problem's process."""
    noise = problem.noise
    if isinstance(noise, VE):
        return Level(1.0, s)
    return Level(float(noise.a(s)), float(noise.b(s)))


def level_of(s: Any) -> float:
    """The one level of a number, or of an array with that of every sample."""
    values = s
    for method in ("detach", "cpu"):
        values = getattr(values, method)() if hasattr(values, method) else values
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        values = np.full(1, math.nan)
    level = float(values.flat[0]) if values.size and np.all(values == values.flat[0]) else s
    remedy = "All samples of a call share one level: sigma for VE noise, else the own time of the problem's process."
    return checked("the level at which the model is called", level, low=0, high=1e50, remedy=remedy)
