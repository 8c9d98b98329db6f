"""A mixture of your own: weights, means and covariances of components; a class is a set of them."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import ProblemError, array, checked, require, short, whole
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from meanfield.tools.door import Numbers, door
from simulate.mixtures.components import Components, Seen
from simulate.mixtures.low_rank import LowRank
from simulate.mixtures.stating import of_covariances, of_variances, positive, stated_labels, stated_weights
from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import EXACT, stream

if TYPE_CHECKING:
    from simulate.samples.scored import ScoreFunction
    from validate.tuning.result import MixtureDesign

COVERING = 100.0  # t_start in units of the squared extent of the data
REMEDY = "Mixture.fit(X, y) makes them from data."


@door()
class Mixture:
    """Classes of one or many Gaussian components, with unequal weights and covariances of any form.

    p(x) = sum_k p_k N(x; mu_k, S_k); a class is the components that bear its label. Scores, densities and posteriors at
    any noise level are exact.

    Parameters
    ----------
    means : (components, dim).
    covariances : (components, dim, dim), or one (dim, dim) for all; symmetric, positive definite.
    variances : instead of them: a number; one of every component, (components,); one of every direction, (components,
        dim), or (1, dim) for all. > 0.
    weights : (components,) >= 0, by default equal; their sum is made 1.
    labels : (components,) the class of each: numbers or words; by default 0, 1, ...

    Attributes
    ----------
    classes : the labels, in order of appearance. dim : dimensions. means, weights, labels : of components.

    Raises
    ------
    ProblemError : shapes that do not fit, numbers that are not finite, variances that are not above 0.

    Examples
    --------
    >>> mixture = Mixture([[0.0, 2.0], [0.0, -2.0], [3.0, 0.0]], variances=0.5, labels=["cat", "cat", "dog"])
    >>> mixture
    Mixture(2 classes, 3 components, 2 dimensions: cat 0.667 in 2 components, dog 0.333)
    >>> mixture.posterior([[0.0, 2.0], [2.5, 0.0]], "cat").round(2)
    array([1., 0.])
    """

    def __init__(
        self,
        means: Numbers,
        covariances: Numbers | None = None,
        *,
        variances: Numbers | None = None,
        weights: Numbers | None = None,
        labels: Sequence[Any] | None = None,
    ) -> None:
        mu = array(means, "means must be an array of numbers")
        if mu.ndim != 2 or not mu.size or not np.all(np.isfinite(mu)):
            raise ProblemError(f"means must be finite, of shape (components, dim); got shape {mu.shape}. {REMEDY}")
        given = [name for name, x in (("covariances", covariances), ("variances", variances)) if x is not None]
        require(len(given) == 1, "give covariances or variances, one of them", given or "none", REMEDY)
        form = of_variances(mu, variances) if covariances is None else of_covariances(mu, covariances)
        self._hold(form, weights, labels)

    @staticmethod
    def low_rank(
        means: Numbers,
        ridge: Numbers,
        factors: Numbers,
        *,
        weights: Numbers | None = None,
        labels: Sequence[Any] | None = None,
    ) -> "Mixture":
        """Covariances S_k = ridge_k + F_k^T F_k: for thousands of dimensions, where no matrix (dim, dim) fits.

        Parameters
        ----------
        ridge : a number, or (components,), > 0. factors : F (components, rank, dim), rank <= dim.

        Examples
        --------
        >>> factors = 0.1 * np.ones((2, 1, 4096))
        >>> Mixture.low_rank(np.zeros((2, 4096)), 0.25, factors).log_density(np.zeros((1, 4096))).round(1)
        array([-927.4])
        """
        mu, F = (array(x, f"{n} must be an array of numbers") for n, x in (("means", means), ("factors", factors)))
        fits = mu.ndim == 2 and F.ndim == 3 and (len(mu), mu.shape[1]) == (len(F), F.shape[2])
        fits = fits and F.shape[1] <= F.shape[2] and bool(np.isfinite(F).all() and np.isfinite(mu).all())
        rule = "means (components, dim) and factors (components, rank, dim), rank <= dim, must be finite and fit"
        require(fits, rule, f"shapes {mu.shape} and {F.shape}")
        base = positive("ridge", ridge, (len(mu),), "(components,)")
        _, root, axes = np.linalg.svd(F, full_matrices=False)
        return Mixture.of_components(LowRank(mu, base, root**2, axes), weights, labels)

    @staticmethod
    def of_components(
        components: Components, weights: Numbers | None = None, labels: Sequence[Any] | None = None
    ) -> "Mixture":
        """Of components in one of the forms of `simulate.mixtures`."""
        made = Mixture.__new__(Mixture)
        made._hold(components, weights, labels)
        return made

    def _hold(self, form: Components, weights: Any, labels: Any) -> None:
        n = len(form.means)
        self.components, self.means, self.dim = form, form.means, form.means.shape[1]
        self.weights = stated_weights(weights, n)
        self.labels = stated_labels(labels, n)
        self.classes = tuple(dict.fromkeys(self.labels))
        with np.errstate(divide="ignore"):
            self.log_weights = np.log(self.weights)
        for label in self.classes:
            share = self.weights[self.members(label)].sum()
            require(share > 0.0, "every class must have weight", f"0 for class {label!r}", "Leave it out.")

    def __repr__(self) -> str:
        shown = []
        for label in self.classes[:8]:
            k = len(self.members(label))
            shown.append(f"{label} {self.prior(label):.3g}" + (f" in {k} components" if k > 1 else ""))
        n, K = len(self.classes), len(self.means)
        shown += [f"... {n - 8} more"] if n > 8 else []
        counts = f"{n} {'class' if n == 1 else 'classes'}, {K} component{'s' * (K > 1)}"
        return f"Mixture({counts}, {self.dim} dimensions: {', '.join(shown)})"

    def members(self, target: Hashable = None) -> np.ndarray:
        """Indices of the components of a class; of all for None."""
        if target is None:
            return np.arange(len(self.means))
        plain = target.item() if isinstance(target, np.generic) else target
        named = isinstance(plain, str | int | float)
        found = [k for k, label in enumerate(self.labels) if named and label == plain]
        require(found, f"target must be one of the classes {short(list(self.classes))}", short(target))
        return np.array(found)

    def prior(self, target: Hashable) -> float:
        """The weight of a class."""
        return float(self.weights[self.members(target)].sum())

    def look(self, x: Numbers, t: float, target: Hashable = None) -> Seen:
        """log p_t(x, class) and the score of the class, of x (samples, dim) at VE time t; of all classes for None."""
        return self.components.look(*self._state(x, t), self.log_weights, self.members(target))

    def score(self, target: Hashable = None) -> "ScoreFunction":
        """The score of a class, or of all: a function of (x, t) for `sample_scores`.

        Examples
        --------
        >>> Mixture([[1.0], [-1.0]], variances=0.5).score()(np.zeros((1, 1)), 0.5)
        array([[0.]])
        """
        members = self.members(target)

        def score(x: np.ndarray, t: float) -> np.ndarray:
            return self.components.look(*self._state(x, t), self.log_weights, members).score

        return score

    def log_density(self, x: Numbers, target: Hashable = None, t: float = 0.0) -> np.ndarray:
        """log p_t(x | class) (samples,); of the mixture for None."""
        x, t = self._state(x, t)
        prior = 1.0 if target is None else self.prior(target)
        return self.look(x, t, target).log - np.log(prior)

    def posterior(self, x: Numbers, target: Hashable, t: float = 0.0) -> np.ndarray:
        """p_t(class | x), (samples,)."""
        own, whole = self.components.split(*self._state(x, t), self.log_weights, self.members(target))
        return np.exp(own.log - whole.log)

    def classify(self, x: Numbers, t: float = 0.0) -> np.ndarray:
        """The most probable class of every sample, (samples,)."""
        x, t = self._state(x, t)
        best, found = np.full(len(x), -np.inf), np.zeros(len(x), int)
        for k, label in enumerate(self.classes):
            log = self.look(x, t, label).log
            found[log > best] = k
            best = np.maximum(best, log)
        names = np.array(self.classes)
        same = names.tolist() == list(self.classes)  # NumPy makes words of numbers among words
        return (names if same else np.array(self.classes, object))[found]

    def modes(self, x: Numbers, target: Hashable) -> np.ndarray:
        """The most probable component of a class for every sample, (samples,): indices of components."""
        x, _ = self._state(x, 0.0)
        members = self.members(target)
        return members[np.argmax(self.components.logs(x, 0.0, members) + self.log_weights[members], axis=1)]

    def draw(self, target: Hashable = None, n_samples: int = 1000, seed: int = 0) -> np.ndarray:
        """Samples of a class, or of all, (n_samples, dim): from its components, without diffusion.

        Examples
        --------
        >>> x = Mixture([[1.0], [-1.0]], variances=0.01, weights=[3, 1]).draw(n_samples=1000)
        >>> bool(abs(x.mean() - 0.5) < 0.1)
        True
        """
        n, members = whole("n_samples", n_samples, low=1, high=2**32), self.members(target)
        seed = whole("seed", seed, low=0)
        p = self.weights[members] / self.weights[members].sum()
        chosen = members[stream(seed, EXACT, 0).choice(len(members), n, p=p)]
        z = normals(make_key(seed, EXACT, 1), range(n), self.dim, out=np.empty((n, self.dim)))
        return self.components.place(chosen, z)

    def mean(self, target: Hashable = None) -> np.ndarray:
        """Of a class, or of all, (dim,)."""
        members = self.members(target)
        return np.average(self.means[members], axis=0, weights=self.weights[members])

    def covariance(self, target: Hashable = None) -> np.ndarray:
        """Of a class, or of all, (dim, dim): of its components, and of their means."""
        members, p = self.members(target), self.weights
        share, centre = p[members].sum(), self.mean(target)
        off = self.means[members] - centre
        between = (off.T * p[members]) @ off
        within = sum((p[k] * self.components.covariance(int(k)) for k in members), np.zeros((self.dim, self.dim)))
        return (within + between) / share

    def problem(
        self, target: Hashable, guidance: Any = 0.0, sampler: str | float = "ode", t_start: float | None = None
    ) -> Problem:
        """The problem of sampling a class: `sigma2` is its least variance, and the start covers the data.

        Examples
        --------
        >>> problem = Mixture([[1.0], [-1.0]], variances=0.5).problem(0, guidance=2.0)
        >>> problem.sigma2, problem.t_start
        (0.5, 450.0)
        """
        if t_start is None:
            t_start = COVERING * self.extent
        least = self.components.least(self.members(target))
        classes = Fixed(len(self.classes))
        return Problem(classes=classes, sigma2=least, guidance=guidance, sampler=sampler, t_start=t_start)

    @property
    def extent(self) -> float:
        """The largest squared distance between means, plus the largest variance in any direction."""
        apart = np.linalg.norm(self.means - self.means.mean(axis=0), axis=1).max()
        return float((2.0 * apart) ** 2 + self.components.largest())

    def design(self, target: Hashable, w_max: float = 6.0, **options: Any) -> "MixtureDesign":
        """The schedule that shifts a class and keeps its trace: see `validate.tuning.designing.design_mixture`."""
        from validate.tuning.designing import design_mixture

        return design_mixture(self, target, w_max, **options)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write it to one file, whole or not at all, with a checksum."""
        from simulate.mixtures.files import save

        save(self, path, overwrite)

    @staticmethod
    def load(path: str | Path) -> "Mixture":
        """Read what `save` wrote; ProblemError where it is damaged."""
        from simulate.mixtures.files import load

        return load(path)

    @staticmethod
    def fit(X: Numbers, y: Sequence[Any], **options: Any) -> "Mixture":
        """Fit classes to features and labels: see `simulate.mixtures.fitting.fit`."""
        from simulate.mixtures.fitting import fit

        return fit(X, y, **options)

    @staticmethod
    def from_sklearn(fitted: Any, labels: Sequence[Any] | None = None) -> "Mixture":
        """The components of a fitted `sklearn.mixture.GaussianMixture`; `labels` gives the class of each."""
        from simulate.mixtures.fitting import from_sklearn

        return from_sklearn(fitted, labels)

    def _state(self, x: Any, t: Any) -> tuple[np.ndarray, float]:
        x = array(x, "x must be an array of numbers")
        fits = x.ndim == 2 and x.shape[1] == self.dim and bool(np.isfinite(x).all())
        require(fits, f"x must be finite, of shape (samples, {self.dim})", f"shape {x.shape}")
        return x, checked("t", t, low=0)
