"""A valid, cheap call of every public function, constructor and method: where a search for bad arguments starts.

A name is "solve", "Problem" or "Problem.weight"; a call is what is called and its arguments, all by name. Methods are
those of the public classes and of what the calls return.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from made import (
    FEW,
    GIVEN,
    GROUPS,
    LINE,
    PROBLEM,
    RAMP,
    RATIO,
    RUN,
    SCHEDULER,
    Pipeline,
    code,
    family,
    halved,
    idle,
    k_diffusion,
    results,
)

import cfgfield as cf

PROTOCOL = {"guided", "other", "apply", "linear", "shrinks", "combined"}  # of a rule, which the package calls on arrays


class Call(NamedTuple):
    """What is called, and its arguments by name."""

    function: Callable
    arguments: dict[str, Any]


def calls() -> dict[str, Call]:
    """Name of a public function, class or method -> its call."""
    tables = (_statements, _schedules, _theory, _exports, _rules, _samplers, _particles, _judge, _results)
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


def methods(cls: type) -> list[str]:
    """The public methods that a class defines itself and that take something."""
    found = []
    for name, member in vars(cls).items():
        inner = member.__func__ if isinstance(member, staticmethod) else member
        takes = inspect.isfunction(inner) and set(inspect.signature(inner).parameters) - {"self"}
        if takes and not name.startswith("_") and name not in PROTOCOL:
            found.append(name)
    return found


def _ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] in ("meanfield", "simulate", "validate")


def _times(name: str, item: Any, t: Any = (0.5, 1.0), **more: Any) -> dict[str, Call]:
    """The methods `w`, `amplitude`, ... of an object that take a time."""
    return {f"{name}.{method}": Call(getattr(item, method), {"t": list(t)}) for method in more.pop("of")}


def _statements() -> dict[str, Any]:
    statement = {"classes": cf.Exponential(0.4), "sigma2": 0.25, "guidance": 1.0, "sampler": "sde", "t_start": 100.0,
                 "spectrum": None, "noise": "ve"}  # fmt: skip
    one = cf.Uniform(0.0, 1.0)
    calls: dict[str, Any] = {
        "Problem": statement,
        **_times("Problem", PROBLEM, of=("weight", "amplitude")),
        "Problem.start": Call(PROBLEM.start, {"rate": 0.4, "count": 100.0, "d": 10.0}),
        "Problem.with_amplitude": Call(PROBLEM.with_amplitude, {"schedule": 1.0}),
        "Problem.require_isotropic": Call(PROBLEM.require_isotropic, {"who": "this", "remedy": "Use solve."}),
        "Problem.require_no_ratio": Call(PROBLEM.require_no_ratio, {"who": "this", "remedy": "Use solve."}),
        "Problem.replace": Call(PROBLEM.replace, {k: v for k, v in statement.items() if k != "spectrum"}),
        "Problem.from_dict": Call(cf.Problem.from_dict, {"data": PROBLEM.to_dict()}),
        "Spectrum": {"c": [0.2, 0.5], "u": [1.2, 4.5], "share": [0.5, 0.5]},
        "Spectrum.D": Call(GROUPS.D, {"t": [0.5, 1.0]}),
        "Spectrum.counts": Call(GROUPS.counts, {"d": 12}),
        "Spectrum.at": Call(GROUPS.at, {"d": 12}),
        "Spectrum.from_dict": Call(cf.Spectrum.from_dict, {"data": GROUPS.to_dict()}),
        "power_law": {"n_groups": 4, "modes": 16, "exponent": 1.0, "ratio": 0.2, "class_exponent": 1.0, "bins": "log"},
        "spectrum_of": {"means": np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]]), "covariances": np.eye(2)},
        "TwoClasses": {"target": cf.Normal(1.0), "other": cf.Normal(-1.0), "prior": 0.5},
        "TwoClasses.guided": Call(LINE.guided, {"u": 0.5, "R": 0.5, "w": 1.0}),
        "TwoClasses.log_odds": Call(LINE.log_odds, {"x": 0.5, "t": 1.0}),
        "TwoClasses.score": Call(LINE.score, {"x": 0.5, "t": 1.0, "w": 1.0}),
        "Normal": {"mean": 1.0, "variance": 2.0},
        "Uniform": {"low": 0.0, "high": 1.0},
        "PiecewiseConstant": {"edges": (0.0, 1.0, 3.0), "weights": (1.0, 2.0)},
        "PiecewiseConstant.log_edge_distance": Call(one.log_edge_distance, {"zeta": 0.5, "upper": True}),
    }
    growths = {"Exponential": {"alpha": 0.4}, "Polynomial": {"gamma": 1.0}, "Fixed": {"n": 5}, "Continuum": {}}
    for name, arguments in growths.items():
        law = getattr(cf, name)(**arguments)
        calls |= {name: arguments} if arguments else {}
        calls |= {f"{name}.{method}": Call(getattr(law, method), {"d": 12.0}) for method in methods(type(law))}
    noises = {"VE": {}, "EDM": {}, "OrnsteinUhlenbeck": {}, "VPLinear": {"beta_min": 0.1, "beta_max": 20.0},
              "VPCosine": {"s0": 0.008}, "RectifiedFlow": {}}  # fmt: skip
    for name, arguments in noises.items():
        noise = getattr(cf, name)(**arguments)
        calls |= {name: arguments} if arguments else {}
        for method in sorted({*methods(type(noise)), *methods(cf.Noise)} - {"from_dict"}):
            calls[f"{name}.{method}"] = Call(getattr(noise, method), {"t" if method == "own_time" else "s": [0.3, 0.5]})
    calls |= {f"Noise.{method}": calls[f"EDM.{method}"] for method in methods(cf.Noise) if method != "from_dict"}
    for cls, item in (("Normal", cf.Normal(1.0)), ("PiecewiseConstant", one)):
        pair = {"x": [0.2, 0.5], "t": 1.0}
        calls |= {f"{cls}.{m}": Call(getattr(item, m), pair) for m in ("log_density", "score", "normal_score")}
        calls[f"{cls}.source"] = Call(item.source, {"u": [0.2, 0.5], "R": 0.5})
        calls[f"{cls}.tilt"] = Call(item.tilt, {"theta": 0.5})
        calls[f"{cls}.quantile"] = Call(item.quantile, {"zeta": [0.2, 0.5]})
    return calls


def _schedules() -> dict[str, Any]:
    arguments: dict[str, dict[str, Any]] = {
        "Constant": {"value": 1.0},
        "Interval": {"value": 1.0, "t_low": 0.5, "t_high": 2.0},
        "Linear": {"w0": -1.0, "omega": 0.25},
        "Piecewise": {"edges": [1.0, 2.0], "values": [0.0, 1.0, 2.0]},
        "Tabulated": {"times": [1.0, 2.0], "values": [0.0, 1.0]},
        "Custom": {"function": lambda t: np.tanh(np.asarray(t, float)), "jumps": [1.0]},
        "Ramp": {"early": 0.0, "late": 4.0, "shape": "linear", "power": 1.0, **RAMP},
        "ClampLinear": {"early": 0.0, "late": 4.0, "floor": 1.0, **RAMP},
        "Triangular": {"edge": 0.0, "peak": 4.0, "t_peak": 1.0, **RAMP},
        "ExponentialRamp": {"size": 1.0, "rate": 1.0, "offset": 0.0, **RAMP},
        "PowerLaw": {"guidance": 2.0, "exponent": 0.5},
        "DensityRatio": {"beta": 0.2, "w_max": 3.0},
    }
    calls: dict[str, Any] = {
        **arguments,
        "early_high": {"value": 2.0, "t_switch": 1.0, "late": 0.0},
        "late_unconditional": {"value": 2.0, "t_switch": 1.0},
        "DensityRatio.w_ratio": Call(cf.DensityRatio(0.2).w_ratio, {"log_ratio": [0.0, -1.0]}),
        "Schedule.w_state": Call(cf.PowerLaw(2.0, 0.5).w_state, {"t": [0.5, 1.0], "norm": 0.25}),
        "Schedule.for_timesteps": Call(cf.Linear(-1.0, 0.25).for_timesteps, {"timesteps": [2, 0], "betas": [0.1] * 4}),
        **_times("Schedule", cf.Linear(-1.0, 0.25), of=("w", "amplitude", "scale")),
        "Schedule.settled_above": Call(cf.Constant(1.0).settled_above, {"d": 12.0}),
        "DensityRatio.settled_above": Call(cf.DensityRatio(0.2).settled_above, {"d": 12.0}),
    }
    for name, own in arguments.items():
        schedule = getattr(cf, name)(**own)
        plain = cf.PowerLaw(2.0, 0.0) if name == "PowerLaw" else schedule
        takes_time = [m for m in methods(type(schedule)) if m in ("w", "amplitude")]
        calls |= _times(name, plain, of=takes_time)
    return calls


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
        "phase_diagram": {"problem": PROBLEM, "x": ("alpha", [0.4, 0.7]), "y": ("w", [0.5, 1.0]), "d": np.inf,
                          "threads": 1, "progress": False},
        "reduced": {"problem": PROBLEM, "d": 6, "n_samples": 8, "n_draws": 2, **FEW},
        "quenched": {"problem": PROBLEM, "d": 6, "n_samples": 8, "n_draws": 2, "tolerance": 0.02, "n_explicit": 500,
                     "n_most": 256, **FEW},
        "solve_sampler": {"problem": PROBLEM, "sampler": code, "d": 6, "theory": "reduced", "shape": None,
                          "n_samples": 8, "n_draws": 2, "seed": 0, "threads": 1, "xp": np, "progress": False},
        "fade": {"problem": RATIO, "d": 400.0},
        "ratio_limits": {"guidance": cf.DensityRatio(0.2), "eta": 0.0},
        "design": designed,
        "no_go": {"schedule": 1.0, "problem": continuum},
        "speciation_time": {"eigenvalue": 16.0, "sigma2": 0.25},
        "collapse_time": {"log_n": 5.0, "d": 20, "s2": 1.0},
        "excess_entropy": {"t": [1.0, 2.0], "log_n": 5.0, "d": 20, "s2": 1.0, "exact": False},
        "phi_two": {"D": [1.0, 2.0], "norm2": 2.0},
        "phi_orthogonal": {"D": [1.0, 2.0], "norm2": 2.0, "n_classes": 10.0},
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


def _rules() -> dict[str, Any]:
    amplitude = {"guidance": 1.0}
    return {
        "Rescale": {**amplitude, "phi": 0.7, "prediction": "eps"},
        "Projected": {**amplitude, "eta": 0.0, "threshold": 1.0},
        "ZeroStar": amplitude,
        "Tangential": amplitude,
        "WeakModel": {**amplitude, "delta": 0.3},
        "Free": {**amplitude, "b": -0.9},
        "ByGroup": {**amplitude, "factors": [1.0, 2.0]},
        "CustomRule": {"function": halved, **amplitude},
        "Rule.w": Call(cf.Rescale(1.0).w, {"t": [1.0]}),
        "Rule.amplitude": Call(cf.Rescale(1.0).amplitude, {"t": [1.0]}),
    }


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

    run = {"first_draw": 0, "tol": None, "class_tolerance": 0.02, "noise_refinement": 1, **RUN}
    cloned = {"classes": 2.0, "t": [1.0, 4.0], "d": None, "sigma2": 0.25, "n_samples": 8, "n_draws": 2, "n_steps": 8,
              "seed": 0, "eta": 1.0, "trunk": "sde", "t_start": 50.0, "t_end": 0.0, "reduce": True, "dtype": "float32",
              "threads": 1, "progress": False}  # fmt: skip
    return {
        "run": run,
        "run_sampler": {"problem": PROBLEM, "sampler": code, "d": 6, "shape": None, "n_samples": 4, "n_disorder": 2,
                        "first_draw": 0, "seed": 0, "classes": "auto", "class_tolerance": 0.02, "dtype": "float32",
                        "batch": None, "threads": 1, "xp": np, "progress": False},
        "timestep_error": {k: v for k, v in RUN.items() if k != "n_times"},
        "clones": cloned,
        "sample_line": {"classes": LINE, "w": 1.0, "sampler": "ode", "n_samples": 8, "n_steps": 16, "seed": 0,
                        "t": [1.0, 0.5], "t_start": 100.0, "t_end": 0.1, "error": None},
        "sample_mixture": {"problem": GIVEN, "means": [[1.0, 0.0], [-1.0, 0.0]], "covariances": np.eye(2), "target": 0,
                           "n_samples": 8, "n_steps": 8, "seed": 0},
        "sample_scores": {"problem": GIVEN, "conditional": score, "unconditional": score, "dim": 2, "n_samples": 8,
                          "n_steps": 8, "seed": 0, "draw": 0, "progress": False},
        "PointScore": {"points": [[1.0], [-1.0]], "blur": 0.5},
    }  # fmt: skip


def _judge() -> dict[str, Any]:
    made, options = results(), {"seed": 0, "executor": None, "threads": 1, "progress": False, "folder": None}
    few = {"n_samples": 4, "n_disorder": 2, "d": 6, "n_steps": 8, "n_times": 3, "classes": "auto"}
    return {
        "compare": {"theory": made["Trajectory"], "data": made["Ensemble"], "times": [0.0], "level": 0.01,
                    "finite_size": None, "timestep": made["TimestepError"], "estimator": "paired"},
        "check_sampler": {"sampler": idle, "against": None, "guidance": 1.0, "noise": "ve", "shape": None,
                          "family": None, "eta": 0.0, "level": 0.01, "seed": 0, "threads": 1, "progress": False},
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
        "Ensemble.at": Call(made["Ensemble"].at, {"index": 0}),
        "Ensemble.from_dataset": Call(cf.Ensemble.from_dataset, {"dataset": made["Ensemble"].to_dataset()}),
        "Comparison.agrees": Call(made["Comparison"].agrees, {"row": made["Comparison"].rows[0]}),
        "Comparison.plot": Call(made["Comparison"].plot, {"axes": None}),
        "Extrapolation.predict": Call(made["Extrapolation"].predict, {"d": [10.0, 20.0]}),
        "Judgement.word": Call(made["Judgement"].word, {"verdict": made["Judgement"].verdicts[0]}),
        "Judgement.spread": Call(made["Judgement"].spread, {"ground": "equal d"}),
        "EndLaw.density": Call(law.density, {"x": [1.2, 1.5]}),
        "EndLaw.cdf": Call(law.cdf, {"x": [1.2, 1.5]}),
        "EndLaw.start": Call(law.start, {"x": 1.5}),
        "EndLaw.mean": Call(law.mean, {"values": np.ones(9)}),
        "EndLaw.refined": Call(law.refined, {"n": 20}),
    }
