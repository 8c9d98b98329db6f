"""`run`: particles at finite d with the exact score of the mixture, as an ensemble over draws of the class means.

One plan is filled (`simulate.running.plan`), and followed (`simulate.running.workers`).
"""

from collections.abc import Callable
from typing import Any

from meanfield.ensemble import Ensemble
from meanfield.errors import require, whole
from meanfield.problem.statement import Problem
from meanfield.tools.door import door
from simulate.running.lazy import require_own_noise, run_lazy
from simulate.running.plan import Settings, make_plan
from simulate.running.stepcontrol import choose_steps
from simulate.running.workers import follow


@door()
def run(
    problem: Problem,
    *,
    d: int,
    n_samples: int,
    n_disorder: int,
    first_draw: int = 0,
    n_steps: int | None = None,
    tol: float | None = None,
    seed: int = 0,
    n_times: int = 33,
    classes: str = "auto",
    class_tolerance: float = 0.02,
    dtype: str = "float32",
    noise_refinement: int = 1,
    block: int = 512,
    batch: int | None = None,
    threads: int | None = None,
    xp: Any = None,
    device: Any = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Ensemble:
    """Simulate guided samples with exact scores, `n_samples` for each of `n_disorder` draws of the class means.

    Parameters
    ----------
    problem : what is simulated.
    d : dimension, >= 2 (v has d - 1 degrees of freedom).
    n_samples, n_disorder : samples per draw, and independent draws; one draw has no error bar (stderr is nan).
    first_draw : number of the first draw, >= 0. Draws 0 to 3 and 4 to 7 of two runs are, bit by bit, draws 0 to 7 of
        one with the same n_steps and batch (whose default follows n_samples * n_disorder). Lazy classes refuse it.
    n_steps : steps of the integrator (`simulate.steps.integrators`), one score each; at least one per piece of the
        schedule. Default 100.
    tol : instead of n_steps: the largest time-step error wanted in m(0) and in v(0)/sigma2. A pilot with few samples
        chooses n_steps (`simulate.running.stepcontrol`, docs/steps.md); `info` then has `tol`, `timestep_error` (its
        bounds for m and v/sigma2) and `pilot_steps` (its cost, in steps of the run).
    seed : of all random numbers, a whole number >= 0; the same seed gives the same numbers.
    n_times : recorded times, start and t = 0 included; at most n_steps + 1 are recorded. They take no scores of their
        own and change nothing.
    classes : how the classes are held, see `simulate.running.holding` and docs/particles.md: "explicit" all means of a
        draw; "span" in the span of the means (P <= d, no spectrum); "lazy" only those that a sample can feel (no
        spectrum, any P; every sample has its own disorder, and a draw is a batch of samples); "streamed" none, made
        again where they are needed (P <= 1e8); "reference" explicit with the plain NumPy score. "auto" chooses by fixed
        rules.
    class_tolerance : with lazy classes, how much, relative to what acts, the classes left to their average may
        fluctuate about it (standard deviation), 0 < class_tolerance <= 0.5. The other ways are exact.
    dtype : "float32" or "float64" arithmetic of the score, with `xp` also "bfloat16", for its two
        products; the state is always float64. Classes of less than 1e-7 or
        1e-15 of a sample's posterior altogether are left out (`simulate.scores.cutting`), as `info["negligible"]` says.
    noise_refinement : draw the noise on a grid this much finer. A run with n_steps=n, noise_refinement=2 has the noise
        of one with n_steps=2n (for schedules without breakpoints; see `timestep_error`).
    block, batch, threads : classes per block, samples per batch (default: by the work, 256 to 1024), threads (default:
        all available). They set the speed; results agree to rounding, and bit by bit for any number of threads.
    xp, device : an array library, such as torch, and a device of it, such as "cuda": the samples live there, batches of
        16384 by default, and `threads` does not apply. None is NumPy with compiled kernels. Same random numbers, same
        steps: float64 runs agree to rounding (docs/particles.md). For explicit classes and those in their span, and
        weights that depend on t alone.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal, a function gets
        (done, total).

    Returns
    -------
    Ensemble : averages by (draw, time). `log_odds` is nan where the target has no rival (P = 1); in the continuum,
        where its weight is 0, `log_odds` and `participation` are nan. With `DensityRatio` guidance also `w`, the mean
        weight. With a spectrum also `m_group`, `v_group` (and
        twins) by (draw, time, group); its `problem` then has the shares that d realises. `info["method"]` says how the
        classes were held, and `info["why"]` why.

    Raises
    ------
    ProblemError : a setting out of range, n_steps beside tol, or more classes than memory.
    ConvergenceError : steps that do not resolve the guidance, or a tol that takes more than 100,000.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> data = run(problem, d=12, n_samples=64, n_disorder=4, n_steps=20)
    >>> bool(data.final.m_paired.mean > 1.0), data.info["method"], data.info["n_classes"]
    (True, 'particles (explicit)', 122)
    >>> run(problem, d=200, n_samples=8, n_disorder=4, n_steps=50).info["method"]  # P = exp(80)
    'particles (lazy)'
    >>> last = run(problem, d=12, n_samples=64, n_disorder=1, first_draw=3, n_steps=20)
    >>> bool((last.draws["m"] == data.draws["m"][3:]).all())
    True
    """
    settings = Settings(
        d, n_samples, n_disorder, seed, classes, dtype, block, batch, threads, first_draw, xp=xp, device=device
    )
    plan = make_plan(problem, settings)
    refinement = whole("noise_refinement", noise_refinement, low=1, high=1e4)
    n_times = whole("n_times", n_times, low=2, high=1e6)
    if tol is not None:
        require(n_steps is None, "give n_steps or tol, which chooses n_steps", f"n_steps={n_steps} and tol={tol}")
        require_own_noise(plan, f"tol={tol}")
    n_steps = whole("n_steps", 100 if n_steps is None else n_steps, low=1, high=1e7)
    if problem.schedule.by_rule:
        from simulate.sampled.continuous import run_rule

        known = tol is None and refinement == 1
        rule = "guidance by a rule has no tol and no noise_refinement"
        require(known, rule, f"tol={tol}, noise_refinement={noise_refinement}", "Give n_steps.")
        size = {"d": d, "n_samples": n_samples, "n_disorder": n_disorder, "first_draw": first_draw, "seed": seed}
        held = {"classes": classes, "class_tolerance": class_tolerance, "dtype": dtype, "batch": batch}
        return run_rule(problem, n_steps, n_times, progress, **size, **held, threads=threads)
    if plan.case.classes == "lazy":
        if refinement > 1:
            require_own_noise(plan, f"noise_refinement={refinement}")
        return run_lazy(plan, n_steps, n_times, class_tolerance, progress)
    about: dict[str, Any] = {}
    if tol is not None:
        n_steps, m, v, cost = choose_steps(plan, tol)
        about = {"tol": float(tol), "timestep_error": [m, v], "pilot_steps": cost}
    return follow(plan, plan.steps(n_steps, refinement, n_times), progress, about)
