"""Rescaled guidance: the guided prediction gets the length of the conditional one back."""

from dataclasses import dataclass
from typing import Any, ClassVar

from meanfield.errors import ScheduleError, checked, one_of, settle
from meanfield.rules.base import Rule, norm
from meanfield.rules.predictions import PREDICTIONS, Prediction
from meanfield.tools.door import door


@door(ScheduleError)
@dataclass(frozen=True)
class Rescale(Rule):
    """g <- phi g |c|/|g| + (1 - phi) g, with g = c + w (c - u) in what the network predicts: eps, x0 or v.

    Source: arXiv:2305.08891, sec. 3.4 (`guidance_rescale` of diffusers; there standard deviations of entries, which are
    |.|/d^(1/2) for vectors without a mean). The three predictions have different laws. v is that of variance-preserving
    noise, (eps - sqrt(t) x0)/(1 + t)^(1/2).

    Parameters
    ----------
    guidance : amplitude w(t). phi : from 0 (no rescaling) to 1. prediction : "eps", "x0" or "v".

    Examples
    --------
    >>> from meanfield import Continuum, Problem, solve
    >>> problem = Problem(classes=Continuum(), sigma2=0.25, guidance=Rescale(1.0), sampler="ode", t_start=1000.0)
    >>> final = solve(problem).final
    >>> print(f"{final.m:.3f} {final.v / 0.25:.3f}")
    1.350 0.439
    """

    guidance: Any = 1.0
    phi: float = 0.7
    prediction: str = "eps"
    name: ClassVar[str] = "rescale"

    def __post_init__(self) -> None:
        settle(self, phi=checked("phi", self.phi, low=0, high=1, error=ScheduleError))
        one_of("prediction", self.prediction, PREDICTIONS, error=ScheduleError)
        super().__post_init__()

    def shrinks(self, sigma2: float, eta: float) -> bool:
        if self.phi == 0.0 or self.prediction == "x0":
            return True
        return self.prediction == "v" and (self.phi == 1.0 or eta >= 1.0 or sigma2 >= 1.0)

    def guided(self, x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
        predicted = Prediction.of(self.prediction, x, t)
        c, u = predicted.made(cond), predicted.made(uncond)
        g = c + w * (c - u)
        return predicted.denoised(self.phi * g * norm(c) / norm(g) + (1.0 - self.phi) * g)
