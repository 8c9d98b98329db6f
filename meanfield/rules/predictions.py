"""What a network predicts: the noise, the data or a velocity, a multiple of the denoised prediction plus one of x.

    eps = (x - denoised)/t^(1/2),     x0 = denoised,     v = (x - (1 + t) denoised)/(t (1 + t))^(1/2),

v of variance-preserving noise, (eps - t^(1/2) x0)/(1 + t)^(1/2).
"""

from typing import Any, NamedTuple

import numpy as np

PREDICTIONS = ("eps", "x0", "v")


class Prediction(NamedTuple):
    """p = scale * denoised + rest.

    Examples
    --------
    >>> eps = Prediction.of("eps", x=np.array([3.0]), t=4.0)
    >>> eps.made(np.array([1.0])), eps.denoised(eps.made(np.array([1.0])))
    (array([1.]), array([1.]))
    """

    scale: Any
    rest: Any

    @classmethod
    def of(cls, name: str, x: Any, t: float) -> "Prediction":
        """That of a name in `PREDICTIONS`, at state x and VE time t."""
        if name == "x0":
            return cls(1.0, 0.0 * x)
        if name == "eps":
            return cls(-1.0 / np.sqrt(t), x / np.sqrt(t))
        return cls(-np.sqrt((1.0 + t) / t), x / np.sqrt(t * (1.0 + t)))

    def made(self, denoised: Any) -> Any:
        return self.scale * denoised + self.rest

    def denoised(self, made: Any) -> Any:
        return (made - self.rest) / self.scale
