"""What the two finite-d models share: settings, steps, start, the streams of random numbers, the batches, the result.

Steps are those of an exponential Heun scheme in tau = -log D. With y = x - mu_1 the reverse step of sec. 1 of
docs/theory.md is dy = e (b - y) dtau + eta sqrt(D) dB, and from D to D' = r D, with h = -log r and b linear in tau,
    y' = r^e y + (1 - r^e) b_0 + phi (b_1 - b_0) + sqrt(D' (1 - r^{eta^2})) xi,      phi = 1 - (1 - r^e)/(e h),
exact where w = 0. Predictor: b_1 = b_0; corrector: b_1 at the predictor. Order 2 (weakly, for the SDE). All is in
whitened coordinates, where a group of directions has D = (c + t)/g (docs/spectra.md); isotropic classes are one group.

A model is a function `fill(generator, n_samples, out)` that adds up the observables of its samples and returns the sum
of their N^2 (`meanfield.tools.resolution`); what its compiled code knows of the problem is a `Model`.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from meanfield.ensemble import Ensemble
from meanfield.errors import NoMinimiserError, require, whole
from meanfield.guidance.by_ratio import DensityRatio
from meanfield.guidance.placing import thinning, time_grid
from meanfield.problem.growth import Rivals
from meanfield.problem.populations import from_afar, together
from meanfield.problem.statement import Problem
from meanfield.tools.crew import Crew, check_threads
from meanfield.tools.memory import require_memory
from meanfield.tools.progress import Progress
from meanfield.tools.resolution import require_resolved
from meanfield.tools.versions import versions

BY_GROUP = ("m", "v", "q", "m_twin", "v_twin")  # what compiled code counts by group, one after another; then the others
GROUPED = {"m": "m_group", "v": "v_group", "m_twin": "m_group_twin", "v_twin": "v_group_twin"}  # as in `Ensemble`
NAMES = (*BY_GROUP, "weight", "log_odds", "participation", "accuracy")
PART = 10_000  # sample steps between two looks at whether to stop: well below a second


NOISE, KEEP, PHI, SD, ROOT, SIZE = range(6)  # columns of `Model.table`: D, decay, phi, noise, length of mu_1, d_i
CONSTANT, OF_RATIO, W_START, W_END, STRENGTH = range(5)  # of `Model.line`


class Settings(NamedTuple):
    """The checked numerical settings of a run; `batch` is the number of samples of one draw."""

    d: int
    batch: int
    n_draws: int
    n_steps: int
    n_times: int
    seed: int
    threads: int


class Ratio(NamedTuple):
    """Guidance that follows r = p_t(x)/p_t(x|c) = share + (1 - share) exp(-log-odds against the average class), share =
    1/P or, of unequal weights, that of the target (`meanfield.guidance.by_ratio`). Other guidance has beta = 0."""

    beta: float
    w_max: float
    share: float


class Grid(NamedTuple):
    """Times t[0] > ... > t[n] = 0 and the coefficients of the n steps between; `slot` numbers the recorded times.

    D (times, groups), decay, phi, noise (steps, groups), the others (times,) or (steps,).
    constant : the part of the log-odds against the average class that all samples share.
    strength : N of a sample at pi_1 = 0 (`meanfield.tools.resolution`), of w alone where it is bent by a power, of w
        at r = 1 where it follows r; the largest of all groups.
    """

    t: np.ndarray
    D: np.ndarray
    w_start: np.ndarray
    w_end: np.ndarray
    decay: np.ndarray
    phi: np.ndarray
    noise: np.ndarray
    strength: np.ndarray
    slot: np.ndarray
    constant: np.ndarray


class Law(NamedTuple):
    """The start: N(m mu_1, v I) in each group, the same of the unguided twin, (groups,) each; and the weight w there (0
    at a finite start)."""

    m: np.ndarray
    v: np.ndarray
    m_twin: np.ndarray
    v_twin: np.ndarray
    w: float


class Model(NamedTuple):
    """What the compiled code knows of a problem at dimension d.

    sizes : (groups,) directions of each group.
    log_count, number : log P and P itself, inf beyond the range of doubles.
    populations : (populations, 2) all classes but the target by their weights: log of their number, and of the weight
        of each over the target's. rivals : one population with the same averages.
    power : of the weight w r^power of a sample, r the norm of the difference of scores.
    table, line : what a step of the annealed model reads, in few arrays, since a compiled loop that takes many from a
        tuple spends its time on counting references. table (times, groups, 6) has in its columns what `NOISE` to `SIZE`
        say, line (times, 5) what `CONSTANT` to `STRENGTH` say. CONSTANT is the part of the log-odds that is the same
        for all samples, -inf in the continuum, inf at P = 1; OF_RATIO that against the average class.
    """

    d: int
    sizes: np.ndarray
    log_count: float
    populations: np.ndarray
    rivals: Rivals
    number: float
    law: Law
    grid: Grid
    power: float
    ratio: Ratio
    table: np.ndarray
    line: np.ndarray


def check_settings(problem: Problem, d, n_samples, n_draws, n_steps, n_times, seed, threads) -> Settings:
    """Check every setting on its own; `n_samples` counts all samples and is rounded down to whole draws."""
    require(isinstance(problem, Problem), "problem must be a meanfield.Problem", repr(problem))
    d = whole("d", d, low=4, high=1e15, remedy="simulate.run takes any d >= 2.")
    n_draws = whole("n_draws", n_draws, low=1, high=1e6)
    n_samples = whole("n_samples", n_samples, low=n_draws, high=1e10, remedy="One a draw.")
    n_steps = whole("n_steps", n_steps, low=1, high=1e7)
    n_times = whole("n_times", n_times, low=2, high=1e6)
    seed = whole("seed", seed, low=0)
    groups = 1 if problem.spectrum is None else len(problem.spectrum)
    needed = 3 * 8.0 * n_draws * len(NAMES) * groups * n_times
    what = f"{n_draws} draws at {n_times} times need {needed / 2**30:.3g} GiB"
    require_memory(needed, what, "use lower n_draws or n_times")
    return Settings(d, n_samples // n_draws, n_draws, n_steps, n_times, seed, check_threads(threads))


def realised(problem: Problem, d: int) -> Problem:
    """The problem with the shares of its spectrum that d realises, which every group of directions must allow."""
    if problem.spectrum is None:
        return problem
    problem.spectrum.counts(d)
    return problem.replace(spectrum=problem.spectrum.at(d))


def make_model(problem: Problem, s: Settings) -> Model:
    """The problem at dimension d: classes counted and weighted, the law at the start, the steps."""
    log_count = problem.classes.log_count(s.d)
    number = math.exp(log_count) if log_count < 700 else math.inf
    law = problem.classes
    populations = law.rivals(s.d)
    rivals = together(populations)
    mass = number if law.equal else 1.0 + math.exp(min(sum(rivals), 700.0))  # 1/(share of the target)
    rate, prior = from_afar(law, s.d)
    begin = problem.start(rate, mass, s.d, prior)
    sizes = np.array([s.d] if problem.spectrum is None else problem.spectrum.counts(s.d))
    unit = 1.0 if problem.spectrum is None else float(problem.spectrum.g.max())
    above = thinning(problem.schedule, problem.largest_weight, math.log(mass), s.d, problem.e, unit)
    grid = make_grid(problem, begin.t, s, sizes, above)
    m, v = (np.atleast_1d(np.asarray(x, float)) for x in (begin.m, begin.v))
    start = Law(m, v, m, v, 0.0)
    if math.isinf(problem.T):
        start = Law(m, v, np.ones_like(m), grid.D[0], float(problem.amplitude(begin.t)))
    schedule = problem.schedule
    beta, w_max = (schedule.beta, schedule.w_max) if isinstance(schedule, DensityRatio) else (0.0, None)
    ratio = Ratio(beta, math.inf if w_max is None else w_max, 1.0 / mass)
    packed = _packed(grid, sizes, sum(rivals))
    return Model(
        s.d, sizes, log_count, np.array(populations), rivals, number, start, grid, schedule.exponent, ratio, *packed
    )


def _packed(grid: Grid, sizes: np.ndarray, log_rivals: float) -> tuple[np.ndarray, np.ndarray]:
    """`Model.table` and `Model.line`; no step begins at the last time, whose w_start is that of the end of the last."""
    last = ((0, 1), (0, 0))
    steps = [np.pad(x, last) for x in (grid.decay, grid.phi, grid.noise)]
    same = np.ones_like(grid.D)
    table = np.stack([grid.D, *steps, same * np.sqrt(sizes), same * sizes], axis=2)
    w_start = np.append(grid.w_start, grid.w_start[-1])
    ends = [np.append(x, 0.0) for x in (grid.w_end, grid.strength)]
    return table, np.stack([grid.constant - log_rivals, grid.constant, w_start, *ends], axis=1)


def sample(
    problem: Problem, s: Settings, model: Model, role: int, fill: Callable, name: str, progress: Any, **info: Any
) -> Ensemble:
    """The result of `averages` for classes of one Gaussian."""
    began, grid = time.perf_counter(), model.grid
    rows = len(NAMES) + (len(model.sizes) - 1) * len(BY_GROUP)
    draws, number = averages(s, rows, grid, role, fill, name, progress)
    _require_minimiser(problem, model.ratio, draws)
    bound = float((grid.strength * grid.D[1:].min(axis=1) ** -model.power).max())
    if model.ratio.beta > 0.0:
        bound *= model.ratio.w_max / float(grid.w_start[0])
    about = {
        "method": name,
        "seed": s.seed,
        "n_steps": s.n_steps,
        "guidance_per_step": require_resolved(number, bound, s.n_steps),
        **info,
        "seconds": time.perf_counter() - began,
        "versions": versions(),
    }
    return Ensemble(problem, s.d, grid.t[grid.slot >= 0], _named(problem, model, draws), s.batch, about)


def averages(
    s: Settings, rows: int, grid: Grid, role: int, fill: Callable, name: str, progress: Any
) -> tuple[np.ndarray, float]:
    """Run `fill(generator, n_samples, out)` for every draw, in threads; the result does not depend on their number.

    A draw is filled in parts from one stream, so that an interrupt ends the run soon and progress counts samples.

    Returns
    -------
    draws (draws, rows, times), averages over the samples of a draw, and N of the run.
    """
    draws = np.zeros((s.n_draws, rows, int(grid.slot.max()) + 1))
    part, crew = max(1, PART // s.n_steps), Crew(s.threads)

    def one(draw: int) -> float:
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(s.seed, spawn_key=(role, draw))))
        squares = 0.0
        for begin in range(0, s.batch, part):
            few = min(part, s.batch - begin)
            squares += fill(rng, few, draws[draw])
            crew.tick(few)
        return squares

    with Progress(progress, s.n_draws * s.batch, f"{name}, d = {s.d}") as show:
        squares = crew.run(one, range(s.n_draws), show)
    return draws / s.batch, math.sqrt(sum(squares) / (s.batch * s.n_draws))


def _named(problem: Problem, model: Model, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Observables by name, (draws, times): over all directions in original coordinates; with a spectrum besides those
    of every group, whitened, (draws, times, groups)."""
    n, spectrum = len(model.sizes), problem.spectrum
    weight = model.sizes * (1.0 if spectrum is None else spectrum.g)  # d_i g_i
    found, others = {}, NAMES[len(BY_GROUP) :]
    for i, name in enumerate(BY_GROUP):
        values = np.ascontiguousarray(np.moveaxis(draws[:, i * n : (i + 1) * n], 1, 2))
        found[name] = values @ (weight / (weight.sum() if name in ("m", "m_twin") else model.d))
        if spectrum is not None and name in GROUPED:
            found[GROUPED[name]] = values
    return found | {name: np.ascontiguousarray(draws[:, i - len(others)]) for i, name in enumerate(others)}


def _require_minimiser(problem: Problem, ratio: Ratio, draws: np.ndarray) -> None:
    if ratio.beta > 0.0 and math.isinf(ratio.w_max) and not np.isfinite(draws[:, NAMES.index("m")]).all():
        raise NoMinimiserError(
            f"density-ratio guidance needs beta r < 1 at every sample; some steps went beyond, with "
            f"{problem.guidance!r}. Take more steps (of the ODE), a smaller beta, or w_max, a largest weight (that is "
            "another objective)."
        )


def make_grid(problem: Problem, t_start: float, s: Settings, sizes: np.ndarray, above: float) -> Grid:
    """The steps of particles, from the start to exactly 0; `above` is D_c of `meanfield.guidance.placing`."""
    t = time_grid(problem.schedule, problem.least_variance, t_start, s.n_steps, above=above)
    D = (problem.sigma2 + t)[:, None] if problem.spectrum is None else problem.spectrum.D(t)
    inside = -1e-9 * np.diff(t)  # a schedule may jump at the ends of a step: look at it from inside
    h = -np.diff(np.log(D), axis=0)
    w_start, w_end = problem.amplitude(t[:-1] - inside), problem.amplitude(t[1:] + inside)
    strongest = np.maximum(np.abs(w_start), np.abs(w_end))
    record = np.unique(np.round(np.linspace(0, s.n_steps, min(s.n_times, s.n_steps + 1))).astype(int))
    slot = np.full(len(t), -1)
    slot[record] = np.arange(len(record))
    constant = (sizes / (2.0 * (1.0 + D)) + 0.5 * sizes * np.log1p(1.0 / D)).sum(axis=1)
    return Grid(
        t=t,
        D=D,
        w_start=w_start,
        w_end=w_end,
        decay=np.exp(-problem.e * h),
        phi=1.0 + np.expm1(-problem.e * h) / (problem.e * h),
        noise=np.sqrt(D[1:] * -np.expm1(-(problem.eta**2) * h)),
        strength=(problem.e * strongest[:, None] * h / (1.0 + D[1:])).max(axis=1),
        slot=slot,
        constant=constant,
    )
