"""The result of `solve_sampler` at d = infinity: order parameters at every call of the model and at the end."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.errors import checked, require, short
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import along, overall
from meanfield.showing.meaning import described
from meanfield.theory.pairs.trajectory import PairState, SpectralPairState
from meanfield.theory.trajectory import SpectralState, State
from meanfield.tools.door import door

FAR = 3.0  # standard deviations from F = 0 beyond which all samples of a call are on one side


@door(made_by="solve_sampler")
@dataclass(frozen=True, repr=False)
class SamplerLaw:
    """The law of a sampler's samples at d = infinity.

    Attributes
    ----------
    problem, sampler : what was solved; the name of the sampler's code.
    d, alpha : infinite, or the d whose rate log(P)/d was taken.
    t : VE times of the model's calls in their order, and 0 for what the sampler returns, (calls + 1,).
    m, v, q, F, phase : there, as in a `Trajectory`: of y = x/a. With a spectrum of all directions, and `m_group`,
        `v_group` (calls + 1, groups) of every group, whitened.
    w : the weight at every call, (calls + 1,), nan at the end.
    spread : standard deviation of F over samples, times d^(1/2), (calls + 1,).
    unguided : (m, v) of the same code with both predictions equal, (calls + 1,) each: what the discretisation does.
    left : largest share of |x|^2 outside of the span of mu_1 and the noise draws; 0 to rounding for code that adds,
        multiplies by numbers and takes inner products.
    every_d : whether this is the law at every d as well: no classes compete (a continuum, a single class), and the code
        is linear in its vectors.
    m_2 : overlap with mu_2 there, of guidance with a second condition (`m_2_group` by group); v is across both means.
    standing, why : "exact", "asymptotic" or "approximate", as in `solve`, and the reason.
    """

    problem: Problem
    sampler: str
    d: float
    alpha: float
    t: np.ndarray
    m_group: np.ndarray
    v_group: np.ndarray
    F: np.ndarray
    phase: np.ndarray
    w: np.ndarray
    spread: np.ndarray
    unguided: tuple[np.ndarray, np.ndarray]
    left: float
    every_d: bool
    standing: str
    why: str
    m_2_group: np.ndarray | None = None

    @property
    def m(self) -> np.ndarray:
        """Overlap with mu_1 of all directions, (calls + 1,)."""
        return overall(self.problem, self.m_group, self.v_group)[0]

    @property
    def v(self) -> np.ndarray:
        """Variance per direction, (calls + 1,)."""
        return overall(self.problem, self.m_group, self.v_group)[1]

    @property
    def q(self) -> np.ndarray:
        """|x|^2/d, (calls + 1,)."""
        m_2 = 0.0 if self.m_2_group is None else self.m_2_group
        return overall(self.problem, self.m_group, self.v_group, m_2)[2]

    @property
    def m_2(self) -> np.ndarray:
        """Overlap with mu_2 of all directions, (calls + 1,), of guidance with a second condition."""
        rule = "m_2 is of guidance with a second condition, such as Negative"
        require(self.m_2_group is not None, rule, short(self.problem.guidance))
        return along(self.problem, self.m_2_group)  # type: ignore[arg-type]

    @property
    def n_calls(self) -> int:
        """Calls of the model; several predictions at one state are one call."""
        return len(self.t) - 1

    @property
    def final(self) -> Any:
        """Order parameters of what the sampler returns, a `State` as of `solve(problem).final`."""
        m, v, q, p = (x[-1] for x in (self.m, self.v, self.q, self.phase))
        undistorted = self.problem.sigma2
        state = State(self.t[-1], m, v, q, self.F[-1], p, m - 1.0, v / undistorted - 1.0)
        if self.problem.spectrum is None:
            return state if self.m_2_group is None else PairState(**state._asdict(), m_2=self.m_2[-1])
        of_groups = self.m_group[-1], self.v_group[-1]
        D = self.problem.spectrum.D(0.0)
        every = SpectralState(*state, *of_groups, of_groups[0] - 1.0, of_groups[1] / D - 1.0)
        if self.m_2_group is None:
            return every
        return SpectralPairState(**every._asdict(), m_2=self.m_2[-1], m_2_group=self.m_2_group[-1])

    def distance(self, d: float) -> np.ndarray:
        """|F| in units of its standard deviation over samples at dimension d, (calls + 1,).

        Where it is below 3 samples of one call are on both sides of F = 0, and the law at d = infinity, where all
        change sides at once, is reached slowly: use a finite-d theory.
        """
        d = checked("d", d, low=2, infinite=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.abs(self.F) * math.sqrt(d) / self.spread

    @property
    def d_trusted(self) -> float:
        """Dimension from which every call of the model is at a `distance` above 3."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return 0.0 if self.every_d else float(np.nanmax((FAR * self.spread / np.abs(self.F))[:-1] ** 2))

    def to_dataset(self) -> Any:
        """The law call by call as a labelled xarray.Dataset: over `call` (the last one is what is returned) t, m, v, q,
        F, phase, w, spread, and m_alone, v_alone without guidance; with a spectrum m_group, v_group over group."""
        import json

        import xarray

        names = ("t", "m", "v", "q", "F", "w", "spread")
        data: dict[str, Any] = {name: ("call", getattr(self, name)) for name in names}
        data |= {"phase": ("call", self.phase.astype(str))}
        data |= {f"{name}_alone": ("call", x) for name, x in zip(("m", "v"), self.unguided, strict=True)}
        second = self.m_2_group is not None
        data |= {"m_2": ("call", self.m_2)} if second else {}
        if self.problem.spectrum is not None:
            by_group = ("m_group", "v_group", *(["m_2_group"] if second else []))
            data |= {name: (("call", "group"), getattr(self, name)) for name in by_group}
        attrs = {
            "problem": json.dumps(self.problem.to_dict()),
            "sampler": self.sampler,
            "d": float(self.d),
            "alpha": float(self.alpha),
            "standing": self.standing,
            "why": self.why,
        }
        return described(xarray.Dataset(data, attrs=attrs))

    def __repr__(self) -> str:
        s2, (m0, v0) = self.problem.sigma2, (x[-1] for x in self.unguided)
        end = self.final
        size = "d = infinity" if math.isinf(self.d) else f"d = {self.d:g}"
        standing = f"{self.standing}: {self.why}" if self.why else self.standing
        second = "" if self.m_2_group is None else f"m_2(0) = {end.m_2:.5f}   "
        rows = [
            f"{self.sampler}: {self.n_calls} calls of the model, {size}, {standing}",
            f"  the sampler alone (w = 0)   m(0) = {m0:.5f}   v(0)/sigma2 = {v0 / s2:.5f}",
            f"  with guidance               m(0) = {end.m:.5f}   {second}v(0)/sigma2 = {end.v / s2:.5f}",
        ]
        if self.d_trusted > 1e12:
            rows.append("  a call falls on F = 0, where samples differ at every d: not to be trusted; give d=")
        elif self.d_trusted > 2.0:
            rows.append(f"  classes compete at a call: not to be trusted below d = {self.d_trusted:.2g}; give d=")
        return "\n".join(rows)
