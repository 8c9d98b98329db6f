"""Samplers' code that the tests of finite d share."""

import math
from itertools import pairwise

import numpy as np
from scipy import stats

from meanfield import Exponential, Problem
from meanfield.sampler.levels import sd_sigmas
from meanfield.sampler.native import euler

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=2.0)
DDIM = euler(sd_sigmas(20), start="vp")


def norm(x):
    return np.linalg.norm(x.reshape(len(x), -1), axis=1).reshape(-1, *[1] * (x.ndim - 1))


def rescaled(model, noise, phi=0.7, w=2.0):
    """DDIM with guidance of its own: the guided noise prediction gets the length of the conditional one (share phi)."""
    sigmas = sd_sigmas(20)
    x = math.sqrt(sigmas[0] ** 2 + 1.0) * noise()
    for s, after in pairwise(sigmas):
        cond, uncond = model.cond.eps(x, s), model.uncond.eps(x, s)
        guided = cond + w * (cond - uncond)
        x = x + (after - s) * (phi * guided * norm(cond) / norm(guided) + (1.0 - phi) * guided)
    return x


def adaptive(model, noise):
    """Steps as long as the batch lets them be."""
    s = 20.0
    x = s * noise()
    while s > 0.02:
        eps = model.eps(x, s)
        after = s * (0.5 + 0.2 * math.tanh(float(np.mean(eps**2)) - 1.0))
        x, s = x + (after - s) * eps, after
    return model.denoised(x, s)


def limit(n_checks, n_draws, level=0.01):
    """Largest |z| that n_checks checks may show together with probability 1 - level (Student t, Bonferroni)."""
    return float(stats.t.isf(level / (2 * n_checks), n_draws - 1))


def z_between(a, b):
    return float((a.mean - b.mean) / np.hypot(a.stderr, b.stderr))
