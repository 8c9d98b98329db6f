"""Statistics of an ensemble of samples: observables by (draw, time), with honest error bars.

A *draw* is one independent realisation of everything random that samples share: the class means (disorder) in
`simulate.run`, a batch of samples in `meanfield.reduced`. The error of a mean is the standard error over draws, never
the spread of single samples, because samples of one draw are correlated.

Guided samples come with an *unguided twin* driven by the same start and the same noise, whose law is known exactly.
The paired estimate  <m> = m0 + <m_guided - m_twin>  has the same expectation as the plain mean and a far smaller
error: it resolves distortions of 1e-6. At w = 0 both coincide and the paired estimate carries no information.

This module holds no physics, so that `simulate` may use the same container.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ConvergenceError, ProblemError, array, require, settle, short, whole
from meanfield.problem.statement import Problem
from meanfield.showing.meaning import described
from meanfield.showing.table import html_table
from meanfield.tools.door import door
from meanfield.tools.resolution import coarse

if TYPE_CHECKING:
    import xarray


@door()
@dataclass(frozen=True)
class Observable:
    """One observable, averaged over the samples of each draw: `values` has shape (draws, ...).

    Examples
    --------
    >>> o = Observable(np.array([1.0, 2.0, 3.0]))
    >>> float(o.mean), round(float(o.stderr), 6)
    (2.0, 0.57735)
    """

    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean over draws."""
        return self.values.mean(axis=0)

    @property
    def stderr(self) -> np.ndarray:
        """Standard error of the mean over independent draws (nan for a single draw, which has no error bar)."""
        n = len(self.values)
        if n < 2:
            return np.full(self.values.shape[1:], np.nan)[()]
        return self.values.std(axis=0, ddof=1) / np.sqrt(n)

    def __repr__(self) -> str:
        if self.values.ndim == 1:
            return f"Observable({self.mean:.6g} +- {self.stderr:.2g}, {len(self.values)} draws)"
        return f"Observable(shape {self.values.shape[1:]}, {len(self.values)} draws)"


class Snapshot:
    """All observables of an ensemble at one time, as attributes: `data.final.m.mean`."""

    def __init__(self, t: float, observables: Mapping[str, Observable]) -> None:
        self.t = t
        self._observables = dict(observables)

    def __getattr__(self, name: str) -> Observable:
        try:
            return self.__dict__["_observables"][name]
        except KeyError:
            raise AttributeError(f"no observable {name!r}; there are {sorted(self.__dict__['_observables'])}") from None

    def __repr__(self) -> str:
        return "\n".join([f"Snapshot at t = {self.t:g}", *(f"  {name:14s} {said}" for name, said in self.rows())])

    def rows(self) -> list[tuple[str, str]]:
        """Every observable in words: its name, and mean and standard error, of several numbers one after another."""
        found = [(name, *np.atleast_1d(o.mean, o.stderr)) for name, o in self._observables.items()]
        pairs = {name: zip(means, errors, strict=True) for name, means, errors in found}
        return [(name, ", ".join(f"{a:.6g} +- {b:.2g}" for a, b in both)) for name, both in pairs.items()]


@door(made_by="simulate.run")
@dataclass(frozen=True)
class Ensemble:
    """Result of `simulate.run` or `meanfield.reduced`.

    Every observable is also an attribute: `data.m.mean`, `data.m.stderr` have shape (times,); `data.final` is t = 0.

    Attributes
    ----------
    problem : the problem that was run.
    d : dimension.
    t : recorded VE times, decreasing to 0, shape (times,). Of a sampler's code: of its calls in their order, and 0.
    draws : observable name -> array (draws, times), each averaged over the samples of a draw. Always there: `m`, `v`
        (unbiased, sec. 1), `q`, `m_twin`, `v_twin` (the unguided twin on the same noise), `weight` (pi_1),
        `log_odds` (log pi_1/(1 - pi_1)), `participation` (1/sum pi_k^2) and `accuracy` (share of samples whose
        nearest, hence most probable, class is the target).
        With a spectrum m, v, q are those of original coordinates (see `meanfield.theory.trajectory`), and `m_group`,
        `v_group`, `m_group_twin`, `v_group_twin` (draws, times, groups) those of each group, whitened. With a second
        condition `m_2`, `m_2_twin` (and `m_2_group`, `m_2_group_twin`) too, v being the variance across both means.
    n_samples : samples per draw.
    info : everything else that explains the result: seed, n_steps, method, number of classes, versions, seconds, and
        `guidance_per_step`, how well the steps resolve the guidance (`meanfield.tools.resolution`).
    """

    problem: Problem
    d: int
    t: np.ndarray
    draws: Mapping[str, np.ndarray]
    n_samples: int
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settle(self, t=array(self.t, "t must be the recorded times"))
        falls = "sampler" in self.info or np.all(np.diff(self.t) < 0)  # a sampler's code calls where it likes
        rule = "t must be VE times >= 0, decreasing"
        require(self.t.ndim == 1 and self.t.size and np.all(self.t >= 0) and falls, rule, self.t)
        missing = sorted({"m", "v"} - set(self.draws))
        require(not missing, "draws must hold m and v", f"none of {missing}")
        for name, values in self.draws.items():
            shape = np.shape(values)
            fits = len(shape) >= 2 and shape[1] == len(self.t)
            require(fits, f"{name} must have the shape (draws, {len(self.t)}, ...), one by time", shape)
        for name in ("m", "v"):
            values = array(self.draws[name], f"{name} must be numbers")
            lost = self.t[~np.isfinite(values).all(axis=0)]
            require(not len(lost), f"{name} must be finite at every time", f"others at t = {short(lost[:3].tolist())}",
                    "Take more steps.", error=ConvergenceError)  # fmt: skip

    @property
    def n_draws(self) -> int:
        """Number of independent draws."""
        return len(self.draws["m"])

    @property
    def D(self) -> np.ndarray:
        """Total variance of one noised class, sigma2 + t."""
        return self.problem.sigma2 + self.t

    @property
    def final(self) -> Snapshot:
        """Observables at t = 0."""
        return self.at(len(self.t) - 1)

    def at(self, index: int) -> Snapshot:
        """Observables at the recorded time t[index]."""
        index = whole("index", index, low=-len(self.t), high=len(self.t) - 1)
        names = [*self.draws, "m_paired", "v_paired"]
        names += [f"{name}_paired" for name in ("m_2", "m_2_group") if name in self.draws]
        if self.problem.spectrum is not None and "m_group" in self.draws:
            names += ["m_group_paired", "v_group_paired"]
        return Snapshot(float(self.t[index]), {n: Observable(getattr(self, n).values[:, index]) for n in names})

    def __getattr__(self, name: str) -> Observable:
        draws = self.__dict__.get("draws", {})
        if name in draws:
            return Observable(draws[name])
        raise AttributeError(f"no observable {name!r}; there are {sorted(draws)}")

    @property
    def m_paired(self) -> Observable:
        """m estimated as its exact unguided value plus the paired difference to the unguided twin."""
        return self._paired("m", 0)

    @property
    def v_paired(self) -> Observable:
        """v estimated as its exact unguided value plus the paired difference to the unguided twin."""
        return self._paired("v", 1)

    @property
    def m_2_paired(self) -> Observable:
        """m_2 less that of the unguided twin, which has the mean 0."""
        return Observable(self.draws["m_2"] - self.draws["m_2_twin"])

    @property
    def m_2_group_paired(self) -> Observable:
        """As `m_2_paired`, by group of directions (draws, times, groups)."""
        return Observable(self.draws["m_2_group"] - self.draws["m_2_group_twin"])

    def _paired(self, name: str, which: int, groups: str = "") -> Observable:
        if not self._twin_known:
            return Observable(self.draws[name])
        exact = self.unguided_by_group() if groups else self.unguided()
        return Observable(self.draws[name] - self.draws[f"{name}_twin"] + exact[which])

    @property
    def _twin_known(self) -> bool:
        """False for a sampler's code that is not linear in its vectors."""
        return self.info.get("unguided", "") is not None

    def _require_twin(self) -> None:
        if not self._twin_known:
            raise ProblemError(
                "the law of an unguided twin is known where the sampler's code is linear in its vectors; got code that "
                "is not, or chooses its own levels. Use m_twin, v_twin, which are particles."
            )

    @property
    def m_group_paired(self) -> Observable:
        """As `m_paired`, by group of directions (draws, times, groups)."""
        return self._paired("m_group", 0, "groups")

    @property
    def v_group_paired(self) -> Observable:
        """As `v_paired`, by group of directions (draws, times, groups)."""
        return self._paired("v_group", 1, "groups")

    def unguided(self) -> tuple[np.ndarray, np.ndarray]:
        """Exact (m, v) of the unguided twin at the recorded times: it starts as N(0, v_T I), or undistorted at T = inf.

        Linear force only: m - 1 and v - D decay like D^e and D^{2e} from the start.
        """
        problem, D = self.problem, self.D
        self._require_twin()
        if problem.spectrum is not None:
            m, v = self.unguided_by_group()
            r, g = np.array(problem.spectrum.share), problem.spectrum.g
            return m @ (r * g) / (r @ g), v @ (r * g)
        if self.info.get("unguided"):  # of a sampler's code
            return tuple(np.array(self.info["unguided"][name])[:, 0] for name in ("m", "v"))  # type: ignore[return-value]
        if np.isinf(problem.T):
            return np.ones_like(D), D
        ratio, excess = D / (problem.sigma2 + problem.T), problem.v_T - problem.sigma2 - problem.T
        return 1.0 - ratio**problem.e, D + excess * ratio ** (2.0 * problem.e)

    def unguided_by_group(self) -> tuple[np.ndarray, np.ndarray]:
        """Exact (m_i, v_i) of the unguided twin, (times, groups) each."""
        problem, spectrum = self.problem, self.problem.spectrum
        if spectrum is None:
            raise ProblemError("only a problem with a spectrum has groups; this one has none. Use unguided().")
        self._require_twin()
        if self.info.get("unguided"):  # of a sampler's code
            return tuple(np.array(self.info["unguided"][name]) for name in ("m", "v"))  # type: ignore[return-value]
        D = spectrum.D(self.t)
        if np.isinf(problem.T):
            return np.ones_like(D), D
        D_T = spectrum.D(problem.T)
        ratio, excess = D / D_T, problem.v_T / spectrum.g - D_T
        return 1.0 - ratio**problem.e, D + excess * ratio ** (2.0 * problem.e)

    def to_dataset(self):
        """The result as a labelled xarray.Dataset (dimensions draw, t, group) with all that explains it in attrs."""
        import json

        import xarray

        dims = ("draw", "t", "group")
        data = {name: (dims[: values.ndim], values) for name, values in self.draws.items()}
        attrs = {
            "problem": json.dumps(self.problem.to_dict()),
            "d": self.d,
            "n_samples": self.n_samples,
            "info": json.dumps(dict(self.info)),
        }
        return described(xarray.Dataset(data, coords={"t": self.t}, attrs=attrs))

    @staticmethod
    def from_dataset(dataset: "xarray.Dataset", guidance: Any = None) -> "Ensemble":
        """Inverse of `to_dataset`."""
        import json

        try:
            return Ensemble(
                problem=Problem.from_dict(json.loads(dataset.attrs["problem"]), guidance),
                d=int(dataset.attrs["d"]),
                t=dataset["t"].values,
                draws={str(name): dataset[name].values for name in dataset.data_vars},
                n_samples=int(dataset.attrs["n_samples"]),
                info=json.loads(dataset.attrs["info"]),
            )
        except KeyError as cause:
            raise ProblemError(
                f"an ensemble dataset must carry {cause}; got one with {list(dataset.attrs)}."
            ) from cause

    def __repr__(self) -> str:
        m, v, info = self.final.m, self.final.v, self.info
        second = f"m_2(0) = {self.final.m_2.mean:.5f} +- {self.final.m_2.stderr:.5f}, " if "m_2" in self.draws else ""
        few = "" if "tol" in info else coarse(info.get("guidance_per_step", 0.0))
        return "\n  ".join([
            f"{info.get('method', 'Ensemble')}: d = {self.d}, {self.n_draws} draws x {self.n_samples} samples, "
            f"m(0) = {m.mean:.5f} +- {m.stderr:.5f}, {second}v(0)/sigma2 = {v.mean / self.problem.sigma2:.5f} "
            f"+- {v.stderr / self.problem.sigma2:.5f}",
            *([info["why"]] if "why" in info else []),
            *([few] if few else []),
        ])  # fmt: skip

    def _repr_html_(self) -> str:
        title, *notes = repr(self).split("\n  ")
        return html_table(title, self.final.rows(), notes=[*notes, repr(self.problem)])
