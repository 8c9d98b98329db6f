"""Estimates of m and v that use all that is known of the unguided twin: control variates.

A guided sample and its twin share start and noise, and the law of the twin is known exactly. The paired estimate takes
the twin at one time, with coefficient 1. But guidance acts early and late, so the twin at earlier times says more: with
Y_r = (guided - twin)(t) of draw r and C_r the twin less its exact mean at the noise D of t, 4 D and 16 D,

    value_r = Y_r - beta_r . C_r + exact mean of the twin at t,

beta_r by least squares over all draws but r. So beta_r is independent of C_r, whose mean is 0: the mean of the values
is that of guided samples, whatever beta is. They scatter by what the twin does not explain, and by the noise of beta,
which is a share (controls)/(draws) of it. Variance left, over that of the paired estimate (1500 draws of 2 samples,
alpha = 0.4, d = 12, t = 0): m 0.27, v 0.76 (SDE, w = 1); 0.39, 0.73 (SDE, w = -0.5); 0.31, 0.53 (ODE, w = -0.5).
"""

import numpy as np

from meanfield import Ensemble
from validate.agreement.estimates import best_draws, twins_coincide

REACH = (1.0, 4.0, 16.0)  # noise of the controls over that of the time in question
FEWEST = 16  # draws: four for each coefficient
ALIKE = 1e-6  # controls that differ by less than this share are one: those of the ODE are, at all times


def controlled_draws(ensemble: Ensemble, quantity: str) -> np.ndarray:
    """Draws (draws, times) of m or v, each less what its twin explains; the plain ones where both twins coincide, the
    paired ones of fewer than `FEWEST` draws, or where the law of the twin is not known.

    Examples
    --------
    >>> from meanfield import Continuum, Problem, reduced
    >>> data = reduced(Problem(classes=Continuum(), sigma2=0.25, guidance=1.0), 16, n_samples=3200, n_draws=32)
    >>> spread = controlled_draws(data, "m")[:, -1].std(), data.m_paired.values[:, -1].std()
    >>> bool(spread[0] < 0.6 * spread[1])
    True
    """
    paired = best_draws(ensemble, quantity)
    if ensemble.n_draws < FEWEST or twins_coincide(ensemble) or ensemble.info.get("unguided", "") is None:
        return paired
    exact = ensemble.unguided()[0 if quantity == "m" else 1]
    twin = ensemble.draws[f"{quantity}_twin"] - exact  # (draws, times), of mean 0
    log_D = np.log(ensemble.D)
    values = np.empty_like(paired)
    for n, x in enumerate(log_D):
        which = {int(np.argmin(np.abs(log_D - x - np.log(reach)))) for reach in REACH}
        values[:, n] = without(paired[:, n], twin[:, sorted(which)])
    return values


def without(values: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Values (draws,) less what controls (draws, k) of mean 0 explain; the coefficients of each draw are of the others.

    Examples
    --------
    >>> controls = np.random.default_rng(0).normal(size=(20, 2))
    >>> values = 3.0 + controls @ [1.0, -2.0]
    >>> bool(np.allclose(without(values, controls), 3.0))
    True
    """
    size = np.linalg.norm(controls, axis=0)
    known = controls / np.where(size > 0.0, size, 1.0)
    table = np.column_stack([np.full(len(values), len(values) ** -0.5), known])  # columns of length 1
    solve = np.linalg.pinv(table, rcond=ALIKE)  # (1 + k, draws)
    coefficients = solve @ values
    left_out = (values - table @ coefficients) / (1.0 - np.einsum("rk,kr->r", table, solve))  # by a fit without r
    others = coefficients[:, None] - solve * left_out  # (1 + k, draws): the coefficients without draw r
    return values - np.einsum("rk,kr->r", known, others[1:])
