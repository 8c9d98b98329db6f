"""From several dimensions to d = infinity: a weighted fit in 1/d, with two errors stated apart.

    y(d) = y_inf + a/d + c/d^2      (order 1)        y_inf + a/d + b/d^2 + c/d^3      (order 2)

Weights are 1/stderr^2. All coefficients are free but the last: c is the term that is not known, 0 +- `HELD` times what
is seen. In u = (smallest d)/d that is 3 (max y - min y)/(max u - min u): the next term is taken for no larger than
three times the whole effect. Where the data resolve c they decide; where they do not, this one more datum keeps three
close sizes from saying nothing at all.

- The *statistical* error of y_inf is what the stderr of the data do to it.
- The *fit-order* error is what the error of that one more datum does to it, and half of the way from the fit at the
  largest size to y_inf, in quadrature: no fit knows of sizes that were not run, and not every curve has whole powers.

`error`, both in quadrature, is meant to cover y_inf in 68 % of all cases, and measured on a/d + c/d^2, |c u^2| up to
twice the linear effect a. Sizes that span a factor of 4: 59 to 81 % for a stderr of 0.1 to 0.3 of the effect, more the
smaller it is: of data so precise the error is an upper bound (up to 100 %), as it is for close sizes that resolve no c
(up to 96 %). Least, everywhere, is 54 to 60 %, where terms cancel and nothing seems to happen (c = -a/2 at close, -a
at distant sizes). Other powers, d^-0.8 and d^-3/2, are covered in 70 to 100 % by three or four sizes, by five that
span a factor of 16 only from a stderr of 0.1 of the effect on; d^-1/2 is not below 0.3 of it.

Where the annealed theory of sec. 7 of docs/theory.md holds, it predicts most of the finite-d effect. The `finite_size`
ensembles are then subtracted, and what is left, which falls faster than 1/d, is fitted by a/d^2 + c/d^3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from meanfield import Ensemble, solve
from meanfield.errors import one_of, require, short
from meanfield.tools.door import Numbers, door
from meanfield.vector.law import SamplerLaw
from validate.agreement.sampled import is_sampled, sampler_of
from validate.errors import ExtrapolationError

HELD = 3.0  # the term that is not known, in units of the effect that is seen
BEYOND = 0.5  # error of the way beyond the largest size


@door(ExtrapolationError, made_by="extrapolate")
@dataclass(frozen=True)
class Extrapolation:
    """A quantity at d = infinity, from its values at several d.

    Attributes
    ----------
    d, values, stderr : the data, shape (sizes,).
    corrected : whether a finite-d theory was subtracted from the data before the fit.
    intercept, intercept_stderr : the value at d = infinity and its statistical error.
    order_error : its error by the form of the fit: by the last term, and by the way beyond the largest size.
    powers, slopes : powers of 1/d in the fit and their coefficients.
    chi2, dof : of the fit with all terms free; `p_value` is nan when it has as many coefficients as data.
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

    def predict(self, d: Numbers):
        """The fit at dimension d."""
        x = 1.0 / np.asarray(d, float)
        return self.intercept + sum(a * x**k for k, a in zip(self.powers, self.slopes, strict=True))

    def __repr__(self) -> str:
        terms = " ".join(
            f"{a:+.4g}/d{'' if k == 1 else f'^{k}'}" for k, a in zip(self.powers, self.slopes, strict=True)
        )
        effect = " + finite-d theory" if self.corrected else ""
        quality = f"chi2 = {self.chi2:.2f} for {self.dof} degrees of freedom" if self.dof else "as many terms as sizes"
        return (
            f"{self.quantity}(d = infinity) = {self.intercept:.6f} +- {self.intercept_stderr:.2g} (statistical) "
            f"+- {self.order_error:.2g} (fit order)\n"
            f"  {self.quantity}(d) = {self.intercept:.6f} {terms}{effect}, "
            f"d = {', '.join(f'{d:g}' for d in self.d)}; {quality}"
        )


@door(ExtrapolationError)
def extrapolate(
    ensembles: Sequence[Ensemble],
    quantity: str = "m",
    order: int = 1,
    estimator: str = "paired",
    finite_size: Sequence[Ensemble] | None = None,
    law: SamplerLaw | None = None,
) -> Extrapolation:
    """Extrapolate the final value of an observable to d = infinity.

    Parameters
    ----------
    ensembles : results of one problem at three or more dimensions.
    quantity : "m", "v", or any other observable of the ensembles.
    order : 1 (linear in 1/d, with a quadratic term that is held), or 2 (quadratic, with a cubic term that is held).
    estimator : "paired" for m and v (against the unguided twin) or "plain".
    finite_size : results of `meanfield.reduced` for the same problem at the same dimensions, in the same order. Their
        finite-d effect, reduced(d) - solve(problem), is subtracted before the fit. Of a sampler's own code those of
        `solve_sampler`, with its `law` at d = infinity.
    law : of the sampler's code, where `finite_size` is given.

    Returns
    -------
    Extrapolation : its `error`, statistical and fit-order error in quadrature, is meant to cover in 68 % of all cases,
        more where data are close or precise: see docs/agreement.md for what curves and sizes.

    Raises
    ------
    ExtrapolationError : fewer than 3 sizes (4 for order 2), equal sizes, several problems, or no error bars.

    Examples
    --------
    >>> fit = fit_inverse_size([10, 20, 40], [1.3, 1.2, 1.15], [0.01, 0.01, 0.01])
    >>> round(fit.intercept, 6), round(fit.intercept_stderr, 3), round(fit.order_error, 3)
    (1.1, 0.033, 0.026)
    """
    problems = [e.problem for e in ensembles]
    if any(p != problems[0] for p in problems):
        other = next(p for p in problems if p != problems[0])
        raise ExtrapolationError(f"an extrapolation needs one problem at several d; got {problems[0]!r} and {other!r}.")
    others = [*([] if finite_size is None else finite_size), *([] if law is None else [law])]
    samplers = sorted({sampler_of(result) for result in (*ensembles, *others)})
    require(len(samplers) < 2, "an extrapolation needs ensembles of one sampler", samplers, error=ExtrapolationError)
    known = set.intersection(*(set(e.draws) for e in ensembles)) if problems else {quantity}
    one_of("quantity", quantity, sorted(known), error=ExtrapolationError)
    paired = estimator == "paired" and quantity in ("m", "v")
    if paired and all(np.allclose(e.draws[quantity], e.draws[f"{quantity}_twin"], rtol=1e-12) for e in ensembles):
        paired = False  # guidance does nothing: the twins coincide and their difference carries no information
    finals = [getattr(e.final, f"{quantity}_paired" if paired else quantity) for e in ensembles]
    values, stderr = [float(o.mean) for o in finals], [float(o.stderr) for o in finals]
    if finite_size is not None and finals:  # the fit refuses no ensembles
        values, stderr = _without_finite_size(ensembles, finite_size, law, quantity, values, stderr)
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
    free = (2,) if corrected else tuple(range(1, order + 1))
    powers = (*free, free[-1] + 1)
    u = x[0] / x
    terms = u[:, None] ** np.array([0, *powers]) / s[:, None]  # (sizes, terms)
    held = HELD * max(np.ptp(y), s.max()) / np.ptp(u)
    last = [0.0] * len(free) + [0.0, 1.0 / held]
    response = np.linalg.pinv(np.vstack([terms, last]))  # of the coefficients, to data in units of their errors
    coefficients = response @ np.append(y / s, 0.0)
    way = float(coefficients[1:] @ u[-1] ** np.array(powers))  # from y_inf to the largest size
    chi2 = float(np.sum((terms @ np.linalg.lstsq(terms, y / s, rcond=None)[0] - y / s) ** 2))
    return Extrapolation(
        quantity=quantity,
        corrected=corrected,
        d=x,
        values=y,
        stderr=s,
        intercept=float(coefficients[0]),
        intercept_stderr=float(np.linalg.norm(response[0, :-1])),
        order_error=math.hypot(response[0, -1], BEYOND * way),
        powers=powers,
        slopes=tuple(float(a * x[0] ** k) for k, a in zip(powers, coefficients[1:], strict=True)),
        chi2=chi2,
        dof=max(len(x) - len(powers) - 1, 0),
        n_draws=n_draws,
    )


def _without_finite_size(ensembles, finite_size, law, quantity: str, values, stderr) -> tuple[list[float], list[float]]:
    """Data minus the predicted finite-d effect, with the errors of both."""
    if quantity not in ("m", "v"):
        raise ExtrapolationError(f'finite_size predicts "m" and "v"; got {quantity!r}. Leave finite_size out.')
    for e, f in zip(ensembles, finite_size, strict=False):
        if e.problem != f.problem or e.d != f.d:
            raise ExtrapolationError(f"finite_size must be of the same problem and d; got d = {f.d} beside d = {e.d}.")
    if len(finite_size) != len(ensembles):
        raise ExtrapolationError(f"finite_size needs {len(ensembles)} ensembles, one a size; got {len(finite_size)}.")
    if law is None and is_sampled(ensembles[0]):
        raise ExtrapolationError(
            "the finite-d effect of a sampler is that on its law at d = infinity; got none. Give law=solve_sampler("
            "problem, sampler)."
        )
    limit = float(getattr((law or solve(ensembles[0].problem)).final, quantity))
    predicted = [getattr(f.final, f"{quantity}_paired") for f in finite_size]
    values = [x - float(p.mean) + limit for x, p in zip(values, predicted, strict=True)]
    return values, [math.hypot(s, float(p.stderr)) for s, p in zip(stderr, predicted, strict=True)]


def _check(d: np.ndarray, stderr: np.ndarray, order: int) -> None:
    if order not in (1, 2):
        raise ExtrapolationError(f"order must be 1 or 2 (powers of 1/d); got {short(order)}.")
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
