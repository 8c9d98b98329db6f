"""Measures the cells of the atlas: theory, finite-d theory, particles, time-step error, one file a cell, resumable."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Exponential, Problem, few_classes, quenched, reduced, solve
from meanfield.errors import require, short, whole
from meanfield.finite.few import applies
from meanfield.tools.door import door
from validate.agreement.estimates import QUANTITIES, best_draws, theory_on
from validate.errors import ConfigError
from validate.regimes.groups import SAMPLERS, SIGMA2, Group, annealed_error, exact_at_every_d, groups
from validate.results.provenance import code_fingerprint, versions
from validate.results.store import Store, content_hash
from validate.sweeps.cost import CostModel, run_work
from validate.sweeps.grid_cell import cell_seed, theory_of
from validate.sweeps.resuming import map_cells

if TYPE_CHECKING:
    import xarray

N_TIMES = 26
N_FINE = 160  # times of the theory's curve
CURVES = (0.4, 0.7, 1.0)  # alphas of the figure's theory lines
REDUCED: dict[str, Any] = {"n_samples": 8000, "n_draws": 16, "n_steps": 100}
QUENCHED: dict[str, Any] = {"n_samples": 1600, "n_draws": 32, "n_steps": 120}
FEW: dict[str, Any] = {"n_draws": 32, "n_steps": 200}
FEW_SAMPLES = (1024, 20_480)  # of few classes: a quarter of the particles', whose error is several times theirs
FEW_SECONDS = (2e-7, 3.5e-8)  # a sample and step of theirs, and by class
QUENCHED_D = (4, 64)  # the dimensions at which the quenched theory is computed
BESIDE = (0.3, 3.8)  # seconds of processor for the theories of a cell, without and with the quenched one, on average
STEP_SHARE = 4  # the time-step error is measured on paired noise, so a quarter of the samples resolves it


@dataclass(frozen=True)
class AtlasCell:
    """A group at one of its dimensions, and the seed of the atlas."""

    group: Group
    d: int
    n_samples: int
    seed: int

    @property
    def content(self) -> dict[str, Any]:
        """What the cell is, as plain data."""
        g = self.group
        options = {"n_samples": self.n_samples, "n_disorder": g.n_disorder, "n_steps": g.n_steps, "n_times": N_TIMES}
        theories = {"reduced": REDUCED, "quenched": QUENCHED}
        return {"problem": g.problem.to_dict(), "d": self.d, "options": options, **theories}

    @property
    def key(self) -> str:
        """Its name in a store, whose manifest has the seed."""
        return content_hash(self.content)

    @property
    def label(self) -> str:
        """How a table calls it."""
        return f"{self.group.name}, d = {self.d}"

    def seconds(self, model: CostModel) -> float:
        """Predicted processor time: the particles, their runs with n_steps and 2 n_steps steps, and the theories."""
        g = self.group
        theories = BESIDE[0] if exact_at_every_d(g.problem, self.d) or not _in_range(self.d) else BESIDE[1]
        work = run_work(g.problem, self.d, n_samples=self.n_samples, n_disorder=g.n_disorder, n_steps=g.n_steps)
        if applies(g.problem, self.d):
            each, by_class = FEW_SECONDS
            classes = math.exp(g.problem.classes.log_count(self.d))
            theories += _few_samples(g, self.n_samples) * FEW["n_steps"] * (each + by_class * classes)
        return theories + model.seconds(work) * (1.0 + 3.0 / STEP_SHARE)

    def measure(self, threads: int = 1, progress: Any = False) -> "xarray.Dataset":
        """Its results; see `measure`."""
        return measure(self.group, self.d, self.n_samples, self.seed, progress, threads)


@door()
def atlas(
    profile: str = "quick",
    *,
    folder: str | Path | None = None,
    seed: int = 0,
    executor: Any = None,
    threads: int | None = None,
    progress: bool | None = None,
    only: str = "",
) -> "xarray.Dataset":
    """Measure every cell of a profile; with a folder, a killed atlas resumes where it was.

    Parameters
    ----------
    profile : "quick" (minutes), "standard" (one to two hours) or "full" (half a day).
    folder : where finished cells are kept; None keeps nothing.
    executor, threads, progress : who computes the cells, and whether it is shown, as in `validate.sweep`.
    only : measure the groups whose name contains this text; all together share the cells of a folder.

    Returns
    -------
    xarray.Dataset : dimension `cell`, then `draw`, `reduced_draw`, `time`; what is in it: see `measure`.
        `validate.judge` turns it into verdicts, `validate.figures.summary` into a figure.
    """
    who: dict[str, Any] = {"executor": executor, "threads": threads, "progress": progress}
    return measured(profile, groups(profile), folder=folder, seed=seed, only=only, **who)


def measured(
    profile: str,
    known: tuple[Group, ...],
    *,
    folder: str | Path | None,
    seed: int,
    executor: Any,
    threads: int | None,
    progress: bool | None,
    only: str,
) -> "xarray.Dataset":
    """Any groups as an atlas: `atlas` of groups of one's own, under the name `profile`."""
    seed = whole("seed", seed, low=0)
    chosen = [g for g in known if only in g.name]
    names = short([g.name for g in known], 800)
    require(chosen, f"only must be part of the name of a group, which are {names}", only, error=ConfigError)
    cells = [AtlasCell(g, d, n, seed) for g in chosen for d, n in zip(g.sizes, g.n_samples, strict=True)]
    store = None
    if folder is not None:
        manifest = {"seed": seed, "code": code_fingerprint()}  # cells of two codes must not mix
        store = Store(folder, manifest, {**versions(), "atlas": profile, "only": only})
    parts: Any = map_cells(cells, title="atlas", store=store, executor=executor, threads=threads, progress=progress)
    return _stack(parts, {"profile": profile, "seed": seed, **versions()})


def measure(
    group: Group, d: int, n_samples: int, seed: int = 0, progress: Any = False, threads: int | None = None
) -> "xarray.Dataset":
    """One cell, computed on some threads (default: all).

    Returns
    -------
    xarray.Dataset : what the cell is (`group`, `problem`, `d`, `log_count`, `w`, `sampler`, ...); mean-field theory
        (`theory_m`, `theory_v` over `time`, and on the finer `fine_t`; `standing`, `t_speciation`); whether that is
        exact at this d (`exact`), `annealed_error`, and the draws of the finite-d theories (`reduced_m`, `quenched_m`,
        and `few_m` where it applies, ...); the particles' draws (`m`, `v` over draw and time); the time-step error of
        the final m and v (`step_m`, `step_m_stderr`, ...).
    """
    import xarray

    from simulate import run, timestep_error

    started, problem = time.perf_counter(), group.problem
    own = cell_seed(seed, AtlasCell(group, d, n_samples, seed).content)
    work = {"progress": progress, "threads": threads}
    size: dict[str, Any] = {"d": d, "n_disorder": group.n_disorder, "n_steps": group.n_steps, **work}
    data = run(problem, n_samples=n_samples, seed=own, n_times=N_TIMES, **size)
    step = timestep_error(problem, n_samples=max(n_samples // STEP_SHARE, 2), seed=own + 1, **size)
    theory, exact = theory_of(problem, d), exact_at_every_d(problem, d)
    error = 0.0 if exact else annealed_error(solve(problem, d), d)
    wanted = {"reduced": not exact and math.isfinite(error), "quenched": not exact and _in_range(d)}
    finite_d = {name: _finite_d(name, problem, d, own + 2, len(data.t), wanted[name], work) for name in wanted}
    if applies(problem, d):
        finite_d["few"] = _few(group, d, n_samples, own + 2, len(data.t), work)
    prediction = theory_on(theory, data.t)
    variables: dict[str, Any] = {
        **_labels(group, d),
        "standing": theory.standing,
        "t_speciation": float(theory.t_speciation),
        "exact": exact,
        "annealed_error": error,
        "n_samples": n_samples,
        "n_steps": group.n_steps,
        "seed": own,
        "method": str(data.info.get("method", "")),
        "t": ("time", data.t),
    }
    for q in QUANTITIES:
        variables[f"theory_{q}"] = ("time", prediction[q])
        variables[q] = (("draw", "time"), best_draws(data, q))
        for name, draws in finite_d.items():
            variables[f"{name}_{q}"] = ((f"{name}_draw", "time"), draws[q])
            variables[f"{name}_t"] = ("time", draws["t"])  # its steps, and so its records, are its own
        variables[f"step_{q}"] = float(getattr(step, q))
        variables[f"step_{q}_stderr"] = float(getattr(step, f"{q}_stderr"))
    fine = np.geomspace(theory.D[0], problem.sigma2, N_FINE) - problem.sigma2
    fine[[0, -1]] = theory.t[0], 0.0
    variables["fine_t"] = ("fine", fine)
    for q in QUANTITIES:
        variables[f"fine_{q}"] = ("fine", getattr(theory.at(fine), q))
    variables["seconds"] = time.perf_counter() - started
    return xarray.Dataset({k: v if isinstance(v, tuple) else ((), v) for k, v in variables.items()})


def _labels(group: Group, d: int) -> dict[str, Any]:
    problem, classes = group.problem, group.problem.classes
    return {
        "group": group.name,
        "problem": json.dumps(problem.to_dict()),
        "growth": classes.name,
        "alpha": float(getattr(classes, "alpha", math.nan)),
        "rate": float(classes.rate(d)),
        "log_count": float(classes.log_count(d)),
        "vanishing": group.vanishing,
        "w": float(problem.schedule.largest * np.sign(problem.amplitude(1.0))),
        "limit": group.limit,
        "sampler": str(problem.sampler),
        "sigma2": problem.sigma2,
        "t_start": problem.T,
        "d": d,
    }


def _in_range(d: int) -> bool:
    return QUENCHED_D[0] <= d <= QUENCHED_D[1]


def _finite_d(
    name: str, problem: Problem, d: int, seed: int, n_times: int, wanted: bool, work: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Draws of a finite-d theory, "reduced" or "quenched", of shape (its draws, times), and its times; nan where it
    makes no sense."""

    model, settings = (reduced, REDUCED) if name == "reduced" else (quenched, QUENCHED)
    if not wanted:
        nothing = {q: np.full((settings["n_draws"], n_times), np.nan) for q in QUANTITIES}
        return nothing | {"t": np.full(n_times, np.nan)}
    ensemble = model(problem, d, seed=seed, n_times=n_times, **work, **settings)
    return {q: best_draws(ensemble, q) for q in QUANTITIES} | {"t": ensemble.t}


def _few_samples(group: Group, n_samples: int) -> int:
    """Samples of the theory of few classes."""
    return int(np.clip(n_samples * group.n_disorder // 4, *FEW_SAMPLES))


def _few(group: Group, d: int, n_samples: int, seed: int, n_times: int, work: Mapping[str, Any]) -> dict[str, Any]:
    """Draws of the theory of few classes and their times, as of `_finite_d`."""
    number = _few_samples(group, n_samples)
    ensemble = few_classes(group.problem, d, n_samples=number, seed=seed, n_times=n_times, **work, **FEW)
    return {q: best_draws(ensemble, q) for q in QUANTITIES} | {"t": ensemble.t}


def _curves(alphas: tuple[float, ...]) -> "xarray.Dataset":
    """Mean field at d = infinity against w, for the figure: m(0) and v(0)/sigma2 over (alpha, sampler, w)."""
    import xarray

    w = np.unique(np.concatenate([np.linspace(-0.5, 1.0, 16), np.geomspace(1.0, 10.0, 13)]))
    m, v, settled = (np.empty((len(alphas), len(SAMPLERS), len(w)), kind) for kind in (float, float, bool))
    for index in np.ndindex(*m.shape):
        i, j, k = index
        problem = Problem(classes=Exponential(alphas[i]), sigma2=SIGMA2, guidance=float(w[k]), sampler=SAMPLERS[j])
        theory = solve(problem)
        m[index], v[index] = theory.final.m, theory.final.v / SIGMA2
        settled[index] = theory.standing != "approximate"
    dims = ("curve_alpha", "curve_sampler", "curve_w")
    variables = {"curve_m": (dims, m), "curve_v": (dims, v), "curve_settled": (dims, settled)}
    return xarray.Dataset(variables, coords=dict(zip(dims, (list(alphas), list(SAMPLERS), w), strict=True)))


def _stack(parts: list["xarray.Dataset"], attrs: dict[str, Any]) -> "xarray.Dataset":
    """Cells along a new dimension (cells with fewer draws padded with nan), and the curves of the figure."""
    import xarray

    cells = xarray.concat(parts, dim="cell", join="outer", combine_attrs="drop")
    return cells.merge(_curves(CURVES)).assign_attrs(attrs)
