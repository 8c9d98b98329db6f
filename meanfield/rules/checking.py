"""A rule is tried before it is used: shape, finite numbers, sample by sample, and no direction of its own."""

from typing import Any

import numpy as np

from meanfield.errors import ScheduleError

SAMPLES, DIRECTIONS = 3, 6
TIMES = 0.01, 1.0, 50.0
PRECISION = 1e-9


def check_rule(rule: Any) -> None:
    """Raise ScheduleError for a rule that no theory here can have.

    Vectors are turned, and must come out turned; samples of a batch must not know of each other; where both
    predictions agree there must be a finite result.
    """
    turn = np.linalg.qr(vectors(DIRECTIONS, DIRECTIONS))[0]
    for t in TIMES:
        n = 3 + rule.second
        x, cond, uncond, *second = np.split(vectors(n * SAMPLES, DIRECTIONS, t), n)
        for w, other in ((1.0, uncond), (-0.5, uncond), (1.0, cond)):
            taken = np.array([x, cond, other, *second])
            made = _made(rule, t, w, taken)
            single = [_made(rule, t, w, taken[:, i, None]) for i in range(SAMPLES)]
            if not _same(np.concatenate(single), made):
                raise ScheduleError(f"a rule must treat every sample by itself (the last axis); {rule!r} does not.")
            turned = _made(rule, t, w, taken @ turn)
            if rule.isotropic and not _same(turned, made @ turn):
                raise ScheduleError(
                    f"a rule must not know of single directions: turned vectors must give the turned result; {rule!r} "
                    "looks at entries. Make it of inner products and linear combinations; code that looks at entries "
                    "of a real shape is a sampler's (solve_sampler, shape=)."
                )


def vectors(n: int, d: int, shift: float = 0.0) -> np.ndarray:
    """Vectors (n, d) of length near 1 that look like any others.

    Examples
    --------
    >>> bool(np.all(np.abs(np.linalg.norm(vectors(5, 6), axis=1) - 1.0) < 0.4))
    True
    """
    return np.sqrt(2.0 / d) * np.sin(np.arange(1.0, n * d + 1.0) ** 2 + shift).reshape(n, d)


def _made(rule: Any, t: float, w: float, taken: np.ndarray) -> np.ndarray:
    x, cond, uncond, *second = taken
    try:
        return rule.apply(x, cond, uncond, t, w, 0.25, *second)
    except ScheduleError:
        raise
    except Exception as cause:  # the rule is the user's code
        named = "x, cond, uncond, t, w, second" if second else "x, cond, uncond, t, w"
        raise ScheduleError(
            f"a rule must take ({named}), arrays whose last axis is the vector; {rule!r} raised "
            f"{type(cause).__name__}: {cause}."
        ) from cause


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all(np.abs(a - b) <= PRECISION * (1.0 + np.abs(b).max())))
