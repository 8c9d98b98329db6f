"""Noise processes x_s = a(s) x_0 + b(s) z, each in its own time s, and their map onto variance-exploding (VE) noise.

y = x/a is VE noise at time t = (b/a)^2 (sec. 1 of docs/theory.md, docs/noise.md): the score of x is that of y over a,
so the reverse step dx = [f x - e g^2 s_w] ds + eta g dB, f = a'/a, g^2 = (b^2)' - 2 f b^2, is dy = e s_w dt + eta dB in
VE time. The law of x_0 is the same at equal eta, with the weight w read at the own time of t.

Only statements here: what a process is, not what it does to guidance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from meanfield.errors import ProblemError, checked, settle, short
from meanfield.tools.door import Numbers, door
from meanfield.tools.named import Named


@door(made_by="VE")
class Noise(Named, kind="noise"):
    """A noise process: the protocol.

    Own time s runs from 0 (data) to `last`; samplers run it backwards.
    """

    last: ClassVar[float] = math.inf
    preserving: ClassVar[bool] = False  # a^2 + b^2 = 1: samplers start from N(0, I) at any s

    def a(self, s: Numbers):
        """Scale of the data at own time s (any shape; same shape out)."""
        return np.ones_like(self._own(s))[()]

    def b(self, s: Numbers):
        """Standard deviation of the noise at own time s."""
        raise NotImplementedError

    def ve_time(self, s: Numbers):
        """VE time (b/a)^2 of own time s, increasing, infinite where a = 0. ProblemError if s is not in [0, last]."""
        with np.errstate(divide="ignore", over="ignore"):
            return (self.b(s) / self.a(s)) ** 2

    def own_time(self, t: Numbers):
        """Own time of VE time t, the inverse of `ve_time` to rounding. ProblemError if t is not in [0, t_last]."""
        raise NotImplementedError

    def terminal_variance(self, s: Numbers):
        """Variance per direction of the law N(0, . I) from which a sampler of this process starts at own time s."""
        return np.ones_like(self._own(s))[()] if self.preserving else self.b(s) ** 2

    def _own(self, s) -> np.ndarray:
        return _within(f"own time s of {self!r}", s, self.last)

    def _ve(self, t) -> np.ndarray:
        return _within(f"VE time t of {self!r}", t, self.t_last)

    @cached_property
    def t_last(self) -> float:
        """VE time of `last`: infinite but for `VPLinear`."""
        return float(self.ve_time(self.last)) if math.isfinite(self.last) else math.inf


@door()
@dataclass(frozen=True)
class VE(Noise):
    """Variance exploding, x = x_0 + sqrt(t) z: own time is VE time (Song et al., arXiv:2011.13456, with t = sigma^2).

    Examples
    --------
    >>> float(VE().ve_time(3.0)), float(VE().b(4.0))
    (3.0, 2.0)
    """

    name: ClassVar[str] = "ve"

    def b(self, s: Numbers):
        return np.sqrt(self._own(s))

    def ve_time(self, s: Numbers):
        return self._own(s)[()]

    def own_time(self, t: Numbers):
        return self._ve(t)[()]

    def terminal_variance(self, s: Numbers):
        return self._own(s)[()]


@door()
@dataclass(frozen=True)
class EDM(Noise):
    """VE noise in the time of Karras et al., arXiv:2206.00364: own time is the standard deviation sigma of the noise.

    Examples
    --------
    >>> float(EDM().ve_time(3.0)), float(EDM().own_time(4.0))
    (9.0, 2.0)
    """

    name: ClassVar[str] = "edm"

    def b(self, s: Numbers):
        return self._own(s)[()]

    def own_time(self, t: Numbers):
        return np.sqrt(self._ve(t))


@door()
class _Preserving(Noise):
    """Variance preserving: a^2 + b^2 = 1, a = exp(-B/2) with B = `_integral(s)` the integral of beta; t = e^B - 1.

    Samplers start from N(0, I), which is v(T) = 1/a^2 = T + 1 in VE.
    """

    preserving: ClassVar[bool] = True

    def _integral(self, s):
        raise NotImplementedError

    def a(self, s: Numbers):
        return np.exp(-0.5 * self._integral(self._own(s)))

    def b(self, s: Numbers):
        return np.sqrt(-np.expm1(-self._integral(self._own(s))))

    def ve_time(self, s: Numbers):
        with np.errstate(over="ignore"):
            return np.expm1(self._integral(self._own(s)))


@door()
@dataclass(frozen=True)
class OrnsteinUhlenbeck(_Preserving):
    """dx = -x ds + sqrt(2) dB: a = e^-s, b^2 = 1 - e^-2s (beta = 2), the process of Biroli et al., arXiv:2402.18491.

    Examples
    --------
    >>> s = OrnsteinUhlenbeck().own_time(1e-12)
    >>> print(f"{s:.6g}")
    5e-13
    """

    name: ClassVar[str] = "ornstein-uhlenbeck"

    def _integral(self, s):
        return 2.0 * s

    def own_time(self, t: Numbers):
        return 0.5 * np.log1p(self._ve(t))


@door()
@dataclass(frozen=True)
class VPLinear(_Preserving):
    """Linear beta(s) = beta_min + s (beta_max - beta_min), 0 <= s <= 1 (DDPM in continuous time, arXiv:2011.13456).

    At s = 1 a is not zero, a(1) = exp(-(beta_min + beta_max)/4): a start there is a finite T (23155 by default).

    Examples
    --------
    >>> print(f"{VPLinear().ve_time(1.0):.6g}")
    23154.8
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    name: ClassVar[str] = "vp-linear"
    last: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        low = checked("beta_min", self.beta_min, low=0, open_low=True)
        high = checked("beta_max", self.beta_max, low=low, remedy="beta must not fall: beta_max >= beta_min.")
        settle(self, beta_min=low, beta_max=high)

    def _integral(self, s):
        return s * (self.beta_min + 0.5 * s * (self.beta_max - self.beta_min))

    def own_time(self, t: Numbers):
        B = np.minimum(np.log1p(self._ve(t)), self._integral(1.0))
        root = np.sqrt(self.beta_min**2 + 2.0 * (self.beta_max - self.beta_min) * B)
        return np.minimum(2.0 * B / (self.beta_min + root), 1.0)


@door()
@dataclass(frozen=True)
class VPCosine(Noise):
    """a = cos(theta)/cos(theta_0), theta = (pi/2)(s + s0)/(1 + s0), 0 <= s <= 1 (arXiv:2102.09672); a = 0 at s = 1.

    With u = tan(theta), t = cos(theta_0)^2 (u^2 - u_0^2). Samplers start from N(0, I): v(T) = 1/a^2 = T + 1 in VE.

    Examples
    --------
    >>> float(VPCosine().ve_time(1.0)), float(round(VPCosine().own_time(1.0), 6))
    (inf, 0.49605)
    """

    s0: float = 0.008
    name: ClassVar[str] = "vp-cosine"
    last: ClassVar[float] = 1.0
    preserving: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, s0=checked("s0", self.s0, low=0, high=1))

    @property
    def _quarter(self) -> float:
        return 0.5 * math.pi / (1.0 + self.s0)

    def a(self, s: Numbers):
        return np.sin((1.0 - self._own(s)) * self._quarter) / math.sin(self._quarter)

    def b(self, s: Numbers):
        s = self._own(s)
        square = np.sin(s * self._quarter) * np.sin((s + 2.0 * self.s0) * self._quarter)
        return np.sqrt(square) / math.sin(self._quarter)

    def own_time(self, t: Numbers):
        t, u_0 = self._ve(t), math.tan(self.s0 * self._quarter)
        r = np.where(np.isinf(t), 1.0, t) / math.sin(self._quarter) ** 2  # u^2 - u_0^2
        u = np.sqrt(u_0**2 + r)
        s = np.arctan2(np.where(r > 0.0, r, 0.0) / np.where(u > 0.0, u + u_0, 1.0), 1.0 + u * u_0) / self._quarter
        return np.where(np.isinf(t), 1.0, np.minimum(s, 1.0))[()]


@door()
@dataclass(frozen=True)
class RectifiedFlow(Noise):
    """a = 1 - s, b = s, 0 <= s <= 1 (flow matching with straight paths, arXiv:2209.03003); s = 1 is t = infinity.

    Samplers start from N(0, s^2 I): N(0, I) at s = 1.

    Examples
    --------
    >>> float(RectifiedFlow().ve_time(0.5)), float(RectifiedFlow().own_time(9.0))
    (1.0, 0.75)
    """

    name: ClassVar[str] = "rectified-flow"
    last: ClassVar[float] = 1.0

    def a(self, s: Numbers):
        return 1.0 - self._own(s)[()]

    def b(self, s: Numbers):
        return self._own(s)[()]

    def own_time(self, t: Numbers):
        root = np.sqrt(self._ve(t))
        with np.errstate(divide="ignore"):
            return np.where(root > 1.0, 1.0 / (1.0 + 1.0 / root), root / (1.0 + np.minimum(root, 1.0)))[()]


def as_noise(noise: object) -> Noise:
    """A process stays itself; a name, or `to_dict` data, becomes the process.

    Examples
    --------
    >>> as_noise("edm")
    EDM()
    """
    if isinstance(noise, Noise):
        return noise
    if isinstance(noise, str | Mapping):
        return Noise.from_dict(noise)
    names = sorted(Noise._known)
    raise ProblemError(f"noise must be a process such as VPLinear(), or one of {names}; got {short(noise)}.")


def _within(name: str, values, high: float) -> np.ndarray:
    x = np.asarray(values, float)
    good = (x >= 0.0) & (x <= high)
    if not np.all(good):
        bad = float(x[~good].flat[0])
        remedy = "Choose a time in that range." if math.isfinite(high) else "Time runs from 0 (data) upwards."
        raise ProblemError(f"{name} must lie between 0 and {high:g}; got {bad:g}. {remedy}")
    return x
