"""Schedules in real samplers: the guidance scale of every step, and files of them (docs/real-samplers.md).

A sampler that evaluates the model at VE time t_i of its own data uses

    (R5)  eps_i = eps_u + (1 + w_i) (eps_c - eps_u),      w_i = w(t_i/s^2),

the guided score s_c + w (s_c - s_u) in terms of noise predictions (of velocities and of v-predictions too: at a given x
they are the same linear function of the score for both). The theory's class means have unit variance per direction;
real data have another scale, s = `data_scale`: the standard deviation, per direction, of the class means in the
sampler's units. With class variance sigma2 s^2 and total standard deviation S of the data, s = S/(1 + sigma2)^(1/2).

`rule="start"`: w at the level where the step evaluates the model. `rule="mean"`: the mean of w over the step in
sigma = t^(1/2). DDIM, Euler in sigma and Euler in a flow's s are one method, y' = y + (sigma' - sigma) eps for y = x/a,
so that the mean delivers, for frozen eps_c - eps_u, what w itself would have delivered within the step.
"""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial import legendre

from meanfield.errors import ExportError, ScheduleError, checked, one_of
from meanfield.export.levels import read_levels
from meanfield.guidance.schedules import Schedule, as_schedule
from meanfield.tools.door import door
from meanfield.tools.files import write_whole
from meanfield.tools.seals import sealed_json, unsealed_json

CONVENTION = "eps = eps_u + scale (eps_c - eps_u), scale = 1 + w; scale 1 is unguided, 0 unconditional"
RULES = ("start", "mean")
NODES = 16


@door(ExportError, made_by="for_timesteps")
@dataclass(frozen=True)
class Scales:
    """Guidance scales 1 + w of the steps of a sampler, first step first, with where they come from.

    Attributes
    ----------
    scales : one number per evaluation of the model.
    levels : the sampler's own numbers for the levels (timesteps, sigmas, ...), as named by `kind`.
    t : VE times of the theory at which w was read, t_VE/data_scale^2.
    info : schedule, rule, data_scale, version.

    Examples
    --------
    >>> from meanfield import Linear
    >>> s = Linear(-1.0, 0.25).for_timesteps(sigmas=[4.0, 2.0, 1.0, 0.0])
    >>> s.scales
    array([4.  , 1.  , 0.25])
    >>> print(s.to_csv())
    step,sigmas,t,w,scale
    0,4.0,16.0,3.0,4.0
    1,2.0,4.0,0.0,1.0
    2,1.0,1.0,-0.75,0.25
    >>> Scales.from_json(s.to_json()) == s
    True
    """

    scales: np.ndarray
    levels: np.ndarray
    t: np.ndarray
    kind: str = "levels"
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def w(self) -> np.ndarray:
        """The weights in the convention of the theory, scale - 1."""
        return self.scales - 1.0

    @property
    def data_scale(self) -> float:
        """Standard deviation of the class means in the sampler's units: its VE times are data_scale^2 times `t`."""
        return float(self.info.get("data_scale", 1.0))

    @property
    def t_max(self) -> float:
        """The VE time of the theory at which higher levels were read."""
        return float(self.info.get("t_max", math.inf))

    def __len__(self) -> int:
        return self.scales.size

    def __iter__(self):
        return iter(self.scales.tolist())

    def __getitem__(self, i):
        """The scale of a step, or the `Scales` of a slice: `scales[-12:]` for the last 12 steps (image to image)."""
        if not isinstance(i, slice):
            return float(self.scales[i])
        return Scales(self.scales[i], self.levels[i], self.t[i], self.kind, self.info)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scales) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """Plain data with everything needed to read the scales without this package."""
        numbers = {name: _plain(getattr(self, name)) for name in ("scales", "w", "t", "levels")}
        return {"convention": CONVENTION, "kind": self.kind, **numbers, **self.info}

    def to_json(self, path: str | Path | None = None, *, overwrite: bool = False) -> str:
        """JSON text of `to_dict` and its checksum, also written to `path` if given (over a file that exists only with
        `overwrite`); infinite times are the word "inf"."""
        return _written(json.dumps(sealed_json(self.to_dict()), indent=1, allow_nan=False), path, overwrite)

    @staticmethod
    def from_json(source: str | Path) -> "Scales":
        """Read what `to_json` wrote: a path, or the text itself."""
        try:
            text = str(source)
            text = text if text.lstrip().startswith("{") else Path(source).read_text(encoding="utf-8")
            data, _ = unsealed_json(dict(json.loads(text)))
            arrays = {name: np.array([float(x) for x in data.pop(name)]) for name in ("scales", "levels", "t")}
            kind = data.pop("kind")
        except (OSError, ValueError, TypeError, KeyError) as cause:
            raise ExportError(f"this is not a file of scales written by to_json: {cause!r}.") from cause
        return Scales(**arrays, kind=kind, info={k: v for k, v in data.items() if k not in ("convention", "w")})

    def to_csv(self, path: str | Path | None = None, *, overwrite: bool = False) -> str:
        """One row per step: step, level, t, w, scale; also written to `path` if given, as by `to_json`."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(("step", self.kind, "t", "w", "scale"))
        columns = (x.tolist() for x in (self.levels, self.t, self.w, self.scales))
        rows.writerows(zip(range(len(self)), *columns, strict=True))
        return _written(out.getvalue().rstrip("\n"), path, overwrite)

    def to_sdcpp(self, *, spare: bool = True) -> str:
        """Value of `--extra-sample-args` of stable-diffusion.cpp: guidance_schedule=<scale>x<steps>+...

        The first entry is the last step (docs/real-samplers.md says what was read of this syntax). `spare` repeats the
        first step's scale once more: the source that was read counts steps from one and needs it. One scale per step:
        not for samplers that evaluate the model more than once a step (heun, dpm2, dpm++2s_a, res_2s).

        Examples
        --------
        >>> from meanfield import Piecewise
        >>> Piecewise([2.0], [-0.5, 2.0]).for_timesteps(sigmas=[4.0, 2.0, 1.0, 0.5, 0.0]).to_sdcpp()
        'guidance_schedule=0.5x2+3x3'
        """
        if np.any(self.levels[1:] == self.levels[:-1]):
            raise ExportError(
                "guidance_schedule takes one scale per step; these levels repeat, as in samplers that evaluate the "
                "model twice a step. Export scales for the levels of the steps alone."
            )
        runs: list[tuple[str, int]] = []
        for x in [*self.scales[::-1].tolist(), *([float(self.scales[0])] if spare else [])]:
            word = f"{x:.6f}".rstrip("0").rstrip(".")  # never an exponent: its sign would read as the next entry
            word = "0" if word == "-0" else word
            runs = [*runs[:-1], (word, runs[-1][1] + 1)] if runs and runs[-1][0] == word else [*runs, (word, 1)]
        return "guidance_schedule=" + "+".join(f"{word}x{count}" for word, count in runs)


@door(ExportError)
def for_timesteps(
    schedule,
    timesteps=None,
    *,
    data_scale: float = 1.0,
    rule: str = "start",
    t_max: float = math.inf,
    t_end: float = 0.0,
    **levels,
) -> Scales:
    """Guidance scales 1 + w for each step of a real sampler.

    Parameters
    ----------
    schedule : schedule of VE time (for one in own time: `problem.schedule`), a number or a function.
    **levels : exactly one of noise, betas, alphas_cumprod, sigmas, flow_sigmas states the noise levels, first step
        first. With `noise` (a process or its name) `timesteps` are its own times; with `betas` or `alphas_cumprod`
        they are indices into it, as in DDPM; `sigmas` are VE standard deviations; `flow_sigmas` lie in [0, 1], and
        `shift` beside them is for those that are not yet shifted. A last level 0 is the end, not a step (but timestep
        0 of alphas_cumprod is one).
    data_scale : standard deviation of the class means per direction, in the sampler's units.
    rule : "start" (w where the step evaluates the model) or "mean" (over the step, in sigma).
    t_max : levels above this VE time of the theory are read there, as at the start `problem.T`.
    t_end : VE time in the sampler's units where the last step ends; only the "mean" needs it.

    Raises
    ------
    ExportError : the levels cannot be read or do not fit. ScheduleError : w is not finite at a level.

    Examples
    --------
    >>> from meanfield import Interval
    >>> for_timesteps(Interval(2.0, 0.25, 9.0), flow_sigmas=[1.0, 0.75, 0.5, 0.25]).scales
    array([1., 3., 3., 1.])
    >>> for_timesteps(Interval(2.0, 0.25, 9.0), [900, 0], betas=[0.01] * 1000).scales
    array([1., 1.])
    """
    schedule = as_schedule(schedule)
    one_of("rule", rule, RULES, error=ExportError)
    scale = checked("data_scale", data_scale, low=1e-100, high=1e100, error=ExportError)
    top = checked("t_max", t_max, low=0, open_low=True, infinite=True, error=ExportError)
    end = checked("t_end", t_end, low=0, error=ExportError)
    kind, values, t_sampler = read_levels(timesteps, **levels)
    t = np.minimum(t_sampler / scale**2, top)
    end = min(end / scale**2, top)
    if rule == "mean" and np.any(values[1:] == values[:-1]):
        raise ExportError('rule "mean" needs one evaluation of the model a step; these levels repeat. Use "start".')
    if end > t[-1]:
        raise ExportError(f"t_end must not lie above the last level; got {float(t_end):g} above t = {t_sampler[-1]:g}.")
    w = _weights(schedule, t) if rule == "start" else _means(schedule, t, end)
    about = {"schedule": _described(schedule), "rule": rule, "data_scale": scale, "t_max": _plain(top)}
    return Scales(1.0 + w, values, t, kind, {**about, "cfgfield": _version()})


def _weights(schedule: Schedule, t: np.ndarray) -> np.ndarray:
    """w(t), checked: one finite number per level."""
    try:
        with np.errstate(invalid="ignore"):
            w = np.array(np.broadcast_to(np.asarray(schedule.w(t), float), t.shape))
    except ScheduleError:
        raise
    except Exception as cause:  # the schedule is the user's code: whatever it raises is reported
        raise ScheduleError(f"{schedule!r} must return one number per level; it raised {cause!r}.") from cause
    bad = ~np.isfinite(w)
    if np.any(bad):
        raise ScheduleError(
            f"the schedule must be finite at every level; w is {w[bad][0]:g} at t = {t[bad][0]:g}, in {schedule!r}. "
            "A first level of pure noise is t = infinity: give t_max, e.g. the start problem.T of the theory."
        )
    return w


def _means(schedule: Schedule, t: np.ndarray, end: float) -> np.ndarray:
    """Mean of w over each step in sigma: Gauss-Legendre between the breakpoints. A step from infinity has w there."""
    sigma = np.sqrt(np.append(t, end))
    jumps = np.sqrt(np.array(schedule.breakpoints, float))
    x, weight = legendre.leggauss(NODES)
    w = np.empty(t.size)
    for i, (high, low) in enumerate(pairwise(sigma)):
        if not math.isfinite(high) or high == low:
            w[i] = _weights(schedule, t[i : i + 1])[0]
            continue
        edges = np.unique([low, *jumps[(jumps > low) & (jumps < high)], high])
        half, middle = 0.5 * np.diff(edges)[:, None], 0.5 * (edges[1:] + edges[:-1])[:, None]
        values = _weights(schedule, ((middle + half * x) ** 2).ravel()).reshape(-1, NODES)
        w[i] = float(np.sum(half * weight * values) / (high - low))
    return w


def _described(schedule: Schedule) -> Any:
    try:
        return schedule.to_dict()
    except ScheduleError:
        return repr(schedule)


def _plain(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return [_plain(float(v)) for v in x]
    return x if math.isfinite(x) else str(x)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cfgfield")
    except PackageNotFoundError:
        return "unknown"


def _written(text: str, path: str | Path | None, overwrite: bool) -> str:
    if path is not None:
        write_whole(f"{text}\n".encode(), path, overwrite=overwrite, error=ExportError)
    return text
