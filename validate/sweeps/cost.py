"""What a cell costs: a model of the processor time of a run, fitted on this machine at first use.

One run of S samples (all draws), T steps, K classes in n dimensions (of the simulation: P of the span where P <= d)
costs, with one thread,

    seconds = a + b R K n + c B T + h B O + S T (e n + f K n + g K),      R draws, B batches of samples, O records,

a for the run itself, b for making the class means, c for a step of a batch whatever its size, h for a record of its
observables, e for integrator and noise, f and g for the posterior (products; exponentials), whose S is filled up to
fours where few dimensions are computed four samples at a time. The ODE's steps have a c and an e on top, and so has the
continuum, whose steps are not compiled, a c for either sampler. Streamed classes are made again at every step, which
costs i B T K n instead of b R K n; lazy classes cost S T (k + l d) for any P. The coefficients, all >= 0, are fitted to
relative accuracy on a few short runs, which take about a second, and kept in the user's cache folder for this host and
state of the code. The model orders and sizes the work of a sweep and says when it ends; no result depends on it.
"""

import math
import os
import socket
import time
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from meanfield import Continuum, Exponential, Fixed, Problem
from meanfield.problem.growth import Growth
from validate.errors import StoreError
from validate.results.files import read_json, write_json
from validate.results.provenance import code_fingerprint


@dataclass(frozen=True)
class Work:
    """What decides the cost of a run: draws, samples a draw, steps, classes, dimensions, how the classes are held."""

    draws: int
    samples: int
    steps: int
    classes: float
    dimensions: int
    held: str = "explicit"
    batch: int = 1024  # samples that a step moves at once
    records: int = 2
    ode: bool = False

    @property
    def terms(self) -> dict[str, float]:
        """The terms of the model that are not zero, by the name of their coefficient in `CostModel`."""
        moves = float(self.draws * self.samples * self.steps)
        if self.held == "lazy":
            return {"run": 1.0, "lazy": moves, "lazy_move": moves * self.dimensions}
        pairs = self.classes * self.dimensions
        batches = self.draws * math.ceil(self.samples / self.batch)
        stepped, compiled = float(batches * self.steps), self.held != "continuum"
        scored = float(self.draws * self._scored * self.steps)
        made = {"make": self.draws * pairs}
        if self.held == "streamed":
            made = {"stream": pairs * batches * self.steps}
        return {
            "run": 1.0, **made, "batch": stepped, "record": float(batches * self.records),
            "ode": stepped * (self.ode and compiled), "continuum": stepped * (not compiled),
            "continuum_ode": stepped * (self.ode and not compiled),
            "move": moves * self.dimensions, "ode_move": moves * self.dimensions * self.ode,
            "product": scored * pairs, "exponential": scored * self.classes,
        }  # fmt: skip

    @property
    def _scored(self) -> int:
        """Samples of a draw as their scores cost: in few dimensions those of a batch are filled up to fours."""
        from simulate.scores.fast import FEW  # here: it loads numba

        if self.dimensions > FEW:
            return self.samples
        full, rest = divmod(self.samples, self.batch)
        return full * -(-self.batch // 4) * 4 + -(-rest // 4) * 4


def run_work(
    problem: Problem,
    d: int,
    *,
    n_samples: int,
    n_disorder: int,
    n_steps: int,
    n_times: int = 2,
    classes: str = "auto",
    **_: Any,
) -> Work:
    """The work of `simulate.run` with these arguments; others may be given, and do not matter.

    Examples
    --------
    >>> p = Problem(classes=Fixed(100), sigma2=0.25)
    >>> run_work(p, 10**6, n_samples=50, n_disorder=4, n_steps=80)
    Work(draws=4, samples=50, steps=80, classes=100.0, dimensions=100, held='span', batch=256, records=2, ode=False)
    """
    from simulate.running.holding import choose  # loads the compiler: only when cells are to be computed
    from simulate.running.plan import STREAMED_SAMPLES, usual_batch

    case = choose(problem, d, classes)
    count = 0.0 if case.classes == "continuum" else case.n_classes
    batch = STREAMED_SAMPLES if case.classes == "streamed" else usual_batch(case, n_samples * n_disorder)
    records, ode = min(n_times, n_steps + 1), problem.eta == 0.0
    return Work(n_disorder, n_samples, n_steps, count, case.dim, case.classes, batch, records, ode)


@dataclass(frozen=True)
class CostModel:
    """Coefficients of the model, seconds of one processor."""

    run: float
    make: float
    batch: float
    record: float
    ode: float
    continuum: float
    continuum_ode: float
    move: float
    ode_move: float
    product: float
    exponential: float
    stream: float
    lazy: float
    lazy_move: float

    def seconds(self, work: Work) -> float:
        """Predicted processor time.

        Examples
        --------
        >>> model = CostModel(1e-3, 1e-8, 1e-4, 1e-5, 1e-5, 1e-4, 1e-4, 1e-8, 1e-8, 1e-10, 1e-9, 1e-8, 1e-5, 1e-8)
        >>> round(model.seconds(Work(draws=4, samples=256, steps=100, classes=1e4, dimensions=24)), 1)
        3.6
        """
        return sum(getattr(self, name) * term for name, term in work.terms.items())


@cache
def cost_model() -> CostModel:
    """The model of this machine: from the user's cache folder, or measured now. A damaged or unwritable file is no
    error: the model is then measured anew each time."""
    path = _path()
    try:
        known = read_json(path)
        if known["code"] == code_fingerprint():
            return CostModel(**{k: float(v) for k, v in known["model"].items()})
    except (StoreError, ValueError, KeyError, TypeError, AttributeError):
        pass
    model = _measured()
    content: dict[str, Any] = {"code": code_fingerprint(), "model": asdict(model)}
    try:
        write_json(content, path, overwrite=True)
    except StoreError:
        pass
    return model


def _path() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "cfgfield" / f"cost-{socket.gethostname()}.json"


# (growth, d, samples, draws, steps, records, classes, sampler): each term of the model leads in one of them
_RUNS: tuple[tuple[Growth, int, int, int, int, int, str, str], ...] = (
    (Fixed(2), 10, 1, 1, 10, 2, "auto", "sde"),
    (Fixed(2), 10, 4, 8, 100, 2, "auto", "sde"),
    (Fixed(2), 10, 4, 8, 100, 2, "auto", "ode"),
    (Fixed(2), 10, 4, 24, 25, 26, "auto", "sde"),
    (Fixed(20), 10, 128, 2, 60, 2, "auto", "sde"),
    (Fixed(20), 10, 128, 2, 60, 2, "auto", "ode"),
    (Fixed(2), 4000, 64, 1, 10, 2, "explicit", "sde"),
    (Fixed(2), 4000, 64, 1, 10, 2, "explicit", "ode"),
    (Fixed(300), 300, 128, 1, 20, 2, "auto", "sde"),
    (Fixed(1000), 1000, 8, 4, 10, 2, "auto", "sde"),
    (Fixed(2000), 12, 128, 2, 20, 2, "auto", "sde"),
    (Fixed(2000), 64, 128, 1, 10, 2, "auto", "sde"),
    (Fixed(20_000), 16, 4, 4, 4, 2, "auto", "sde"),
    (Fixed(20_000), 16, 128, 1, 12, 2, "auto", "sde"),
    (Fixed(20_000), 16, 64, 1, 4, 2, "streamed", "sde"),
    (Exponential(0.4), 24, 128, 1, 20, 2, "lazy", "sde"),
    (Exponential(0.4), 200, 128, 1, 20, 2, "lazy", "sde"),
    (Continuum(), 16, 64, 8, 50, 2, "auto", "sde"),
    (Continuum(), 16, 64, 8, 50, 2, "auto", "ode"),
)


def _measured() -> CostModel:
    """Fit the coefficients to short runs on one thread, by processor time, which other programs hardly disturb."""
    from scipy.optimize import nnls

    names = [field.name for field in fields(CostModel)]
    terms, seconds = [], []
    for growth, d, samples, draws, steps, records, classes, sampler in _RUNS:
        problem = Problem(classes=growth, sigma2=0.25, guidance=0.1, sampler=sampler)  # few steps resolve it
        effort: dict[str, Any] = {"n_samples": samples, "n_disorder": draws, "n_steps": steps}
        effort |= {"n_times": records, "classes": classes}
        work = run_work(problem, d, **effort).terms
        terms.append([work.get(name, 0.0) for name in names])
        seconds.append(min(_timed(problem, d, effort) for _ in range(2)))  # the first one may compile
    scale = 1.0 / np.array(seconds)
    found, _ = nnls(np.array(terms) * scale[:, None], np.ones(len(_RUNS)))
    return CostModel(**dict(zip(names, np.maximum(found, 1e-13).tolist(), strict=True)))


def _timed(problem: Problem, d: int, effort: dict[str, Any]) -> float:
    from simulate import run

    began = time.process_time()
    run(problem, d=d, threads=1, progress=False, **effort)
    return time.process_time() - began
