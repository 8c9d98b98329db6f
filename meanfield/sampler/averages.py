"""Averages over the samples of batches and draws, call by call, of what a sampler's code makes and of its twin.

Code that chooses its own steps calls the model at other levels in every batch. Its calls then have no averages: the end
alone is kept.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from meanfield.problem.statement import Problem
from meanfield.sampler.batch import POSTERIOR, along, overall
from meanfield.sampler.code import Sampler, run_code
from meanfield.sampler.unguided import Undistorted, Unguided

ADAPTIVE = "the code chooses its levels batch by batch: the end alone is kept"


class Averages(NamedTuple):
    """Averages of a batch of n samples: VE times of the samples' calls and of their twins', each with 0 at the end,
    (calls + 1,); what was seen there, (calls + 1, numbers)."""

    n: int
    t: np.ndarray
    guided: np.ndarray
    t_twin: np.ndarray
    twin: np.ndarray


def run_batch(problem: Problem, sampler: Sampler, space: Any, noises: Any, xp: Any = None) -> Averages:
    """Run the code on a batch and on its unguided twin, which has the same noise.

    Parameters
    ----------
    space : a `Batch` with `centres`, and `look(y, t)` that records.
    noises : called without arguments before either run, gives a function that draws normals (samples, d) in sequence.
    """
    ran = run_code(problem, sampler, space, noises(), xp)
    space.look(ran.x, 0.0)
    guided = np.array(space.seen)
    seen: list[np.ndarray] = []
    alone = Undistorted(space, lambda y, t: seen.append(space.order(y)))
    with np.errstate(all="ignore"):  # a rule that divides by the difference of two predictions
        twin = run_code(problem, sampler, alone, noises(), xp)
    seen.append(space.order(twin.x))
    return Averages(space.shape[0], np.append(ran.times, 0.0), guided, np.append(twin.times, 0.0), np.array(seen))


class Gathered(NamedTuple):
    """What an `Ensemble` of a sampler's code has: `t` (times,), `draws` by name (draws, times), and, of its `info`,
    `about`: the calls of the model, the exact law of the twin if it is known, and what is missing."""

    t: np.ndarray
    draws: dict[str, np.ndarray]
    about: dict[str, Any]


def gathered(problem: Problem, batches: Sequence[Sequence[Averages]], twin: Unguided) -> Gathered:
    """The averages of all draws from those of their batches."""
    every = [a for draw in batches for a in draw]
    t = every[0].t
    same = all(np.array_equal(t, times) for a in every for times in (a.t, a.t_twin))
    if not same:
        t = t[-1:]
        batches = [[a._replace(guided=a.guided[-1:], twin=a.twin[-1:]) for a in draw] for draw in batches]
    exact = {"m": twin.m.tolist(), "v": twin.v.tolist()} if twin.linear and np.array_equal(t, twin.t) else None
    about: dict[str, Any] = {"n_calls": len(t) - 1, "unguided": exact}
    if not same:
        about |= {"n_calls": float(np.mean([len(a.t) - 1 for a in every])), "calls": ADAPTIVE}
    guided, unguided = (np.array([_mean(draw, which) for draw in batches]) for which in ("guided", "twin"))
    return Gathered(t, _named(problem, guided, unguided), about)


def _mean(batches: Sequence[Averages], which: str) -> np.ndarray:
    """Averages of a draw from those of its batches, (calls + 1, numbers)."""
    return np.average([getattr(a, which) for a in batches], axis=0, weights=[a.n for a in batches])


def _named(problem: Problem, guided: np.ndarray, twin: np.ndarray) -> dict[str, np.ndarray]:
    """Averages (draws, calls + 1, numbers) by name, as an `Ensemble` has them."""
    n, numbers = 1 if problem.spectrum is None else len(problem.spectrum), twin.shape[-1]
    m, v, *second = np.split(guided[..., :numbers], numbers // n, axis=-1)  # m_2 of guidance with a second condition
    m_twin, v_twin, *second_twin = np.split(twin, numbers // n, axis=-1)
    named = dict(zip(("m", "v", "q"), overall(problem, m, v, *second), strict=True))
    named["m_twin"], named["v_twin"], _ = overall(problem, m_twin, v_twin, *second_twin)
    named |= {name: guided[..., numbers + i] for i, name in enumerate(POSTERIOR)}
    by_group = {"m_group": m, "v_group": v, "m_group_twin": m_twin, "v_group_twin": v_twin}
    for m_2, m_2_twin in zip(second, second_twin, strict=True):
        named |= {"m_2": along(problem, m_2), "m_2_twin": along(problem, m_2_twin)}
        by_group |= {"m_2_group": m_2, "m_2_group_twin": m_2_twin}
    if problem.spectrum is not None:
        named |= by_group
    return {name: np.ascontiguousarray(values) for name, values in named.items()}
