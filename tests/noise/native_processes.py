"""Noise processes in textbook form, dx = f x ds + g dB, and their mean-field and particle dynamics in own coordinates.

Nothing here uses the map onto VE noise, nor `meanfield.problem.noise`: a, b^2, f and g^2 are written down from the
papers.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


class Native(NamedTuple):
    """a(s), b(s)^2, f(s), g(s)^2, and the variance of the law N(0, . I) from which samplers start at s."""

    a: Callable
    b2: Callable
    f: Callable
    g2: Callable
    start: Callable


def ve() -> Native:
    return Native(lambda s: 1.0, lambda s: s, lambda s: 0.0, lambda s: 1.0, lambda s: s)


def edm() -> Native:
    return Native(lambda s: 1.0, lambda s: s * s, lambda s: 0.0, lambda s: 2.0 * s, lambda s: s * s)


def _preserving(a: Callable, beta: Callable) -> Native:
    return Native(a, lambda s: 1.0 - a(s) ** 2, lambda s: -0.5 * beta(s), beta, lambda s: 1.0)


def ornstein_uhlenbeck() -> Native:
    return _preserving(lambda s: np.exp(-s), lambda s: 2.0)


def vp_linear(low: float = 0.1, high: float = 20.0) -> Native:
    return _preserving(lambda s: np.exp(-0.25 * s * s * (high - low) - 0.5 * s * low), lambda s: low + s * (high - low))


def vp_cosine(s0: float = 0.008) -> Native:
    def angle(s):
        return 0.5 * np.pi * (s + s0) / (1.0 + s0)

    return _preserving(lambda s: np.cos(angle(s)) / np.cos(angle(0.0)), lambda s: np.pi / (1 + s0) * np.tan(angle(s)))


def rectified_flow() -> Native:
    return Native(
        lambda s: 1.0 - s, lambda s: s * s, lambda s: -1.0 / (1.0 - s), lambda s: 2 * s / (1 - s), lambda s: s * s
    )


def mean_field(native: Native, alpha: float, sigma2: float, eta: float, w: Callable, s_start: float, jumps=()):
    """End points (m, v) and the own time of speciation of x ~ N(M mu_1, V I), by the equations of x itself.

    Crowd: s_u = -x/(a^2 + Delta), Delta = a^2 sigma2 + b^2; the target takes over where its weight, in these
    coordinates, exceeds the rest's. No glass is known here.
    """
    e = 0.5 * (1.0 + eta * eta)

    def rates(s, state, guided=True):
        M, V, a = *state, native.a(s)
        delta = a * a * sigma2 + native.b2(s)
        weight = w(s) if guided else 0.0
        linear = -(1.0 + weight) / delta + weight / (a * a + delta)
        f, g2 = native.f(s), native.g2(s)
        return [
            f * M - e * g2 * (linear * M + (1.0 + weight) * a / delta),
            2.0 * (f - e * g2 * linear) * V - eta**2 * g2,
        ]

    def advantage(s, state):
        M, V, a = *state, native.a(s)
        delta = a * a * sigma2 + native.b2(s)
        target = -((M - a) ** 2 + V) / (2.0 * delta)
        return target - (alpha - 0.5 * np.log1p(a * a / delta) - (M * M + V) / (2.0 * (a * a + delta)))

    options = {"rtol": 1e-11, "atol": 1e-14, "method": "DOP853"}
    state, s, found = [0.0, float(native.start(s_start))], s_start, np.nan
    for end in [*sorted((j for j in jumps if j < s_start), reverse=True), 0.0]:
        inside, guided = 1e-13 * (s - end), bool(np.isnan(found))

        def piece(x, y, low=end + inside, high=s - inside, guided=guided):
            return rates(min(max(x, low), high), y, guided)

        path = solve_ivp(piece, (s, end), state, dense_output=True, **options)
        values = np.array([advantage(x, y) for x, y in zip(path.t, path.y.T, strict=True)])
        if np.isnan(found) and np.any(values > 0):
            i = int(np.argmax(values > 0))
            found = brentq(lambda x, path=path: advantage(x, path.sol(x)), path.t[i - 1], path.t[i], xtol=1e-15)
            path = solve_ivp(lambda x, y: rates(x, y, guided=False), (found, end), path.sol(found), **options)
        state, s = list(path.y[:, -1]), end
    return state[0], state[1], found


def particles(native: Native, classes: int, d: int, sigma2: float, eta: float, w: Callable, times, draws, samples, rng):
    """Heun's method for dx = [f x - e g^2 s_w] ds + eta g dB with exact scores of the noised mixture, on `times`.

    Guided samples and unguided twins on the same noise. w is read in the middle of a step.

    Returns
    -------
    m, v, q, m_twin, v_twin : (draws,) averages over the samples of each draw at s = 0.
    """
    e = 0.5 * (1.0 + eta * eta)
    mu = rng.standard_normal((draws, classes, d))
    mu[:, 0] *= np.sqrt(d) / np.linalg.norm(mu[:, 0], axis=1, keepdims=True)
    half = 0.5 * np.sum(mu * mu, axis=2)[:, None, :]
    x = np.sqrt(native.start(times[0])) * rng.standard_normal((draws, samples, d))
    twin = x.copy()

    def drift(x, s, weight):
        a = native.a(s)
        delta = a * a * sigma2 + native.b2(s)
        conditional = (a * mu[:, :1] - x) / delta
        guided = conditional
        if weight:
            logits = (a * x @ mu.transpose(0, 2, 1) - a * a * half) / delta
            pi = np.exp(logits - logits.max(axis=2, keepdims=True))
            pi /= pi.sum(axis=2, keepdims=True)
            guided = conditional + weight * (conditional - (a * pi @ mu - x) / delta)
        return e * native.g2(s) * guided - native.f(s) * x  # per unit of time run backwards

    for s, end in pairwise(times):
        h, middle = s - end, 0.5 * (s + end)
        kick = eta * np.sqrt(h * native.g2(middle)) * rng.standard_normal(x.shape) if eta else 0.0
        weight = float(w(middle))
        for state, strength in ((x, weight), (twin, 0.0)):
            first = drift(state, s, strength)
            state += 0.5 * h * (first + drift(state + h * first + kick, end, strength)) + kick
    return [np.mean(o, axis=1) for o in (*_order(x, mu[:, :1], d), *_order(twin, mu[:, :1], d)[:2])]


def _order(x, target, d):
    m = np.sum(x * target, axis=2) / d
    across = x - m[..., None] * target
    return m, np.sum(across**2, axis=2) / (d - 1), np.sum(x * x, axis=2) / d
