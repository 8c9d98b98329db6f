"""Particles on torch arrays: what products in fewer bits cost in accuracy; a step on a device beside the processors.

Accuracy is that of any machine: runs in float32 and bfloat16 beside one in float64, on the same classes, start and
noise, so that their difference is rounding and not sampling.

Speed needs a device. It is seconds of the clock, because a device has no CPU seconds: a step on the device, and one of
the compiled run on all processors, each by the difference between a longer and a shorter run.
"""

import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from meanfield import Exponential, Fixed, Problem
from simulate import run

__all__ = ["CASES", "SPEED", "accuracy", "device_name", "speed"]

BASE = Problem(classes=Fixed(1000), sigma2=0.25, guidance=1.0, sampler="ode", t_start=1000.0)
CASES = {  # name: (problem, d)
    "two classes": (BASE.replace(classes=Fixed(2)), 24),
    "1000 classes": (BASE, 24),
    "1000 classes, SDE": (BASE.replace(sampler="sde"), 24),
    "1000 classes, wide": (BASE, 400),
    "1000 narrow classes": (BASE.replace(sigma2=0.02), 100),
    "glass": (BASE.replace(classes=Exponential(0.7), guidance=5.0), 12),
}
DTYPES = ("float32", "bfloat16")
SPEED = ((100, 64, 16384), (10**4, 24, 16384), (10**4, 256, 8192), (10**5, 256, 4096), (10**6, 24, 4096))  # (P, d, S)
STEPS = (4, 14)  # of the shorter and the longer run


def accuracy(name: str, n_samples: int = 64, n_draws: int = 4, n_steps: int = 100) -> list[dict]:
    """R.m.s. over draws of what m and v/sigma2 lose at t = 0 in each type, and the stderr of one run of this size."""
    import torch

    problem, d = CASES[name]
    size: dict[str, Any] = {"d": d, "n_samples": n_samples, "n_disorder": n_draws, "n_steps": n_steps}
    size |= {"n_times": 2, "progress": False}
    exact = run(problem, dtype="float64", xp=torch, **size)
    units = {"m": 1.0, "v": problem.sigma2}
    stderr = {key: float(getattr(exact.final, key).stderr) / unit for key, unit in units.items()}
    rows = []
    for dtype in DTYPES:
        draws = run(problem, dtype=dtype, xp=torch, **size).draws
        errors = {key: (draws[key][:, -1] - exact.draws[key][:, -1]) / unit for key, unit in units.items()}
        off = {key: float(np.sqrt(np.mean(error**2))) for key, error in errors.items()}
        rows.append({"case": name, "d": d, "P": exact.info["n_classes"], "dtype": dtype, "off": off, "stderr": stderr})
    return rows


def device_name() -> str | None:
    """Name of the device that torch sees; None where there is none."""
    if find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def speed(P: int, d: int, S: int, device: Any = "cuda", repeats: int = 3, steps: tuple[int, int] = STEPS) -> dict:
    """Milliseconds of the clock a step: compiled on all processors, and on the device in each type."""
    import torch

    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=1.0, sampler="sde", t_start=100.0)
    settings: dict[str, Any] = {
        "d": d,
        "n_samples": S,
        "n_disorder": 1,
        "n_times": 2,
        "classes": "explicit",
        "progress": False,
    }
    ways: dict[str, dict] = {
        "compiled": {},
        **{kind: {"xp": torch, "device": device, "dtype": kind} for kind in DTYPES},
    }

    def seconds(n: int, way: dict) -> float:
        begin = time.perf_counter()
        run(problem, n_steps=n, **settings, **way)
        return time.perf_counter() - begin

    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        seconds(steps[0], way)  # warms up
    for _ in range(repeats):
        for name, way in ways.items():
            short, long = (seconds(n, way) for n in steps)
            found[name].append((long - short) / (steps[1] - steps[0]))
    return {"P": P, "d": d, "S": S, "milliseconds": {name: 1e3 * float(np.median(x)) for name, x in found.items()}}
