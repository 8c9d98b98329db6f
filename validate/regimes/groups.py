"""The atlas: the regimes in which theory and particles are held against each other.

A `Group` is one problem at several dimensions. The groups cover both samplers; alpha below and above 1/2 (the
transition of strong guidance, T13) and below and above the capacity (1/2) log(1 + 1/sigma2) (0.805 at sigma2 = 0.25:
above it, unguided samples never speciate); w from -0.5 to 10; sub-exponential growth up to d = 10^6; the continuum.
At fixed d (`_crossover`) the classes go from a hundred to nearly a continuum. `_of_modes` has classes of many modes.

Three kinds of claim can be tested, and every number says which one it is (`validate.regimes.judgement`):
- particles against a theory at equal d: the problem is exactly solvable at every d (no classes to tell apart, or
  w = 0), the quenched theory is computed (d up to 64), or the classes are few or many enough for a theory of their own;
- particles extrapolated to d = infinity against mean-field theory, for a group of sizes;
- exponents of a vanishing distortion against (T12), for a group of sub-exponential growth.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meanfield import Continuum, Exponential, Fixed, Hierarchy, Linear, Piecewise, Polynomial, Problem
from meanfield.errors import one_of, whole
from meanfield.problem.growth import Growth
from meanfield.theory.energies import phi_target
from validate.errors import ConfigError
from validate.regimes.trees import is_tree

SIGMA2 = 0.25
SAMPLERS = ("sde", "ode")
PROFILES = ("quick", "standard", "full", "finite")
VANISHING = (Polynomial, Fixed)  # laws of sub-exponential growth
UNGUIDED, OF_ODE = 1.2, 0.6  # samples over those of a guided SDE: the twin explains nothing, and more
RECORDS = 25  # times after the start that are kept of a cell: its steps at least
DRAWS = 48  # in few dimensions a rare draw with a near class skews them: the mean of 16 is not normal yet
MANY_DRAWS = 144  # of cells on the way to the continuum
FEW_DRAWS = 24  # in many dimensions, where draws hardly differ, and of the continuum, where nothing but mu_1 is drawn
IN_FEW = 1.2  # samples of so few draws, for the errors of `DRAWS`


@dataclass(frozen=True)
class Group:
    """One problem at several dimensions, with the effort spent on each.

    Attributes
    ----------
    name : how the table calls it.
    problem : what is compared.
    sizes : dimensions d.
    n_disorder, n_samples : draws, and samples a draw at each dimension.
    n_steps : time steps.
    limit : whether the sizes are chosen for a claim about d -> infinity; otherwise claims are at equal d only.
    """

    name: str
    problem: Problem
    sizes: tuple[int, ...]
    n_samples: tuple[int, ...]
    n_disorder: int
    n_steps: int
    limit: bool = True

    @property
    def vanishing(self) -> bool:
        """Whether the distortion vanishes with d (sub-exponential growth)."""
        return isinstance(self.problem.classes, VANISHING)


def groups(profile: str = "quick") -> tuple[Group, ...]:
    """The groups of a profile: "quick" (minutes), "standard" (one to two hours), "full" (half a day), "finite" (the
    quenched theory against particles at d = 12, 16, 20, 24 in every regime, glass and strong guidance included).

    Examples
    --------
    >>> sorted({g.problem.sampler for g in groups("quick")})
    ['ode', 'sde']
    """
    one_of("profile", profile, PROFILES, error=ConfigError)
    if profile == "finite":
        return tuple(_equal_size(name, problem) for name, problem in _finite_problems())
    weights, effort = _WEIGHTS[profile], _EFFORT[profile]
    points = [(alpha, w) for alpha, some in weights.items() for w in some]
    found = [_exponential(*point, sampler, effort) for point in points for sampler in SAMPLERS]
    found.append(_exponential(0.45, 10.0, "ode", effort, t_start=1000.0))  # strong guidance of sec. 4
    if profile != "quick":
        found.append(_exponential(0.7, 5.0, "ode", effort, t_start=1000.0))
        found.append(_exponential(0.45, -0.25, "sde", effort, t_start=1000.0))
    for sampler in SAMPLERS:
        found.append(_sub_exponential(Polynomial(0.5), sampler, (100, 1000, 10_000, 100_000, 1_000_000), effort))
        found.append(_sub_exponential(Fixed(100), sampler, (1000, 10_000, 100_000, 1_000_000), effort))
        found.append(_sub_exponential(Polynomial(1.0), sampler, (50, 100, 200, 400), effort))
        found += [_continuum(sampler, effort), _dense(sampler, effort)]
        found += [_crossover(d, n, sampler, effort) for d, counts in _CROSSOVER[profile].items() for n in counts]
        found += [_of_modes(w, n, draws, sampler) for w, (draws, n) in _MODES[profile].items()]
    return tuple(found)


class Effort(NamedTuple):
    """What a profile spends: log of the most classes, multiplications of the particles of a cell and a step, samples of
    a cell at least, time steps without and with strong or negative guidance (of the SDE)."""

    top: float
    work: float
    least: int
    steps: tuple[int, int]


_QUICK: dict[float, tuple[float, ...]] = {
    0.4: (-0.5, 0.0, 0.5, 1.0, 5.0),
    0.7: (-0.5, 1.0, 5.0),
    1.0: (-0.5, 2.0),
}
_ALL: dict[float, tuple[float, ...]] = dict.fromkeys(
    (0.2, 0.4, 0.45, 0.6, 0.7, 1.0), (-0.5, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
)
_WEIGHTS = {"quick": _QUICK, "standard": _ALL, "full": _ALL}
_EFFORT = {
    "quick": Effort(math.log(2e4), 3.2e7, 430, (40, 60)),
    "standard": Effort(math.log(2e5), 3.75e8, 500, (80, 120)),
    "full": Effort(math.log(2e6), 3.75e9, 500, (80, 120)),
}


def _suited(effort: Effort, w: float, sampler: str) -> tuple[Effort, int]:
    """The effort for a weight and a sampler, and its time steps."""
    share, steps = 1.0, effort.steps[w < 0.0 or w >= 5.0]
    if w == 0.0:  # the twin is the sample itself, and any step is exact
        share, steps = UNGUIDED, RECORDS
    elif sampler == "ode":  # of order 3: fewer leave a hundredth of the statistical error
        share, steps = OF_ODE, 3 * effort.steps[0] // 4
    return effort._replace(work=share * effort.work, least=round(share * effort.least)), steps


def _exponential(alpha: float, w: float, sampler: str, effort: Effort, t_start: float = math.inf) -> Group:
    """Four sizes, equally spaced in 1/d, up to the d at which the classes number exp(top)."""
    largest = min(int(effort.top / alpha), 48)
    smallest = max(largest // 2, min(10, largest - 3))
    inverse = np.linspace(1.0 / smallest, 1.0 / largest, 4)
    sizes = tuple(sorted({round(1.0 / x) for x in inverse}))
    problem = Problem(classes=Exponential(alpha), sigma2=SIGMA2, guidance=w, sampler=sampler, t_start=t_start)
    effort, steps = _suited(effort, w, sampler)
    counts = tuple(_samples(math.exp(alpha * d), d, effort) for d in sizes)
    start = f" T={t_start:g}" if math.isfinite(t_start) else ""
    return Group(f"alpha={alpha:g} w={w:g} {sampler}{start}", problem, sizes, counts, DRAWS, steps)


def _sub_exponential(growth: Growth, sampler: str, sizes: tuple[int, ...], effort: Effort) -> Group:
    problem = Problem(classes=growth, sigma2=SIGMA2, guidance=1.0, sampler=sampler)
    classes = [math.exp(growth.log_count(d)) for d in sizes]
    effort = effort._replace(work=IN_FEW * effort.work, least=round(IN_FEW * effort.least))
    counts = tuple(_samples(n, min(d, n), effort, FEW_DRAWS) for d, n in zip(sizes, classes, strict=True))
    label = f"P=d^{growth.gamma:g}" if isinstance(growth, Polynomial) else f"P={round(classes[0])}"
    steps = _suited(effort, 1.0, sampler)[1] * (2 if sampler == "ode" else 1)  # up to 20 e-folds of D
    return Group(f"{label} w=1 {sampler}", problem, sizes, counts, FEW_DRAWS, steps)


_FINITE: dict[float, tuple[float, ...]] = {
    0.25: (20.0,),
    0.4: (0.5, 1.0, 5.0, -0.5),
    0.45: (10.0, -0.25),
    0.6: (-1.0, -0.5, 2.0),
    0.7: (1.0, 5.0),
}


def _finite_problems() -> Iterator[tuple[str, Problem]]:
    """Every regime at finite d: uncondensed, glass, strong, negative, captured, windows, sliding, sub-exponential."""
    base = Problem(classes=Exponential(0.4), sigma2=SIGMA2)
    for alpha, weights in _FINITE.items():
        for w in weights:
            guided = base.replace(classes=Exponential(alpha), guidance=w)
            for sampler in SAMPLERS:
                yield f"alpha={alpha:g} w={w:g} {sampler}", guided.replace(sampler=sampler)
    late = base.replace(classes=Exponential(0.6), t_start=1000.0)
    yield "alpha=0.6 w=5 above t=3, -0.5 sde", late.replace(guidance=Piecewise([3.0], [-0.5, 5.0]))
    yield "alpha=0.6 w=5 above t=3, -1 ode", late.replace(guidance=Piecewise([3.0], [-1.0, 5.0]), sampler="ode")
    yield "alpha=0.5 window sde", base.replace(classes=Exponential(0.5), guidance=Linear(-0.5, 2.0), t_start=10.0)
    yield "alpha=0.5 w=1 eta=2", base.replace(classes=Exponential(0.5), guidance=1.0, sampler=2.0)
    for sampler in SAMPLERS:
        yield f"P=d^2 w=2 {sampler}", base.replace(classes=Polynomial(2.0), guidance=2.0, sampler=sampler)


def _equal_size(name: str, problem: Problem) -> Group:
    """d = 12, 16, 20, 24 as far as the classes number at most 1e5; errors of 0.3 % of m and 1 % of v or less."""
    sizes = tuple(d for d in (12, 16, 20, 24) if problem.classes.log_count(d) < math.log(1e5))
    counts = tuple(50 if problem.classes.log_count(d) < math.log(2e4) else 24 for d in sizes)
    return Group(name, problem, sizes, counts, 60, 100, limit=False)


def _continuum(sampler: str, effort: Effort) -> Group:
    problem = Problem(classes=Continuum(), sigma2=SIGMA2, guidance=1.0, sampler=sampler)
    counts, steps = (260, 260, 130), effort.steps[sampler == "sde"]
    return Group(f"continuum w=1 {sampler}", problem, (4, 16, 64), counts, FEW_DRAWS, steps)


def _dense(sampler: str, effort: Effort) -> Group:
    """So many wide classes in so few dimensions that the annealed theory holds at this d: the test at equal d."""
    problem = Problem(classes=Exponential(2.0), sigma2=8.0, guidance=1.0, sampler=sampler)
    effort, steps = _suited(effort, 1.0, sampler)
    counts = (_samples(math.exp(2.0 * 5), 5, effort),)
    return Group(f"alpha=2 sigma2=8 w=1 {sampler}", problem, (5,), counts, DRAWS, steps)


_MORE: dict[int, tuple[int, ...]] = {4: (10, 100, 1000, 10_000), 8: (100, 10_000)}
_CROSSOVER: dict[str, dict[int, tuple[int, ...]]] = {"quick": {4: (100, 2500)}, "standard": _MORE, "full": _MORE}


def _crossover(d: int, n: int, sampler: str, effort: Effort) -> Group:
    """P classes on the way to the continuum; in few dimensions draws differ more than their samples do."""
    problem = Problem(classes=Fixed(n), sigma2=SIGMA2, guidance=1.0, sampler=sampler)
    samples = _samples(n, d, effort, MANY_DRAWS)
    return Group(f"d={d} P={n} w=1 {sampler}", problem, (d,), (samples,), MANY_DRAWS, effort.steps[1], limit=False)


_SURE = dict.fromkeys((1.0, 4.0), (MANY_DRAWS, 48))
_MODES = {"quick": {4.0: (DRAWS, 40)}, "standard": _SURE, "full": _SURE}  # draws, and samples of each, by w


def _of_modes(w: float, n: int, draws: int, sampler: str) -> Group:
    """One of 3 labels of 37 modes, at d = 16 one of 5 of 122."""
    problem = Problem(classes=Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, guidance=w, sampler=sampler, t_start=1000.0)
    return Group(f"modes w={w:g} {sampler}", problem, (12, 16), (n, n), draws, 40, limit=False)


def _samples(classes: float, d: float, effort: Effort, draws: int = DRAWS) -> int:
    """Samples a draw for this work, at least the least in all draws."""
    return int(np.clip(effort.work / (draws * _operations(classes, d)), math.ceil(effort.least / draws), 4000))


def _operations(classes: float, d: float) -> float:
    """Work for a sample and step, in multiplications, as measured: P classes in d (simulated) dimensions."""
    return 12_500.0 + (classes * d if math.isfinite(classes) else 0.0)


def annealed_error(theory, d: int) -> float:
    """How far the rest's weight may be from its average over the class means, along a trajectory until speciation.

    The largest value of the bound of sec. 7b on the relative variance of the rest's weight,

        exp(-log P + d [psi(2 b) - 2 psi(b)]),   b = 1/D,   psi(b) = -log(1 + b)/2 - q b/(2 (1 + b)),

    infinite if a glass is passed, or if after speciation (T2), used beyond condensation as the annealed theory does,
    would give the weight back to the rest: then its limit d -> infinity is another one.

    The annealed theory of sec. 7 replaces the weight by its average. Where the bound is finite its finite-d effect is
    shown, and taken out before an extrapolation; claims at equal d rest on the quenched theory. Measured (24 draws,
    sigma2 = 0.25, SDE, share of the finite-d effect that the annealed theory misses at t = 0):

        alpha = 0.4, w = 1,  d = 12, 18, 24:  bound 0.7, 0.6, 0.5     m 23, 23, 20 %    v 73, 60, 52 %
        alpha = 0.1, w = 10, d = 60, 90:      bound 0.009, 0.0008     m 8, 4 %          v 39, 22 %

    Parameters
    ----------
    theory : the `Trajectory` at the rate of this d, `solve(problem, d)`.
    d : dimension.

    Examples
    --------
    >>> from meanfield import solve
    >>> p = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> annealed_error(solve(p, 24), 24) > annealed_error(solve(p, 96), 96)
    True
    """
    theory.problem.require_isotropic("the bound on the annealed error", "There is none with a spectrum yet.")
    d = whole("d", d, low=1)
    log_count = theory.problem.classes.log_count(d)
    if math.isinf(log_count):
        return 0.0
    if {"glass", "captured", "sliding"} & set(theory.phases):
        return math.inf
    end = theory.t_speciation if math.isfinite(theory.t_speciation) else 0.0
    if _deserts(theory, theory.t[theory.t < end]):
        return math.inf
    t = np.append(theory.t[theory.t > end], end)
    q = theory.at(np.minimum(t, theory.t[0])).q
    b = 1.0 / (theory.problem.sigma2 + t)
    exponent = -log_count + d * (_psi(2.0 * b, q) - 2.0 * _psi(b, q))
    return float(np.exp(min(exponent.max(), 700.0)))


def _deserts(theory, t: np.ndarray) -> bool:
    """Whether F of (T5) with the crowd's (T2) becomes negative at one of the times t."""
    state, D = theory.at(t), theory.problem.sigma2 + t
    prior = theory.problem.classes.prior_rate(theory.d)
    crowd = theory.alpha - prior - 0.5 * np.log1p(1.0 / D) - state.q / (2.0 * (1.0 + D))
    return bool(np.any(phi_target(state.m, state.v, D) < crowd))


def _psi(b: np.ndarray, q: np.ndarray) -> np.ndarray:
    return -0.5 * np.log1p(b) - 0.5 * q * b / (1.0 + b)


def exact_at_every_d(problem: Problem, d: float) -> bool:
    """Whether the mean-field equations are exact at finite d: the force is linear, so m and v close for every d.

    So it is in the continuum, where guidance is off, and where the target has no rivals.
    """
    w = problem.schedule
    unguided = w.largest == 0.0 and not w.breakpoints and math.isfinite(w.constant_above)
    return not is_tree(problem) and (unguided or problem.classes.log_count(d) in (0.0, math.inf))
