"""`run_modes`: particles of classes with many modes, with the exact scores of the label and of everything."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield.ensemble import Observable, Snapshot
from meanfield.errors import require, whole
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.showing.table import html_table
from meanfield.tools.door import door
from meanfield.tools.progress import Progress
from simulate.mixtures.guided import guided_samples
from simulate.modes.counting import count_modes, nearest
from simulate.modes.tree import DrawnTree, draw_tree


@door(made_by="run_modes")
@dataclass(frozen=True, repr=False)
class ModesEnsemble:
    """What particles of classes with many modes have become at t = 0. Every observable is an attribute too.

    Attributes
    ----------
    problem, d, n_samples : what was run; samples per draw.
    draws : observable -> array (draws,), each of all samples of a draw: `m`, `v` about the mean of the class; `within`,
        the variance about the mode that a sample is in; `m_B`, `v_B` of these modes; `distinct`, their number over that
        of samples that find all modes equally often; `collisions`, the share of pairs in one mode times the number of
        modes, without bias exp(K_2 d) (`count_modes`): 1 where nothing is lost. Both take the weights of modes into
        account. With a `spread` of these, `log_weight`: how much larger the log-weight of a sample's mode is, per
        dimension, than it should be on average; above 0 where weak modes are lost, below 0 where they gain.
    info : seed, steps, numbers of superclasses and modes.
    """

    problem: Problem
    d: int
    n_samples: int
    draws: Mapping[str, np.ndarray]
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> Snapshot:
        """All observables at t = 0."""
        return Snapshot(0.0, {name: Observable(x) for name, x in self.draws.items()})

    def __getattr__(self, name: str) -> Observable:
        if name.startswith("_") or name not in self.draws:
            raise AttributeError(f"no observable {name!r}; there are {sorted(self.draws)}")
        return Observable(self.draws[name])

    def paired(self, name: str) -> Observable:
        """What guidance changes in an observable, from samples and their twins: the difference, by draw."""
        rule = "paired observables need the unguided twin"
        require(f"{name}_twin" in self.draws, rule, name, "Give run_modes twin=True.")
        return Observable(self.draws[name] - self.draws[f"{name}_twin"])

    @property
    def K_2(self) -> tuple[float, float]:
        """Rate of the modes lost in the sense of pairs (M6), log(collisions)/d, and its error; at least `K_div`.

        The share of colliding pairs is unbiased; its logarithm is biased down by half the squared relative error.
        """
        found = Observable(self.draws["collisions"])
        if not found.mean > 0.0:
            return float("nan"), float("nan")
        return float(np.log(found.mean) / self.d), float(found.stderr / found.mean / self.d)

    def __repr__(self) -> str:
        rows = "\n".join(f"  {name:12s} {said}" for name, said in self.final.rows())
        return f"ModesEnsemble at d = {self.d}, {self._size}\n{rows}\n  {self.problem}"

    def _repr_html_(self) -> str:
        return html_table(f"ModesEnsemble at d = {self.d}, {self._size}", self.final.rows(), notes=[repr(self.problem)])

    @property
    def _size(self) -> str:
        n = len(next(iter(self.draws.values())))
        return f"{self.n_samples} samples in each of {n} draws"


@door()
def run_modes(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 64,
    n_draws: int = 16,
    n_steps: int = 100,
    seed: int = 0,
    others: str = "explicit",
    twin: bool = False,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> ModesEnsemble:
    """Particles of a problem whose classes are a `Hierarchy`, with exact scores and the steps of `sample_mixture`.

    Parameters
    ----------
    problem : as for `solve`, with a finite start. Its classes are drawn anew for every draw.
    d : dimension; all exp((alpha_1 + alpha_2) d) modes are held (exp(alpha_2 d) if `others` are annealed), at most
        2^21.
    n_samples, n_draws : samples of one draw of the modes, and draws; errors are those over draws.
    n_steps : steps, log-spaced in sigma2 + t.
    others : "explicit" draws all superclasses; "annealed" the modes of the target alone, in the average density of all
        others (docs/modes.md): larger d, and wrong by the fluctuations of that density.
    twin : follow unguided samples with the same start and noise too: every observable has a `_twin`, and the difference
        of both has the smaller error (`paired`). Twice the work.
    progress : as of `run`.

    Returns
    -------
    ModesEnsemble : m, v, within, m_B, v_B, distinct and collisions by draw.

    Raises
    ------
    ProblemError : other classes, or more modes than are held.

    Examples
    --------
    >>> from meanfield import Hierarchy, Problem
    >>> law = Hierarchy((0.1, 0.3), rho=0.7)
    >>> problem = Problem(classes=law, sigma2=0.05, guidance=1.0, sampler="ode", t_start=1000.0)
    >>> data = run_modes(problem, d=10, n_samples=32, n_draws=8, n_steps=30)
    >>> bool(data.m_B.mean > 0.0), data.info["n_modes"]
    (True, 20)
    """
    law = problem.classes
    rule = "run_modes knows classes with many modes"
    require(isinstance(law, Hierarchy), rule, repr(law), "Give classes=Hierarchy(...), or use run.")
    assert isinstance(law, Hierarchy)
    d, n_draws = whole("d", d, low=2), whole("n_draws", n_draws, low=1, high=1e9)
    n_samples, n_steps = whole("n_samples", n_samples, low=2, high=1e9), whole("n_steps", n_steps, low=1, high=1e7)
    seed = whole("seed", seed, low=0)
    found = []
    with Progress(progress, n_draws, "particles of modes") as show:
        for draw in range(n_draws):
            tree = draw_tree(law, problem.sigma2, d, seed, draw, others)

            def sampled(of: Problem, tree: DrawnTree = tree, draw: int = draw) -> dict[str, float]:
                size = {"n_samples": n_samples, "n_steps": n_steps, "seed": seed, "draw": draw}
                return measured(guided_samples(of, tree.mixture, 0, **size), tree, law)  # type: ignore[arg-type]

            row = sampled(problem)
            if twin:
                row |= {f"{name}_twin": value for name, value in sampled(problem.replace(guidance=0.0)).items()}
            found.append(row)
            show(draw + 1)
    draws = {name: np.array([row[name] for row in found]) for name in found[0]}
    n_superclasses, n_modes = (math.exp(x) for x in law.log_counts(d))
    info = {"seed": seed, "n_steps": n_steps, "others": others, "n_superclasses": n_superclasses}
    info["n_modes"] = round(n_modes)
    return ModesEnsemble(problem, d, n_samples, draws, info)


def measured(x: np.ndarray, tree: DrawnTree, law: Hierarchy) -> dict[str, float]:
    """The observables of samples (samples, d) of the target of a draw; variances are per direction across the mean.

    What the modes of a superclass are on average is known, m_B = 0 and v_B = tau: what the drawn ones are beyond that
    is taken off, from the samples too.
    """
    d = x.shape[1]
    A, B = tree.A, tree.B
    y = x - A
    chosen = nearest(y, B)
    modes, count = B[chosen], count_modes(chosen, tree.weights)  # type: ignore[arg-type]
    M = A if law.label == 1 else A + B[0]
    m, off = _along(x, M)
    m_B, across = _along(modes, A)
    if law.label == 1:
        m_all, across_all = _along(B, A, tree.weights)
        m, off = m - m_all, off - across_all + law.tau
        m_B, across = m_B - m_all, across - across_all + law.tau
    found = {
        "m": m,
        "v": off,
        "within": float(((y - modes) ** 2).sum(axis=1).mean() / d),
        "m_B": m_B,
        "v_B": across,
        "distinct": count.distinct / count.by_chance,
        "collisions": count.pairs,
    }
    if law.spread:
        logs = np.log(tree.weights)
        found["log_weight"] = float(logs[chosen].mean() - tree.weights @ logs) / d
    return found


def _along(x: np.ndarray, M: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Mean overlap of vectors (n, d) with M over |M|^2, and their variance per direction across it."""
    length = M @ M
    overlap = x @ M / length
    across = (x * x).sum(axis=1) - overlap**2 * length
    overlap_mean, across_mean = (float(np.average(a, weights=weights)) for a in (overlap, across))
    return overlap_mean, across_mean / (x.shape[1] - 1)
