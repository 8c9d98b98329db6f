"""A cell of a sweep: theory and particles of one problem at one dimension."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meanfield import Problem, fade, solve
from meanfield.errors import CfgfieldError
from validate.agreement.estimates import theory_on
from validate.results.store import content_hash
from validate.sweeps.cost import CostModel, run_work
from validate.sweeps.division import cuts, part_key, whole_key

if TYPE_CHECKING:
    import xarray


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
    def n_draws(self) -> int:
        """Draws of the whole cell."""
        return int(self.options["n_disorder"])

    @property
    def held(self) -> str:
        """How its classes are held; "" where they cannot be, of which its run says why."""
        from simulate.running.holding import choose

        try:
            return choose(self.problem, self.d, self.options["classes"]).classes
        except CfgfieldError:
            return ""

    @property
    def tied(self) -> dict[str, Any]:
        """What the bits of its first draws depend on beside its content: lazy ones on the number of all draws, others
        on the samples of a batch, which may follow from it."""
        if self.held == "lazy":
            return {"n_disorder": self.n_draws}
        if self.held in ("", "streamed"):
            return {}
        return {"batch": min(self._batch, self.options["n_samples"])}

    @cached_property
    def name(self) -> str:
        """Hash of what its draws are, whatever their number: cells of one name share their first draws, bit by bit."""
        return content_hash({**self.content, **self.tied})

    @property
    def key(self) -> str:
        """Its name in a store, whose manifest has the seed and the other options."""
        return whole_key(self.name, self.n_draws) if self.draws is None else part_key(self.name, self.draws)

    def first(self, n: int) -> "SweepCell":
        """The whole cell of n draws."""
        return replace(self, options={**self.options, "n_disorder": n})

    def part(self, draws: range) -> "SweepCell":
        """Some of its draws."""
        return replace(self, draws=draws, label=f"{self.label} draws {draws.start} to {draws.stop - 1}")

    def parts(self, draws: range | None = None) -> list["SweepCell"]:
        """Its draws, or some, in parts; none if there is one draw, or lazy classes, whose draws are not apart."""
        if self.n_draws == 1 or self.held == "lazy":
            return []
        return [self.part(piece) for piece in cuts(self.n_draws, draws)]

    @property
    def run_options(self) -> dict[str, Any]:
        """The options of its run. A part has the batches of the whole cell, whose bits depend on them."""
        if self.draws is None:
            return dict(self.options)
        draws = {"first_draw": self.draws.start, "n_disorder": len(self.draws)}
        return {**self.options, **draws, "batch": self._batch}

    @property
    def _batch(self) -> int:
        """Samples of a batch of the whole cell."""
        from simulate.running.holding import choose
        from simulate.running.plan import usual_batch

        case = choose(self.problem, self.d, self.options["classes"])
        return usual_batch(case, self.options["n_samples"] * self.n_draws)

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
