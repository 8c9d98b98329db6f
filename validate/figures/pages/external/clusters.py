"""Two Gaussian clusters on a line: the moments, laws and weights that others computed for classifier-free guidance.

Theirs is computed again here by means that share nothing with the package: closed forms of their papers, SciPy's
integrator along their equations, the law of their scheme step by step on a grid.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import integrate, sparse
from scipy.special import expit

from meanfield import Continuum, Normal, PowerLaw, Problem, TwoClasses, end_law, solve
from simulate import Mixture, sample_line, sample_mixture
from validate.figures.pages.external.rows import Row

PRINTED = {  # w -> mean of q over 200 samples, and their standard deviation
    0.0: (1.64819974, 0.91625624), 8.0: (2.58581604, 0.75037244), 16.0: (2.82653863, 0.89473769),
    24.0: (3.06100499, 0.85152519), 32.0: (3.01563667, 0.83938218),
}  # fmt: skip
NOTEBOOKS = "arXiv:2502.07849, krunolp/cfg_theory"


def sampler_laws(weights: Sequence[float] = (0.5, 1.0, 4.0), off: float = 1.0) -> list[Row]:
    """Variances of guided DDIM and DDPM for p = N(0, 2), p(.|c) = N(0, 1), arXiv:2408.09000, against `solve`.

    With g = 1 + w: 2^(1-g), and (2 - 2^(2-2g))/(2g - 1). `off` multiplies w in ours.

    Examples
    --------
    >>> all(row.agree for row in sampler_laws()), any(row.agree for row in sampler_laws([1.0, 4.0], off=1.1))
    (True, False)
    """
    theirs = {"ode": lambda g: 2.0 ** (1.0 - g), "sde": lambda g: (2.0 - 2.0 ** (2.0 - 2.0 * g)) / (2.0 * g - 1.0)}
    return [
        Row(
            "arXiv:2408.09000", f"{name}: variance", rf"$\gamma = {1.0 + w:g}$", theirs=theirs[sampler](1.0 + w),
            ours=float(solve(Problem(classes=Continuum(), sigma2=1.0, guidance=off * w, sampler=sampler)).final.v),
            bound=1e-9,
        )
        for name, sampler in (("DDIM", "ode"), ("DDPM", "sde"))
        for w in weights
    ]  # fmt: skip


def strong_guidance(off: float = 1.0, *, n_samples: int = 20_000, n_steps: int = 300, seed: int = 0) -> list[Row]:
    """Means along the class mean that `backward_small_dim.ipynb` prints, |mu|^2 = 3, SDE, against `sample_line`.

    Their class mean is exp(0.54) = 1.716, as the speciation time is rounded down to steps of 0.01. `off` multiplies w
    in ours; 0 leaves guidance out.
    """
    mean = math.exp(0.01 * int(0.5 * math.log(3.0) / 0.01))
    classes = TwoClasses(Normal(mean), Normal(-mean))
    rows = []
    for k, (w, (printed, spread)) in enumerate(PRINTED.items()):
        x = sample_line(classes, off * w, sampler="sde", n_samples=n_samples, n_steps=n_steps, seed=seed + k)
        rows.append(Row(
            NOTEBOOKS, r"SDE, $\lvert\mu\rvert^2 = 3$: mean", f"$w = {w:g}$", theirs=printed, ours=float(x.mean()),
            theirs_error=spread / math.sqrt(200.0), ours_error=float(x.std()) / math.sqrt(n_samples),
            family=len(PRINTED),
        ))  # fmt: skip
    return rows


def power_law(
    exponents: Sequence[float] = (0.0, 0.5, -0.5), off: float = 1.0, *, n_samples: int = 20_000, n_steps: int = 200,
    seed: int = 0,
) -> list[Row]:  # fmt: skip
    """Guidance 4 |s_c - s_u|^a of the SDE at |mu|^2 = 1000: how far it moves the mean.

    Theirs is the law of the Euler scheme of `untouched.ipynb` in OU time, extrapolated to no step: `chain_shift`. Ours
    is the mean of guided particles minus that of unguided ones on the same noise. `off` multiplies the 4 in ours.
    """
    length = math.sqrt(1000.0)
    mixture = Mixture([[length], [-length]], variances=1.0, labels=["own", "other"])
    rows = []
    for k, a in enumerate(exponents):
        problem = mixture.problem("own", PowerLaw(4.0 * off, a), sampler="sde").replace(
            noise="ornstein-uhlenbeck", t_start=8.0
        )
        pair = [
            sample_mixture(p, mixture, target="own", n_samples=n_samples, n_steps=n_steps, seed=seed + k)[:, 0]
            for p in (problem, problem.replace(guidance=0.0))
        ]
        moved = pair[0] - pair[1]
        coarse, fine = (chain_shift(4.0, a, length, n) for n in (400, 800))
        rows.append(Row(
            NOTEBOOKS, r"SDE, weight $4\,\lvert s_c - s_u\rvert^a$: shift of the mean", f"$a = {a:g}$",
            theirs=2.0 * fine - coarse, ours=float(moved.mean()),
            ours_error=float(moved.std()) / math.sqrt(n_samples), family=len(exponents),
        ))  # fmt: skip
    return rows


def chain_shift(strength: float, a: float, length: float, n_steps: int) -> float:
    """How far the weight `strength` |s_c - s_u|^a moves the mean of an Euler chain of the reverse SDE, exactly.

    OU time 8 to 0 in equal steps; the law of the chain is carried from step to step on a grid, by its normal kernel.
    """
    dt = 8.0 / n_steps
    width = math.sqrt(2.0 * dt)
    x = np.arange(-12.0, length + 12.0, width / 3.0)
    means = []
    for weight in (strength, 0.0):
        law = np.exp(-0.5 * x**2)
        law /= law.sum()
        for k in range(n_steps):
            m = length * math.exp(-(8.0 - k * dt))
            difference = 2.0 * m * expit(-2.0 * m * x)  # s_c - s_u: the variance is 1 at all times
            drift = -x + 2.0 * m + 2.0 * weight * difference ** (1.0 + a)
            law = _kernel(x, x + dt * drift, width) @ law
        means.append(float(law @ x))
    return means[0] - means[1]


def _kernel(x: np.ndarray, centres: np.ndarray, width: float) -> sparse.csc_matrix:
    """Columns: normal weights on the grid around the centres, 8 widths to each side."""
    h = x[1] - x[0]
    reach = np.arange(-24, 25)
    rows = np.rint((centres - x[0]) / h).astype(int)[:, None] + reach  # (from, near)
    weights = np.exp(-0.5 * ((x[0] + h * rows - centres[:, None]) / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    columns = np.broadcast_to(np.arange(len(x))[:, None], rows.shape)
    kept = (rows >= 0) & (rows < len(x))
    return sparse.csc_matrix((weights[kept], (rows[kept], columns[kept])), shape=(len(x), len(x)))


def ode_moments(weights: Sequence[float] = (1.0, 15.0), off: float = 1.0) -> list[Row]:
    """Mean and deviation of +-3 with deviation 3 after the guided OU ODE from N(0, 1) at time 5, against `end_law`.

    The setting of `ode_guidance_dynamics_v3.ipynb`, which draws its scores from 500 samples; here with exact scores.
    Theirs follows dx/ds in OU time by SciPy and sums over starts; ours is the map of starts in VE time. `off`
    multiplies w in ours.
    """
    z = np.linspace(-8.0, 8.0, 161)
    density = np.exp(-0.5 * z**2)
    density /= density.sum()
    T, classes = math.expm1(10.0), TwoClasses(Normal(3.0, 9.0), Normal(-3.0, 9.0))
    rows = []
    for w in weights:
        law = end_law(classes, off * w, t_start=T, z=z * math.sqrt(1.0 + 1.0 / T))
        moments = [_moments(x, density) for x in (_along_ou(z, w), law.x)]
        for name, theirs, ours in zip(("mean", "deviation"), *moments, strict=True):
            rows.append(Row(NOTEBOOKS, "OU ODE: mean, deviation", f"$w = {w:g}$, {name}", theirs, ours, bound=1e-6))
    return rows


def _along_ou(start: np.ndarray, w: float) -> np.ndarray:
    def velocity(s: float, x: np.ndarray) -> np.ndarray:
        t = 5.0 - s
        m, c = 3.0 * math.exp(-t), 9.0 * math.exp(-2.0 * t) - math.expm1(-2.0 * t)
        score = (m - x) / c + w * (2.0 * m / c) * expit(-2.0 * m * x / c)
        return x + score

    return integrate.solve_ivp(velocity, (0.0, 5.0), start, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]


def _moments(x: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    mean = float(weights @ x)
    return mean, math.sqrt(float(weights @ (x - mean) ** 2))


def path_integrals(weights: Sequence[float] = (1.0, 4.0), off: float = 1.0) -> list[Row]:
    """log q of end points of the guided flow: the divergence along the path back, arXiv:2607.19725, against `end_law`.

    Classes N(+-1, 1), and N(+-1, 1/4) with a target of weight 0.2. `off` multiplies w in ours.
    """
    rows = []
    for variance, prior in ((1.0, 0.5), (0.25, 0.2)):
        classes = TwoClasses(Normal(1.0, variance), Normal(-1.0, variance), prior)
        for w in weights:
            law = end_law(classes, off * w, t_start=1e6)
            for x in (1.5, 2.5):
                rows.append(Row(
                    "arXiv:2607.19725", rf"flow on the line, $\sigma^2 = {variance:g}$, prior {prior:g}: $\log q$",
                    f"$w = {w:g}$, $x = {x:g}$", theirs=_along_the_path(x, w, variance, prior, 1e6),
                    ours=float(np.log(law.density(x))), bound=1e-6,
                ))  # fmt: skip
    return rows


def _along_the_path(end: float, w: float, variance: float, prior: float, T: float) -> float:
    """log q(x) = log N(x_T; 0, T) + the integral over t of the divergence of the velocity, from the end point back."""

    def velocity(u: float, y: np.ndarray) -> list[float]:  # u = log D
        D, x = math.exp(u), float(y[0])
        r = float(expit(-2.0 * x / D + math.log(1.0 / prior - 1.0)))  # weight of the other class
        push = x - 1.0 - 2.0 * w * r  # -D s_w
        return [0.5 * push, 0.5 * (1.0 + 4.0 * w * r * (1.0 - r) / D)]

    span = (math.log(variance), math.log(variance + T))
    start, swelled = integrate.solve_ivp(velocity, span, [end, 0.0], method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return -0.5 * math.log(2.0 * math.pi * T) - 0.5 * start**2 / T + swelled
