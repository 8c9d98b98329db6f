"""Guiders of diffusers: the two predictions that they ask for, and what they make of them, as in a pipeline."""

import inspect
from collections.abc import Callable
from typing import Any

from meanfield.errors import ProblemError, require, short

TWO = ["pred_cond", "pred_uncond"]


def require_guider(guider: Any) -> None:
    """Raise unless an object mixes a conditional and an unconditional prediction of one network.

    Raises
    ------
    ProblemError : no guider, or one that asks for other predictions or acts inside of the network.
    """
    methods = ("set_state", "prepare_inputs", "forward")
    good = not inspect.isclass(guider) and all(callable(getattr(guider, name, None)) for name in methods)
    if not good:
        remedy = "None is the problem's own guidance."
        require(good, "guider must be an object of diffusers.guiders", short(guider), remedy)
    asked = getattr(guider, "_input_predictions", None)
    if asked != TWO:
        raise ProblemError(f"{_which(guider)}; it asks for {asked}.")
    if sum("prepare_models" in vars(cls) for cls in type(guider).__mro__) > 1:
        raise ProblemError(f"{_which(guider)}; it changes the network itself (prepare_models), and here is none.")


def guided(
    guider: Any, step: int, n_steps: int, timestep: Any, model: Any, output: Callable[[Any], Any], context: Any
) -> Any:
    """What a guider makes of the outputs that it asks for at a step, in a context; `output` is the network's of a part
    of the model."""
    guider.set_state(step=step, num_inference_steps=n_steps, timestep=timestep)
    batches = guider.prepare_inputs({})  # a momentum begins here, not in its forward
    for batch in batches:
        which = getattr(batch, guider._identifier_key)
        batch.noise_pred = output(model.cond if which == TWO[0] else model.uncond)
    with context:
        return guider(batches).pred


def _which(guider: Any) -> str:
    return f"{type(guider).__name__} needs more than a conditional and an unconditional prediction of one network"
