"""The law of the end points of a guided flow on the line, known through its map of starts to normal scores."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from meanfield.errors import ProblemError, checked, require, whole
from meanfield.line.sources import Normal, numbers
from meanfield.line.statement import TwoClasses
from meanfield.tools.door import Numbers, door


@door(made_by="end_law")
@dataclass(frozen=True, eq=False)
class EndLaw:
    """End points of the guided ODE: a grid of starts, their images, and the density by the change of variables.

    Attributes
    ----------
    classes, w, t_start, tol : as given to `end_law`.
    z : starts, normal scores of the noise, increasing, (n,).
    zeta : normal scores of the end points in the target class, (n,); z itself at w = 0.
    log_slope : log dzeta/dz, (n,).
    """

    classes: TwoClasses
    w: float
    t_start: float
    tol: float
    z: np.ndarray
    zeta: np.ndarray
    log_slope: np.ndarray

    @property
    def x(self) -> np.ndarray:
        """End points, (n,)."""
        return self.classes.target.quantile(self.zeta)

    @property
    def log_ratio(self) -> np.ndarray:
        """log q/p(. | c) at the end points, (L3)."""
        return 0.5 * (self.zeta**2 - self.z**2) - self.log_slope

    @property
    def log_edge_distance(self) -> np.ndarray:
        """Logarithm of the distance of the end points from the far edge of the support, however small it is."""
        target = self.classes.target
        if isinstance(target, Normal):
            raise ProblemError("a Gaussian class has no edge; got Normal. Look at x, or use a compact class.")
        return target.log_edge_distance(self.zeta, upper=self.classes.sign > 0)

    def density(self, x: Numbers) -> np.ndarray:
        """q(x), with the map between the grid points by cubic Hermite interpolation; 0 beyond the images of the grid.

        Examples
        --------
        >>> from meanfield.line import TwoClasses, Uniform, end_law
        >>> law = end_law(TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 1.0)
        >>> law.density([1.25, 1.5, 1.95]).round(2).tolist()     # the class has density 1
        [0.23, 1.16, 1.87]
        """
        zeta = self._normal_scores(x)
        z, slope = self._start(zeta)
        inside = (zeta >= self.zeta[0]) & (zeta <= self.zeta[-1])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_q = self.classes.target.log_density(x, 0.0) + 0.5 * (zeta**2 - z**2) + np.log(slope)
        return np.where(inside, np.exp(np.where(inside, log_q, -np.inf)), 0.0)[()]

    def cdf(self, x: Numbers) -> np.ndarray:
        """Pr[end point <= x]."""
        zeta = self._normal_scores(x)
        z, _ = self._start(zeta)
        return np.where(zeta < self.zeta[0], 0.0, np.where(zeta > self.zeta[-1], 1.0, special.ndtr(z)))[()]

    def start(self, x: float) -> float:
        """The start z that ends at x: Pr[end point <= x] = Phi(z), also where that is far below 1e-300.

        Raises
        ------
        ProblemError : x is not between the images of the first and the last start.
        """
        zeta = float(self._normal_scores(checked("x", x)))
        if not self.zeta[0] <= zeta <= self.zeta[-1]:
            raise ProblemError(
                f"x must lie between the end points {self.x[0]:.6g} and {self.x[-1]:.6g} of the starts; got {x!r}. "
                "Give end_law a wider grid z."
            )
        return float(self._start(np.array(zeta))[0])

    def mean(self, values: Numbers) -> float:
        """Mean of `values`, (n,) by end point: the trapezoidal rule over starts.

        Spectrally accurate on the default grid, if the values are smooth.
        """
        self._require_grid()
        values = numbers("values", values)
        if values.shape not in ((), self.z.shape):
            raise ProblemError(f"values must have shape {self.z.shape}, one by start; got {values.shape}.")
        weight = np.exp(-0.5 * self.z**2) * np.gradient(self.z)
        return float(np.sum(weight * values) / weight.sum())

    def refined(self, n: int = 8001) -> "EndLaw":
        """The same law on n starts, evenly spaced, by interpolation."""
        from scipy.interpolate import CubicHermiteSpline

        self._require_grid()
        z = np.linspace(self.z[0], self.z[-1], whole("n", n, low=2, high=1e7))
        spline = CubicHermiteSpline(self.z, self.zeta, np.exp(self.log_slope))
        log_slope = np.log(np.maximum(spline(z, 1), math.exp(self.log_slope.min())))
        return EndLaw(self.classes, self.w, self.t_start, self.tol, z, spline(z), log_slope)

    def _require_grid(self) -> None:
        require(len(self.z) >= 2, "a law needs at least two starts", f"z = {self.z}", "Leave out z, or give a grid.")

    def _normal_scores(self, x) -> np.ndarray:
        return np.asarray(self.classes.target.normal_score(numbers("x", x), 0.0))

    def _start(self, zeta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z and dz/dzeta of normal scores, those beyond the grid clipped to it."""
        from scipy.interpolate import CubicHermiteSpline

        self._require_grid()
        keep = np.concatenate([[True], np.diff(self.zeta) > 0])
        inverse = CubicHermiteSpline(self.zeta[keep], self.z[keep], np.exp(-self.log_slope[keep]))
        at = np.clip(zeta, self.zeta[0], self.zeta[-1])
        return inverse(at), np.maximum(inverse(at, 1), 0.0)
