"""Which sampler a command line means: a native one, one of diffusers by the names of its classes, or one's own code."""

import importlib
import inspect
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from meanfield import CfgfieldError
from meanfield.errors import require, short
from meanfield.sampler.code import Sampler
from meanfield.sampler.levels import SPACINGS, TRAINED, karras_sigmas, sd_sigmas
from meanfield.sampler.native import NATIVE
from validate.errors import ConfigError
from validate.plugins import load_module

KARRAS = "karras"
LEVELS = (*SPACINGS, KARRAS)
INSTALL = "pip install -c constraints.txt -c constraints-extras.txt -e '.[diffusers]'"
STABLE_DIFFUSION = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False,
}  # fmt: skip


class Choice(NamedTuple):
    """What was given on the command line; None where nothing was."""

    sampler: str | None
    scheduler: str | None
    guider: str | None
    steps: int | None
    levels: str | None
    scale: float | None
    options: Sequence[str]


def chosen(choice: Choice) -> Sampler:
    """The sampler of a choice.

    Raises
    ------
    ConfigError : none or two samplers, names that nobody has, options that do not fit, diffusers that is not installed.

    Examples
    --------
    >>> chosen(Choice("heun", None, None, 8, "karras", None, ())).name
    'Heun, 8 steps'
    """
    if (choice.sampler is None) == (choice.scheduler is None):
        raise ConfigError(
            f"a sampler is one of --sampler {'|'.join(NATIVE)}, --sampler module:function and --scheduler CLASS of "
            f"diffusers; got {'none' if choice.sampler is None else 'two'}. Give one."
        )
    if choice.levels is not None and choice.levels not in LEVELS:
        raise ConfigError(f"--levels must be one of {', '.join(LEVELS)}; got {choice.levels!r}.")
    if choice.scheduler is not None:
        return _of_diffusers(choice)
    for name, value in (("--guider", choice.guider), ("--set", choice.options)):
        if value:
            raise ConfigError(f"{name} is for samplers of diffusers; got it without --scheduler. Leave it out.")
    return _own(choice) if ":" in str(choice.sampler) else _native(choice)


def _native(choice: Choice) -> Sampler:
    """On levels of Stable Diffusion from x = z, as in diffusers; on Karras's from x = sigma z, as in k-diffusion."""
    if choice.sampler not in NATIVE:
        raise ConfigError(
            f"--sampler must be one of {', '.join(NATIVE)}, or module:function for your own; got {choice.sampler!r}. "
            "The stochasticity of a problem (sde, ode) is said by the sampler itself."
        )
    make, n = NATIVE[choice.sampler], _steps(choice)
    if choice.levels == KARRAS:
        trained = sd_sigmas(TRAINED)
        return make(karras_sigmas(n, trained[-2], trained[0]))
    return make(sd_sigmas(n, choice.levels or "leading"), start="vp")


def _own(choice: Choice) -> Sampler:
    """`module:function` or `file.py:function`: the sampler, or with --steps what makes it of their number."""
    place, _, name = str(choice.sampler).rpartition(":")
    if choice.levels is not None:
        raise ConfigError("--levels is for samplers known by name; your own has its own. Leave it out.")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last: it hides nothing
    module = load_module(place)
    found = getattr(module, name, None)
    rule = f"--sampler module:function must name a function of {place}"
    require(
        callable(found), rule, short(name), "It takes (model, noise), or with --steps their number.", error=ConfigError
    )
    if choice.steps is None:
        return found  # type: ignore[return-value]
    made = found(choice.steps)  # type: ignore[misc]
    require(
        callable(made),
        f"with --steps, {name}(n) must give a function of (model, noise)",
        short(made),
        error=ConfigError,
    )
    return made


def _steps(choice: Choice) -> int:
    if choice.steps is None:
        raise ConfigError("a sampler known by name needs its number of steps; got none. Give --steps 20.")
    return choice.steps


def _of_diffusers(choice: Choice) -> Sampler:
    n, options, known = _steps(choice), _options(choice.options), _library("diffusers")
    from meanfield.adapters.diffusers import from_diffusers  # its torch is there now

    cls = _class(known, "--scheduler", str(choice.scheduler), "set_timesteps")
    has = inspect.signature(cls).parameters
    key, value = (
        ("use_karras_sigmas", True) if choice.levels == KARRAS else ("timestep_spacing", choice.levels or "leading")
    )
    if choice.levels is not None and key not in has:
        raise ConfigError(f"--levels {choice.levels} needs {key}, which {choice.scheduler} has not. Leave it out.")
    config = {name: x for name, x in {**STABLE_DIFFUSION, key: value}.items() if name in has}
    scheduler = _built(cls, config | options["scheduler"])
    guider = None
    if choice.guider is not None:
        cls = _class(_library("diffusers.guiders"), "--guider", choice.guider, "set_state")
        scale = {} if choice.scale is None else {"guidance_scale": choice.scale}
        guider = _built(cls, scale | options["guider"])
    elif options["guider"]:
        raise ConfigError("--set guider... needs a guider; got none. Give --guider CLASS.")
    return from_diffusers(scheduler, n, guider=guider)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as cause:
        raise ConfigError(
            f"--scheduler and --guider need the extra 'diffusers'; it cannot be imported ({cause}). Install it "
            f"from the source tree: {INSTALL}; or take a native sampler: --sampler {'|'.join(NATIVE)}."
        ) from cause


def _class(library: Any, option: str, name: str, method: str) -> Any:
    found = getattr(library, name, None) if name.isidentifier() else None
    if not (inspect.isclass(found) and hasattr(found, method)):
        named = [n for n in dir(library) if n[:1].isupper() and "Flax" not in n]
        ends = "Scheduler" if option == "--scheduler" else "Guidance"
        listed = ", ".join(n for n in named if n.endswith(ends) and n != "BaseGuidance")
        raise ConfigError(f"{option} must name a class of {library.__name__}; got {name!r}. It has: {listed}.")
    return found


def _options(given: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """`scheduler.NAME=VALUE` and `guider.NAME=VALUE`, values in JSON or words."""
    found: dict[str, dict[str, Any]] = {"scheduler": {}, "guider": {}}
    for text in given:
        name, equals, value = text.partition("=")
        owner, _, option = name.partition(".")
        if owner not in found or not option.isidentifier() or not equals:
            raise ConfigError(
                f"--set must be scheduler.NAME=VALUE or guider.NAME=VALUE; got {short(text)}. "
                "Example: --set guider.eta=0."
            )
        try:
            found[owner][option] = json.loads(value)
        except ValueError:
            found[owner][option] = value
    return found


def _built(cls: Any, options: dict[str, Any]) -> Any:
    has = [x for x in inspect.signature(cls).parameters if x != "kwargs"]
    unknown = sorted(set(options) - set(has))
    if unknown:
        raise ConfigError(f"{cls.__name__} has no option {unknown[0]!r}; it takes {', '.join(has)}.")
    try:
        return cls(**options)
    except CfgfieldError:
        raise
    except Exception as cause:  # other people's checks of their options
        raise ConfigError(f"{cls.__name__} refuses its options {options}: {short(str(cause), 300)}.") from cause
