"""Scales, step by step, in Hugging Face pipelines, through guidance scales 1, 0 and below.

Pipelines compute eps_u + guidance_scale (eps_c - eps_u) at each step, but only while their property
`do_classifier_free_guidance`, guidance_scale > 1, holds: it is asked again whenever the batch is doubled, and before
the loop when the unconditional prompt is encoded. If a schedule falls to 1 or below at some step, the property turns
false and the conditional and unconditional halves no longer match: the run fails, or goes on unguided. `guided` gives
the pipeline a property that stays true; then (R5) of docs/real-samplers.md holds at every step, whatever the scale.

Nothing of diffusers or torch is imported here: a pipeline is what has their attributes.
"""

import ast
import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanfield.errors import ExportError
from meanfield.export.levels import levels_of, read_levels

CHANGES = {  # arguments of pipelines that change the guided prediction after, or beside, the formula
    "guidance_rescale": "it rescales the guided prediction",
    "skip_guidance_layers": "it adds skip-layer guidance",
    "pag_scale": "it adds perturbed-attention guidance",
}


class GuidanceCallback:
    """A `callback_on_step_end` that sets the guidance scale of the next step. The first one is the call's argument.

    In a plain pipeline it refuses scales <= 1, at which guidance would be switched off; `guided` has no such limit.

    Parameters
    ----------
    scales : `Scales`, or numbers 1 + w, one per step of the pipeline (per evaluation of the model).
    after : another callback, called first; what it returns goes on to the pipeline.

    Raises
    ------
    ExportError : at the first step, if the pipeline has another number of steps, or other levels, than `scales`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> pipe, callback = SimpleNamespace(num_timesteps=2, _guidance_scale=3.0), GuidanceCallback([3.0, 2.0])
    >>> callback(pipe, 0, 999, {}), pipe._guidance_scale
    ({}, 2.0)
    """

    def __init__(self, scales: Any, after: Any = None) -> None:
        self.scales, self.after = _numbers(scales), after
        self._levels = scales.levels if hasattr(scales, "levels") else None

    @property
    def first(self) -> float:
        """Scale of the first step: the argument `guidance_scale` of the call."""
        return self.scales[0]

    def __call__(self, pipe: Any, step: int, timestep: Any, callback_kwargs: dict[str, Any]) -> dict[str, Any]:
        if step == 0:
            self._check(pipe)
        result = self.after(pipe, step, timestep, callback_kwargs) if self.after else {}
        pipe._guidance_scale = self.scales[(step + 1) % len(self.scales)]  # the first again, for loops that start anew
        return result

    def _check(self, pipe: Any) -> None:
        low = min(self.scales)
        if low <= 1.0 and not getattr(type(pipe), "_guidance_is_forced", False):
            raise ExportError(
                f"a plain pipeline switches guidance off at scales <= 1; the lowest here is {low:g}. "
                "Use guided(pipe, scales), which keeps it on."
            )
        steps = getattr(pipe, "num_timesteps", len(self.scales))
        if steps != len(self.scales):
            raise ExportError(
                f"one scale per step is needed; got {len(self.scales)} for {steps} steps of {type(pipe).__name__}. "
                "Make them for the levels of this run: for_timesteps(**levels_of(pipe.scheduler)), of which image to "
                "image makes the last steps: scales[-steps:]."
            )
        if self._levels is None or not hasattr(pipe, "scheduler"):
            return
        try:
            known = {k: v for k, v in levels_of(pipe.scheduler).items() if k != "t_end"}
            levels = read_levels(**known).values[-len(self.scales) :]  # image to image makes the last steps only
        except ExportError:
            return  # a scheduler that cannot be read: the scales were made from levels that the user stated
        if levels.shape != self._levels.shape or not np.allclose(levels, self._levels, rtol=1e-4, atol=1e-6):
            raise ExportError(
                f"the scales were made for other noise levels, {_brief(self._levels)}, than those of this run, "
                f"{_brief(levels)}. Call pipe.scheduler.set_timesteps with the steps of the run before levels_of."
            )


def refusal(pipe: Any) -> str | None:
    """Why the scales of a schedule would not be applied by this pipeline as (R5) says; None if they would.

    The source of its `__call__` must hold eps_u + self.guidance_scale (eps_c - eps_u), behind the property
    `do_classifier_free_guidance`, compare no guidance scale itself, take no norms (to rescale by), and offer
    `callback_on_step_end`.
    """
    cls = _plain_class(pipe)
    for part, key in (("unet", "time_cond_proj_dim"), ("transformer", "guidance_embeds")):
        if getattr(getattr(getattr(pipe, part, None), "config", None), key, None) not in (None, False):
            return f"its {part} was distilled with the guidance scale as an input ({key}): there is no eps_u to mix"
    if hasattr(cls, "do_perturbed_attention_guidance"):
        return "it adds perturbed-attention guidance to the formula"
    parameters = inspect.signature(cls.__call__).parameters
    for name in ("guidance_scale", "callback_on_step_end"):
        if name not in parameters:
            return f"its call has no {name}, so that nothing can set the scale between two steps"
    if not isinstance(inspect.getattr_static(cls, "do_classifier_free_guidance", None), property):
        return "it decides on guidance by the argument of the call, not by a property that could be kept true"
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(cls.__call__))))
    except (OSError, TypeError, SyntaxError):
        return "the source of its __call__ cannot be read to check how it guides"
    return _wrong_in(source)


def _wrong_in(source: ast.AST) -> str | None:
    """What in the source of a call would make it depart from (R5) at some scale."""
    nodes = list(ast.walk(source))
    if "do_classifier_free_guidance" not in map(_name, nodes) or not any(map(_is_formula, nodes)):
        return "its __call__ does not compute eps_u + self.guidance_scale (eps_c - eps_u)"
    for node in nodes:
        if isinstance(node, ast.Compare) and {"guidance_scale", "_guidance_scale"} & set(map(_name, ast.walk(node))):
            return f"its __call__ compares the scale itself, {ast.unparse(node)}, which no property can keep true"
        if isinstance(node, ast.Call) and _name(node.func) == "norm":
            return "its __call__ rescales the guided prediction by norms"
    return None


def _is_formula(node: ast.AST) -> bool:
    """Whether this is u + self.guidance_scale * (c - u)."""
    match node:
        case ast.BinOp(first, ast.Add(), ast.BinOp(scale, ast.Mult(), ast.BinOp(_, ast.Sub(), last))):
            return ast.unparse(scale) == "self.guidance_scale" and ast.unparse(first) == ast.unparse(last)
    return False


def _name(node: ast.AST) -> str | None:
    return getattr(node, "attr", None) or getattr(node, "id", None)


def guided(pipe: Any, scales: Any) -> Any:
    """The same pipeline with these guidance scales: call the result as the pipeline, without `guidance_scale`.

    It shares all parts with `pipe` (no copy, and changes of either are seen by both), is an instance of its class, and
    leaves `pipe` itself as it was.

    Parameters
    ----------
    pipe : a diffusers pipeline that `refusal` does not refuse.
    scales : `Scales`, or numbers 1 + w, one per step; any finite values, also 1, 0 and below.

    Raises
    ------
    ExportError : the pipeline would not apply the scales, with the reason; or the call gives guidance arguments of its
        own, or makes other steps than the scales were made for.
    """
    numbers, cls, reason = _numbers(scales), _plain_class(pipe), refusal(pipe)
    if reason is not None:
        raise ExportError(f"{cls.__name__} cannot be driven by a schedule: {reason}.")

    def call(self, *args, **kwargs):
        bound = inspect.signature(cls.__call__).bind(self, *args, **kwargs)
        if bound.arguments.get("guidance_scale") is not None:
            raise ExportError("guided(pipe, scales) sets guidance_scale at every step; leave it out of the call.")
        for name, effect in CHANGES.items():
            if bound.arguments.get(name):
                raise ExportError(f"{name} must be left out of a guided call: {effect}.")
        after: Any = bound.arguments.get("callback_on_step_end")
        callback = GuidanceCallback(scales, after)
        bound.arguments.update(guidance_scale=numbers[0], callback_on_step_end=callback)
        if hasattr(after, "tensor_inputs"):  # a PipelineCallback: pipelines ask it for its inputs
            bound.arguments["callback_on_step_end_tensor_inputs"] = after.tensor_inputs
        return cls.__call__(*bound.args, **bound.kwargs)

    call.__signature__ = inspect.signature(cls.__call__)  # type: ignore[attr-defined]
    forced = property(lambda self: True, doc="Guidance is on at every step, whatever the scale.")
    body = {"__call__": call, "__doc__": cls.__doc__, "__module__": cls.__module__, "_guidance_is_forced": True}
    subclass = type(cls.__name__, (cls,), {**body, "do_classifier_free_guidance": forced})
    same: Any = object.__new__(subclass)
    object.__setattr__(same, "__dict__", pipe.__dict__)
    return same


def _plain_class(pipe: Any) -> type:
    """The class of the pipeline; of one that is guided already, the class that it had before."""
    cls = type(pipe)
    return cls.__mro__[1] if "_guidance_is_forced" in vars(cls) else cls


def _numbers(scales: Sequence[float] | Any) -> list[float]:
    try:
        numbers = [float(x) for x in scales]
    except (TypeError, ValueError):
        raise ExportError(f"scales must be numbers 1 + w, one per step; got {scales!r}.") from None
    if not numbers or not np.all(np.isfinite(numbers)):
        raise ExportError(f"scales must be one or more finite numbers, one per step; got {numbers}.")
    return numbers


def _brief(levels: np.ndarray) -> str:
    shown = ", ".join(f"{x:.4g}" for x in levels[:3])
    return f"{levels.size} from ({shown}{', ...' if levels.size > 3 else ''})"
