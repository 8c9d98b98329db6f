"""Finite d without stored classes: the annealed and the quenched model, two sharp finite-size theories.

The *annealed* model, `reduced` (sec. 7 of docs/theory.md): all wrong classes are replaced by their average over the
disorder, so that the unconditional density is
    p_u = (1/P) N(mu_1, D I) + (1 - 1/P) N(0, (1 + D) I).
Cost does not depend on P or d (`meanfield.finite.annealed` has the steps). The model tends to sec. 3 as d -> infinity
and is exact in the continuum. At the d of particles it misses what their own disorder does around speciation: at alpha
= 0.4, w = 1, SDE, m(0) is 1.0881 at d = 24 and particles have 1.0861(4); the gap falls faster than 1/d. In the glass it
is wrong at every d, because there few classes dominate and the disorder must not be averaged over.

The *quenched* model, `quenched`, is right there too: the nearest wrong classes one by one, the bulk averaged. Each
sample carries its own disorder, as much of it as it can feel. While its unseen classes act through their average to
within `tolerance`, nothing is drawn; after that the classes in a ball around the sample are drawn from their exact law,
typically some tens to some hundreds of them whatever P is, and the ball is renewed as the sample moves
(`meanfield.finite.nearest` states the rule, `meanfield.finite.ball` the laws). Cost does not depend on P: P = exp(300)
is no harder than P = 10^4.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import checked, require, whole
from meanfield.finite.sampling import Model, Settings, check_settings, make_model, realised, sample
from meanfield.problem.hierarchy import Hierarchy
from meanfield.problem.statement import Problem
from meanfield.tools.door import door
from meanfield.tools.resolution import within_doubles

REDUCED, QUENCHED = 3, 4  # spawn keys of their random streams
LARGEST_D = 100_000  # where samples are vectors


@door()
def reduced(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 10_000,
    n_draws: int = 50,
    n_steps: int = 200,
    seed: int = 0,
    n_times: int = 33,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the reduced model: `n_samples` independent samples in `n_draws` batches, which give the error bar.

    Parameters
    ----------
    problem : what is sampled; `DensityRatio` guidance too.
    d : dimension, >= 4.
    n_samples, n_draws : samples in all, and batches they are split into; n_samples is rounded down to whole batches.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    threads : processors to use (default: all available); the result does not depend on it.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches. There are no single wrong classes here: `accuracy` is
        the share of samples with pi_1 > 1/2, and `participation` is 1/(pi_1^2 + (1 - pi_1)^2/(P - 1)), its value if
        they had equal weights. `info["standing"]` is "exact" in the continuum, for P = 1 and at w = 0, else
        "approximate" (see docs/finite-size.md). `log_odds` is nan where P = 1 or infinite, `participation` where P is
        infinite.

    Raises
    ------
    ProblemError : a setting out of range. NoMinimiserError : steps too long for density-ratio guidance without w_max.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = reduced(problem, 24, n_samples=4000, n_draws=4, n_steps=50)
    >>> round(float(data.final.m_paired.mean), 1)
    1.1
    """
    s = check_settings(problem, d, n_samples, n_draws, n_steps, n_times, seed, threads)
    problem = realised(problem, s.d)
    if problem.schedule.by_rule:
        return _by_rule(problem, s, "reduced", progress, {})
    return _reduced(problem, s, make_model(problem, s), progress)


@door()
def quenched(
    problem: Problem,
    d: int,
    *,
    n_samples: int = 2_000,
    n_draws: int = 50,
    n_steps: int = 200,
    seed: int = 0,
    n_times: int = 33,
    tolerance: float = 0.02,
    n_explicit: int = 500,
    n_most: int = 16_384,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Sample the quenched model: independent samples, each with its own disorder, in `n_draws` batches.

    Parameters
    ----------
    problem : what is sampled; of classes with many modes (`Hierarchy`) one with a finite start.
    d : dimension, >= 4.
    n_samples, n_draws : samples in all, and batches they are split into; n_samples is rounded down to whole batches.
    n_steps : steps, log-uniform in D; at least one per piece of the schedule.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded.
    tolerance : how much, relative to what acts, the hidden classes may fluctuate about their average (standard
        deviation), 0 < tolerance <= 0.5.
    n_explicit : up to this many wrong classes are all drawn at the start and nothing is averaged; of each population.
    n_most : proposals from which a ball is drawn, at most; where that is too few for the tolerance, `info` says so.
    threads : processors to use (default: all available); the result does not depend on it.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    Ensemble : as from `simulate.run`, the draws being batches. `info` has the mean number of balls and of classes in a
        ball, and `excess`, the largest ratio of the hidden classes' fluctuation to the tolerance (1 or less if kept).
        `info["standing"]` is "exact" if all classes are explicit, else "asymptotic" (tolerance -> 0 is exact but for
        the tilt that hidden classes leave on a sample's past). Of a `Hierarchy` there is no twin, and `m_B`, `v_B`,
        `within` besides are those of the mode nearest to a sample (docs/modes.md), nan while it sees none; its
        standing is "approximate", as the modes of other superclasses are averaged.

    Raises
    ------
    ProblemError : a setting out of range.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.7), sigma2=0.25, guidance=5.0, sampler="ode", t_start=1000.0)
    >>> data = quenched(problem, 16, n_samples=40, n_draws=4, n_steps=50)     # 73130 classes
    >>> bool(1.6 < data.final.m.mean < 2.0), data.info["standing"]
    (True, 'asymptotic')
    """
    s = check_settings(problem, d, n_samples, n_draws, n_steps, n_times, seed, threads)
    problem.require_no_ratio("the quenched theory", "Use reduced, fade, or simulate.run with classes that are held.")
    tolerance = checked("tolerance", tolerance, low=0, high=0.5, open_low=True)
    n_explicit = whole("n_explicit", n_explicit, low=0, high=1e6)
    n_most = whole("n_most", n_most, low=64, high=1e7)
    require(
        s.d <= LARGEST_D, f"d must be at most {LARGEST_D} here, where samples are vectors", d, "Use meanfield.reduced."
    )
    if isinstance(problem.classes, Hierarchy):
        from meanfield.finite.modes.sampled import quenched_modes

        return quenched_modes(problem, s, tolerance, n_explicit, n_most, progress)
    problem = realised(problem, s.d)
    if problem.schedule.by_rule:
        drawn = {"tolerance": tolerance, "n_explicit": n_explicit, "n_most": n_most}
        return _by_rule(problem, s, "quenched", progress, drawn)
    model = make_model(problem, s)
    if model.log_count in (0.0, math.inf):  # no rival, or a continuum: there is no disorder
        data = _reduced(problem, s, model, progress)
        data.info.update(balls=0.0, classes_in_ball=0.0, excess=0.0, tolerance=tolerance)  # type: ignore[attr-defined]
        return data
    few = [log_number <= math.log(max(n_explicit, 0.5)) + 1e-12 for log_number in model.populations[:, 0]]
    n_all = np.array([round(math.exp(x)) if yes else -1 for x, yes in zip(model.populations[:, 0], few, strict=True)])
    tallies: list[list[float]] = []

    def fill(rng: Any, samples: int, out: np.ndarray) -> float:
        from meanfield.finite import nearest  # numba is loaded only when it is needed

        with within_doubles(s.n_steps):
            *tally, squares, _ = nearest.fill(rng, samples, model, nearest.Rule(tolerance, n_most, n_all), out)
        tallies.append(tally)
        return squares

    standing = "exact" if all(few) else "asymptotic"
    about = {"log_classes": model.log_count, "tolerance": tolerance, "standing": standing}
    data = sample(problem, s, model, QUENCHED, fill, "quenched", progress, **about)
    balls, in_balls, excess = np.transpose(tallies)
    data.info.update(  # type: ignore[attr-defined]
        balls=float(balls.sum()) / (s.batch * s.n_draws),
        classes_in_ball=float(in_balls.sum() / balls.sum()) if balls.any() else float(n_all[n_all > 0].sum()),
        excess=math.exp(0.5 * excess.max()),
    )
    return data


def _by_rule(problem: Problem, s: Settings, theory: str, progress: Any, drawn: dict[str, Any]) -> Ensemble:
    """A rule acts on vectors: the steps are those of a sampler's code."""
    problem.require_one_weight(f"{theory} by a rule of guidance")
    from meanfield.vector.continuous import solve_rule
    from meanfield.vector.draws import Sizes

    sizes = Sizes(s.batch * s.n_draws, s.n_draws, s.seed, s.threads, **drawn)
    return solve_rule(problem, s.d, theory, sizes, s.n_steps, s.n_times, progress)


def _reduced(problem: Problem, s: Settings, model: Model, progress: Any) -> Ensemble:
    def fill(rng: Any, samples: int, out: np.ndarray) -> float:
        from meanfield.finite import annealed  # numba is loaded only when it is needed

        return annealed.fill(rng, samples, model, out)

    exact = model.log_count in (0.0, math.inf) or not (model.grid.w_start.any() or model.grid.w_end.any())
    log_classes = model.log_count if math.isfinite(model.log_count) else "inf"
    standing = "exact" if exact else "approximate"
    return sample(problem, s, model, REDUCED, fill, "reduced", progress, log_classes=log_classes, standing=standing)
