"""Guided paths in few dimensions, where others integrate with a few steps of their own: a tree, a cross, a triangle.

All start where `sample_scores` starts. Theirs is what their steps make of the start; the truth is SciPy's integrator
with scores written here, not those of the package.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import integrate

from meanfield import Continuum, Problem, euler, heun, karras_sigmas
from simulate import Mixture, PointScore, sample_scores
from validate.figures.pages.external.rows import Row

Score = Callable[[np.ndarray, float], np.ndarray]


class Pair(NamedTuple):
    """Conditional and unconditional score, of the package and as written here; `least` is the least variance."""

    ours: tuple[Score, Score]
    apart: tuple[Score, Score]
    dim: int
    least: float


class Steps(NamedTuple):
    """A sampler of theirs on Karras levels: `make` is `euler` or `heun`."""

    name: str
    make: Callable
    n: int
    sigma_min: float
    sigma_max: float


class _Guided:
    """What a sampler's code asks of a model, for scores."""

    def __init__(self, scores: tuple[Score, Score], w: float) -> None:
        self.scores, self.w = scores, w

    def score(self, x: np.ndarray, t: float) -> np.ndarray:
        own, other = (score(x, t) for score in self.scores)
        return own + self.w * (own - other)

    def eps(self, x: np.ndarray, level) -> np.ndarray:
        return -level.b * self.score(x, level.b**2)


class Distances(NamedTuple):
    """R.m.s. over samples, of end points: size, from their centre; theirs and ours, from the limit; ours, bound.

    The bound is twice what ours change with twice as many steps: enough for any method of first order or better.
    """

    size: float
    theirs: float
    ours: float
    bound: float


def distances(pair: Pair, w: float, steps: Steps, *, off: float = 1.0, n_samples: int = 32, seed: int = 0) -> Distances:
    """Of their steps, and of 80 of `sample_scores`, from the same starts; `off` multiplies w in ours."""
    starts: list[np.ndarray] = []

    def recorded(x: np.ndarray, t: float) -> np.ndarray:
        starts.append(x.copy())
        return pair.ours[0](x, t)

    T = steps.sigma_max**2
    problem = Problem(classes=Continuum(), sigma2=pair.least, guidance=off * w, sampler="ode", t_start=T)
    ours, finer = (
        sample_scores(
            problem, recorded, pair.ours[1], pair.dim, n_samples=n_samples, n_steps=n_steps, seed=seed, t_end=0.0
        )
        for n_steps in (80, 160)
    )
    model = _Guided(pair.apart, w)
    levels = karras_sigmas(steps.n, steps.sigma_min, steps.sigma_max)
    theirs = steps.make(levels)(model, lambda: starts[0] / steps.sigma_max)
    limit = _limit(model, starts[0], T, pair.least)
    apart = (limit - limit.mean(axis=0), theirs - limit, ours - limit, 2.0 * (finer - ours))
    return Distances(*(math.sqrt(float(np.mean(np.sum(x**2, axis=1)))) for x in apart))


def _limit(model: _Guided, start: np.ndarray, T: float, least: float) -> np.ndarray:
    """End points of dx/dt = -s_w/2, in u = log(least + t)."""

    def velocity(u: float, x: np.ndarray) -> np.ndarray:
        D = math.exp(u)
        return -0.5 * D * model.score(x.reshape(start.shape), max(D - least, 0.0)).ravel()

    span = (math.log(least + T), math.log(least))
    found = integrate.solve_ivp(velocity, span, start.ravel(), method="DOP853", rtol=1e-9, atol=1e-10)
    return found.y[:, -1].reshape(start.shape)


def gaussians_score(means: np.ndarray, covariances: np.ndarray) -> Score:
    """Score of equal Gaussians by inverting every covariance: means (n, dim), covariances (n, dim, dim)."""

    def score(x: np.ndarray, t: float) -> np.ndarray:
        noised = covariances + t * np.eye(means.shape[1])
        precise = np.linalg.inv(noised)
        apart = x[:, None] - means  # (samples, n, dim)
        pulled = np.einsum("nij,snj->sni", precise, apart)
        logs = -0.5 * np.sum(apart * pulled, axis=2) - 0.5 * np.linalg.slogdet(noised)[1]
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        return -np.einsum("sn,sni->si", weights, pulled) / weights.sum(axis=1, keepdims=True)

    return score


def tree(depth: int = 7, each: int = 8) -> Pair:
    """Two classes, each a tree of branches that fork in two `depth - 1` times, a branch of `each` thin Gaussians.

    In the way of the toy of NVlabs/edm2 (2 (2^7 - 1) 8 = 2032 components, weights equal), with numbers of its own.
    """
    means: list[np.ndarray] = []
    covariances: list[np.ndarray] = []

    def grow(at: np.ndarray, angle: float, length: float, left: int) -> None:
        along = np.array([math.cos(angle), math.sin(angle)])
        across = np.array([-along[1], along[0]])
        step = length / each
        means.extend(at + along * step * (k + 0.5) for k in range(each))
        covariances.extend(
            [np.outer(along, along) * step**2 / 3 + np.outer(across, across) * (0.06 * length) ** 2] * each
        )
        if left:
            for turn in (0.55, -0.45):
                grow(at + along * length, angle + turn, 0.68 * length, left - 1)

    for angle in (0.3, 0.3 + math.pi):
        grow(np.zeros(2), angle, 0.9, depth - 1)
    mu, S = np.array(means), np.array(covariances)
    half = len(mu) // 2
    known = Mixture(mu, S, labels=["own"] * half + ["other"] * half)
    apart = gaussians_score(mu[:half], S[:half]), gaussians_score(mu, S)
    return Pair((known.score("own"), known.score()), apart, 2, float(np.linalg.eigvalsh(S).min()))


def crossed(dim: int = 8) -> Pair:
    """Linear scores of N(0, S_c) and N(0, S_u) that do not commute: S_c = diag(2^-(k mod 4)), S_u turned by cosines."""
    k = np.arange(dim)
    turn = np.cos(math.pi * (k[:, None] + 0.5) * k / dim) * math.sqrt(2.0 / dim)
    turn[:, 0] /= math.sqrt(2.0)
    own = np.diag(2.0 ** -(k % 4))
    other = 1.5 * turn @ np.diag(2.0 ** -(k % 3)) @ turn.T
    zero = np.zeros((1, dim))
    ours = Mixture(zero, own[None]).score(), Mixture(zero, other[None]).score()
    apart = gaussians_score(zero, own[None]), gaussians_score(zero, other[None])
    return Pair(ours, apart, dim, float(np.linalg.eigvalsh(own).min()))


def triangle() -> Pair:
    """Three points (KaiserTim/diffusion_toy), blurred by 0.2 in the model, by 0.4 in the weak one that guides it."""
    points = 0.75 * (np.array([[0.0, 0.0], [2.0, 0.0], [1.0, math.sqrt(3.0)]]) - [1.0, 1.0 / math.sqrt(3.0)])
    strong, weak = 0.2**2, 0.4**2

    def apart(blur: float) -> Score:
        return gaussians_score(points, np.broadcast_to(blur * np.eye(2), (3, 2, 2)))

    return Pair((PointScore(points, strong), PointScore(points, weak)), (apart(strong), apart(weak)), 2, strong)


def branching(
    weights: Sequence[float] = (0.0, 2.0), off: float = 1.0, *, depth: int = 7, n_samples: int = 24
) -> list[Row]:
    """A tree of thin components in the plane at scales 1 + w: 32 Heun steps, as NVlabs/edm2 takes."""
    steps = Steps("32 Heun steps", heun, 32, 0.002, 5.0)
    return _rows("toy of NVlabs/edm2", "a tree in the plane", tree(depth), steps, weights, off, n_samples)


def non_commuting(weights: Sequence[float] = (0.0, 1.0, 4.0), off: float = 1.0, *, n_samples: int = 64) -> list[Row]:
    """Linear scores in 8 dimensions, covariances that do not commute (setting of arXiv:2505.19210), 18 Euler steps."""
    steps = Steps("18 Euler steps", euler, 18, 0.002, 80.0)
    return _rows("arXiv:2505.19210", "linear scores that do not commute", crossed(), steps, weights, off, n_samples)


def weak_model(weights: Sequence[float] = (1.0, 2.0), off: float = 1.0, *, n_samples: int = 64) -> list[Row]:
    """A model of three points guided by its blurred twin, 40 Euler steps as KaiserTim/diffusion_toy takes."""
    steps = Steps("40 Euler steps", euler, 40, 0.002, 80.0)
    return _rows("KaiserTim/diffusion_toy", "a weak model on a triangle", triangle(), steps, weights, off, n_samples)


def _rows(source: str, what: str, pair: Pair, steps: Steps, weights: Sequence[float], off: float, n: int) -> list[Row]:
    rows = []
    for w in weights:
        found = distances(pair, w, steps, off=off, n_samples=n)
        at = f"$w = {w:g}$ ({steps.name}: {found.theirs:.1g} of {found.size:.2g})"
        rows.append(Row(source, f"{what}: off the limit", at, theirs=0.0, ours=found.ours, bound=found.bound))
    return rows
