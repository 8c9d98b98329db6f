"""Scores and CPU seconds of the solvers that people use until m and v are within 1e-3, and within 1e-5, of the answer;
all have torch attention as their score, and all start from the same states.

ODE. The answer is the package's at many steps, on the same classes and starts, so nothing here is statistical. Karras
levels end at `LEAST` (by tolerance), where the first-order step to 0 still allows the tolerance.
SDE. Sampling cannot show 1e-5. So the number of scores is that of the continuum, exactly (`benchmarks.solver_laws`);
the CPU of a score is measured at every P.
A number of steps counts from where on all larger ones tried are within the tolerance. The package is timed whole. A
peer is timed over `FEW` scores, scaled; what its script has to draw as well, class means and start, it draws with
torch's generator, and that is added to its time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.ours import order_parameters
from benchmarks.peers import peer
from benchmarks.peers.solvers import Denoiser, dpmpp, dpmpp_sde, heun, karras
from benchmarks.solver_laws import SIGMA2, Solver, T, W, law, law_of_peer
from benchmarks.timing import cpu_seconds
from meanfield import Fixed, Problem
from simulate import run

__all__ = ["CASES", "TOLERANCES", "Case", "best_peer", "error_curves", "first_within", "law", "rows", "sde_curves"]

TOLERANCES = (1e-3, 1e-5)
LEAST = {1e-3: 0.03, 1e-5: 0.002}  # last level before 0
LADDERS = {
    1e-3: (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128),
    1e-5: (8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768),
}
CONVERGED = 256
DRAWS = 2  # of the class means
FEW = 16  # scores over which a peer is timed
QUICK, QUICK_TURNS = 100, 5  # classes up to which a run takes milliseconds, and how many times as often it is timed


@dataclass(frozen=True)
class Case:
    """P classes in d directions; samples of a draw for errors and for cost (1e-5 of many classes takes hours)."""

    P: int
    d: int
    samples: int
    timed: int
    tolerances: tuple[float, ...] = TOLERANCES


CASES = (
    Case(10, 20, 64, 4096),
    Case(100, 20, 64, 4096),
    Case(1000, 20, 32, 2048),
    Case(10**4, 22, 16, 512, TOLERANCES[:1]),
    Case(10**5, 22, 8, 128, TOLERANCES[:1]),
    Case(10**6, 22, 4, 32, TOLERANCES[:1]),
)
Curves = dict[float, dict[str, list[list[float]]]]


def peers(sampler: str) -> dict[str, Solver]:
    """Solvers of the ODE or of the SDE that go down given levels, by name."""
    found: dict[str, Solver] = (
        {
            "Heun": lambda f, x, levels, _: heun(f, x, levels),
            "DPM-Solver++ 2M": lambda f, x, levels, _: dpmpp(f, x, levels, 2),
            "DPM-Solver++ 3M": lambda f, x, levels, _: dpmpp(f, x, levels, 3),
        }
        if sampler == "ode"
        else {"DPM-Solver++ 2M SDE": dpmpp_sde}
    )
    if find_spec("diffusers"):
        from benchmarks.peers.with_diffusers import MAKE, stepped

        noisy = [name for name in MAKE if "SDE" in name or "SA-" in name]
        found |= {name: partial(stepped, name) for name in MAKE if (name in noisy) == (sampler == "sde")}
    return found


def rows(case: Case, repeats: int = 3) -> Iterator[dict]:
    """For each sampler and tolerance: scores and CPU seconds of every method."""
    for sampler in ("ode", "sde"):
        curves = error_curves(case) if sampler == "ode" else sde_curves()
        for tolerance in case.tolerances:
            needed = {name: first_within(errors, tolerance) for name, errors in curves[tolerance].items()}
            seconds, drawing = cost(case, sampler, needed, repeats)
            yield {
                "P": case.P, "d": case.d, "S": case.timed, "sampler": sampler, "tolerance": tolerance,
                "scores": needed, "seconds": seconds, "drawing": drawing, "errors": curves[tolerance],
            }  # fmt: skip


def best_peer(row: dict, drawn: bool = True) -> tuple[str, float]:
    """The peer that takes the least CPU among those within the tolerance, and its CPU over the package's; nan if none.
    Without `drawn` its class means and start are there, and cost nothing.

    Examples
    --------
    >>> row = {"seconds": {"ours": 2.0, "Heun": 8.0, "RK45": 5.0, "DOP853": None}, "drawing": 1.0}
    >>> best_peer(row), best_peer(row, drawn=False)
    (('RK45', 3.0), ('RK45', 2.5))
    """
    seconds = {
        name: s + drawn * row["drawing"] for name, s in row["seconds"].items() if s is not None and name != "ours"
    }
    name = min(seconds, key=lambda peer: seconds[peer], default="none")
    return name, seconds.get(name, float("nan")) / (row["seconds"]["ours"] or float("nan"))


def first_within(errors: list[list[float]], tolerance: float) -> int | None:
    """Scores from which on the error is within the tolerance at all that was tried; None if never.

    Examples
    --------
    >>> first_within([[8, 1e-5], [12, 1e-3], [16, 1e-4], [24, 1e-5]], 1e-4)
    16
    """
    bad = [scores for scores, error in errors if not error <= tolerance]
    good = [scores for scores, error in errors if error <= tolerance and scores > max(bad, default=0)]
    return int(min(good)) if len(good) > 1 else None


def error_curves(case: Case) -> Curves:
    """The ODE's: of every tolerance and method [scores, larger error of m and v], up to two rungs within it."""
    mixtures = [ours.classes(case.P, case.d, draw=i) for i in range(DRAWS)]
    own, solve = partial(_package, case), partial(_ode, case, mixtures)
    answer = own(CONVERGED)
    curves = _ladders("ode", own, solve, answer, case.tolerances)
    for tolerance, found in curves.items():
        found |= {name: _adaptive(case, mixtures, name, tolerance, answer) for name in ("RK45", "DOP853")}
    return curves


@cache
def sde_curves() -> Curves:
    """The same of the SDE, in the continuum."""
    return _ladders("sde", law, law_of_peer, (4.0 * law(1024) - law(512)) / 3.0, TOLERANCES)


def _ladders(sampler: str, own: Callable, solve: Callable, answer: np.ndarray, tolerances: tuple[float, ...]) -> Curves:
    curves: Curves = {}
    for tolerance in tolerances:
        found: dict[str, list[list[float]]] = {"ours": []}
        _climb(found["ours"], tolerance, lambda n: (n + 1, own(n)), answer)
        for name, solver in peers(sampler).items():
            found[name] = []
            _climb(found[name], tolerance, partial(solve, solver, LEAST[tolerance]), answer)
        curves[tolerance] = found
    return curves


def _climb(found: list[list[float]], tolerance: float, solve: Callable[[int], tuple], answer: np.ndarray) -> None:
    for n in LADDERS[tolerance]:
        scores, end = solve(n)
        found.append([scores, float(np.abs(end - answer).max())])
        if len(found) > 1 and max(error for _, error in found[-2:]) <= tolerance:
            return


def _package(case: Case, n: int) -> np.ndarray:
    """m and v of the package's ODE after n steps, averaged over draws."""
    problem = Problem(classes=Fixed(case.P), sigma2=SIGMA2, guidance=W, sampler="ode", t_start=T)
    data = run(
        problem, d=case.d, n_samples=case.samples, n_disorder=DRAWS, n_steps=n, n_times=2, classes="explicit",
        threads=1, progress=False,
    )  # fmt: skip
    return np.array([data.draws[name][:, -1].mean() for name in ("m", "v")])


def _ends(case: Case, mixtures: list, solve: Callable[[Any, Any], Any]) -> tuple[int, np.ndarray]:
    """Scores, and m and v at the end averaged over draws, of solve(denoiser, start)."""
    import torch

    found, calls = [], 0
    for draw, mixture in enumerate(mixtures):
        script = peer("torch attention")(ours.means(mixture))
        denoise = Denoiser(script, SIGMA2, W)
        with torch.no_grad():
            x = solve(denoise, script.samples(np.sqrt(T) * ours.start(case.d, case.samples, draw)))
        found.append(order_parameters(np.asarray(x, float) - mixture.target, mixture.target))
        calls = max(calls, denoise.calls)
    return calls, np.mean(found, axis=0)


def _ode(case: Case, mixtures: list, solver: Solver, least: float, n: int) -> tuple[int, np.ndarray]:
    return _ends(case, mixtures, lambda f, x: solver(f, x, karras(n, least, T**0.5), _no_noise))


def _adapt(method: str, control: float, denoise: Denoiser, x: Any) -> Any:
    from benchmarks.peers.with_scipy import adaptive

    return adaptive(method, denoise, x, T**0.5, control, denoise.samples)


def _no_noise() -> Any:
    raise AssertionError("a solver of the ODE asks for noise")


def _adaptive(case: Case, mixtures: list, method: str, tolerance: float, answer: np.ndarray) -> list[list[float]]:
    found: list[list[float]] = []
    for control in np.geomspace(1.0, 1e-3, 10) * 10 * tolerance:
        solve = partial(_adapt, method, float(control))
        scores, end = _ends(case, mixtures, solve)
        found.append([scores, float(np.abs(end - answer).max())])
        if len(found) > 1 and max(error for _, error in found[-2:]) <= tolerance:
            break
    return found


def cost(case: Case, sampler: str, needed: dict[str, int | None], repeats: int) -> tuple[dict, float]:
    """CPU seconds of whole runs, the least over turns that all methods take: the package with all that it draws, peers
    without; and what a peer takes to draw class means and start."""
    import torch

    from benchmarks.peers.with_torch import TorchAttention

    problem = Problem(classes=Fixed(case.P), sigma2=SIGMA2, guidance=W, sampler=sampler, t_start=T)
    script = peer("torch attention")(ours.means(ours.classes(case.P, case.d)))
    x = script.samples(np.sqrt(T) * ours.start(case.d, case.timed))
    normals, levels, solvers = script.normals(x.shape), karras(FEW, 0.03, T**0.5), peers(sampler)

    steps: dict[str, Any] = {"n_steps": (needed["ours"] or 2) - 1, "n_times": 2, "threads": 1, "progress": False}
    package = partial(run, problem, d=case.d, n_samples=case.timed, n_disorder=1, **steps)

    def of_a_score(solve: Callable, *what: Any) -> float:
        denoise = Denoiser(script, SIGMA2, W)
        with torch.no_grad():
            return cpu_seconds(lambda: solve(denoise, *what)) / denoise.calls

    def draw() -> tuple:
        return TorchAttention.drawn(case.P, case.d), T**0.5 * torch.randn(x.shape)

    best: dict[str, float | None] = dict.fromkeys(needed)
    drawing = np.inf
    for turn in range(repeats * (QUICK_TURNS if case.P <= QUICK else 1) + 1):
        drawing = min(drawing, cpu_seconds(draw))
        for name, scores in needed.items():
            if scores is None:
                continue
            if name == "ours":
                seconds = cpu_seconds(package)
            else:
                solve = (solvers[name], x, levels, normals) if name in solvers else (partial(_adapt, name, 1e-2), x)
                seconds = scores * of_a_score(*solve)
            if turn:  # the first warms up
                best[name] = min(seconds, best[name] or np.inf)
    return best, drawing
