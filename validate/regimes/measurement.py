"""Measures the cells of the atlas: theory, finite-d theory, particles, time-step error, one file a cell, resumable."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Exponential, Problem, solve
from meanfield.errors import require, short, whole
from meanfield.tools.door import door
from validate.agreement.estimates import QUANTITIES, best_draws, theory_on
from validate.errors import ConfigError
from validate.regimes.controls import controlled_draws
from validate.regimes.finite_theories import SETTINGS, THEORIES, bound_at, many_at, seconds_of, settings_of, wanted_at
from validate.regimes.groups import RECORDS, SAMPLERS, SIGMA2, Group, exact_at_every_d, groups
from validate.regimes.judgement import in_a_line
from validate.regimes.trees import Particles, is_tree, log_classes, tree_particles, tree_seconds
from validate.results.provenance import code_fingerprint, versions
from validate.results.store import Store, content_hash
from validate.sweeps.cost import CostModel, run_work
from validate.sweeps.grid_cell import cell_seed, theory_of
from validate.sweeps.progress_table import announce
from validate.sweeps.resuming import map_cells

if TYPE_CHECKING:
    import xarray

N_TIMES = RECORDS + 1
N_FINE = 160  # times of the theory's curve
CURVES = (0.4, 0.7, 1.0)  # alphas of the figure's theory lines
FIRST = 2  # the smallest cells, which are measured first: rows appear before anything is compiled for the others
BESIDE = 0.05  # seconds of processor: mean field, the controls, files
STEP_DRAWS, SHARP_DRAWS = 6, 2  # of paired noise: few resolve the time-step error; two where no noise is in the steps


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
        theories = {name: settings_of(name, g.problem, self.particles) for name in SETTINGS}
        return {"problem": g.problem.to_dict(), "d": self.d, "options": options, **theories}

    @property
    def key(self) -> str:
        """Its name in a store, whose manifest has the seed."""
        return content_hash(self.content)

    @property
    def particles(self) -> int:
        """Samples of all draws."""
        return self.n_samples * self.group.n_disorder

    @property
    def effort(self) -> tuple[bool, bool, int]:
        """What sorts cells by what there is to compute: classes, theories of this d, coordinates."""
        endless = math.isinf(log_classes(self.group.problem, self.d))
        return not endless, not exact_at_every_d(self.group.problem, self.d), self.n_samples * self.d

    @property
    def label(self) -> str:
        """How a table calls it."""
        return f"{self.group.name}, d = {self.d}"

    def seconds(self, model: CostModel) -> float:
        """Predicted processor time: the particles, their runs with n_steps and 2 n_steps steps, and the theories."""
        g = self.group
        wanted = [name for name, yes in wanted_at(g.problem, self.d).items() if yes]
        theories = sum(seconds_of(name, g.problem, self.d, self.particles) for name in wanted)
        size: dict[str, Any] = {"n_samples": self.n_samples, "n_steps": g.n_steps}
        if is_tree(g.problem):
            more = {"d": self.d, "n_draws": g.n_disorder}
            return BESIDE + theories + tree_seconds(g.problem, size | more, _step_draws(g))
        work = run_work(g.problem, self.d, **size, n_disorder=g.n_disorder, n_times=N_TIMES)
        pair = run_work(g.problem, self.d, **size, n_disorder=_step_draws(g))
        return BESIDE + theories + model.seconds(work) + 3.0 * model.seconds(pair)

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
    small = sorted(cells, key=lambda cell: cell.effort)[: min(FIRST, len(cells) // 3)]
    who: dict[str, Any] = {
        "title": "atlas",
        "store": store,
        "executor": executor,
        "threads": threads,
        "total": len(cells),
    }
    found: dict[str, Any] = {}
    for cell in small:  # alone: no cost needs to be known
        (found[cell.key],) = map_cells([cell], progress=False, before=len(found), **who)
        announce(progress, in_a_line(found[cell.key]))
    rest = [cell for cell in cells if cell.key not in found]
    announce(progress, f"atlas: the cost of {len(rest)} cells is estimated (at first use their theories are compiled)")
    others = map_cells(rest, progress=progress, say=in_a_line, before=len(found), **who)
    found |= zip([cell.key for cell in rest], others, strict=True)
    measured_cells = along_cells([found[cell.key] for cell in cells])
    return measured_cells.merge(_curves(CURVES)).assign_attrs({"profile": profile, "seed": seed, **versions()})


def measure(
    group: Group, d: int, n_samples: int, seed: int = 0, progress: Any = False, threads: int | None = None
) -> "xarray.Dataset":
    """One cell, computed on some threads (default: all).

    Returns
    -------
    xarray.Dataset : what the cell is (`group`, `problem`, `d`, `log_count`, `w`, `sampler`, ...); mean-field theory
        (`theory_m`, `theory_v` over `time`, and on the finer `fine_t`; `standing`, `t_speciation`); whether that is
        exact at this d (`exact`), `annealed_error`, and the draws of the finite-d theories (`reduced_m`, `quenched_m`,
        `few_m`, ..., nan where one does not apply), m(0) and v(0) of many classes (`many_m`, `many_v`, likewise); the
        particles' draws (`m`, `v` over draw and time; of a tree at the last time alone); the time-step error of the
        final m and v (`step_m`, `step_m_stderr`, ...).
    """
    import xarray

    started, problem = time.perf_counter(), group.problem
    own = cell_seed(seed, AtlasCell(group, d, n_samples, seed).content)
    work = {"progress": progress, "threads": threads}
    data = _particles(group, {"d": d, "n_samples": n_samples, "n_steps": group.n_steps}, own, work)
    theory, wanted = solve(problem) if is_tree(problem) else theory_of(problem, d), wanted_at(problem, d)
    effort = {name: settings_of(name, problem, n_samples * group.n_disorder) for name in wanted}
    where = {"d": d, "seed": own + 2, "n_times": len(data.t), **work}
    finite_d = {name: _finite_d(name, problem, effort[name], where, wanted[name]) for name in wanted}
    prediction = theory_on(theory, data.t)
    variables: dict[str, Any] = {
        **_labels(group, d),
        "standing": theory.standing,
        "t_speciation": float(theory.t_label if is_tree(problem) else theory.t_speciation),
        "exact": exact_at_every_d(problem, d),
        "annealed_error": bound_at(problem, d),
        "n_samples": n_samples,
        "n_steps": group.n_steps,
        "seed": own,
        "method": data.method,
        "t": ("time", data.t),
    }
    many = many_at(problem, d)
    for q in QUANTITIES:
        variables[f"theory_{q}"] = ("time", prediction[q])
        variables[f"many_{q}"] = many[q]
        variables[q] = (("draw", "time"), data.draws[q])
        for name, its in finite_d.items():
            variables[f"{name}_{q}"] = ((f"{name}_draw", "time"), its[q])
            variables[f"{name}_t"] = ("time", its["t"])  # its steps, and so its records, are its own
        variables[f"step_{q}"], variables[f"step_{q}_stderr"] = data.step[q]
    fine = np.geomspace(problem.sigma2 + theory.t[0], problem.sigma2, N_FINE) - problem.sigma2
    fine[[0, -1]] = theory.t[0], 0.0
    variables["fine_t"] = ("fine", fine)
    for q in QUANTITIES:
        variables[f"fine_{q}"] = ("fine", getattr(theory.at(fine), q))
    variables["seconds"] = time.perf_counter() - started
    return xarray.Dataset({k: v if isinstance(v, tuple) else ((), v) for k, v in variables.items()})


def _particles(group: Group, size: dict[str, Any], seed: int, work: dict[str, Any]) -> Particles:
    """Particles of any classes, and their time-step error."""
    from simulate import run, timestep_error

    problem, few = group.problem, _step_draws(group)
    if is_tree(problem):
        size = size | {"n_draws": group.n_disorder, "seed": seed}
        return tree_particles(problem, size, N_TIMES, few, work["progress"])
    data = run(problem, n_disorder=group.n_disorder, seed=seed, n_times=N_TIMES, **size, **work)
    error = timestep_error(problem, n_disorder=few, seed=seed + 1, **size, **work)
    # where the force is linear the twin may explain all, and what is left is the error of the steps
    draws = best_draws if exact_at_every_d(problem, size["d"]) else controlled_draws
    step = {q: (float(getattr(error, q)), float(getattr(error, f"{q}_stderr"))) for q in QUANTITIES}
    return Particles(data.t, {q: draws(data, q) for q in QUANTITIES}, step, str(data.info.get("method", "")))


def _labels(group: Group, d: int) -> dict[str, Any]:
    problem, classes = group.problem, group.problem.classes
    return {
        "group": group.name,
        "problem": json.dumps(problem.to_dict()),
        "growth": classes.name,
        "alpha": math.nan if is_tree(problem) else float(getattr(classes, "alpha", math.nan)),
        "rate": math.nan if is_tree(problem) else float(classes.rate(d)),
        "log_count": float(log_classes(problem, d)),
        "vanishing": group.vanishing,
        "w": float(problem.schedule.largest * np.sign(problem.amplitude(1.0))),
        "limit": group.limit,
        "sampler": str(problem.sampler),
        "sigma2": problem.sigma2,
        "t_start": problem.T,
        "d": d,
    }


def _step_draws(group: Group) -> int:
    sharp = group.problem.eta == 0.0 or exact_at_every_d(group.problem, group.sizes[0])
    return min(group.n_disorder, SHARP_DRAWS if sharp else STEP_DRAWS)


def _finite_d(
    name: str, problem: Problem, effort: Mapping[str, Any], where: Mapping[str, Any], wanted: bool
) -> dict[str, np.ndarray]:
    """Draws of a finite-d theory of shape (its draws, times), and its times; nan where it makes no sense."""
    if not wanted:
        nothing = {q: np.full((effort["n_draws"], where["n_times"]), np.nan) for q in QUANTITIES}
        return nothing | {"t": np.full(where["n_times"], np.nan)}
    ensemble = THEORIES[name](problem, **where, **effort)
    if is_tree(problem):  # without a twin
        return {q: ensemble.draws[q] for q in QUANTITIES} | {"t": ensemble.t}
    draws = best_draws if name == "few" else controlled_draws  # of few classes the twin is the exact law
    return {q: draws(ensemble, q) for q in QUANTITIES} | {"t": ensemble.t}


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


def along_cells(parts: list["xarray.Dataset"]) -> "xarray.Dataset":
    """Measured cells along a new dimension, those with fewer draws padded with nan."""
    import xarray

    counted = [part.assign_coords({n: np.arange(part.sizes[n]) for n in ("draw", "reduced_draw")}) for part in parts]
    cells = xarray.concat(counted, dim="cell", join="outer", combine_attrs="drop")
    return cells.drop_vars(["draw", "reduced_draw"])
