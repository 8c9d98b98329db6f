"""SymPy derivations of what the numerical code uses; the tests hold the code to these expressions.

Everything is derived here from the free energies (T1)-(T4) and the reverse step, nothing is copied from the code:
the drift as minus the gradient of the effective potential (T6), in the crowd and, through D'(q), in the glass;
(T7) in the variables of the solver; that (T8), (T8a) and (T9) solve (T7); the limits w -> 0, -1/2, -1.
"""

import sympy as sp

D, alpha, q, v, w = sp.symbols("D alpha q v w", positive=True)
m, eta = sp.symbols("m eta", real=True)
e = (1 + eta**2) / 2
L = 1 + 1 / D
c_crowd = 1 / (1 + D)


def phi_target() -> sp.Expr:
    """(T1) in (m, q): -(q - 2m + 1)/(2D)."""
    return -(q - 2 * m + 1) / (2 * D)


def phi_crowd() -> sp.Expr:
    """(T2)."""
    return alpha - sp.log(L) / 2 - q / (2 * (1 + D))


def advantage_crowd() -> sp.Expr:
    """F of (T5) in the crowd, with v = q - m^2."""
    return (phi_target() - phi_crowd()).subs(q, m**2 + v)


def potential_gradient() -> tuple[sp.Expr, sp.Expr]:
    """Coefficients (a, b) of the projected guided score a mu_1 + b x = -grad(d V) with V of (T6), F < 0, in the crowd.

    m = x.mu_1/d and q = |x|^2/d give grad(d V) = V_m mu_1 + 2 V_q x.
    """
    V = (1 + w) * (q - 2 * m + 1) / (2 * D) + w * phi_crowd()
    return sp.simplify(-sp.diff(V, m)), sp.simplify(-2 * sp.diff(V, q))


def glass_gradient() -> sp.Expr:
    """d phi_rest/dq + (1 - c)/(2D) in the glass, with c = 1/(1 + D'): zero, through K(D'(q), q) = alpha."""
    Dp = sp.Symbol("D_prime", positive=True)
    K = (Dp / (1 + Dp) + q / (1 + Dp) ** 2 - 1 + sp.log(1 + 1 / Dp)) / 2  # (T3) at D'
    phi = -(q * (Dp / (1 + Dp)) ** 2 + Dp / (1 + Dp)) / (2 * D)  # (T4)
    slope = -sp.diff(K, q) / sp.diff(K, Dp)  # dD'/dq along K = alpha
    total = sp.diff(phi, q) + sp.diff(phi, Dp) * slope
    return sp.simplify(total + (1 - 1 / (1 + Dp)) / (2 * D))


def drift_m(c: sp.Expr = c_crowd) -> sp.Expr:
    """dm/dD of (T7): minus e times the projection of the score a mu_1 + b x on mu_1, per dimension."""
    return -e * (-(1 + w * c) / D * m + (1 + w) / D)


def drift_v(c: sp.Expr = c_crowd) -> sp.Expr:
    """dv/dD of (T7)."""
    return 2 * e * (1 + w * c) / D * v - eta**2


def solver_drift() -> tuple[sp.Expr, sp.Expr, tuple[sp.Symbol, ...]]:
    """(T7) in the solver's variables delta = m - 1, y = log(v/D), tau = -log D: rates, and their symbols."""
    delta, y, c = sp.symbols("delta y c", real=True)
    d_delta = sp.simplify(-D * drift_m(c).subs(m, 1 + delta))
    d_y = sp.simplify((-D * (drift_v(c) / v - 1 / D)).subs(v, D * sp.exp(y)))
    return d_delta, d_y, (delta, y, w, c, eta)


def residual_sde() -> tuple[sp.Expr, sp.Expr]:
    """(T8a) put into (T7) at eta = 1: both residuals are zero."""
    m_, v_ = _t8a()
    return _residual(drift_m(), m, m_, 1), _residual(drift_v(), v, v_, 1)


def residual_ode() -> sp.Expr:
    """v = D L^-w of (T9) put into (T7) at eta = 0: zero."""
    return _residual(drift_v(), v, D * L**-w, 0)


def series_recursion() -> tuple[sp.Expr, sp.Expr]:
    """(T8) as the series of `Problem.start`, sum f_n x^n with x = 1/(1 + D): both residuals are zero for every n.

    (T7) becomes x (1 - x) f' + b (1 + W x) f = b for m = (1 + w) f (b = e) and for v = D f with (b, b W) replaced by
    (eta^2, 2 e w); the coefficient of x^n gives (n + b) f_n = (n - 1 - a) f_(n-1), a = e w or 2 e w.
    """
    x = sp.Symbol("x", positive=True)
    f = sp.Symbol("f", real=True)
    D_x = (1 - x) / x
    lhs_m = (sp.diff(D_x, x) * drift_m().subs(m, (1 + w) * f)).subs(D, D_x) / (1 + w)  # = f'
    lhs_v = ((sp.diff(D_x, x) * drift_v().subs(v, D * f)).subs(D, D_x) - f * sp.diff(D_x, x)) / D_x  # = f'
    ode_m = sp.simplify(x * (1 - x) * lhs_m + e * (1 + w * x) * f - e)
    ode_v = sp.simplify(x * (1 - x) * lhs_v + (eta**2 + 2 * e * w * x) * f - eta**2)
    return ode_m, ode_v


def limits() -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """(m, v) of (T8a) at w = 0, -1/2 and -1: undistorted; D^2 L log L; and q = 1 + D, the unconditional law."""
    m_, v_ = _t8a()
    return {
        "0": (sp.simplify(m_.subs(w, 0)), sp.simplify(v_.subs(w, 0))),
        "-1/2": (sp.simplify(m_.subs(w, -sp.Rational(1, 2))), sp.simplify(sp.limit(v_, w, -sp.Rational(1, 2)))),
        "-1": (sp.simplify(m_.subs(w, -1)), sp.simplify(v_.subs(w, -1))),
    }


def _t8a() -> tuple[sp.Expr, sp.Expr]:
    return 1 + D * (1 - L**-w), D**2 * (L - L ** (-2 * w)) / (1 + 2 * w)


def _residual(rate: sp.Expr, name: sp.Symbol, solution: sp.Expr, eta_value: int) -> sp.Expr:
    return sp.simplify(sp.diff(solution, D) - rate.subs(name, solution).subs(eta, eta_value))
