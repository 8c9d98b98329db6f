"""The rules of guidance that are compared, and the schedules of their amplitude: families of one strength each."""

from collections.abc import Callable
from typing import Any

from meanfield import (
    Constant,
    Interval,
    Piecewise,
    Projected,
    Rescale,
    Schedule,
    Tangential,
    WeakModel,
    ZeroStar,
)

RULES: dict[str, Callable[[Any], Any]] = {  # of an amplitude
    "CFG": lambda w: w,
    "rescaled, eps": Rescale,
    "rescaled, v": lambda w: Rescale(w, prediction="v"),
    "rescaled, x0": lambda w: Rescale(w, prediction="x0"),
    "CFG-Zero*": ZeroStar,
    "TCFG": Tangential,
    "APG": Projected,
    "autoguidance": WeakModel,
}
W_MIN, W_MAX = -1.0, 5.0  # of designed windows; W_MAX also early guidance
INTERVAL = (0.5, 50.0)  # VE times of a limited interval
LONGEST = 1000.0  # VE time at which early guidance of strength 0 ends


def _early(strength: float) -> Schedule:
    return Piecewise([LONGEST / (1.0 + strength)], [0.0, W_MAX])


SCHEDULES: dict[str, Callable[[float], Schedule]] = {  # of a strength: all from weak to strong
    "constant": Constant,
    "interval": lambda w: Interval(w, *INTERVAL),
    "early": _early,
}
STRENGTHS = {"constant": (0.05, 25.0), "interval": (0.05, 25.0), "early": (1.0, 5e4)}  # searched, on a log scale
DESIGNED = "designed"
