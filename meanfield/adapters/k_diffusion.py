"""Samplers in the convention of k-diffusion: f(model, x, sigmas, ...), where model(x, sigma) is the denoised vector.

x is VE noise, x = x_0 + sigma z, whatever problem.noise is; sigma is an array with one number for every sample. The
denoiser is guided by problem.guidance. Functions that take `noise_sampler`, f(sigma, sigma_next), are given increments
of one Brownian path (`meanfield.adapters.brownian`); what others draw by torch is `noise()`.
"""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from meanfield.adapters.brownian import BrownianPath
from meanfield.adapters.drawing import drawing
from meanfield.errors import ProblemError, require, short
from meanfield.export.levels import numbers_of
from meanfield.sampler.arrays import namespace
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.model import Level, level_of
from meanfield.tools.door import door


@door()
def from_k_diffusion(function: Callable[..., Any], sigmas: Any, *, xp: Any = None, **options: Any) -> Sampler:
    """A sampler for `solve_sampler` and `run_sampler` from a function in the convention of k-diffusion.

    Parameters
    ----------
    function : f(model, x, sigmas, ...) -> x.
    sigmas : noise levels, falling, (steps + 1,); the last may be 0. NumPy, torch, or a list.
    xp : array library of the function's code, numpy or torch; by default that of `sigmas`.
    options : further arguments of the function.

    Raises
    ------
    ProblemError : no such function, sigmas that do not fall, options that it does not have.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> from meanfield.sampler.unguided import unguided
    >>> def sample_euler(model, x, sigmas):
    ...     for s, after in zip(sigmas[:-1], sigmas[1:]):
    ...         x = x + (after - s) * (x - model(x, s * np.ones(len(x)))) / s
    ...     return x
    >>> law = unguided(Problem(classes=Continuum(), sigma2=0.25), from_k_diffusion(sample_euler, [10.0, 1.0, 0.0]))
    >>> law.m[-1].round(4), law.v[-1].round(4)
    (array([0.9796]), array([0.0418]))
    """
    require(callable(function), "function must be f(model, x, sigmas, ...)", short(function))
    values = _checked(sigmas)
    if xp is None:
        xp = _torch_of(sigmas) or np
    library = namespace(xp)
    named = _named(function, options)

    def sampler(model: Any, noise: Callable[[], Any]) -> Any:
        def denoiser(x: Any, sigma: Any, **extra: Any) -> Any:
            return model.denoised(x, Level(1.0, level_of(sigma)))

        given = dict(options)
        if "noise_sampler" in named:
            given.setdefault("noise_sampler", BrownianPath(noise))
        if "disable" in named:  # a progress bar
            given.setdefault("disable", True)
        levels = library.asarray(values.copy())
        with nullcontext() if library is np else drawing(noise):
            return function(denoiser, levels[0] * noise(), levels, **given)

    sampler.xp, sampler.name = xp, f"{name_of(function)}, {values.size - 1} steps"  # type: ignore
    return sampler


def _checked(sigmas: Any) -> np.ndarray:
    values = numbers_of("sigmas", sigmas)
    good = values is not None and values.ndim == 1 and values.size >= 2 and np.all(np.isfinite(values))
    require(good, "sigmas must be a list of two or more levels", short(sigmas))
    assert values is not None
    falling = bool(np.all(np.diff(values) < 0.0)) and values[-1] >= 0.0
    require(falling, "sigmas must fall, the last at least 0", short(sigmas))
    return values


def _torch_of(sigmas: Any) -> Any:
    """torch, where sigmas is one of its tensors."""
    if type(sigmas).__module__.split(".")[0] != "torch":
        return None
    from array_api_compat import array_namespace

    return array_namespace(sigmas)


def _named(function: Callable[..., Any], options: dict[str, Any]) -> set[str]:
    """Names of a function's arguments after model, x and sigmas; options must be among them, unless it takes any."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as cause:
        raise ProblemError(f"function must be f(model, x, sigmas, ...); got {short(function)}.") from cause
    named = {x.name for x in parameters[3:]}
    unknown = sorted(set(options) - named)
    anything = any(x.kind is x.VAR_KEYWORD for x in parameters)
    require(anything or not unknown, f"options must be arguments of {name_of(function)}, {sorted(named)}", unknown)
    empty, kinds = inspect.Parameter.empty, (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = {x.name for x in parameters[3:] if x.default is empty and x.kind not in kinds}
    missing = sorted(needed - set(options) - {"noise_sampler", "disable"})
    remedy = f"Give {', '.join(missing)} as options; functions that choose their own levels cannot run here."
    require(not missing, f"function must be f(model, x, sigmas, ...); {name_of(function)} needs more", missing, remedy)
    return named
