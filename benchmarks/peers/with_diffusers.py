"""The schedulers of diffusers, stepping a denoiser of `benchmarks.peers.solvers` on levels of our choice.

These schedulers hold x of a variance-preserving process, x/(1 + sigma^2)^(1/2), and are told that the network predicts
the sample. Their levels are replaced after `set_timesteps`: all that they do is a function of `sigmas`. Noise comes
from outside, so that it can be shared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, SASolverScheduler, UniPCMultistepScheduler
from diffusers.schedulers import scheduling_sasolver

COMMON = {"prediction_type": "sample", "final_sigmas_type": "zero"}
MAKE: dict[str, Callable[[], Any]] = {
    "DPM-Solver++ 2M, diffusers": lambda: DPMSolverMultistepScheduler(solver_order=2, euler_at_final=True, **COMMON),
    "DPM-Solver++ 3M, diffusers": lambda: DPMSolverMultistepScheduler(
        solver_order=3, euler_at_final=True, lower_order_final=False, **COMMON
    ),
    "UniPC 2, diffusers": lambda: UniPCMultistepScheduler(solver_order=2, **COMMON),
    "UniPC 3, diffusers": lambda: UniPCMultistepScheduler(solver_order=3, **COMMON),
    "DPM-Solver++ 2M SDE, diffusers": lambda: DPMSolverMultistepScheduler(
        algorithm_type="sde-dpmsolver++", solver_order=2, euler_at_final=True, **COMMON
    ),
    "SA-Solver, diffusers": lambda: SASolverScheduler(
        tau_func=lambda t: 1.0, predictor_order=2, corrector_order=2, prediction_type="sample"
    ),
}


@torch.no_grad()
def stepped(name: str, denoise: Any, x: torch.Tensor, levels: np.ndarray, normals: Callable[[], Any]) -> torch.Tensor:
    """x at level 0 from x at levels[0], VE, by the scheduler `name` of `MAKE`."""
    scheduler = MAKE[name]()
    n = len(levels) - 1
    scheduler.set_timesteps(n)
    scheduler.sigmas = torch.as_tensor(levels)
    scheduler.timesteps = torch.arange(n, 0, -1)
    scheduler.num_inference_steps = n
    noisy = {"variance_noise": normals} if "2M SDE" in name else {}
    kept = scheduling_sasolver.randn_tensor
    scheduling_sasolver.randn_tensor = lambda *_, **__: normals()
    try:
        root = np.sqrt(1.0 + levels**2)
        x = x / root[0]
        for i, timestep in enumerate(scheduler.timesteps):
            clean = denoise(x * root[i], float(levels[i]))
            if levels[i + 1] == 0.0:  # what all of them do there, but for SA-Solver, whose coefficients are infinite
                return clean
            told = {key: draw() for key, draw in noisy.items()}
            x = scheduler.step(clean, timestep, x, return_dict=False, **told)[0].to(torch.float32)
    finally:
        scheduling_sasolver.randn_tensor = kept
    return x
