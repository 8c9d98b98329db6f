"""Whole runs at equal accuracy: CPU seconds until m and v at t = 0 are within 1e-3 of the converged answer.

Steps. The converged answer is that of the package at many steps; every other result is compared with it on the same
class means, the same start and, for the SDE, the same fine normals, so that the difference is the error of the steps
and hardly that of the sampling. The package needs the least number of steps of a ladder from which on |error| + stderr
is below the tolerance. Scripts need far more than can be run: theirs is measured at two numbers of steps, and
error = a/n + b/n^2 gives n, without the stderr, in the script's favour.

Cost. The package runs whole, the drawing of the classes and all its bookkeeping included. A script is timed over some
of its steps, from class means that are already there, and scaled to the number it needs.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import ours
from benchmarks.ours import order_parameters
from benchmarks.peers import peer
from benchmarks.timing import cpu_seconds
from meanfield import Fixed, Problem
from simulate import run

__all__ = ["CASES", "RULES", "Case", "extrapolated", "first_good", "steps_needed", "whole_run"]

TOLERANCE = 1e-3
SIGMA2, W, T = 0.25, 1.0, 1000.0
DRAWS = 4  # of the class means: the standard error of a difference
LADDER = (8, 12, 16, 24, 32, 48, 64, 96)
RULES = ("euler", "exponential_euler")  # of the torch script
FEW = 10  # steps over which a script is timed


@dataclass(frozen=True)
class Case:
    """P classes in d directions; samples of a draw for the steps and for the cost; many steps; two script numbers."""

    P: int
    d: int
    samples: int
    timed: int
    converged: int
    scripted: tuple[int, int]


CASES = (
    Case(10**4, 20, samples=64, timed=512, converged=192, scripted=(48, 96)),
    Case(10**4, 256, samples=32, timed=256, converged=192, scripted=(48, 96)),
    Case(10**5, 24, samples=32, timed=256, converged=192, scripted=(48, 96)),
    Case(10**6, 24, samples=16, timed=128, converged=96, scripted=(24, 48)),
)


def whole_run(case: Case, sampler: str, repeats: int = 3) -> dict:
    """Steps, CPU seconds a step and in all, of the package and of the torch script by each rule; gains apart."""
    steps, errors = steps_needed(case, sampler)
    problem, S = _problem(case, sampler), case.timed
    script = peer("torch attention")(ours.means(ours.classes(case.P, case.d)))
    x = script.samples(np.sqrt(T) * ours.start(case.d, S))
    grid = np.geomspace(T + SIGMA2, SIGMA2, FEW + 1)
    normals = script.normals(x.shape)

    def package(n):
        run(problem, d=case.d, n_samples=S, n_disorder=1, n_steps=n, n_times=2, threads=1, progress=False)

    calls = {"ours": partial(package, steps["ours"])}
    calls |= {rule: partial(getattr(script, rule), x, grid, W, problem.eta, normals) for rule in RULES}
    turns: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            turns[name].append(cpu_seconds(call))
    whole = {name: float(np.median(values)) for name, values in turns.items()}
    whole |= {rule: whole[rule] * steps[rule] / FEW for rule in RULES}
    return {
        "P": case.P,
        "d": case.d,
        "S": S,
        "sampler": sampler,
        "steps": steps,
        "errors": errors,
        "seconds": whole,
        "step": {name: whole[name] / steps[name] for name in whole},
        "gain": {rule: whole[rule] / whole["ours"] for rule in RULES},
    }


def steps_needed(case: Case, sampler: str) -> tuple[dict[str, int], dict]:
    """Steps for the tolerance by method, and what they rest on: errors (m, v) and their stderr by number of steps."""
    converged = _package(case, sampler, case.converged)  # (2, draws)
    steps: dict[str, int] = {}
    errors: dict[str, dict] = {"ours": {}}
    for n in (n for n in LADDER if n <= case.converged // 2):
        errors["ours"][n] = _difference(_package(case, sampler, n) - converged)
        if _enough(errors["ours"], n):
            break
    steps["ours"] = first_good(errors["ours"])
    for rule in RULES:
        errors[rule] = {n: _difference(_script(case, sampler, rule, n) - converged) for n in case.scripted}
        steps[rule] = extrapolated(errors[rule], case.scripted)
    return steps, errors


def _problem(case: Case, sampler: str) -> Problem:
    return Problem(classes=Fixed(case.P), sigma2=SIGMA2, guidance=W, sampler=sampler, t_start=T)


def _package(case: Case, sampler: str, n: int) -> np.ndarray:
    """m and v at t = 0 by draw (2, draws), at n steps with the noise of case.converged steps."""
    data = run(
        _problem(case, sampler), d=case.d, n_samples=case.samples, n_disorder=DRAWS, n_steps=n, n_times=2,
        noise_refinement=case.converged // n, progress=False,
    )  # fmt: skip
    return np.array([data.draws[name][:, -1] for name in ("m", "v")])


def _script(case: Case, sampler: str, rule: str, n: int) -> np.ndarray:
    """The same by the torch script, from the same start on the same noise."""
    D, eta = np.geomspace(T + SIGMA2, SIGMA2, n + 1), _problem(case, sampler).eta
    found = []
    for draw in range(DRAWS):
        mixture = ours.classes(case.P, case.d, draw=draw)
        script = peer("torch attention")(ours.means(mixture))
        start, noise = ours.noise(case.d, case.samples, D, case.converged // n, draw)
        x = script.samples(np.sqrt(T) * start)
        x = getattr(script, rule)(x, D, W, eta, lambda noise=noise, bring=script.samples: bring(next(noise)))
        found.append(order_parameters(np.asarray(x, float) - mixture.target, mixture.target))
    return np.array(found).T


def _difference(by_draw: np.ndarray) -> dict[str, list[float]]:
    return {
        "error": by_draw.mean(axis=1).tolist(),
        "stderr": (by_draw.std(axis=1, ddof=1) / np.sqrt(DRAWS)).tolist(),
    }


def _good(found: dict) -> bool:
    return all(abs(e) + s <= TOLERANCE for e, s in zip(found["error"], found["stderr"], strict=True))


def _enough(errors: dict[int, dict], n: int) -> bool:
    """Two rungs in a row are good: one alone may be a change of sign of the error."""
    tried = sorted(errors)
    return len(tried) > 1 and n == tried[-1] and _good(errors[tried[-1]]) and _good(errors[tried[-2]])


def first_good(errors: dict[int, dict]) -> int:
    """The least number of steps from which on all that was tried is good; twice the last if none is."""
    tried = sorted(errors)
    bad = [n for n in tried if not _good(errors[n])]
    later = [n for n in tried if not bad or n > bad[-1]]
    return later[0] if later else 2 * tried[-1]


def extrapolated(errors: dict[int, dict], pair: tuple[int, int]) -> int:
    """n at which |a|/n + sign(a) b/n^2 is the tolerance, for m or v, whichever needs more."""
    n1, n2 = pair
    needed = []
    for e1, e2 in zip(errors[n1]["error"], errors[n2]["error"], strict=True):
        a = (n2**2 * e2 - n1**2 * e1) / (n2 - n1)
        b = np.sign(a) * n1 * (n1 * e1 - a)
        needed.append((abs(a) + np.sqrt(max(a * a + 4 * TOLERANCE * b, 0.0))) / (2 * TOLERANCE))
    return int(np.ceil(max(needed)))
