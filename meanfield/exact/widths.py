"""Speciation of classes that differ in their width alone: N(0, c_1 I_d) and N(0, c_2 I_d), equal weights.

|x|^2 decides: with D_i = c_i + t and r = |x|^2 the log-odds of class 1 are

    l = (d/2) log(D_2/D_1) - (r/2)(1/D_1 - 1/D_2),      r/D_1 ~ chi^2_d in class 1,

and E_1 pi_2 = E_2 pi_1 is the integral of p_1 p_2/(p_1 + p_2). So, exactly at every d,

    (C9)  1 - phi = E_{r/D_1 ~ chi^2_d} [ 1/(1 + e^l) ].

In many dimensions l is Gaussian, of mean 2 h and variance 4 h, as between two classes at +-mu, with

    (C10) h = d (c_1 - c_2)^2/(8 D_1 D_2)      in the place of |mu|^2/D.

h = 1 is where D ~ d^(1/2): in OU time s_S ~ (1/4) log d, where separate means of |mu|^2 ~ d have (1/2) log d.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from meanfield.errors import ProblemError, array, checked, require, whole
from meanfield.exact.speciation import SpeciationTime
from meanfield.tools.door import Numbers, door

SPREAD = 12.0  # standard deviations of log chi^2 that are integrated over, and as much again for its tail at small d
POINTS = 4001


@door()
def phi_widths(t: Numbers, variances: Sequence[float], d: int):
    """phi of two classes of one mean and unequal widths, (C9): exact at every d.

    Parameters
    ----------
    t : VE times >= 0, any shape.
    variances : (c_1, c_2), both > 0, per direction.
    d : dimension, 1 to 1e9.

    Examples
    --------
    >>> phi_widths([0.0, 31.5, 1e4], (1.75, 0.25), 4096).round(2)     # 31.5: near speciation
    array([1.  , 0.79, 0.5 ])
    """
    one, two = _variances(variances)
    d = whole("d", d, low=1, high=1e9)
    t = array(t, "t must be times >= 0")
    require(np.all(np.isfinite(t)) and np.all(t >= 0.0), "t must be >= 0 and finite", t)
    D = np.stack([one + t, two + t])[..., None]
    spread = SPREAD * math.sqrt(2.0 / d)
    y = np.linspace(-spread - SPREAD * 4.0 / d, spread, POINTS)  # log(chi^2_d/d)
    density = np.exp(0.5 * d * (y - np.expm1(y)))
    log_odds = 0.5 * d * (np.log(D[1] / D[0]) - np.exp(y) * (1.0 - D[0] / D[1]))
    return 1.0 - expit(-log_odds) @ (density / density.sum())


@door()
def speciation_time_widths(variances: Sequence[float], d: int) -> SpeciationTime:
    """Time at which classes of one mean and unequal widths are told apart: h = 1 of (C10), where phi is about 0.775.

    Parameters
    ----------
    variances, d : as in `phi_widths`.

    Returns
    -------
    SpeciationTime : of D_1 D_2 = d (c_1 - c_2)^2/8; its leading order in OU time is (1/4) log d.

    Raises
    ------
    ProblemError : widths too close: h < 1 at every t.

    Examples
    --------
    >>> time = speciation_time_widths((1.75, 0.25), 4096)
    >>> round(time.t, 1), round(time.s, 2), round(time.s_leading, 2)
    (32.9, 1.76, 2.08)
    """
    one, two = _variances(variances)
    product = whole("d", d, low=1, high=1e9) * (one - two) ** 2 / 8.0
    t = math.sqrt(product + (0.5 * (one - two)) ** 2) - 0.5 * (one + two)
    if t <= 0.0:
        raise ProblemError(
            f"speciation needs d (c_1 - c_2)^2 > 8 c_1 c_2; got variances {one:g} and {two:g} in {d} dimensions: the "
            "classes overlap at every t."
        )
    return SpeciationTime(t, 0.5 * math.log1p(t), 0.25 * math.log(d))


def _variances(variances: Sequence[float]) -> tuple[float, float]:
    given = list(variances)
    require(len(given) == 2, "variances must be two numbers, one of each class", given)
    one, two = (checked("a variance", c, low=0, high=1e100, open_low=True) for c in given)
    return one, two
