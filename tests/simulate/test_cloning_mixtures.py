"""Clones among the classes of a `Mixture`: widths, weights, many components; the identity, closed forms, controls."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import chi2, norm
from scipy.stats import t as student

from meanfield import Fixed, phi_two, phi_widths, speciation_time_widths
from meanfield.errors import ProblemError
from simulate import Mixture, clones
from simulate.cloning.classes import Given

SETTINGS = {"n_samples": 100, "n_draws": 16, "n_steps": 80, "threads": 1, "progress": False}
WIDTHS = (1.75, 0.25)


def z_scores(values, draws):
    return (draws.mean(axis=0) - values) / (draws.std(axis=0, ddof=1) / np.sqrt(len(draws)))


def limit(tests, draws=16):
    """Largest |z| of `tests` Student variables that chance exceeds once in a thousand."""
    return student.isf(0.5e-3 / tests, draws - 1)


def identity_z(data):
    return z_scores(0.0, (data["phi_draws"] - data["posterior_trunk_draws"]).values)


def wide_and_narrow(d, **more):
    return Mixture(np.zeros((2, d)), variances=list(WIDTHS), **more)


@pytest.fixture(scope="module")
def widths():
    t = speciation_time_widths(WIDTHS, 64).t
    return clones(wide_and_narrow(64), t * np.geomspace(0.4, 4.0, 4), **SETTINGS)


@pytest.mark.parametrize("name", ["phi", "posterior", "posterior_trunk"])
def test_classes_that_differ_in_width_follow_the_closed_form(widths, name):
    """Equal means: |x|^2 alone decides."""
    z = z_scores(phi_widths(widths["t"].values, WIDTHS, 64), widths[f"{name}_draws"].values)
    assert np.abs(z).max() < limit(4)
    wrong = z_scores(phi_widths(widths["t"].values, WIDTHS, 100), widths[f"{name}_draws"].values)
    assert np.abs(wrong).max() > limit(4)  # negative control: another dimension


def test_the_identity_holds_for_widths_and_not_for_less_noise(widths):
    assert np.abs(identity_z(widths)).max() < limit(4)
    other = clones(wide_and_narrow(64), widths["t"].values, eta=0.3, **SETTINGS)
    assert np.abs(identity_z(other)).max() > limit(4)  # negative control


@pytest.mark.parametrize("d", [1, 3, 16, 500])
def test_the_closed_form_is_its_integral(d):
    """(C9) by adaptive quadrature, with the densities of |x|^2 as scipy has them; either class may come first."""
    for t in (0.01, 1.0, 20.0):
        one, two = (chi2(d, scale=c + t) for c in WIDTHS)
        edges = np.unique([*two.ppf([1e-14, 0.1, 0.9, 1 - 1e-12]), *one.ppf([1e-14, 0.1, 0.9, 1 - 1e-14])])
        lost = lambda r, one=one, two=two: one.pdf(r) * expit(two.logpdf(r) - one.logpdf(r))  # noqa: E731
        missed = sum(quad(lost, *edge, epsabs=1e-12)[0] for edge in pairwise(edges))
        assert phi_widths(t, WIDTHS, d) == pytest.approx(1.0 - missed, abs=1e-9)
        assert phi_widths(t, WIDTHS[::-1], d) == pytest.approx(1.0 - missed, abs=1e-9)


def test_many_dimensions_make_widths_like_separate_means():
    """(C10): phi is that of two classes at +-mu with |mu|^2/D = h, up to 1/d."""
    gaps = []
    for d in (256, 1024, 4096):
        t = speciation_time_widths(WIDTHS, d).t * np.array([0.5, 1.0, 2.0])
        h = d * (WIDTHS[0] - WIDTHS[1]) ** 2 / (8.0 * (WIDTHS[0] + t) * (WIDTHS[1] + t))
        assert h[1] == pytest.approx(1.0)
        gaps.append(np.abs(phi_widths(t, WIDTHS, d) - phi_two(1.0 / h, 1.0)).max())
    assert gaps[0] < 5e-3 and gaps[1] < 0.35 * gaps[0] and gaps[2] < 0.35 * gaps[1]


@pytest.mark.parametrize("form", ["variances", "rows", "full"])
def test_equal_widths_are_the_classes_of_means(form):
    """Every form of covariance, far from the origin, against the run in the span of the means."""
    means = np.random.default_rng(4).standard_normal((3, 5)) + 3.0
    t, settings = [0.5, 3.0, 12.0], {**SETTINGS, "n_samples": 100, "n_steps": 60}
    span = clones(means, t, sigma2=0.3, dtype="float64", **settings)
    stated = {
        "variances": {"variances": 0.3},
        "rows": {"variances": np.full((3, 5), 0.3)},
        "full": {"covariances": [0.3 * np.eye(5)] * 3},
    }[form]
    own = clones(Mixture(means, **stated), t, seed=1, **settings)
    assert own.attrs["dim"] == 5 and own.attrs["sigma2"] == pytest.approx(0.3)
    for name in ("phi", "posterior", "same", "information"):
        spread = np.hypot(span[f"{name}_stderr"], own[f"{name}_stderr"])
        assert np.abs((span[name] - own[name]) / spread).max() < 4.5
    other = clones(Mixture(1.4 * means, **stated), t, seed=1, **settings)
    assert np.abs((span["phi"] - other["phi"]) / np.hypot(span["phi_stderr"], other["phi_stderr"])).max() > 4.5


def test_weights_and_classes_of_many_components():
    """One dimension, class "a" of two components and weight 0.8: phi, chance and information by quadrature."""
    means, widths, weights = np.array([-4.0, 4.0, 0.0]), np.array([0.5, 1.0, 0.3]), np.array([0.3, 0.5, 0.2])
    mixture = Mixture(means[:, None], variances=widths, weights=weights, labels=["a", "a", "b"])
    t = np.array([200.0, 6.0, 1.0])
    data = clones(mixture, t, **{**SETTINGS, "n_samples": 400})
    assert data.attrs["chance"] == pytest.approx(0.68) and data.attrs["n_classes"] == 2
    for name in ("phi", "posterior", "information"):
        truth = [expected(name, means, widths + s, weights) for s in t]
        assert np.abs(z_scores(truth, data[f"{name}_draws"].values)).max() < limit(3)
        equal = [expected(name, means, widths + s, np.ones(3) / 3) for s in t]
        assert np.abs(z_scores(equal, data[f"{name}_draws"].values)).max() > limit(3)  # negative control
    assert np.abs(identity_z(data)).max() < limit(3)


def expected(name, means, D, weights):
    x = np.linspace(-8.0, 8.0, 30001) * np.sqrt(D.max()) + np.average(means)
    p = weights * norm.pdf(x[:, None], means, np.sqrt(D))
    pi = np.stack([p[:, :2].sum(axis=1), p[:, 2]], axis=1) / p.sum(axis=1, keepdims=True)
    prior = np.array([weights[:2].sum(), weights[2]])
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.where(pi > 0.0, pi * np.log(pi / prior), 0.0)
    value = told.sum(axis=1) if name == "information" else np.sum(pi**2, axis=1)
    return np.sum(value * p.sum(axis=1)) * (x[1] - x[0])


def test_the_log_posterior_holds_each_state_at_its_own_time():
    mixture = wide_and_narrow(3, weights=[1.0, 3.0])
    classes, y = Given(mixture), np.random.default_rng(0).standard_normal((4, 2, 3))
    D = classes.least + np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [0.5, 0.5]])
    found = classes.log_posterior(y, D)
    for index in np.ndindex(4, 2):
        own = [mixture.look(y[index][None], D[index] - classes.least, k).log[0] for k in mixture.classes]
        assert np.allclose(found[index], own, atol=1e-12)


def test_threads_do_not_change_the_result():
    few = {**SETTINGS, "n_samples": 700, "n_draws": 3, "n_steps": 30}
    a, b = (clones(wide_and_narrow(20), [2.0, 8.0], **{**few, "threads": n}) for n in (1, 3))
    assert (a["phi_draws"].values == b["phi_draws"].values).all()


@pytest.mark.parametrize("options", [{"d": 64}, {"sigma2": 0.25}])
def test_a_mixture_brings_its_own_dimensions_and_variances(options):
    with pytest.raises(ProblemError, match="a Mixture has its own dimensions and variances; got"):
        clones(wide_and_narrow(64), [1.0], **options)


def test_one_class_is_refused():
    with pytest.raises(ProblemError, match=r"at least two classes to choose from; got 1 \(Mixture"):
        clones(wide_and_narrow(4, labels=["a", "a"]), [1.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: phi_widths(-1.0, WIDTHS, 4),
        lambda: phi_widths(1.0, (1.0,), 4),
        lambda: phi_widths(1.0, (1.0, 0.0), 4),
        lambda: phi_widths(1.0, WIDTHS, 0),
        lambda: speciation_time_widths((1.0, 1.01), 16),
        lambda: speciation_time_widths((1.0, np.nan), 16),
        lambda: clones(Fixed(2), [1.0], d=4),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ProblemError, match="got"):
        call()
