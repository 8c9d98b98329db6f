"""What a cell costs: a model of the processor time of a run, fitted on this machine at first use.

One run of S samples (all draws), T steps, K classes in n dimensions (of the simulation: P of the span where P <= d)
costs, with one thread,

    seconds = a + b R K n + c B T + S T (e n + f K n + g K),      R draws, B batches of samples,

a for the run itself, b for drawing the class means, c for a step of a batch whatever its size, e for integrator and
noise, f and g for the posterior (products; exponentials). The coefficients, all >= 0, are fitted to relative accuracy
on a few short runs, which take about two seconds, and kept in the user's cache folder for this host and state of the
code. The model orders and sizes the work of a sweep and says when it ends; no result depends on it.
"""

import json
import math
import os
import socket
import time
from dataclasses import asdict, astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from meanfield.problem import Fixed, Problem
from validate.errors import StoreError
from validate.files import write_bytes
from validate.provenance import code_fingerprint

__all__ = ["CostModel", "Work", "cost_model", "run_work"]

BATCH = 128  # samples a batch of `simulate.run`


@dataclass(frozen=True)
class Work:
    """What decides the cost of a run: draws, samples a draw, steps, classes, dimensions, bytes of a score's number."""

    draws: int
    samples: int
    steps: int
    classes: float
    dimensions: int

    @property
    def terms(self) -> np.ndarray:
        """The six terms of the model."""
        moves, pairs = self.draws * self.samples * self.steps, self.classes * self.dimensions
        batches = self.draws * math.ceil(self.samples / BATCH)
        return np.array(
            [
                1.0,
                self.draws * pairs,
                batches * self.steps,
                moves * self.dimensions,
                moves * pairs,
                moves * self.classes,
            ]
        )


def run_work(problem: Problem, d: int, *, n_samples: int, n_disorder: int, n_steps: int) -> Work:
    """The work of `simulate.run` with these arguments.

    Examples
    --------
    >>> p = Problem(classes=Fixed(100), sigma2=0.25)
    >>> run_work(p, 10**6, n_samples=50, n_disorder=4, n_steps=80)
    Work(draws=4, samples=50, steps=80, classes=100.0, dimensions=100)
    """
    if math.isinf(problem.classes.log_count(d)):
        return Work(n_disorder, n_samples, n_steps, 0.0, d)
    count = math.exp(min(problem.classes.log_count(d), 100.0))
    count = float(round(count)) if count < 1e15 else count
    span = count < d and problem.spectrum is None
    return Work(n_disorder, n_samples, n_steps, count, int(count) if span else d)


@dataclass(frozen=True)
class CostModel:
    """Coefficients of the model, seconds of one processor."""

    run: float
    draw: float
    batch: float
    move: float
    product: float
    exponential: float

    def seconds(self, work: Work) -> float:
        """Predicted processor time.

        Examples
        --------
        >>> model = CostModel(1e-3, 1e-8, 1e-4, 1e-8, 1e-10, 1e-9)
        >>> round(model.seconds(Work(draws=4, samples=256, steps=100, classes=1e4, dimensions=24)), 1)
        3.7
        """
        return float(np.array(astuple(self)) @ work.terms)


@cache
def cost_model() -> CostModel:
    """The model of this machine: from the user's cache folder, or measured now. A damaged or unwritable file is no
    error: the model is then measured anew each time."""
    path = _path()
    try:
        known = json.loads(path.read_text())
        if known["code"] == code_fingerprint():
            return CostModel(**{k: float(v) for k, v in known["model"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    model = _measured()
    content: dict[str, Any] = {"code": code_fingerprint(), "model": asdict(model)}
    try:
        write_bytes(json.dumps(content, indent=1).encode(), path)
    except StoreError:
        pass
    return model


def _path() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "cfgfield" / f"cost-{socket.gethostname()}.json"


# (classes, d, samples, draws, steps): each term of the model leads in one of them
_RUNS = (
    (2, 10, 1, 1, 10),
    (2, 10, 4, 8, 100),
    (20, 10, 128, 2, 60),
    (2, 4000, 64, 1, 10),
    (300, 300, 128, 1, 20),
    (2000, 12, 128, 2, 20),
    (2000, 64, 128, 1, 10),
    (20000, 16, 4, 4, 4),
    (20000, 16, 128, 1, 12),
)


def _measured() -> CostModel:
    """Fit the coefficients to short runs on one thread, by processor time, which other programs hardly disturb."""
    from scipy.optimize import nnls

    terms, seconds = [], []
    for count, d, samples, draws, steps in ((3, 2, 4, 1, 2), *_RUNS):  # the first one compiles
        problem = Problem(classes=Fixed(count), sigma2=0.25, guidance=1.0)
        effort: dict[str, Any] = {"n_samples": samples, "n_disorder": draws, "n_steps": steps}
        terms.append(run_work(problem, d, **effort).terms)
        seconds.append(min(_timed(problem, d, effort) for _ in range(2)))
    scale = 1.0 / np.array(seconds[1:])
    found, _ = nnls(np.array(terms[1:]) * scale[:, None], np.ones(len(_RUNS)))
    return CostModel(*(float(x) for x in np.maximum(found, 1e-13)))


def _timed(problem: Problem, d: int, effort: dict[str, Any]) -> float:
    from simulate import run

    began = time.process_time()
    run(problem, d=d, threads=1, progress=False, n_times=2, **effort)
    return time.process_time() - began
