"""CPU seconds of one score of every peer beside the package's, at a few sizes, and the share of the sgemm peak reached.

A score is 4 S P d operations: two products of samples and classes. The share is these, over CPU seconds, over the rate
of a float32 matrix product that took its turn in the same loop. A kernel that leaves out classes without weight does
fewer operations than are counted; the softmax and its exponentials are not counted at all.
"""

import numpy as np

from benchmarks import ours
from benchmarks.peers import available, peer
from benchmarks.timing import alternate, ratio, sgemm

__all__ = ["SIZES", "compare_libraries"]

SIZES = ((100, 24, 1024), (10**4, 20, 1024), (10**4, 256, 512), (10**5, 24, 512), (10**6, 24, 128))  # (P, d, S)
LEVELS = np.geomspace(100.0, 0.25, 4)
SQUARE = 1024  # size of the matrices of the peak


def compare_libraries(P: int, d: int, S: int, repeats: int = 3) -> dict:
    """Milliseconds of CPU a score by name, peers' ratios to ours, and ours and torch's share of the sgemm peak."""
    mixture = ours.classes(P, d)
    means, shift = ours.means(mixture), ours.score(mixture, S)
    rng = np.random.default_rng(0)
    ladder = [(float(D), np.sqrt(D) * rng.standard_normal((S, d))) for D in LEVELS]
    calls = {"ours": lambda: [shift(y, D) for D, y in ladder], "sgemm": sgemm(SQUARE)}
    for name in available():
        calls[name] = _script(peer(name)(means), [(D, y + mixture.target) for D, y in ladder])
    turns = alternate(calls, repeats)
    peak = 2 * SQUARE**3 / np.median(turns.pop("sgemm"))
    score = {name: float(np.median(seconds)) / len(LEVELS) for name, seconds in turns.items()}
    return {
        "P": P,
        "d": d,
        "S": S,
        "sgemm_gflops": peak / 1e9,
        "milliseconds": {name: 1e3 * seconds for name, seconds in score.items()},
        "ratio": {name: ratio(turns[name], turns["ours"])[0] for name in turns if name != "ours"},
        "share": {name: 4 * S * P * d / seconds / peak for name, seconds in score.items()},
    }


def _script(script, ladder):
    native = [(D, script.samples(x)) for D, x in ladder]
    return lambda: [script.posterior_mean(x, D) for D, x in native]
