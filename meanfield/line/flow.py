"""The guided probability-flow ODE of two classes on the line: end points and their density, exact at any w.

In u = x D^{-1/2} against R = D^{-1/2} the flow has no linear part and no singular start:
    (L1)  du/dR = M_w(u, R),    u(0) = z ~ N(0, 1);    R from 0 (t = infinity) to infinity (t = 0, compact classes) or
          1/sigma (Gaussian classes). Along it  d log(du/dz)/dR = dM_w/du.
The unguided flow keeps the normal score zeta(x, t) = Phi^{-1}(Pr[x_t <= x | c]) of the target, so guidance alone moves
it, and for a target above the other class, at distance g,
    (L2)  0 <= dzeta/dR <= w ((1 - prior)/prior) (b - a_2) exp(-(g R)^2/2 - g R zeta),   b - a_2 the full extent,
where g R + zeta >= 0.
Beyond an R at which the integral of (L2) is below `tol` zeta has its final value, and the end point is the target's
quantile at zeta: nothing is integrated into the singularity at t = 0, and the distance from the edge is exact however
small. The law of the end points is the change of variables
    (L3)  q(x)/p(x | c) = phi(z)/(phi(zeta) zeta'(z)).
"""

import math

import numpy as np
from scipy import special

from meanfield.errors import ConvergenceError, ProblemError, checked
from meanfield.line.law import EndLaw
from meanfield.line.sources import PiecewiseConstant, numbers
from meanfield.line.statement import TwoClasses, stated
from meanfield.tools.door import Numbers, door

REACH = 8.5  # start normals beyond carry 2e-17 of the mass
FARTHEST = 1e6  # beyond, rounding moves the log-odds, differences of z^2/2, by more than 1e-4
EPS = float(np.finfo(float).eps)


@door()
def end_law(
    classes: TwoClasses, w: float, *, z: Numbers | None = None, t_start: float = math.inf, tol: float = 1e-8
) -> EndLaw:
    """End points of the guided ODE with exact scores, and their law.

    Parameters
    ----------
    w : guidance >= 0, s_w = s_c + w (s_c - s); up to (tol/2.2e-16)^{2/3}, that is 1e5 at the default.
    z : starts, increasing, |z| <= 1e6; default 341 from -8.5 to 8.5. Far ones probe small probabilities.
    t_start : infinity, or T: then x_T = T^{1/2} z, as real samplers start. At least 1e-10 sigma2 for Gaussian classes,
        1e-3 (farthest edge of the target)^2 for compact ones, whose cost grows like T^{-1/2}.
    tol : absolute error aimed at for zeta, 1e-12 to 1e-2.

    Raises
    ------
    ProblemError : w so large that rounding exceeds tol.
    ConvergenceError : the solver stopped, or the map is not monotone (as every flow in one dimension is).

    Examples
    --------
    >>> from meanfield.line import Normal, TwoClasses
    >>> law = end_law(TwoClasses(Normal(1.0), Normal(-1.0)), 0.0, z=[-1.0, 0.0, 1.0])
    >>> law.x.tolist()     # without guidance: the class itself
    [0.0, 1.0, 2.0]
    """
    target, (w, tol), T = stated(classes).target, _strength(w, tol), _start_time(classes, t_start)
    z = np.linspace(-REACH, REACH, 341) if z is None else _starts(z)
    if w == 0 and math.isinf(T):
        return EndLaw(classes, w, T, tol, z, z.copy(), np.zeros(len(z)))
    R = _last(classes, w, z, T, tol)
    u, log_du = (q[:, -1] for q in _integrate(classes, w, z, T, np.array([R]), tol))
    zeta = _normal_score(classes, u, R)
    log_slope = log_du + (target.source(u, R)[0] + 0.5 * zeta**2 if classes.compact else 0.0)
    if np.any(np.diff(zeta) < -2.0 * tol):
        raise ConvergenceError(f"the end points must grow with the start; they do not at w = {w:g}. Lower tol.")
    return EndLaw(classes, w, T, tol, z, np.maximum.accumulate(zeta), log_slope)


def trajectories(classes: TwoClasses, w: float, z, t, *, t_start: float = math.inf, tol: float = 1e-8) -> np.ndarray:
    """Paths x(t) of the guided ODE from the starts z.

    Parameters
    ----------
    z : (n,) increasing;  t : (k,) VE times >= 0, decreasing, below t_start.
    w, t_start, tol : as in `end_law`.

    Returns
    -------
    x : (n, k).

    Examples
    --------
    >>> from meanfield.line import TwoClasses, Uniform
    >>> x = trajectories(TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 8.0, [0.0], [1.0, 0.01, 0.0])
    >>> x.round(2).tolist()     # beyond the support, and back into it
    [[3.98, 2.1, 1.99]]
    """
    w, tol = _strength(w, tol)
    z, t, T = _starts(z), numbers("t", t), _start_time(stated(classes), t_start)
    if t.ndim != 1 or not len(t) or np.any(~(t >= 0)) or np.any(~(t < T)) or np.any(np.diff(t) >= 0):
        raise ProblemError(f"t must be decreasing times >= 0, below t_start={T:g}, shape (k,); got {t!r}.")
    with np.errstate(divide="ignore"):
        R = 1.0 / np.sqrt(classes.sigma2 + t)
    if not classes.compact:
        return _integrate(classes, w, z, T, R, tol)[0] / R
    last, x = max(_last(classes, w, z, T, tol), R[0]), np.empty((len(z), len(t)))
    early = R < last
    u = _integrate(classes, w, z, T, np.append(R[early], last), tol)[0]
    x[:, early] = u[:, :-1] / R[early]
    if not early.all():
        x[:, ~early] = noised_quantile(classes.target, _normal_score(classes, u[:, -1:], last), t[~early])
    return x


def noised_quantile(target, zeta, t) -> np.ndarray:
    """The x at which a compact class has normal score zeta, t >= 0: bisection between zeta t^{1/2} + either edge."""
    zeta, t = np.broadcast_arrays(np.asarray(zeta, dtype=float), np.asarray(t, dtype=float))
    low, high = (np.full(zeta.shape, edge) for edge in target.support)
    safe = np.where(t > 0, t, 1.0)
    for _ in range(52):
        middle = 0.5 * (low + high)
        above = target.normal_score(middle + zeta * np.sqrt(safe), safe) > zeta
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(t > 0, 0.5 * (low + high) + zeta * np.sqrt(t), target.quantile(zeta))


def _integrate(classes: TwoClasses, w: float, z, T: float, R, tol: float) -> tuple[np.ndarray, np.ndarray]:
    """u and log du/dz, (n, k) each, at increasing R > 0: (L1), stiff where w is large."""
    from scipy.integrate import solve_ivp

    n = len(z)

    def rate(R: float, state: np.ndarray) -> np.ndarray:
        out = np.empty(2 * n)
        out[0::2], out[1::2], _ = classes.guided(state[0::2], R, w)
        return out

    begin, factor = 0.0, 1.0
    if math.isfinite(T):
        begin = (classes.sigma2 + T) ** -0.5
        factor = math.sqrt(T) * begin
    state = np.empty(2 * n)
    state[0::2], state[1::2] = factor * z, math.log(factor)
    # each start is a pair (u, log du/dz) of its own, the second driven by the first: one band below the diagonal
    settings = {"method": "LSODA", "lband": 1, "uband": 0, "rtol": max(3e-4 * tol, 1e-13), "atol": 0.03 * tol}
    done = solve_ivp(rate, (begin, R[-1]), state, t_eval=R, **settings)
    if not done.success:
        raise ConvergenceError(f"the guided flow at w = {w:g} stopped: {done.message} Lower w, or raise tol.")
    return done.y[0::2], done.y[1::2]


def _normal_score(classes: TwoClasses, u, R: float) -> np.ndarray:
    return classes.target.normal_score(u / R, R**-2.0 - classes.sigma2 if classes.compact else 0.0)


def _last(classes: TwoClasses, w: float, z: np.ndarray, T: float, tol: float) -> float:
    """The R at which the flow may be stopped, by (L2)."""
    if not (isinstance(classes.target, PiecewiseConstant) and isinstance(classes.other, PiecewiseConstant)):
        return classes.sigma2**-0.5
    g, ends = classes.gap, (*classes.target.support, *classes.other.support)
    extent, odds = max(ends) - min(ends), (1.0 - classes.prior) / classes.prior
    # a start from N(0, T) has zeta >= (x_T - edge)/T^{1/2}; the other end of the support bounds both
    late = 0.0 if math.isinf(T) else max(abs(edge) for edge in classes.target.support) / math.sqrt(T)
    worst = float(np.min(classes.sign * z)) - late
    # int_R^infinity exp(-(g R)^2/2 - g R zeta) dR = (2 pi)^{1/2} exp(zeta^2/2) Phi(-(g R + zeta))/g, zeta >= worst
    share = math.log(0.1 * tol * g / (math.sqrt(2.0 * math.pi) * max(w, tol) * odds * extent)) - 0.5 * worst**2
    return max(-worst - float(special.ndtri_exp(min(share, -1.0))), 1.0, 1.01 * g * T**-0.5) / g


def _strength(w: float, tol: float) -> tuple[float, float]:
    tol = checked("tol", tol, low=1e-12, high=1e-2)
    w = checked("w", w, low=0, high=1e150)
    largest = (tol / EPS) ** (2.0 / 3.0)
    if w > largest:
        needed = 1.01 * EPS * w**1.5
        raised = f"Raise tol to {needed:.3g}, or u" if needed <= 1e-2 else "U"
        # u is of order w^{1/2}: log-odds carry an error EPS w, and w times it acts for a time of order w^{-1/2}
        raise ProblemError(
            f"guidance w must be <= {largest:.3g} at tol={tol:g}, as rounding moves the end points by {EPS:.1e} w^1.5; "
            f"got w={w:g}. {raised}se the limit law, meanfield.line.end_scale."
        )
    return w, tol


def _starts(z) -> np.ndarray:
    z = numbers("z", z)
    if z.ndim != 1 or not len(z) or not np.all(np.abs(z) <= FARTHEST) or np.any(np.diff(z) <= 0):
        raise ProblemError(f"z must be increasing numbers between -1e6 and 1e6, shape (n,); got {z!r}.")
    return z


def _start_time(classes: TwoClasses, T: float) -> float:
    T = checked("t_start", T, low=0, open_low=True, infinite=True)
    if isinstance(classes.target, PiecewiseConstant):
        least, unit = 1e-3 * max(abs(edge) for edge in classes.target.support) ** 2, "(farthest edge of the target)^2"
    else:
        least, unit = 1e-10 * classes.sigma2, "sigma2"
    if T < least:
        share = "1e-3" if classes.compact else "1e-10"
        raise ProblemError(f"t_start must be >= {share} {unit} = {least:.3g}; got {T:g}. Raise it, or leave it out.")
    return T
