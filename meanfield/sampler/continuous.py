"""The continuous sampler of a problem as a sampler's code: what `run`, `reduced` and `quenched` do with a rule.

In tau = -log D, D = a + t with a the least class variance, the reverse step is dx = e (G - x) dtau + eta D^(1/2) dB
with G = x + D s. Steps are those of the exponential midpoint rule, with G at the beginning for half a step and G in the
middle for all of it, and the exact noise of both halves,

    (V15)  x' = q^2 x + (1 - q^2) G_mid + q n_1 + n_2,     q = (D'/D)^(e/2),     <n^2> = D_end (1 - (D'/D)^(eta^2/2)).

Two calls of the model a step; errors are of second order in its length.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.guidance.stops import stops
from meanfield.problem.statement import Problem
from meanfield.sampler.model import Level

CALLS = 2  # a step


class Integrator:
    """The steps as code of (model, noise), from t_start to 0; log-uniform in D, cut at breakpoints of the schedule."""

    def __init__(self, problem: Problem, n_steps: int) -> None:
        problem.require_start()
        self.eta, self.e, self.v_T, self.a = problem.eta, problem.e, problem.v_T, problem.least_variance
        self.name = f"{'ODE' if problem.eta == 0.0 else 'SDE'}, {n_steps} steps"
        self.t = _grid(problem, n_steps)

    def __call__(self, model: Any, noise: Callable[[], Any]) -> Any:
        x = math.sqrt(self.v_T) * noise()
        for t, after in pairwise(self.t):
            D, D_after = self.a + t, self.a + after
            middle = math.sqrt(D * D_after)
            q, rest = (D_after / D) ** (0.5 * self.e), 1.0 - (D_after / D) ** (0.5 * self.eta**2)
            half = q * x + (1.0 - q) * self._pulled(model, x, t)
            if self.eta > 0.0:
                n_1, n_2 = math.sqrt(middle * rest) * noise(), math.sqrt(D_after * rest) * noise()
                half = half + n_1
            x = q * q * x + (1.0 - q * q) * self._pulled(model, half, middle - self.a)
            if self.eta > 0.0:
                x = x + q * n_1 + n_2
        return x

    def _pulled(self, model: Any, x: Any, t: float) -> Any:
        """G = x + D s."""
        return x - (self.a + t) / math.sqrt(t) * model.eps(x, Level(1.0, math.sqrt(t)))


def _grid(problem: Problem, n_steps: int) -> tuple[float, ...]:
    a, T = problem.least_variance, problem.T
    cuts = [t for t in stops(problem.schedule) if 0.0 < t < T]
    edges = [T, *reversed(cuts), 0.0]
    logs = [math.log((a + b) / (a + c)) for b, c in pairwise(edges)]
    found = [T]
    for (b, c), part in zip(pairwise(edges), logs, strict=True):
        n = max(1, round(n_steps * part / sum(logs)))
        found += [*(np.geomspace(a + b, a + c, n + 1)[1:-1] - a).tolist(), c]
    return tuple(found)


def recorded(data: Ensemble, problem: Problem, n_times: int) -> Ensemble:
    """What was seen at whole steps, `n_times` of them at most, as an ensemble of the problem's own sampler."""
    steps = (len(data.t) - 1) // CALLS
    kept = CALLS * np.unique(np.linspace(0, steps, min(n_times, steps + 1)).round().astype(int))
    info = {key: value for key, value in data.info.items() if key not in ("sampler", "n_calls")}
    twin = info.get("unguided")
    if twin:
        info["unguided"] = {name: np.array(values)[kept].tolist() for name, values in twin.items()}
    draws = {name: values[:, kept] for name, values in data.draws.items()}
    return replace(data, t=data.t[kept], draws=draws, info={**info, "n_steps": steps})
