"""`solve_sampler`: the law of a sampler's own code, by carrying one effective vector through it."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import ConvergenceError, ProblemError, checked, one_of, require, short
from meanfield.problem.statement import Problem
from meanfield.sampler.batch import overall
from meanfield.sampler.code import Sampler, name_of, run_code
from meanfield.sampler.embedding import Embedding, checked_shape, fitted
from meanfield.sampler.repeats import require_same
from meanfield.sampler.unguided import SAME, agree, unguided
from meanfield.theory.solver import require_rate
from meanfield.tools.door import door
from meanfield.vector.draws import Sizes
from meanfield.vector.finite import solve_finite
from meanfield.vector.law import SamplerLaw
from meanfield.vector.meanfield import MeanField, Seen

THEORIES = ("mean-field", "reduced", "quenched")
N_SAMPLES = {"reduced": 10_000, "quenched": 2_000}
INSIDE = SAME**2  # share of |x|^2 outside of the span that is rounding


@door()
def solve_sampler(
    problem: Problem,
    sampler: Sampler,
    *,
    d: float = math.inf,
    theory: str | None = None,
    shape: Sequence[int] | None = None,
    n_samples: int | None = None,
    n_draws: int = 50,
    seed: int = 0,
    tolerance: float = 0.02,
    weight: float | None = None,
    threads: int | None = None,
    xp: Any = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> SamplerLaw | Ensemble:
    """The law of the samples that a sampler's own code makes: any steps, any order, any guidance.

    Parameters
    ----------
    problem : classes, variances, noise process and guidance. Its `sampler` and `t_start` are not looked at: the code
        says how it starts and steps.
    sampler : a function of (model, noise) that returns its last vector x. noise() gives fresh standard normals, the
        start included; model.eps(x, s), model.denoised, model.v, model.velocity are guided by problem.guidance,
        model.cond and model.uncond have the two predictions; s is sigma for VE noise, else the own time of
        problem.noise. Real ones: `from_diffusers`, `from_k_diffusion`.
    d : dimension; infinite by default.
    theory : "mean-field" (one effective vector; at finite d with log(P)/d in the same equations), "reduced" (at finite
        d: wrong classes averaged over the disorder) or "quenched" (the nearest ones drawn). By default mean-field at
        d = infinity and in the continuum, else reduced.
    shape : of one sample, for code that looks at single entries (standard deviations, thresholds, clamping, channels);
        d entries at finite d. Without it vectors have coordinates of which only inner products mean something, and code
        that looks at more is refused.
    n_samples, n_draws, seed, threads, progress : of the finite-d theories, as in `reduced` and `quenched`; 10,000
        samples there and 2,000 here by default.
    tolerance : of "quenched", as there: how much the classes that are averaged may fluctuate, relative to what acts.
    weight : of "quenched": the largest |w| with which the code guides by itself, from model.cond and model.uncond; the
        tolerance reckons with it. Default: `sampler.weight` if it has one, or 10.
    xp : array library of the code, such as torch; by default `sampler.xp`, or numpy.

    Returns
    -------
    SamplerLaw : mean-field, order parameters at every call of the model and at the end.
    Ensemble : reduced and quenched, as they give; `t` are the VE times of the calls, and 0.

    Raises
    ------
    ProblemError : code that breaks a rule above, that draws other noise or keeps something from run to run.
    ConvergenceError : numbers that are not finite.

    Examples
    --------
    >>> from meanfield import Continuum, Problem
    >>> def sampler(model, noise):
    ...     x = 80.0 * noise()
    ...     for s, after in ((80.0, 10.0), (10.0, 2.0), (2.0, 0.5), (0.5, 0.0)):
    ...         x = x + (after - s) * model.eps(x, s)
    ...     return x
    >>> solve_sampler(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0), sampler)
    sampler: 4 calls of the model, d = infinity, exact
      the sampler alone (w = 0)   m(0) = 0.99629   v(0)/sigma2 = 0.35315
      with guidance               m(0) = 1.28680   v(0)/sigma2 = 0.01066
    """
    require(isinstance(problem, Problem), "problem must be a Problem", short(problem))
    d = checked("d", d, low=1, infinite=True)
    theory is None or one_of("theory", theory, THEORIES)
    problem.require_one_weight("solve_sampler")
    shape = None if shape is None else checked_shape(shape)
    averaged = theory in ("reduced", "quenched") or (theory is None and math.isfinite(d * problem.classes.rate(2.0)))
    if averaged:
        n_samples = N_SAMPLES[theory or "reduced"] if n_samples is None else n_samples
        sizes = Sizes(n_samples, n_draws, seed, threads, tolerance, weight)
        return solve_finite(problem, sampler, d, theory or "reduced", shape, sizes, xp, progress)
    problem.require_no_ratio("solve_sampler", "It acts at D ~ d alone, not at d = infinity; use run_sampler.")
    problem.require_usual_weight()
    if problem.spectrum is not None:
        problem = problem.replace(spectrum=problem.spectrum.at(d))
    alpha, prior = problem.classes.rate(d), problem.classes.prior_rate(d)
    require_rate(alpha)

    def carry(embedding: Embedding) -> _Carried:
        space = MeanField(problem, alpha, prior, embedding)
        ran = run_code(problem, sampler, space, space.draw, xp)
        seen = [*space.seen, space.look(ran.x, 0.0)[1]]
        return _Carried(np.append(ran.times, 0.0), seen, space.draws, embedding, ran.guides)

    carried = fitted(carry, problem, shape)
    require_same([*carried.order], [*carry(carried.embedding).order])
    if shape is None:
        _require_inner_products(carried, carry(_turned(carried)))
    twin = unguided(problem, sampler, shape, xp)
    competes = not problem.schedule.by_rule or problem.schedule.competes  # type: ignore[attr-defined]
    alone = math.isinf(alpha) or problem.classes.log_count(1e6) == 0.0 or not competes  # no classes that compete
    every_d = alone and _is_linear(carried, carry(carried.embedding.times(0.5)))
    return _law(problem, name_of(sampler), d, alpha, carried, overall(problem, twin.m, twin.v)[:2], alone, every_d)


class _Carried(NamedTuple):
    """What a vector saw on its way: VE times (calls + 1,), the last of the end; and how many directions were drawn;
    whether the code guides by itself."""

    t: np.ndarray
    seen: list[Seen]
    draws: int
    embedding: Embedding
    guides: bool

    @property
    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """m and v of every group, (calls + 1, groups) each."""
        m, v = np.array([s.m for s in self.seen]), np.array([s.v for s in self.seen])
        if not np.all(np.isfinite([m, v])):
            raise ConvergenceError("a sampler's vector must stay finite; it does not. Less guidance, or more steps.")
        return m, v


def _turned(carried: _Carried) -> Embedding:
    """The same basis in other axes and other units."""
    shares = carried.embedding.shares
    return Embedding.dense(shares, max(carried.draws, 1), (len(shares) * (1 + carried.draws) + 7,))


def _require_inner_products(first: _Carried, other: _Carried) -> None:
    if not agree(first.order, other.order):
        raise ProblemError(
            "this sampler's code looks at single entries (standard deviations, thresholds, clamping, sums over "
            "channels, noise of its own): its law depends on the shape of its arrays. Draw all noise by noise(), and "
            "give shape=, such as shape=(4, 64, 64)."
        )


def _is_linear(carried: _Carried, half: _Carried) -> bool:
    """Whether half the noise gives the same m and a quarter of v: without competing classes the law then holds at
    every d."""
    m, v = half.order
    return agree(carried.order, (m, 4.0 * v))


def _law(
    problem: Problem, name: str, d: float, alpha: float, carried: _Carried, twin: Any, alone: bool, every_d: bool
) -> SamplerLaw:
    seen, phases = carried.seen, np.array([s.phase for s in carried.seen])
    left = max(s.left for s in seen)
    standing, why = "exact", ""
    if math.isfinite(d) and not every_d:
        corrections = "code that is not linear in its vectors has corrections of order 1/d"
        equations = f"the equations of d = infinity with log(P)/d at d = {d:g}"
        standing, why = "asymptotic", corrections if alone else equations
    if any(s.phase == "glass" and (s.acts or carried.guides) for s in seen[:-1]) and not (alone and every_d):
        standing, why = "approximate", "calls in the glass: the few classes that dominate do not self-average"
        if any(s.phase == "glass" and s.w < 0.0 for s in seen):
            why += ", and with w < 0 one may capture a sample, which is not followed"
    if left > INSIDE:
        standing = "approximate"
        why = f"the code leaves the span of mu_1 and its noise, by {left:.2g} of |x|^2 (clamping, quantiles)"
    m, v = (np.array([getattr(s, x) for s in seen]) for x in ("m", "v"))
    F, w, spread = (np.array([getattr(s, x) for s in seen]) for x in ("F", "w", "spread"))
    m_2 = np.array([s.m_2 for s in seen]) if problem.schedule.second else None
    return SamplerLaw(
        problem, name, d, alpha, carried.t, m, v, F, phases, w, spread, twin, left, every_d, standing, why, m_2
    )
