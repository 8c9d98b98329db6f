"""A cell of a sweep whose sampler is code: particles through the code, and the law of its vector, at the end.

Samplers differ in how often they call the model, so a grid keeps the ends alone. The code's fingerprint is part of the
cell's key: a folder does not give back the numbers of other code of the same name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Problem, solve_sampler
from meanfield.sampler.code import name_of
from meanfield.sampler.repeats import fingerprint
from validate.sweeps.cost import CostModel, run_work
from validate.sweeps.grid_cell import SweepCell, cell_seed

if TYPE_CHECKING:
    import xarray

TWINS = 2  # runs of the code for a sample


@dataclass(frozen=True)
class CodeCell(SweepCell):
    """One cell, or some of its draws, with the sampler's code, its fingerprint and its number of model calls."""

    code: Callable[..., Any] = lambda model, noise: None
    word: str = ""
    calls: int = 0

    @classmethod
    def of(cls, cell: SweepCell, code: Callable[..., Any]) -> "CodeCell":
        """The cell with a sampler's code in place of the problem's continuous sampler."""
        word, calls = fingerprint(cell.problem, code)
        return cls(cell.problem, cell.d, cell.seed, cell.options, cell.label, None, code, word, calls)

    @property
    def content(self) -> dict[str, Any]:
        """What the cell is, as plain data."""
        return {**super().content, "code": name_of(self.code)}

    @property
    def tied(self) -> dict[str, Any]:
        """What the bits of its first draws depend on: what the code does, and with lazy classes the number of draws."""
        return {"does": self.word, **({"n_disorder": self.n_draws} if self.held == "lazy" else {})}

    @property
    def run_options(self) -> dict[str, Any]:
        """The options of `run_sampler`, whose numbers do not depend on batches."""
        options = {name: self.options[name] for name in ("n_samples", "n_disorder", "classes")}
        if self.draws is not None:
            options |= {"first_draw": self.draws.start, "n_disorder": len(self.draws)}
        return options

    def seconds(self, model: CostModel) -> float:
        """Predicted processor time."""
        options = {**self.options, **self.run_options, "n_steps": TWINS * self.calls}
        return 2.0 * model.run + model.seconds(run_work(self.problem, self.d, **options))

    def measure(self, threads: int = 1, progress: Any = False) -> "xarray.Dataset":
        """Particles and theory at the end, as a dataset with dimensions draw and time."""
        import xarray

        from simulate import run_sampler

        law: Any = solve_sampler(self.problem, self.code, d=_size(self.problem, self.d), theory="mean-field")
        seed = cell_seed(self.seed, self.content)
        data = run_sampler(
            self.problem, self.code, d=self.d, seed=seed, threads=threads, progress=progress, **self.run_options
        )
        found = law.t[:-1][law.phase[:-1] == "target"]  # in the continuum never
        return xarray.Dataset(
            {
                "t": ("time", data.t[-1:]),
                **{name: (("draw", "time"), values[:, -1:]) for name, values in data.draws.items() if values.ndim == 2},
                "theory_m": ("time", [law.final.m]),
                "theory_v": ("time", [law.final.v]),
                "t_speciation": ((), float(found[0]) if len(found) else np.nan),
                "standing": ((), law.standing),
                "log_count": ((), self.problem.classes.log_count(self.d)),
            }
        )


def _size(problem: Problem, d: int) -> float:
    """The d of the theory, as of `theory_of`: infinite where classes are exponentially many."""
    return np.inf if problem.classes.rate() > 0.0 else d
