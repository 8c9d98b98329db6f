"""Calls of what states a problem: its parts, schedules of guidance, rules of guidance."""

from typing import Any

import numpy as np
from calling import Call, methods, times
from made import GROUPS, LINE, PROBLEM, RAMP, halved

import cfgfield as cf


def statements() -> dict[str, Any]:
    statement = {"classes": cf.Exponential(0.4), "sigma2": 0.25, "guidance": 1.0, "sampler": "sde", "t_start": 100.0,
                 "spectrum": None, "noise": "ve"}  # fmt: skip
    one = cf.Uniform(0.0, 1.0)
    calls: dict[str, Any] = {
        "Problem": statement,
        **times("Problem", PROBLEM, of=("weight", "amplitude")),
        "Problem.start": Call(PROBLEM.start, {"rate": 0.4, "count": 100.0, "d": 10.0}),
        "Problem.with_amplitude": Call(PROBLEM.with_amplitude, {"schedule": 1.0}),
        "Problem.require_isotropic": Call(PROBLEM.require_isotropic, {"who": "this", "remedy": "Use solve."}),
        "Problem.require_one_weight": Call(PROBLEM.require_one_weight, {"who": "this"}),
        "Problem.require_equal_weights": Call(PROBLEM.require_equal_weights, {"who": "this", "remedy": "Use solve."}),
        "Problem.require_second": Call(PROBLEM.require_second, {"d": 8.0}),
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
    growths = {"Exponential": {"alpha": 0.4, "prior": -0.1}, "Polynomial": {"gamma": 1.0, "factor": 2.0},
               "Fixed": {"n": 5, "factor": 0.5}, "Continuum": {},
               "Populations": {"alpha": [0.2, 0.5], "prior": [-0.1, -0.1]},
               "Hierarchy": {"alpha": (0.1, 0.3), "rho": 0.7, "label": 1, "spread": 0.2}}  # fmt: skip
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


def schedules() -> dict[str, Any]:
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
        **times("Schedule", cf.Linear(-1.0, 0.25), of=("w", "amplitude", "scale")),
        "Schedule.settled_above": Call(cf.Constant(1.0).settled_above, {"d": 12.0}),
        "DensityRatio.settled_above": Call(cf.DensityRatio(0.2).settled_above, {"d": 12.0}),
    }
    for name, own in arguments.items():
        schedule = getattr(cf, name)(**own)
        plain = cf.PowerLaw(2.0, 0.0) if name == "PowerLaw" else schedule
        takes_time = [m for m in methods(type(schedule)) if m in ("w", "amplitude")]
        calls |= times(name, plain, of=takes_time)
    return calls


def rules() -> dict[str, Any]:
    amplitude = {"guidance": 1.0}
    return {
        "Rescale": {**amplitude, "phi": 0.7, "prediction": "eps"},
        "Projected": {**amplitude, "eta": 0.0, "threshold": 1.0, "prediction": "eps", "base": "uncond"},
        "ZeroStar": amplitude,
        "Tangential": amplitude,
        "WeakModel": {**amplitude, "delta": 0.3},
        "Free": {**amplitude, "b": -0.9},
        "Negative": amplitude,
        "Composed": {**amplitude, "w_2": 0.5},
        "ByGroup": {**amplitude, "factors": [1.0, 2.0]},
        "CustomRule": {"function": halved, **amplitude},
        "Rule.w": Call(cf.Rescale(1.0).w, {"t": [1.0]}),
        "Rule.amplitude": Call(cf.Rescale(1.0).amplitude, {"t": [1.0]}),
    }
