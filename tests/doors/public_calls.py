"""A valid, cheap call of every public function, constructor and method: where a search for bad arguments starts.

A name is "solve", "Problem" or "Problem.weight"; a call is what is called and its arguments, all by name. Methods are
those of the public classes and of what the calls return.
"""

import inspect
import tempfile
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from calling import Call, methods
from made import (
    FEW,
    GIVEN,
    LINE,
    MODES,
    PREDICT,
    PROBLEM,
    RATIO,
    RUN,
    RUN_MODES,
    SCHEDULER,
    SMALL,
    TWO,
    Pipeline,
    code,
    family,
    idle,
    k_diffusion,
    results,
)
from statement_calls import rules, schedules, statements

import cfgfield as cf


@cache
def calls() -> dict[str, Call]:
    """Name of a public function, class or method -> its call."""
    tables = (statements, schedules, _theory, _exports, rules, _samplers, _particles, _mixtures, _judge, _results)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: call if isinstance(call, Call) else Call(getattr(cf, name), call)
                for table in tables for name, call in table().items()}  # fmt: skip


def public_names() -> set[str]:
    """Every function, constructor and method that needs a call; named tuples and errors are what Python makes them."""
    names, classes = set(), []
    for name in cf.__all__:
        item = getattr(cf, name)
        if inspect.isfunction(item):
            names.add(name)
        elif inspect.isclass(item) and not issubclass(item, Exception | tuple):
            classes.append(item)
    classes += [type(made) for made in results().values() if _ours(type(made))]
    for cls in dict.fromkeys(classes):
        constructor = cls.__name__ in cf.__all__ and inspect.signature(cls).parameters
        names |= {cls.__name__} if constructor else set()
        names |= {f"{cls.__name__}.{method}" for method in methods(cls)}
    return names


def _ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] in ("meanfield", "simulate", "validate")


def _theory() -> dict[str, Any]:
    continuum = cf.Problem(classes=cf.Continuum(), sigma2=0.25, t_start=1000.0)
    designed = {"problem": continuum, "w_min": -1.0, "w_max": 5.0, "keep": "variance", "maximise": "mean", "mean": None,
                "slope": np.inf, "approximate": False, "margin": 0.01, "d": np.inf, "sampler": None,
                "shape": None, "progress": False}  # fmt: skip
    return {
        "solve": {"problem": PROBLEM, "d": 12.0, "capture": True},
        "distortion": {"result": results()["Trajectory"]},
        "dose": {"schedule": 1.0, "problem": PROBLEM},
        "shift_in_class_widths": {"r": [0.5, 1.0], "w": 1.0},
        "potential": {"problem": PROBLEM, "t": [5.0, 0.5], "m": [0.5, 1.0, 1.5], "q": [1.0, 2.0], "d": np.inf},
        "curves": {"problem": PROBLEM, "over": {"w": [0.5, 1.0]}, "d": np.inf, "threads": 1, "progress": False},
        "phase_diagram": {"problem": PROBLEM, "x": ("alpha", [0.4, 0.7]), "y": ("w", [0.5, 1.0]), "d": np.inf,
                          "threads": 1, "progress": False},
        "reduced": {"problem": PROBLEM, "d": 6, "n_samples": 8, "n_draws": 2, **FEW},
        "quenched": {"problem": PROBLEM, "d": 6, "n_samples": 8, "n_draws": 2, "tolerance": 0.02, "n_explicit": 500,
                     "n_most": 256, **FEW},
        "few_classes": {"problem": PROBLEM.replace(classes=cf.Fixed(3), guidance=0.05), "d": 12, "n_samples": 8,
                        "n_draws": 2, "order": 1, **FEW},
        "few_limits": {"n": 2, "w": 1.0, "eta": 1.0, "n_samples": 100, "n_steps": 40, "seed": 0, "threads": 1},
        "many_classes": {"problem": PROBLEM.replace(classes=cf.Fixed(5000)), "d": 4},
        "solve_sampler": {"problem": PROBLEM, "sampler": code, "d": 6, "theory": "reduced", "shape": None,
                          "n_samples": 8, "n_draws": 2, "seed": 0, "threads": 1, "xp": np, "progress": False},
        "fade": {"problem": RATIO, "d": 400.0},
        "ratio_limits": {"guidance": cf.DensityRatio(0.2), "eta": 0.0},
        "design": designed,
        "design_modes": {"problem": MODES, "lost": 0.01, "w_min": 0.0, "w_max": 2.0, "d": np.inf},
        "modes_front": {"problem": MODES, "lost": [0.0, 0.01], "d": np.inf},
        "no_go": {"schedule": 1.0, "problem": continuum},
        "speciation_time": {"eigenvalue": 16.0, "sigma2": 0.25},
        "speciation_time_widths": {"variances": [1.75, 0.25], "d": 256},
        "collapse_time": {"log_n": 5.0, "d": 20, "s2": 1.0},
        "excess_entropy": {"t": [1.0, 2.0], "log_n": 5.0, "d": 20, "s2": 1.0, "exact": False},
        "phi_two": {"D": [1.0, 2.0], "norm2": 2.0},
        "phi_orthogonal": {"D": [1.0, 2.0], "norm2": 2.0, "n_classes": 10.0},
        "phi_widths": {"t": 1.0, "variances": [1.75, 0.25], "d": 6},
        "phi_drawn": {"D": 1.0, "n_classes": 10.0, "d": 6, "s2": 1.0},
        "information_two": {"D": [1.0, 2.0], "norm2": 2.0},
        "information_orthogonal": {"D": [1.0, 2.0], "norm2": 2.0, "n_classes": 10.0},
        "information_drawn": {"D": 1.0, "n_classes": 10.0, "d": 6, "s2": 1.0},
        "end_law": {"classes": LINE, "w": 1.0, "z": [-1.0, 0.0, 1.0], "t_start": np.inf, "tol": 1e-6},
    }  # fmt: skip


def _exports() -> dict[str, Any]:
    scales, text = results()["Scales"], results()["Scales"].to_json()
    return {
        "for_timesteps": {"schedule": 1.0, "timesteps": [2, 0], "betas": [0.1] * 4, "data_scale": 1.0, "rule": "start",
                          "t_max": 50.0, "t_end": 0.0},
        "levels_of": {"scheduler": SCHEDULER},
        "guided": {"pipe": Pipeline(), "scales": [2.0, 1.0]},
        "GuidanceCallback": {"scales": scales, "after": None},
        "Scales.to_json": Call(scales.to_json, {"path": "scales.json"}),
        "Scales.from_json": Call(type(scales).from_json, {"source": text}),
        "Scales.to_csv": Call(scales.to_csv, {"path": "scales.csv"}),
        "Scales.to_sdcpp": Call(scales.to_sdcpp, {"spare": True}),
    }  # fmt: skip


def _samplers() -> dict[str, Any]:
    native = {"sigmas": [10.0, 1.0, 0.0], "start": "ve"}
    return {
        "from_k_diffusion": {"function": k_diffusion, "sigmas": [10.0, 1.0, 0.0], "xp": None},
        "euler": {**native, "eta": 0.5},
        "euler_ancestral": native,
        "heun": native,
        "dpmpp_2m": native,
        "dpmpp_2m_sde": native,
        "unipc": native,
        "karras_sigmas": {"n": 4, "sigma_min": 0.1, "sigma_max": 10.0, "rho": 7.0},
        "sd_sigmas": {"n": 4, "spacing": "leading"},
        "order_of": {"family": family, "problem": GIVEN, "eta": 0.0, "steps": [2, 4, 8, 16]},
    }


def _particles() -> dict[str, Any]:
    def score(x, t):
        return -x / (1.25 + t)

    network = cf.NetworkScore(lambda x, s, labels: 0.0 * x, "x0", 2, noise="edm", null_label=0)
    run = {"first_draw": 0, "tol": None, "class_tolerance": 0.02, "noise_refinement": 1, **RUN}
    run |= {"xp": None, "device": None}
    cloned = {"classes": 2.0, "t": [1.0, 4.0], "d": None, "sigma2": 0.25, "n_samples": 8, "n_draws": 2, "n_steps": 8,
              "seed": 0, "eta": 1.0, "trunk": "sde", "t_start": 50.0, "t_end": 0.0, "reduce": True, "dtype": "float32",
              "threads": 1, "progress": False}  # fmt: skip
    return {
        "run": run,
        "run_sampler": {"problem": PROBLEM, "sampler": code, "d": 6, "shape": None, "n_samples": 4, "n_disorder": 2,
                        "first_draw": 0, "seed": 0, "classes": "auto", "class_tolerance": 0.02, "dtype": "float32",
                        "batch": None, "threads": 1, "xp": np, "progress": False},
        "timestep_error": {k: v for k, v in RUN.items() if k != "n_times"},
        "run_modes": RUN_MODES,
        "count_modes": {"modes": [0, 1, 1, 2], "weights": [1.0, 2.0, 3.0]},
        "clones": cloned,
        "sample_line": {"classes": LINE, "w": 1.0, "sampler": "ode", "n_samples": 8, "n_steps": 16, "seed": 0,
                        "t": [1.0, 0.5], "t_start": 100.0, "t_end": 0.1, "error": None},
        "sample_mixture": {"problem": GIVEN, "means": [[1.0, 0.0], [-1.0, 0.0]], "covariances": np.eye(2), "target": 0,
                           "n_samples": 8, "n_steps": 8, "seed": 0, "draw": 0, "second": None, "sampler": None,
                           "shape": None, "xp": None, "progress": False},
        "sample_scores": {"problem": GIVEN, "conditional": score, "unconditional": score, "dim": 2, "n_samples": 8,
                          "n_steps": 8, "seed": 0, "draw": 0, "progress": False},
        "PointScore": {"points": [[1.0], [-1.0]], "blur": 0.5},
        "NetworkScore": {"model": lambda x, s, labels: x, "prediction": "x0", "shape": [2], "noise": "edm",
                         "alphas_cumprod": None, "null_label": 0, "t_range": [0.01, 100.0], "batch": 4, "device": None,
                         "dtype": "float32"},
        "NetworkScore.conditional": Call(network.conditional, {"labels": [0, 1]}),
        "NetworkScore.check": Call(network.check, {"x": [[0.5, 0.1], [0.0, 1.0]], "labels": [0, 1], "n_samples": 4,
                                                   "seed": 0}),
    }  # fmt: skip


def _mixtures() -> dict[str, Any]:
    two = cf.Mixture([[1.0, 0.0], [-1.0, 0.0]], variances=0.5)
    x = [[0.5, 0.1], [0.0, 1.0]]
    many = {"weights": [1.0, 2.0], "labels": ["a", "b"]}
    folder = Path(tempfile.mkdtemp())
    two.save(folder / "mixture.npz")
    return {
        "Mixture": {"means": [[1.0, 0.0], [-1.0, 0.0]], "covariances": None, "variances": 0.5, **many},
        "Mixture.low_rank": Call(cf.Mixture.low_rank, {"means": x, "ridge": 0.5, "factors": np.ones((2, 1, 2)),
                                                       **many}),
        "Mixture.of_components": Call(cf.Mixture.of_components, {"components": two.components, **many}),
        "Mixture.fit": Call(cf.Mixture.fit, {"X": np.eye(6, 2) + np.arange(12).reshape(6, 2) ** 2 % 5,
                                             "y": [0, 0, 0, 1, 1, 1], "covariance": "diag"}),
        "Mixture.from_sklearn": Call(cf.Mixture.from_sklearn, {"fitted": SimpleNamespace(
            means_=np.eye(2), covariances_=np.ones(2), weights_=[0.5, 0.5], covariance_type="spherical"),
            "labels": ["a", "b"]}),
        "Mixture.load": Call(cf.Mixture.load, {"path": str(folder / "mixture.npz")}),
        "Mixture.save": Call(two.save, {"path": str(folder / "again.npz"), "overwrite": True}),
        "Mixture.members": Call(two.members, {"target": 0}),
        "Mixture.prior": Call(two.prior, {"target": 0}),
        "Mixture.look": Call(two.look, {"x": np.array(x), "t": 0.5, "target": 0}),
        "Mixture.score": Call(two.score, {"target": 0}),
        "Mixture.log_density": Call(two.log_density, {"x": x, "target": 0, "t": 0.5}),
        "Mixture.posterior": Call(two.posterior, {"x": x, "target": 0, "t": 0.5}),
        "Mixture.classify": Call(two.classify, {"x": x, "t": 0.5}),
        "Mixture.modes": Call(two.modes, {"x": x, "target": 0}),
        "Mixture.draw": Call(two.draw, {"target": 0, "n_samples": 4, "seed": 0}),
        "Mixture.mean": Call(two.mean, {"target": 0}),
        "Mixture.covariance": Call(two.covariance, {"target": 0}),
        "Mixture.problem": Call(two.problem, {"target": 0, "guidance": 1.0, "sampler": "ode", "t_start": 100.0}),
    }  # fmt: skip


def _judge() -> dict[str, Any]:
    made, options = results(), {"seed": 0, "executor": None, "threads": 1, "progress": False, "folder": None}
    few = {"n_samples": 4, "n_disorder": 2, "d": 6, "n_steps": 8, "n_times": 3, "classes": "auto"}
    return {
        "compare": {"theory": made["Trajectory"], "data": made["Ensemble"], "times": [0.0], "level": 0.01,
                    "finite_size": None, "timestep": made["TimestepError"], "estimator": "paired", "assume": None,
                    "name": None},
        "check_sampler": {"sampler": idle, "against": None, "guidance": 1.0, "noise": "ve", "shape": None,
                          "family": None, "eta": 0.0, "level": 0.01, "seed": 0, "threads": 1, "progress": False},
        "predict": PREDICT,
        "extrapolate": {"ensembles": made["Ensembles"], "quantity": "m", "order": 1, "estimator": "paired",
                        "finite_size": None, "law": None},
        "family_threshold": {"k": 5, "level": 0.01},
        "hotelling": {"difference": np.zeros(2), "samples": np.random.default_rng(0).normal(size=(8, 2)),
                      "reference": np.random.default_rng(1).normal(size=(6, 2))},
        "wilson": {"successes": 5.0, "trials": 10.0, "level": 0.05},
        "sweep": {"base": PROBLEM, "grid": {"w": [0.5]}, **few, **options},
        "atlas": {"profile": "quick", "only": "no such group", **options},  # others take seconds
        "judge": {"data": made["atlas"], "level": 0.01},
        "read_dataset": {"path": "nothing.nc"},
        "write_dataset": {"dataset": made["Trajectory"].to_dataset(), "path": "dataset.nc"},
    }  # fmt: skip


def _results() -> dict[str, Any]:
    """Constructors of results, from the fields of one, and their methods."""
    calls: dict[str, Any] = {}
    made = results()
    for name in set(made) - {"Ensembles", "EndLaw", "Scales", "atlas"}:
        calls[name] = {field: getattr(made[name], field) for field in inspect.signature(type(made[name])).parameters}
    observable, law = cf.Observable(np.array([1.0, 2.0])), made["EndLaw"]
    return {
        **calls,
        "Observable": {"values": observable.values},
        "Distortion": dict.fromkeys(inspect.signature(cf.Distortion).parameters, 1.0),
        "SamplerLaw.distance": Call(made["SamplerLaw"].distance, {"d": 100.0}),
        "Trajectory.at": Call(made["Trajectory"].at, {"t": [0.5, 1.0]}),
        "ModesTrajectory.at": Call(made["ModesTrajectory"].at, {"t": [0.5, 1.0]}),
        "ModesEnsemble.paired": Call(made["ModesEnsemble"].paired, {"name": "m_B"}),
        "Ensemble.at": Call(made["Ensemble"].at, {"index": 0}),
        "Ensemble.from_dataset": Call(cf.Ensemble.from_dataset, {"dataset": made["Ensemble"].to_dataset()}),
        "Comparison.agrees": Call(made["Comparison"].agrees, {"row": made["Comparison"].rows[0]}),
        "Comparison.plot": Call(made["Comparison"].plot, {"axes": None}),
        "Extrapolation.predict": Call(made["Extrapolation"].predict, {"d": [10.0, 20.0]}),
        "Judgement.word": Call(made["Judgement"].word, {"verdict": made["Judgement"].verdicts[0]}),
        "Judgement.spread": Call(made["Judgement"].spread, {"ground": "equal d"}),
        "MixtureDesign.of": Call(made["MixtureDesign"].of, {"candidate": "constant"}),
        "MixtureDesign.estimate": Call(made["MixtureDesign"].estimate, {"name": "shift", "candidate": "window"}),
        "MixtureDesign.lost": Call(made["MixtureDesign"].lost, {"candidate": "window"}),
        "MixtureDesign.text": Call(made["MixtureDesign"].text, {"name": "shift", "candidate": "window"}),
        "MixtureDesign.report": Call(made["MixtureDesign"].report, {"path": "x.html", "overwrite": True}),
        "MixtureDesign.plot": Call(made["MixtureDesign"].plot, {"axes": None}),
        "Mixture.design": Call(TWO.design, {"target": 0, "w_max": 3.0, **SMALL}),
        **{
            f"{name}.{method}": Call(getattr(made[name], method), words)
            for name in ("Prediction", "Predictions")
            for method, words in (
                ("plot", {"axes": None, "columns": 3}),
                ("report", {"path": "x.html", "overwrite": True}),
            )
        },
        "EndLaw.density": Call(law.density, {"x": [1.2, 1.5]}),
        "EndLaw.cdf": Call(law.cdf, {"x": [1.2, 1.5]}),
        "EndLaw.start": Call(law.start, {"x": 1.5}),
        "EndLaw.mean": Call(law.mean, {"values": np.ones(9)}),
        "EndLaw.refined": Call(law.refined, {"n": 20}),
    }
