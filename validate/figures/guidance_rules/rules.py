"""Rules of guidance in a few lines each: what they make of the two noise predictions eps_c, eps_u at scale s = 1 + w.

As the guider classes of diffusers 0.42 have them, which act on what the network predicts, here the noise:

    CFG           e = eps_u + s (eps_c - eps_u)
    rescale       e -> (phi std(eps_c)/std(e) + 1 - phi) e                     arXiv:2305.08891, phi = 0.7
    APG           e = eps_u + s P delta,  delta = eps_c - eps_u                arXiv:2410.02416
                  P takes the part of delta along eps_c away (eta = 0)
    ... momentum  delta -> delta + beta delta_before, cut to the norm r first; beta = -0.5, r = 15
    CFG-Zero*     e = a eps_u + s (eps_c - a eps_u),  a = eps_c.eps_u/|eps_u|^2, and 0 at the first step
                                                                               arXiv:2503.18886
    TCFG          CFG with eps_u's part along the least singular vector of (eps_c, eps_u) taken away
                                                                               arXiv:2503.18137

A rule is a function (eps_c, eps_u, s, memory) -> e on arrays (samples, ...); `memory` is a dict that a run keeps.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from meanfield.sampler.code import Sampler
from meanfield.sampler.levels import sd_sigmas

Rule = Callable[[Any, Any, float, dict[str, Any]], Any]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    axes = tuple(range(1, a.ndim))
    return np.sum(a * b, axis=axes, keepdims=True)


def cfg(c: Any, u: Any, s: float, memory: dict[str, Any]) -> Any:
    """Classifier-free guidance."""
    return u + s * (c - u)


def rescaled(c: Any, u: Any, s: float, memory: dict[str, Any], phi: float = 0.7) -> Any:
    """Guidance whose standard deviation over the entries is brought back to that of eps_c by a share phi."""
    axes, e = tuple(range(1, c.ndim)), cfg(c, u, s, memory)
    ratio = np.std(c, axis=axes, ddof=1, keepdims=True) / np.std(e, axis=axes, ddof=1, keepdims=True)
    return (phi * ratio + 1.0 - phi) * e


def projected(c: Any, u: Any, s: float, memory: dict[str, Any]) -> Any:
    """APG with eta = 0: without the part of the difference along eps_c."""
    return u + s * _across(c - u, c)


def with_momentum(c: Any, u: Any, s: float, memory: dict[str, Any], beta: float = -0.5, r: float = 15.0) -> Any:
    """APG with eta = 0, momentum, and a threshold on the norm of the difference."""
    delta = memory["delta"] = c - u + beta * memory.get("delta", 0.0)
    norm = np.sqrt(_dot(delta, delta))
    return u + s * _across(delta * np.minimum(1.0, r / np.maximum(norm, 1e-300)), c)


def _across(delta: np.ndarray, c: np.ndarray) -> np.ndarray:
    return delta - _dot(delta, c) / _dot(c, c) * c


def zero_star(c: Any, u: Any, s: float, memory: dict[str, Any]) -> Any:
    """CFG-Zero*."""
    if memory.setdefault("steps", 0) == 0:
        memory["steps"] = 1
        return 0.0 * c
    return cfg(c, _dot(c, u) / _dot(u, u) * u, s, memory)


def tangential(c: Any, u: Any, s: float, memory: dict[str, Any]) -> Any:
    """TCFG: the least singular vector of the two predictions from their 2 x 2 matrix of inner products."""
    cc, cu, uu = _dot(c, c), _dot(c, u), _dot(u, u)
    angle = 0.5 * np.arctan2(2.0 * cu, cc - uu)  # of the larger axis, cos(angle) c + sin(angle) u its direction
    first = np.cos(angle) * c + np.sin(angle) * u
    return cfg(c, _dot(u, first) / _dot(first, first) * first, s, memory)


RULES: dict[str, Rule] = {
    "CFG": cfg,
    "rescale 0.7": rescaled,
    "APG, eta 0": projected,
    "APG, momentum": with_momentum,
    "CFG-Zero*": zero_star,
    "TCFG": tangential,
}


def ddim_with(rule: str, n_steps: int, scale: float) -> Sampler:
    """DDIM on the levels of Stable Diffusion, guided by a rule.

    Examples
    --------
    >>> ddim_with("CFG", 20, 3.0).name
    'DDIM, 20 steps, CFG at scale 3'
    """
    levels, combine = sd_sigmas(n_steps), RULES[rule]

    def sampler(model: Any, noise: Callable[[], Any]) -> Any:
        memory: dict[str, Any] = {}
        x = (levels[0] ** 2 + 1.0) ** 0.5 * noise()
        for s, after in pairwise(levels):
            x = x + (after - s) * combine(model.cond.eps(x, s), model.uncond.eps(x, s), scale, memory)
        return x

    sampler.name = f"DDIM, {n_steps} steps, {rule} at scale {scale:g}"  # type: ignore[attr-defined]
    return sampler
