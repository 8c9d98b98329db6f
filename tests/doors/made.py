"""Small problems, stand-ins and results: what the calls of public names take, and whose methods are public too."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

import cfgfield as cf
from validate.regimes.groups import Group
from validate.regimes.measurement import measured

PROBLEM = cf.Problem(classes=cf.Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
LABEL = cf.Hierarchy(alpha=(0.1, 0.3), rho=0.7)
MODES = cf.Problem(classes=LABEL, sigma2=0.05, guidance=1.0, t_start=100.0)
RUN_MODES: dict[str, Any] = {"problem": MODES, "d": 6, "n_samples": 8, "n_draws": 2, "n_steps": 8, "seed": 0}
RUN_MODES |= {"others": "annealed", "twin": True, "progress": False}
GIVEN = cf.Problem(classes=cf.Fixed(2), sigma2=0.25, guidance=1.0, t_start=100.0)
RATIO = cf.Problem(classes=cf.Continuum(), sigma2=0.25, guidance=cf.DensityRatio(0.2), sampler="ode")
GROUPS = cf.Spectrum(c=[0.2, 0.5], u=[1.2, 4.5])
CLASSES = cf.Mixture([[2.0, 0.0], [-2.0, 0.0]], variances=0.5)
PREDICT: dict[str, Any] = {"mixture": CLASSES, "target": 0, "guidance": 1.0, "sampler": "ode", "n_samples": 32}
PREDICT |= {"n_batches": 4, "n_steps": 12, "seed": 0, "t_start": 2000.0, "shape": None, "progress": False}
LINE = cf.TwoClasses(cf.Uniform(1.0, 2.0), cf.Uniform(-2.0, -1.0))
RAMP: dict[str, Any] = {"t_low": 0.5, "t_high": 2.0, "over": "t"}
OWN = (Group("continuum", cf.Problem(classes=cf.Continuum(), sigma2=0.25, guidance=1.0), (5,), (16,), 16, 25, False),)
FEW: dict[str, Any] = {"n_steps": 8, "seed": 0, "n_times": 3, "threads": 1, "progress": False}
RUN: dict[str, Any] = {"problem": PROBLEM, "d": 6, "n_samples": 8, "n_disorder": 2, "classes": "auto", **FEW}
RUN |= {"dtype": "float32", "block": 512, "batch": None}
SCHEDULER = SimpleNamespace(timesteps=[2, 0], alphas_cumprod=[0.9, 0.5, 0.2], num_inference_steps=2, config={})


class Pipeline:
    """A stand-in for a pipeline of diffusers, with what `guided` looks for."""

    guidance_scale = 1.0
    do_classifier_free_guidance = property(lambda self: self.guidance_scale > 1)

    def __call__(self, guidance_scale: float = 7.5, callback_on_step_end: Any = None) -> float:
        uncond, cond = (1.0, 2.0) if self.do_classifier_free_guidance else (0.0, 0.0)
        return uncond + self.guidance_scale * (cond - uncond)


def code(model: Any, noise: Any) -> Any:
    """A sampler of two steps."""
    x = 4.0 * noise()
    for s, after in ((4.0, 1.0), (1.0, 0.0)):
        x = x + (after - s) * model.eps(x, s)
    return x


def k_diffusion(model: Any, x: Any, sigmas: Any) -> Any:
    """A sampler in the convention of k-diffusion."""
    return model(x, sigmas[0])


def halved(x: Any, cond: Any, uncond: Any, t: float, w: Any) -> Any:
    """A rule of guidance."""
    return cond + 0.5 * w * (cond - uncond)


def family(n: int) -> Any:
    """A sampler of n steps."""
    return cf.heun(cf.karras_sigmas(n, 10.0 / n**3, 10.0, rho=3))


def idle(model: Any, noise: Any) -> Any:
    """A sampler that never calls its model: refused before anything is computed."""
    return noise()


TWO = cf.Mixture([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]], variances=[0.3, 0.4, 0.5])
SMALL = {"theory": False, "n_samples": 160, "n_steps": 30, "progress": False}


@cache
def results() -> dict[str, Any]:
    """Results whose methods are public too; each is made once."""
    made = {
        "Trajectory": cf.solve(PROBLEM),
        "SpectralTrajectory": cf.solve(cf.Problem(classes=cf.Exponential(0.5), spectrum=GROUPS, guidance=1.0)),
        "ModesTrajectory": cf.solve(MODES),
        "ModesEnsemble": cf.run_modes(**RUN_MODES),
        "Ensemble": cf.run(**RUN),
        "Ensembles": [cf.run(**{**RUN, "d": d, "n_disorder": 3}) for d in (6, 7, 8)],
        "EndLaw": cf.end_law(LINE, 1.0, z=np.linspace(-3.0, 3.0, 9)),
        "Scales": cf.for_timesteps(cf.Linear(-1.0, 0.25), sigmas=[4.0, 2.0, 1.0, 0.0]),
        "TimestepError": cf.timestep_error(**{k: v for k, v in RUN.items() if k != "n_times"}),
        "Fade": cf.fade(RATIO, 400),
        "NoGo": cf.no_go(1.0, cf.Problem(classes=cf.Continuum(), sigma2=0.25)),
        "SamplerLaw": cf.solve_sampler(PROBLEM, code),
        "Order": cf.order_of(family, GIVEN, steps=[2, 4, 8, 16]),
        "atlas": measured("own", OWN, folder=None, seed=0, executor=None, threads=1, progress=False, only=""),
    }
    made["Prediction"] = cf.predict(**PREDICT)
    made["Predictions"] = cf.predict(**{**PREDICT, "target": None})
    made["MixtureDesign"] = TWO.design(0, w_max=3.0, **SMALL)
    made["Design"] = cf.design(cf.Problem(classes=cf.Continuum(), sigma2=0.25, t_start=1000.0))
    made["ModesDesign"] = cf.design_modes(MODES, lost=0.01, w_min=0.0)
    made["Comparison"] = cf.compare(made["Trajectory"], made["Ensemble"], times=[0.0])
    made["Extrapolation"] = cf.extrapolate(made["Ensembles"])
    made["SamplerCheck"] = cf.check_sampler(idle, progress=False)
    made["Judgement"] = cf.judge(made["atlas"])
    return made
