"""Noise levels of diffusers schedulers, by what a scheduler does, whatever its name.

It is asked for its own forward process x = a x_0 + b z (`scale_noise` or `add_noise`) at its own timesteps. Its sigmas
are those of a flow (R3) if a + b = 1, and VE standard deviations (R2) if a = 1 or a^2 + b^2 = 1; b/a must be what they
say. Without such a process, or with `use_flow_sigmas`, sigmas up to 1 that the network is told as its time, N s of N
training steps, are a flow; alphas_cumprod without sigmas are (R1). Anything else is refused.

Schedulers of second order repeat a sigma where they evaluate the model between two levels. If its timestep differs
there, the level is that of the timestep among alphas_cumprod, interpolated in log sigma as these schedulers do.
"""

import copy
from typing import Any, NoReturn

import numpy as np

from meanfield.errors import ExportError
from meanfield.export.levels import numbers_of, same_noise, ve_times
from meanfield.tools.door import door

REMEDY = "State the level of each evaluation yourself: sigmas=, flow_sigmas=, or timesteps= and alphas_cumprod=."


@door(ExportError)
def levels_of(scheduler: Any) -> dict[str, Any]:
    """What `for_timesteps` needs, read from a diffusers scheduler after `set_timesteps` (or after a run of a pipeline).

    Returns
    -------
    dict : `sigmas` or `flow_sigmas` (one per evaluation of the model) with `t_end`, or `timesteps` with
        `alphas_cumprod`.

    Raises
    ------
    ExportError : timesteps that are not set, levels that cannot be read, or that rise from one step to the next.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ddim = SimpleNamespace(timesteps=[2, 0], alphas_cumprod=[0.9, 0.5, 0.2], num_inference_steps=2, config={})
    >>> levels_of(ddim)
    {'timesteps': array([2., 0.]), 'alphas_cumprod': array([0.9, 0.5, 0.2])}
    """
    timesteps, sigmas, alphas = (
        numbers_of(name, getattr(scheduler, name, None)) for name in ("timesteps", "sigmas", "alphas_cumprod")
    )
    if hasattr(scheduler, "num_inference_steps"):
        unset = scheduler.num_inference_steps is None
    else:  # its sigmas are still those of training, without an end
        unset = sigmas is not None and timesteps is not None and sigmas.size == timesteps.size
    if timesteps is None or timesteps.size == 0 or unset:
        raise ExportError(
            f"the steps of {type(scheduler).__name__} are not set; call scheduler.set_timesteps(number of steps). "
            "Where the pipeline makes its own sigmas, run it once as it is: pipe(..., num_inference_steps=...)."
        )
    if sigmas is not None:
        return _from_sigmas(scheduler, timesteps, sigmas, alphas)
    if alphas is None:
        _refuse(scheduler, "it has neither sigmas nor alphas_cumprod")
    t = ve_times("alphas_cumprod", timesteps, alphas)
    process = _forward_process(scheduler)
    if process is not None and not same_noise(t, _ve_time(*process)):
        _refuse(scheduler, "its forward process is not that of its alphas_cumprod")
    _require_falling(scheduler, t)
    return {"timesteps": timesteps, "alphas_cumprod": alphas}


def network_input(scheduler: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network is given at each evaluation: c, a and b, where the scheduler's state is c (a x_0 + b z).

    a and b are those of the time that the network is told. Of states in VE form it sees the VP one, so that c =
    (1 + sigma^2)^(1/2); VP states and flows it sees as they are. A timestep that is rounded from the level of the state
    (Karras sigmas) is a slightly different level, as it is in a pipeline.

    Raises
    ------
    ExportError : as `levels_of`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ddim = SimpleNamespace(timesteps=[2, 0], alphas_cumprod=[0.9, 0.5, 0.36], num_inference_steps=2, config={})
    >>> network_input(ddim)[1]
    array([0.6      , 0.9486833])
    """
    levels = levels_of(scheduler)
    kind = next(kind for kind in ("sigmas", "flow_sigmas", "alphas_cumprod") if kind in levels)
    root = np.sqrt(ve_times(kind, levels.get("timesteps", levels[kind]), levels[kind]))  # b/a
    with np.errstate(divide="ignore"):
        if kind == "flow_sigmas":
            return np.ones(root.shape), 1.0 / (1.0 + root), 1.0 / (1.0 + 1.0 / root)
        process = _forward_process(scheduler)
        in_ve_form = process is not None and np.all(process[0] == 1.0)
        c = np.hypot(1.0, root) if in_ve_form else np.ones(root.shape)
        told = _told(scheduler, root) if kind == "sigmas" else root
        return c, 1.0 / np.hypot(1.0, told), 1.0 / np.hypot(1.0, 1.0 / told)


def _told(scheduler: Any, sigmas: np.ndarray) -> np.ndarray:
    """The levels of timesteps that are those of sigmas, rounded; other sigmas as they are."""
    timesteps, alphas = (numbers_of(name, getattr(scheduler, name, None)) for name in ("timesteps", "alphas_cumprod"))
    if alphas is None:
        return sigmas
    assert timesteps is not None
    index = np.arange(alphas.size)
    training = 0.5 * np.log(ve_times("alphas_cumprod", index, alphas))
    low, told, high = (np.exp(np.interp(timesteps + shift, index, training)) for shift in (-0.501, 0.0, 0.501))
    return np.where((low <= sigmas) & (sigmas <= high), told, sigmas)


def _from_sigmas(
    scheduler: Any, timesteps: np.ndarray, sigmas: np.ndarray, alphas: np.ndarray | None
) -> dict[str, Any]:
    n = timesteps.size
    if sigmas.size <= n or np.any(sigmas[n:] != sigmas[n]):
        _refuse(scheduler, f"its {sigmas.size} sigmas are not one for each of its {n} timesteps and the end")
    values, end = sigmas[:n], float(sigmas[n])
    kind = _kind(scheduler, timesteps, values)
    if kind == "flow_sigmas" and configured(scheduler, "invert_sigmas"):  # these count the share of the data
        values, end = 1.0 - values, 1.0 - end
    between = np.flatnonzero((values[1:] == values[:-1]) & (timesteps[1:] != timesteps[:-1]))
    if between.size:
        if kind != "sigmas" or alphas is None:
            _refuse(scheduler, "it evaluates the model between its sigmas, at levels that it does not state")
        training = 0.5 * np.log(ve_times("alphas_cumprod", np.arange(alphas.size), alphas))
        level = np.exp(np.interp(timesteps[between], np.arange(alphas.size), training))
        values[between] = np.clip(level, values[between + 1], values[between - 1])  # equal to one, but for rounding
    both = ve_times(kind, np.append(values, end))
    _require_falling(scheduler, both)
    return {kind: values, "t_end": float(both[-1])}


def _kind(scheduler: Any, timesteps: np.ndarray, sigmas: np.ndarray) -> str:
    """Whether sigmas are those of a flow."""
    process, flow = _forward_process(scheduler), _is_told_a_flow(scheduler, timesteps, sigmas)
    if flow and (process is None or configured(scheduler, "use_flow_sigmas")):
        return "flow_sigmas"
    if process is None:
        _refuse(scheduler, "it has no forward process (scale_noise, add_noise) by which to tell what its sigmas are")
    _, where, counts = np.unique(timesteps, return_index=True, return_counts=True)
    once = where[counts == 1]  # of equal timesteps a scheduler answers for one
    a, b = (x[once] for x in process)
    kind = "flow_sigmas" if np.allclose(a + b, 1.0, atol=1e-3) and sigmas.max() <= 1.0 else "sigmas"
    if not same_noise(ve_times(kind, sigmas[once]), _ve_time(a, b)):
        _refuse(scheduler, "its sigmas are not those of its own forward process, as a flow or as VE noise")
    if kind == "sigmas" and configured(scheduler, "prediction_type") == "flow_prediction":
        _refuse(scheduler, "its network predicts the velocity of a flow, and its sigmas are not a flow's")
    return kind


def _is_told_a_flow(scheduler: Any, timesteps: np.ndarray, sigmas: np.ndarray) -> bool:
    """Whether the network is told N s as its time, perhaps rounded: s up to 1, N training steps."""
    told = sigmas * (configured(scheduler, "num_train_timesteps") or np.nan)
    return bool(sigmas.max() <= 1.0 and np.all(np.abs(timesteps - told) <= 1.0))


def _forward_process(scheduler: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """a and b at each timestep, as the scheduler itself keeps ones and adds noise to zeros; None if it does not."""
    fresh = copy.copy(scheduler)
    fresh._step_index = fresh._begin_index = None  # in the middle of a run it would answer for the step it is at
    levels = getattr(fresh, "sigmas", None)
    levels = fresh.alphas_cumprod if levels is None else levels
    try:
        zero = 0.0 * levels[:1]
        one = zero + 1.0
        if hasattr(fresh, "scale_noise"):
            process = fresh.scale_noise(one, fresh.timesteps, zero), fresh.scale_noise(zero, fresh.timesteps, one)
        elif hasattr(fresh, "add_noise"):
            process = fresh.add_noise(one, zero, fresh.timesteps), fresh.add_noise(zero, one, fresh.timesteps)
        else:
            return None
    except Exception:  # somebody else's code, with arguments of its own
        return None
    a, b = (numbers_of("the forward process", x) for x in process)
    assert a is not None and b is not None
    return (a, b) if a.shape == b.shape == np.shape(fresh.timesteps) else None


def _ve_time(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return (b / a) ** 2


def _require_falling(scheduler: Any, t: np.ndarray) -> None:
    rising = np.flatnonzero(t[1:] > t[:-1])
    if rising.size:
        raise ExportError(
            f"noise must fall from step to step; that of {type(scheduler).__name__} rises after step {rising[0]}. "
            "Schedules are for sampling from noise to data, not for inversion or for jumps back."
        )


def _refuse(scheduler: Any, reason: str) -> NoReturn:
    raise ExportError(f"the noise levels of {type(scheduler).__name__} cannot be read: {reason}. {REMEDY}")


def configured(scheduler: Any, key: str) -> Any:
    """An entry of the scheduler's configuration, None if it has none."""
    config = getattr(scheduler, "config", {})
    return config.get(key) if hasattr(config, "get") else getattr(config, key, None)
