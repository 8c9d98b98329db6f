"""From several dimensions to d = infinity: a weighted fit in 1/d, with two errors stated apart.

    y(d) = y_inf + a/d (+ b/d^2),   weights 1/stderr^2.

The *statistical* error of y_inf follows from the stderr of the data. The *fit-order* error is the largest of: how far
y_inf moves with the other order (where there are at least 4 sizes); how far without the smallest size; half of the way
from the fit at the largest size to y_inf, since no fit knows much of sizes that were not run.

Where the annealed theory of sec. 7 of docs/theory.md holds, it predicts most of the finite-d effect. The `finite_size`
ensembles are then subtracted, and what is left, which falls faster than 1/d, is fitted by a/d^2, the other form a/d.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meanfield import Ensemble, solve
from validate.errors import ExtrapolationError


@dataclass(frozen=True)
class Extrapolation:
    """A quantity at d = infinity, from its values at several d.

    Attributes
    ----------
    d, values, stderr : the data, shape (sizes,).
    corrected : whether a finite-d theory was subtracted from the data before the fit.
    intercept, intercept_stderr : the value at d = infinity and its statistical error.
    order_error : how far the intercept moves when the form of the fit changes.
    powers, slopes : powers of 1/d in the fit and their coefficients.
    chi2, dof : of the fit; `p_value` is nan when the fit has as many coefficients as data.
    n_draws : fewest draws behind any size.
    """

    quantity: str
    corrected: bool
    d: np.ndarray
    values: np.ndarray
    stderr: np.ndarray
    intercept: float
    intercept_stderr: float
    order_error: float
    powers: tuple[int, ...]
    slopes: tuple[float, ...]
    chi2: float
    dof: int
    n_draws: int

    @property
    def error(self) -> float:
        """Statistical and fit-order error in quadrature."""
        return math.hypot(self.intercept_stderr, self.order_error)

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2 if the form of the fit is right."""
        return float(special.chdtrc(self.dof, self.chi2)) if self.dof > 0 else math.nan

    def predict(self, d):
        """The fit at dimension d."""
        x = 1.0 / np.asarray(d, float)
        return self.intercept + sum(a * x**k for k, a in zip(self.powers, self.slopes, strict=True))

    def __repr__(self) -> str:
        terms = " ".join(f"{a:+.4g}/d{'' if k == 1 else '^2'}" for k, a in zip(self.powers, self.slopes, strict=True))
        effect = " + finite-d theory" if self.corrected else ""
        quality = f"chi2 = {self.chi2:.2f} for {self.dof} degrees of freedom" if self.dof else "as many terms as sizes"
        return (
            f"{self.quantity}(d = infinity) = {self.intercept:.6f} +- {self.intercept_stderr:.2g} (statistical) "
            f"+- {self.order_error:.2g} (fit order)\n"
            f"  {self.quantity}(d) = {self.intercept:.6f} {terms}{effect}, "
            f"d = {', '.join(f'{d:g}' for d in self.d)}; {quality}"
        )


def extrapolate(
    ensembles: Sequence[Ensemble],
    quantity: str = "m",
    order: int = 1,
    estimator: str = "paired",
    finite_size: Sequence[Ensemble] | None = None,
) -> Extrapolation:
    """Extrapolate the final value of an observable to d = infinity.

    Parameters
    ----------
    ensembles : results of one problem at three or more dimensions.
    quantity : "m", "v", or any other observable of the ensembles.
    order : 1 (linear in 1/d) or 2.
    estimator : "paired" for m and v (against the unguided twin) or "plain".
    finite_size : results of `meanfield.reduced` for the same problem at the same dimensions, in the same order. Their
        finite-d effect, reduced(d) - solve(problem), is subtracted before the fit.

    Raises
    ------
    ExtrapolationError : fewer than 3 sizes (4 for order 2), equal sizes, several problems, or no error bars.

    Examples
    --------
    >>> fit_inverse_size([10, 20, 40], [1.3, 1.2, 1.15], [0.01, 0.01, 0.01]).intercept.round(6)
    np.float64(1.1)
    """
    problems = [e.problem for e in ensembles]
    if any(p != problems[0] for p in problems):
        other = next(p for p in problems if p != problems[0])
        raise ExtrapolationError(f"an extrapolation needs one problem at several d; got {problems[0]!r} and {other!r}.")
    paired = estimator == "paired" and quantity in ("m", "v")
    if paired and all(np.allclose(e.draws[quantity], e.draws[f"{quantity}_twin"], rtol=1e-12) for e in ensembles):
        paired = False  # guidance does nothing: the twins coincide and their difference carries no information
    finals = [getattr(e.final, f"{quantity}_paired" if paired else quantity) for e in ensembles]
    values, stderr = [float(o.mean) for o in finals], [float(o.stderr) for o in finals]
    if finite_size is not None:
        values, stderr = _without_finite_size(ensembles, finite_size, quantity, values, stderr)
    about: Any = {"corrected": finite_size is not None, "n_draws": min((e.n_draws for e in ensembles), default=0)}
    return fit_inverse_size([e.d for e in ensembles], values, stderr, quantity=quantity, order=order, **about)


def fit_inverse_size(
    d: ArrayLike,
    values: ArrayLike,
    stderr: ArrayLike,
    *,
    quantity: str = "y",
    order: int = 1,
    corrected: bool = False,
    n_draws: int = 0,
) -> Extrapolation:
    """The fit behind `extrapolate`, for plain numbers (`corrected`: a finite-d theory has been subtracted)."""
    by_size = np.argsort(np.asarray(d, float))
    x, y, s = (np.asarray(a, float)[by_size] for a in (d, values, stderr))
    _check(x, s, order)
    powers, other = ((2,), (1,)) if corrected else ((1,), (1, 2)) if order == 1 else ((1, 2), (1,))
    coefficients, errors, chi2 = _fit(1.0 / x, y, s, powers)
    others = [0.5 * (coefficients[0] + sum(c * x[-1] ** -k for k, c in zip((0, *powers), coefficients, strict=True)))]
    if len(x) >= 4 or corrected:
        others.append(_fit(1.0 / x, y, s, other)[0][0])
    if len(x) > len(powers) + 1:
        others.append(_fit(1.0 / x[1:], y[1:], s[1:], powers)[0][0])
    return Extrapolation(
        quantity=quantity,
        corrected=corrected,
        d=x,
        values=y,
        stderr=s,
        intercept=coefficients[0],
        intercept_stderr=errors[0],
        order_error=max(abs(other - coefficients[0]) for other in others),
        powers=powers,
        slopes=tuple(float(a) for a in coefficients[1:]),
        chi2=chi2,
        dof=len(x) - len(powers) - 1,
        n_draws=n_draws,
    )


def _fit(x: np.ndarray, y: np.ndarray, s: np.ndarray, powers: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Weighted least squares in a constant and powers of x = 1/d: coefficients, their errors, chi2."""
    unit = x.max()  # powers of x/unit keep the normal equations well conditioned up to d = 10^6
    exponents = np.array([0, *powers])
    A = (x / unit)[:, None] ** exponents / s[:, None]  # (sizes, terms)
    coefficients, *_ = np.linalg.lstsq(A, y / s, rcond=None)
    errors = np.sqrt(np.diag(np.linalg.pinv(A.T @ A)))
    chi2 = float(np.sum((A @ coefficients - y / s) ** 2))
    units = unit**exponents
    return coefficients / units, errors / units, chi2


def _without_finite_size(ensembles, finite_size, quantity: str, values, stderr) -> tuple[list[float], list[float]]:
    """Data minus the predicted finite-d effect, with the errors of both."""

    if quantity not in ("m", "v"):
        raise ExtrapolationError(f'finite_size predicts "m" and "v"; got {quantity!r}. Leave finite_size out.')
    for e, f in zip(ensembles, finite_size, strict=False):
        if e.problem != f.problem or e.d != f.d:
            raise ExtrapolationError(f"finite_size must be of the same problem and d; got d = {f.d} beside d = {e.d}.")
    if len(finite_size) != len(ensembles):
        raise ExtrapolationError(f"finite_size needs {len(ensembles)} ensembles, one a size; got {len(finite_size)}.")
    limit = float(getattr(solve(ensembles[0].problem).final, quantity))
    predicted = [getattr(f.final, f"{quantity}_paired") for f in finite_size]
    values = [x - float(p.mean) + limit for x, p in zip(values, predicted, strict=True)]
    return values, [math.hypot(s, float(p.stderr)) for s, p in zip(stderr, predicted, strict=True)]


def _check(d: np.ndarray, stderr: np.ndarray, order: int) -> None:
    if order not in (1, 2):
        raise ExtrapolationError(f"order must be 1 or 2 (powers of 1/d); got {order!r}.")
    if len(np.unique(d)) != len(d) or len(d) < order + 2:
        raise ExtrapolationError(
            f"a fit of order {order} in 1/d needs at least {order + 2} different dimensions; got "
            f"{[float(x) for x in d]}. Run more sizes."
        )
    if not np.all(np.isfinite(stderr) & (stderr > 0)):
        raise ExtrapolationError(
            f"every size needs a standard error > 0; got {[float(s) for s in stderr]}. "
            "Use at least 2 draws (n_disorder)."
        )
