"""A cell of a sweep: theory and particles of one problem at one dimension."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Problem, fade, solve
from meanfield.errors import whole
from validate.agreement.estimates import theory_on
from validate.results.store import content_hash
from validate.sweeps.cost import CostModel, run_work
from validate.sweeps.division import part_key

if TYPE_CHECKING:
    import xarray

PARTS = 64  # of a cell, at most


@dataclass(frozen=True)
class SweepCell:
    """One cell, or some draws of it: its problem, its dimension, the seed of the sweep, the options of `simulate.run`.

    `draws` is None for a whole cell.
    """

    problem: Problem
    d: int
    seed: int
    options: Mapping[str, Any]
    label: str
    draws: range | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What the cell is, as plain data."""
        return {"problem": self.problem.to_dict(), "d": self.d}

    @property
    def key(self) -> str:
        """Its name in a store, whose manifest has the seed and the options."""
        key = content_hash(self.content)
        return key if self.draws is None else part_key(key, self.draws)

    def parts(self) -> list["SweepCell"]:
        """The cell cut into ranges of draws; none if there is one draw, or lazy classes, whose draws are not apart."""
        from simulate.running.holding import choose

        n = whole("n_disorder", self.options["n_disorder"], low=1)
        if n == 1 or choose(self.problem, self.d, self.options["classes"]).classes == "lazy":
            return []
        edges = np.linspace(0, n, min(n, PARTS) + 1).astype(int).tolist()
        return [
            replace(self, draws=range(a, b), label=f"{self.label} draws {a} to {b - 1}")
            for a, b in itertools.pairwise(edges)
        ]

    @property
    def run_options(self) -> dict[str, Any]:
        """The options of its run. A part has the batches of the whole cell, whose bits depend on them."""
        if self.draws is None:
            return dict(self.options)
        from simulate.running.holding import choose
        from simulate.running.plan import usual_batch

        case = choose(self.problem, self.d, self.options["classes"])
        batch = usual_batch(case, self.options["n_samples"] * self.options["n_disorder"])
        return {**self.options, "first_draw": self.draws.start, "n_disorder": len(self.draws), "batch": batch}

    def seconds(self, model: CostModel) -> float:
        """Predicted processor time; its theory takes about as long as a run of no samples."""
        return 2.0 * model.run + model.seconds(run_work(self.problem, self.d, **self.run_options))

    def measure(self, threads: int = 1, progress: Any = False) -> "xarray.Dataset":
        """Particles and theory, as a dataset with dimensions draw and time."""
        import xarray

        from simulate import run

        theory = theory_of(self.problem, self.d)  # first: a cell without theory is refused before it is run
        seed = cell_seed(self.seed, self.content)
        data = run(self.problem, d=self.d, seed=seed, threads=threads, progress=progress, **self.run_options)
        prediction = theory_on(theory, data.t)
        return xarray.Dataset(
            {
                "t": ("time", data.t),
                **{name: (("draw", "time"), values) for name, values in data.draws.items()},
                "theory_m": ("time", prediction["m"]),
                "theory_v": ("time", prediction["v"]),
                "t_speciation": ((), float(theory.t_speciation)),
                "standing": ((), theory.standing),
                "log_count": ((), self.problem.classes.log_count(self.d)),
            }
        )


def theory_of(problem: Problem, d: float):
    """The mean-field theory that particles at dimension d are held against.

    d = infinity for exponentially many classes and the continuum; where the rate log(P)/d vanishes with d, the theory
    at the rate of this d (at d = infinity there is no distortion left to compare). Density-ratio guidance acts at
    finite d alone: `fade`.
    """

    if problem.guidance.by_ratio:
        return fade(problem, d).trajectory
    return solve(problem) if problem.classes.rate() > 0.0 else solve(problem, d)


def cell_seed(seed: int, content: Any) -> int:
    """Seed of one cell: a hash of the sweep's seed and of the cell's content.

    Examples
    --------
    >>> cell_seed(0, {"d": 8}) == cell_seed(0, {"d": 8}), cell_seed(0, {"d": 8}) == cell_seed(1, {"d": 8})
    (True, False)
    """
    return int(content_hash({"seed": seed, "cell": content})[:8], 16)
