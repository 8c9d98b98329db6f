"""Clones of two clusters, and their collapse onto a training set: arrays published with arXiv:2402.18491.

The repository tbonnair/Dynamical-Regimes-of-Diffusion-Models holds them in `Saves/Gaussian_mixtures`, for clusters
+-mu of variance 1 with |mu|^2 = d, in Ornstein-Uhlenbeck time s, t = e^{2s} - 1. A handful of numbers is quoted here;
`all_clones` reads the rest from a copy of that folder.
"""

import math
from pathlib import Path

import numpy as np
from scipy import integrate

from meanfield import phi_two
from simulate import Mixture, clones
from validate.figures.pages.external.rows import Row

SOURCE = "arXiv:2402.18491, `Saves/Gaussian_mixtures`"
PAIRS = 10_000  # of clones at each of their times

QUOTED = {  # (d, s) -> share of pairs that end in one cluster: phi_num_d{d}_n10000.npy
    (256, 2.5): 0.8620, (256, 3.0): 0.7012, (1024, 3.0): 0.9122, (1024, 3.5): 0.7651, (4096, 4.0): 0.8217,
    (4096, 4.5): 0.6736, (16384, 4.5): 0.8876, (16384, 5.0): 0.7295,
}  # fmt: skip

COLLAPSE = {  # s -> f, all with the error that they state: rows 0, 1 and 4 of Collapse/f(t)_num_GM.npy
    4.080: 0.9923, 3.688: 0.9890, 3.296: 0.9660, 2.904: 0.9326, 2.512: 0.8687, 2.120: 0.7498, 1.728: 0.5233,
    1.336: 0.1597,
}  # fmt: skip
COLLAPSE_ERROR = 0.0023
COLLAPSE_D, COLLAPSE_POINTS = 256, 20_000


def noise_level(s: float) -> float:
    """VE time of Ornstein-Uhlenbeck time s.

    >>> round(noise_level(math.log(2.0)), 12)
    3.0
    """
    return math.expm1(2.0 * s)


def clones_of_two(off: float = 1.0) -> list[Row]:
    """Quoted points of the published phi against `phi_two` at D = 1 + t, |mu|^2 = d; `off` multiplies |mu|^2 in ours.

    Examples
    --------
    >>> all(row.agree for row in clones_of_two()), all(row.agree for row in clones_of_two(1.1))
    (True, False)
    """
    return [
        Row(
            SOURCE, rf"clones of $\pm\mu$, $d = {d}$: $\phi$", f"$s = {s:g}$", theirs=phi,
            ours=float(phi_two(1.0 + noise_level(s), off * d)),
            theirs_error=math.sqrt(phi * (1.0 - phi) / PAIRS), family=len(QUOTED),
        )
        for (d, s), phi in QUOTED.items()
    ]  # fmt: skip


def all_clones(folder: str | Path) -> tuple[int, float, float]:
    """Number, r.m.s. z and largest difference of all published phi that are neither 0 nor 1.

    Parameters
    ----------
    folder : with `phi_num_d{d}_n10000.npy` of the repository, d = 256, 1024, 4096, 16384.

    Raises
    ------
    FileNotFoundError : a file that is not there.
    """
    z, far = [], []
    for d in (256, 1024, 4096, 16384):
        s, phi = np.load(Path(folder) / f"phi_num_d{d}_n{PAIRS}.npy", allow_pickle=False)
        inside = (phi > 0.0) & (phi < 1.0)
        exact = phi_two(np.exp(2.0 * s[inside]), float(d))
        far.append(phi[inside] - exact)
        z.append(far[-1] / np.sqrt(exact * (1.0 - exact) / PAIRS))
    scores, differences = np.concatenate(z), np.concatenate(far)
    return len(scores), float(np.sqrt(np.mean(scores**2))), float(np.abs(differences).max())


def the_integral(off: float = 1.0) -> list[Row]:
    """phi_two against adaptive quadrature of E[pi_1^2 + pi_2^2] over x itself, without the symmetry that (C2) uses.

    Examples
    --------
    >>> [row.agree for row in the_integral()], [row.agree for row in the_integral(1.001)]
    ([True, True, True], [False, False, False])
    """

    def integral(h: float) -> float:
        root = math.sqrt(h)  # x in units of the noise: own cluster at root

        def density(x: float) -> float:
            own = 1.0 / (1.0 + math.exp(-2.0 * root * x))
            return math.exp(-0.5 * (x - root) ** 2) / math.sqrt(2.0 * math.pi) * (own**2 + (1.0 - own) ** 2)

        return integrate.quad(density, root - 12.0, root + 12.0, epsabs=1e-13, epsrel=1e-13, limit=400)[0]

    return [
        Row(
            "arXiv:2402.18491", r"the integral for $\phi$", rf"$\lvert\mu\rvert^2/D = {h:g}$", theirs=integral(h),
            ours=float(phi_two(1.0, off * h)), bound=1e-11,
        )
        for h in (0.25, 1.0, 6.0)
    ]  # fmt: skip


def collapse(off: float = 1.0, *, n_samples: int = 60, n_draws: int = 8, seed: int = 0) -> list[Row]:
    """The published f(s), 1 at large noise and 0 where a state knows its training point, against clones' information.

    f = 1 - I/log n, I the information of x_t on its point of a training set of n points of two clusters. Ours draws a
    set of its own, and averages over fresh noised states: few clones and few steps, of which I does not depend.

    Parameters
    ----------
    off : multiplies the number of points in ours, not in the log(n) it is divided by.
    n_samples, n_draws, seed : as of `simulate.clones`.
    """
    mu = np.ones((1, COLLAPSE_D))  # of squared length d, as theirs
    points = Mixture(np.concatenate([mu, -mu]), variances=1.0).draw(
        n_samples=round(off * COLLAPSE_POINTS), seed=seed + 1
    )
    s = np.array(list(COLLAPSE))
    data = clones(
        points, np.expm1(2.0 * s), sigma2=0.0, n_samples=n_samples, n_draws=n_draws, n_steps=len(s) + 2, seed=seed
    )
    unit = math.log(COLLAPSE_POINTS)
    ours, errors = 1.0 - data["information"].values / unit, data["information_stderr"].values / unit
    return [
        Row(
            SOURCE, "collapse of two clusters: $f$", f"$s = {time:g}$", theirs=COLLAPSE[time], ours=float(value),
            theirs_error=COLLAPSE_ERROR, ours_error=float(error), family=len(COLLAPSE),
        )
        for time, value, error in zip(COLLAPSE, ours, errors, strict=True)
    ]  # fmt: skip
