"""Theory and particles over any grid of problem fields, saved cell by cell, resumable.

A cell is a problem and a dimension. Its seed is a hash of the sweep's seed and of that content alone, so a cell's
numbers do not depend on the rest of the grid, on the order, on who computes it (`validate.sweeps.resuming`), or on how
often the sweep was killed and resumed.
"""

import itertools
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Problem, ProblemError
from meanfield.errors import CfgfieldError, whole
from meanfield.problem.varying import INSIDE, labels, require_distinct
from meanfield.sampler.code import name_of
from meanfield.showing.meaning import described
from meanfield.tools.door import door
from validate.errors import SweepWarning
from validate.results.provenance import code_fingerprint, versions
from validate.results.store import Store
from validate.sweeps.code_cell import CodeCell
from validate.sweeps.division import map_divided
from validate.sweeps.grid_cell import SweepCell

if TYPE_CHECKING:
    import xarray

FIELDS = ("classes", "sigma2", "guidance", "sampler", "t_start", "noise")
DRAWS = "n_disorder"  # the option that cells of one folder need not share
KNOWN = (*FIELDS, *INSIDE["classes"], *INSIDE["guidance"], *INSIDE["sampler"], "d")


@door()
def sweep(
    base: Problem,
    grid: Mapping[str, Sequence[Any]],
    *,
    n_samples: int,
    n_disorder: int,
    d: int | None = None,
    n_steps: int = 100,
    n_times: int = 17,
    seed: int = 0,
    classes: str = "auto",
    folder: str | Path | None = None,
    executor: Any = None,
    threads: int | None = None,
    progress: bool | None = None,
    on_failure: str = "record",
) -> "xarray.Dataset":
    """Solve and run every cell of a grid; with a folder, a killed sweep resumes where it was (docs/sweeps.md).

    Parameters
    ----------
    base : the problem that the grid varies.
    grid : name -> values. Names: the fields of `Problem` (classes, sigma2, guidance, sampler, t_start, noise), the
        growth parameters `alpha`, `gamma`, `n` (which set `classes`) and `prior`, `factor` (its weights), `w` (constant
        guidance, or the amplitude of a rule), `w0` and `omega` (guidance w0 + omega t), `eta`, and `d`. Values of
        `sampler` may be samplers' code, as `solve_sampler` takes: then all are, their ends alone are kept (`time` is
        one), and n_steps and n_times are not looked at.
    d : dimension, unless it is in the grid.
    n_samples, n_disorder, n_steps, n_times, seed, classes : as in `simulate.run`.
    folder : where finished cells are kept, of any grids with these options and this seed; None keeps nothing. With a
        larger n_disorder than before they go on with more draws, with a smaller one their first draws are read.
    executor : what computes the cells: any `concurrent.futures.Executor`, also `Client.get_executor()` of
        dask.distributed or `mpi4py.futures.MPIPoolExecutor`; by default threads of this process.
    threads : threads of this machine (default: all); with an executor, threads of each cell (default: 1). The numbers
        depend neither on it nor on the executor.
    progress : show finished cells, rate and expected end on stderr; by default if it is a terminal.
    on_failure : "record" gives a cell that fails (no theory, an overflow, too large for memory) nan, `standing`
        "failed", and its reason in the attribute `failed`, with a `SweepWarning`; the next call tries it again. "stop"
        raises its error.

    Returns
    -------
    xarray.Dataset : dimensions = the names of the grid, then `draw` and `time`. Variables: `t` (grid, time); `m`, `v`,
        `q`, ... of the particles (grid, draw, time); `theory_m`, `theory_v` (grid, time), `t_speciation`, `standing`
        (grid), and `reason`, why a cell failed or "": without one no theory is nan. Theory is at d = infinity for
        exponentially many classes, at the rate log(P)/d of the cell for fewer. The attribute `failed` is JSON: cell ->
        reason. `validate.sweeps.picture.draw` draws it, `cfgfield cells FOLDER` lists what a folder holds.

    Raises
    ------
    ProblemError : an unknown name or a value out of range. StoreError : see `validate.results.store`. ExecutorError :
        workers that died or do not run this code; finished cells are kept, and the same call goes on from there. If all
        cells fail, the error of the first.

    Examples
    --------
    >>> from meanfield import Exponential
    >>> base = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = sweep(base, {"w": [0.5, 1.0], "d": [6, 8]}, n_samples=20, n_disorder=4, n_steps=16, progress=False)
    >>> dict(data.m.sizes)
    {'w': 2, 'd': 2, 'draw': 4, 'time': 17}
    """
    seed = whole("seed", seed, low=0)
    options = {
        "n_samples": whole("n_samples", n_samples, low=1),
        "n_disorder": whole("n_disorder", n_disorder, low=1),
        "n_steps": whole("n_steps", n_steps, low=1),
        "n_times": whole("n_times", n_times, low=2),
        "classes": classes,
    }
    cells, names = _cells(base, grid, d, seed, options)
    store = None
    if folder is not None:
        labels = {name: _labels(values) for name, values in grid.items()}
        shared = {name: value for name, value in options.items() if name != DRAWS}
        manifest = {"options": shared, "seed": seed, "code": code_fingerprint()}  # cells of two codes must not mix
        origin = {**versions(), "base": base.to_dict(), "grid": labels, DRAWS: options[DRAWS]}
        store = Store(folder, manifest, origin, largest=DRAWS)
    how: dict[str, Any] = {"executor": executor, "threads": threads, "progress": progress, "on_failure": on_failure}
    results = map_divided(cells, title="sweep", store=store, **how)
    failed = _failures(cells, results)
    return _assemble(results, names, grid).assign_attrs(
        base=json.dumps(base.to_dict()), options=json.dumps(options), seed=seed, failed=json.dumps(failed), **versions()
    )


def _failures(cells: Sequence[SweepCell], results: Sequence["xarray.Dataset | CfgfieldError"]) -> dict[str, str]:
    """Which cells failed and why, with a warning; if all did, the first error."""
    failed = {cell.label: error for cell, error in zip(cells, results, strict=True) if isinstance(error, CfgfieldError)}
    if failed:
        error = next(iter(failed.values()))
        if len(failed) == len(cells):
            raise error
        warnings.warn(
            f"{len(failed)} of {len(cells)} cells failed, and are nan; the first: {error} All reasons are in the "
            "attribute `failed`; the same call tries them again.",
            SweepWarning,
            stacklevel=3,
        )
    return {label: str(error) for label, error in failed.items()}


def _cells(
    base: Problem, grid: Mapping[str, Sequence[Any]], d: int | None, seed: int, options: Mapping[str, Any]
) -> tuple[list[SweepCell], list[str]]:
    names = list(grid)
    unknown = sorted(set(names) - set(KNOWN))
    if unknown or not names:
        raise ProblemError(f"a grid varies some of {list(KNOWN)}; got {unknown or 'an empty grid'}.")
    require_distinct(names, "a grid may hold")
    if ("d" in names) == (d is not None):
        raise ProblemError(
            f"the dimension must be given once: in the grid or as d; got d = {d!r} and the grid {names}."
        )
    axes = [list(grid[name]) for name in names]
    for name, values in zip(names, axes, strict=True):
        codes = sum(map(callable, values))
        if codes not in (0, len(values)):
            raise ProblemError(f"samplers of a grid must be all code, or all continuous; got {_labels(values)}.")
        if not values or len(set(map(str, _labels(values)))) != len(values):
            raise ProblemError(f"the values of {name} must be at least one and all different; got {values}.")
    cells = []
    for point in itertools.product(*axes):
        chosen = dict(zip(names, point, strict=True))
        label = " ".join(f"{name}={_labels([value])[0]}" for name, value in chosen.items())
        size = whole("d", chosen.pop("d", d), low=2)
        code = chosen.pop("sampler") if callable(chosen.get("sampler")) else None
        cell = SweepCell(base.replace(**chosen), size, seed, options, label)
        cells.append(cell if code is None else CodeCell.of(cell, code))
    return cells, names


def _assemble(
    results: Sequence["xarray.Dataset | CfgfieldError"], names: Sequence[str], grid: Mapping[str, Sequence[Any]]
) -> "xarray.Dataset":
    """Cells (in the order of the grid) stacked along the grid's dimensions."""
    import xarray

    parts = [{} if isinstance(result, CfgfieldError) else dict(result.data_vars) for result in results]
    shape = tuple(len(grid[name]) for name in names)
    firsts = {name: variable for part in reversed(parts) for name, variable in part.items()}
    variables = {}
    for name, first in firsts.items():  # cells whose weight is a function of t have no `w` of their own: nan
        blank = np.full(first.shape, "failed" if first.dtype.kind == "U" else np.nan)
        stacked = np.stack([part[name].values if name in part else blank for part in parts])
        variables[name] = ((*names, *first.dims), stacked.reshape(*shape, *first.shape))
    reasons = [str(result) if isinstance(result, CfgfieldError) else "" for result in results]
    variables["reason"] = (tuple(names), np.array(reasons).reshape(shape))
    return described(xarray.Dataset(variables, coords={name: _labels(grid[name]) for name in names}))


def _labels(values: Sequence[Any]) -> list[Any]:
    """Coordinates of one axis; samplers' code by its name."""
    return labels([name_of(v) if callable(v) else v for v in values])
