"""Mixtures of one's own: CPU seconds and peak memory of guided samples, by form of the covariances.

Each case runs in a process of its own: K components in d dimensions, every component a class, w = 0.1, ODE. A few steps
are timed; what they cost does not depend on their number.
"""

from benchmarks.subprocesses import fresh

__all__ = ["FORMS", "SIZES", "mixture_row"]

FORMS = ("spherical", "diag", "tied", "low-rank", "full")
SIZES = ((1000, 512, 2000), (1000, 4096, 256))  # (K, d, samples)
STEPS = 30  # timed; fewer do not resolve the guidance
FULL_SAMPLES = 100  # of full covariances, at most: they cost K d^2 operations a sample, twice

PROGRAM = """
import json, time
import numpy as np
from simulate import Mixture, sample_mixture
from simulate.mixtures.low_rank import LowRank
def peak():
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
K, d, S, form, steps = {K}, {d}, {S}, "{form}", {steps}
rng = np.random.default_rng(0)
means = 0.5 * rng.normal(size=(K, d))
if form == "spherical":
    mixture = Mixture(means, variances=rng.uniform(0.3, 0.5, size=K))
elif form == "diag":
    mixture = Mixture(means, variances=rng.uniform(0.3, 0.5, size=(K, d)))
elif form == "tied":
    mixture = Mixture(means, np.diag(rng.uniform(0.3, 0.5, size=d)))
elif form == "low-rank":
    mixture = Mixture.low_rank(means, 0.3, 0.3 * rng.normal(size=(K, min(10, d), d)) / np.sqrt(d))
else:
    values, basis = rng.uniform(0.0, 0.3, size=(K, d)), np.linalg.qr(rng.normal(size=(d, d)))[0]
    mixture = Mixture.of_components(LowRank(means, np.full(K, 0.3), values, np.tile(basis.T, (K, 1, 1))))
held, begin, wall = peak(), time.process_time(), time.perf_counter()
problem = mixture.problem(0, guidance=0.1)
sample_mixture(problem, mixture, target=0, n_samples=S, n_steps=steps)
print(json.dumps({{"cpu": (time.process_time() - begin) / steps, "wall": (time.perf_counter() - wall) / steps,
                   "held": held, "beyond": peak() - held}}))
"""


def mixture_row(form: str, K: int, d: int, S: int, steps: int = STEPS) -> dict:
    """CPU and wall seconds of a step, and bytes: held by the mixture and the package, and at the peak beyond."""
    S = min(S, FULL_SAMPLES) if form == "full" else S
    found = fresh(PROGRAM.format(form=form, K=K, d=d, S=S, steps=steps))
    return {"form": form, "K": K, "d": d, "S": S, **found}
