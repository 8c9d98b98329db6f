"""CPU seconds of one score beside torch attention, over a map of sizes: is it ever slower?

Two maps. The *score*: the posterior mean of S samples among P classes in d directions, the same numbers in, averaged
over noise levels D log-uniform from 100 to sigma2 = 0.25 with samples that belong there (mu_1 + sqrt(D) z): a kernel
may leave out classes that carry no weight, and how many depends on D. The *step*: what a step of `simulate.run` costs
(SDE, w = 1; noise, unguided twin, bookkeeping and the package's own choice of reduction included) beside an Euler step
of the script, by the difference between a longer and a shorter run, so that what happens once drops out.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from benchmarks import ours
from benchmarks.peers import peer
from benchmarks.timing import alternate, cpu_seconds, ratio
from meanfield import Fixed, Problem
from simulate import run
from simulate.scores.reference import ReferenceScore

__all__ = ["CLASSES", "DIMENSIONS", "FEW", "few_sizes", "score_cell", "sizes", "step_cell"]

CLASSES = (2, 16, 32, 100, 1000, 10**4, 10**5, 10**6)  # multiples of 16 are where torch is at its best
FEW = {"P": (2, 4, 10, 16, 32, 64, 100), "d": (8, 24, 64, 256, 1024), "S": (64, 1024, 16384)}  # of the score alone
DIMENSIONS = (2, 8, 24, 64, 256, 1000, 4000)
BYTES = 2**30  # largest array of float32 class means
WORK = 10**9  # samples x classes x directions of one score: fewer samples where classes are many
QUICK = 10**4  # classes x directions up to which a step takes less than a millisecond: more of them
SLOW = 10**7  # classes x directions above which one or two turns must do


def sizes(largest: float = BYTES) -> Iterator[tuple[int, int, int]]:
    """(P, d, S) of the map: class means of at most `largest` bytes, 128 to 1024 samples."""
    for P in CLASSES:
        for d in DIMENSIONS:
            if 4 * P * d <= largest:
                yield P, d, int(np.clip(WORK // (P * d) // 128, 1, 8)) * 128


def few_sizes() -> Iterator[tuple[int, int, int]]:
    """(P, d, S) of the map of few classes, with few samples and with many."""
    yield from product(*FEW.values())


def score_cell(P: int, d: int, S: int, library: str = "torch attention", levels: int = 4, repeats: int = 5) -> dict:
    """CPU seconds a score, theirs divided by ours (above 1: the package is faster), and the errors of both."""
    mixture = ours.classes(P, d)
    script, shift = peer(library)(ours.means(mixture)), ours.score(mixture, S)
    rng = np.random.default_rng(0)
    ladder = [(float(D), np.sqrt(D) * rng.standard_normal((S, d))) for D in np.geomspace(100.0, 0.25, levels)]
    native = [(D, script.samples(y + mixture.target)) for D, y in ladder]
    turns = alternate(
        {
            "ours": lambda: [shift(y, D) for D, y in ladder],
            "theirs": lambda: [script.posterior_mean(x, D) for D, x in native],
        },
        2 if P * d > SLOW else repeats,
    )
    return _cell(P, d, S, turns, levels) | {"errors": _errors(mixture, shift, script) if P * d <= SLOW else None}


def step_cell(P: int, d: int, S: int, library: str = "torch attention", repeats: int = 5) -> dict:
    """CPU seconds a step of `simulate.run` beside a step of the script, and their ratio."""
    problem = Problem(classes=Fixed(P), sigma2=0.25, guidance=1.0, sampler="sde", t_start=100.0)
    script = peer(library)(ours.means(ours.classes(P, d)))
    x = script.samples(10.0 * np.random.default_rng(0).standard_normal((S, d)))

    def package(n):
        run(problem, d=d, n_samples=S, n_disorder=1, n_steps=n, n_times=2, threads=1, progress=False)

    def scripted(n):
        script.euler(x, np.geomspace(100.25, 0.25, n + 1), 1.0, 1.0, script.normals((S, d)))

    short, long = (8, 18) if P * d > SLOW else (8, 108 if P * d <= QUICK else 28)  # 8 resolve the guidance
    turns: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(1 if P * d > SLOW else repeats):
        for name, whole in (("ours", package), ("theirs", scripted)):
            seconds = cpu_seconds(partial(whole, long)) - cpu_seconds(partial(whole, short))
            turns[name].append(max(seconds / (long - short), 1e-9))  # noise may exceed a step that costs nothing
    return _cell(P, d, S, turns, 1)


def _errors(mixture, shift, script) -> dict[str, float]:
    """Largest error of the posterior mean against float64, over a few samples at D = 1."""
    y = np.random.default_rng(1).standard_normal((8, mixture.dim))
    exact = ReferenceScore(mixture)(y, 1.0).shift
    theirs = np.asarray(script.posterior_mean(script.samples(y + mixture.target), 1.0), float) - mixture.target
    return {"ours": float(np.abs(shift(y, 1.0) - exact).max()), "theirs": float(np.abs(theirs - exact).max())}


def _cell(P: int, d: int, S: int, turns: dict[str, list[float]], levels: int) -> dict:
    gain, spread = ratio(turns["theirs"], turns["ours"])
    seconds = {name: float(np.median(values)) / levels for name, values in turns.items()}
    return {"P": P, "d": d, "S": S, "ratio": gain, "spread": spread, **seconds}
