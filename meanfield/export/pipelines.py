"""Scales, step by step, in Hugging Face pipelines, through guidance scales 1, 0 and below.

Pipelines compute eps_u + guidance_scale (eps_c - eps_u) at each step, but only while their property
`do_classifier_free_guidance`, guidance_scale > 1, holds: it is asked again whenever the batch is doubled, and before
the loop when the unconditional prompt is encoded. If a schedule falls to 1 or below at some step, the property turns
false and the conditional and unconditional halves no longer match: the run fails, or goes on unguided. `guided` gives
the pipeline a property that stays true; then (R5) of docs/real-samplers.md holds at every step, whatever the scale.

Nothing of diffusers or torch is imported here: a pipeline is what has their attributes.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from meanfield.errors import ExportError, short
from meanfield.export.levels import numbers_of, read_levels, same_noise
from meanfield.export.refusals import clipping, plain_class, refusal, switches
from meanfield.export.scales import Scales
from meanfield.export.schedulers import levels_of
from meanfield.tools.door import door


@door(ExportError)
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
        self._made = scales if isinstance(scales, Scales) else None

    @property
    def first(self) -> float:
        """Scale of the first step: the argument `guidance_scale` of the call."""
        return self.scales[0]

    def __call__(self, pipe: Any, step: int, timestep: Any, callback_kwargs: dict[str, Any]) -> dict[str, Any]:
        if step == 0:
            self._check(pipe, timestep)
        used, wanted = pipe._guidance_scale, self.scales[step % len(self.scales)]
        if used != wanted:
            raise ExportError(
                f"step {step} must have used the scale {wanted:g}; it used {used:g}. Call the pipeline with "
                "guidance_scale=callback.first, and let nothing else set the scale."
            )
        result = self._others(pipe, step, timestep, callback_kwargs)
        pipe._guidance_scale = self.scales[(step + 1) % len(self.scales)]  # the first again, for loops that start anew
        return result

    def _others(self, pipe: Any, step: int, timestep: Any, callback_kwargs: dict[str, Any]) -> dict[str, Any]:
        """What the other callback returns, if it leaves guidance alone."""
        if self.after is None:
            return {}
        scale, rows = pipe._guidance_scale, {name: _rows(x) for name, x in callback_kwargs.items()}
        result = self.after(pipe, step, timestep, callback_kwargs)
        changed = [name for name, x in (result or {}).items() if name in rows and _rows(x) != rows[name]]
        if step + 1 < len(self.scales) and (changed or pipe._guidance_scale != scale):
            what = f"the batch of {', '.join(changed)}" if changed else "the guidance scale"
            raise ExportError(
                f"a schedule must be alone in changing guidance; {type(self.after).__name__} changed {what} after step "
                f"{step}. Leave it out: where guidance is to end, let the schedule have w = 0 (scale 1)."
            )
        return result

    def _check(self, pipe: Any, timestep: Any) -> None:
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
                "image makes the last steps, scales[-steps:], and denoising_end the first, scales[:steps]."
            )
        scheduler = getattr(pipe, "scheduler", None)
        reason = clipping(scheduler)
        if reason is not None:
            raise ExportError(f"{type(pipe).__name__} cannot be driven by a schedule: {reason}.")
        if self._made is None or scheduler is None:
            return
        try:
            t = _times(scheduler) / self._made.data_scale**2
        except ExportError:
            return  # a scheduler that cannot be read: the scales were made from levels that the user stated
        runs = [np.minimum(part, self._made.t_max) for part in _parts(t, steps, scheduler.timesteps, timestep)]
        if not any(same_noise(run, self._made.t) for run in runs):
            raise ExportError(
                f"the scales were made for other noise levels, VE times {_brief(self._made.t)}, than those of this "
                f"run, {_brief(runs[-1])}. Read the levels as the run has them: levels_of(pipe.scheduler) after "
                "set_timesteps with its number of steps, or after a run where the pipeline makes its own sigmas."
            )


def _times(scheduler: Any) -> np.ndarray:
    """VE times of all evaluations, in the units of the sampler."""
    return read_levels(**{name: x for name, x in levels_of(scheduler).items() if name != "t_end"}).t


def _parts(t: np.ndarray, steps: int, timesteps: Any, first: Any) -> list[np.ndarray]:
    """What `steps` steps from the timestep `first` on may be of all: a timestep may come twice. The last if unknown."""
    given = numbers_of("timesteps", timesteps)
    starts = [int(i) for i in np.flatnonzero(given == float(first)) if i + steps <= t.size]
    return [t[i : i + steps] for i in starts or [max(t.size - steps, 0)]]


def _rows(x: Any) -> int | None:
    """Length of the batch of a tensor."""
    return x.shape[0] if getattr(x, "shape", None) else None


@door(ExportError)
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
    numbers, cls, reason = _numbers(scales), plain_class(pipe), refusal(pipe)
    if reason is not None:
        raise ExportError(f"{cls.__name__} cannot be driven by a schedule: {reason}.")
    signature, changes = inspect.signature(cls.__call__), switches(pipe)

    def call(self, *args, **kwargs):
        bound = signature.bind(self, *args, **kwargs)
        if bound.arguments.get("guidance_scale") is not None:
            raise ExportError("guided(pipe, scales) sets guidance_scale at every step; leave it out of the call.")
        for name, change in changes.items():
            if not _is_off(bound.arguments.get(name, signature.parameters[name].default)):
                raise ExportError(f"{name} must be off in a guided call: it changes the guided prediction, {change}.")
        after: Any = bound.arguments.get("callback_on_step_end")
        callback = GuidanceCallback(scales, after)
        bound.arguments.update(guidance_scale=numbers[0], callback_on_step_end=callback)
        if hasattr(after, "tensor_inputs"):  # a PipelineCallback: pipelines ask it for its inputs
            bound.arguments["callback_on_step_end_tensor_inputs"] = after.tensor_inputs
        return cls.__call__(*bound.args, **bound.kwargs)

    call.__signature__ = signature  # type: ignore[attr-defined]
    forced = property(lambda self: True, doc="Guidance is on at every step, whatever the scale.")
    body = {"__call__": call, "__doc__": cls.__doc__, "__module__": cls.__module__, "_guidance_is_forced": True}
    subclass = type(cls.__name__, (cls,), {**body, "do_classifier_free_guidance": forced})
    same: Any = object.__new__(subclass)
    object.__setattr__(same, "__dict__", pipe.__dict__)
    return same


def _is_off(switch: Any) -> bool:
    return switch is None or (isinstance(switch, bool | int | float) and not switch)


def _numbers(scales: Sequence[float] | Any) -> list[float]:
    try:
        numbers = [float(x) for x in scales]
    except (TypeError, ValueError, OverflowError):
        raise ExportError(f"scales must be numbers 1 + w, one per step; got {short(scales)}.") from None
    if not numbers or not np.all(np.isfinite(numbers)):
        raise ExportError(f"scales must be one or more finite numbers, one per step; got {numbers}.")
    return numbers


def _brief(t: np.ndarray) -> str:
    shown = ", ".join(f"{x:.4g}" for x in t[:3])
    return f"{t.size} from ({shown}{', ...' if t.size > 3 else ''})"
