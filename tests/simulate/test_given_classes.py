"""`sample_mixture` with covariances: against the isotropic path, exact laws, a plain Euler twin, and bad input."""

import math
from itertools import pairwise

import numpy as np
import pytest

from meanfield.errors import ConvergenceError, ProblemError
from meanfield.problem.given import spectrum_of
from meanfield.problem.growth import Fixed
from meanfield.problem.statement import Problem
from simulate import Mixture, StartWarning, sample_mixture
from simulate.randomness.streams import NoiseReader

RNG = np.random.default_rng(3)
MEANS = RNG.normal(size=(12, 3)) * 1.5
MIXING = RNG.normal(size=(12, 3, 3)) * 0.35
COVARIANCES = np.einsum("kij,klj->kil", MIXING, MIXING) + 0.08 * np.eye(3)


def problem(**changes) -> Problem:
    return Problem(classes=Fixed(12), sigma2=0.2, guidance=1.0, sampler="ode", t_start=200.0).replace(**changes)


def log_density(x, t, k=None):
    """log p_t of the mixture, or of class k, written out: nothing of the package."""
    terms = []
    for mean, covariance in zip(MEANS, COVARIANCES, strict=True):
        S = covariance + t * np.eye(3)
        r = x - mean
        terms.append(-0.5 * (r @ np.linalg.solve(S, r) + np.linalg.slogdet(S)[1]))
    return terms[k] if k is not None else float(np.logaddexp.reduce(terms))


def gradient(f, x, h=1e-5):
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))])


def test_scores_are_gradients_of_the_log_density():
    mixture = Mixture(MEANS, COVARIANCES)
    for t in (0.01, 0.7, 30.0):
        x = MEANS[4] + np.array([0.4, -0.7, 0.3])
        for target in (None, 4):
            found = mixture.score(target)(x[None], t)[0]
            assert np.allclose(found, gradient(lambda x, t=t, k=target: log_density(x, t, k), x), rtol=1e-5, atol=1e-7)
            control = gradient(lambda x, t=t, k=target: log_density(x, 1.1 * t + 0.05, k), x)
            assert not np.allclose(found, control, rtol=1e-5)


def test_equal_isotropic_covariances_are_the_isotropic_path():
    for sampler in ("ode", "sde"):
        options = {"target": 2, "n_samples": 50, "n_steps": 40, "seed": 1}
        plain = sample_mixture(problem(sampler=sampler), MEANS, **options)
        given = sample_mixture(problem(sampler=sampler, sigma2=7.0), MEANS, 0.2 * np.eye(3), **options)
        assert np.allclose(plain, given, atol=2e-5)
        assert not np.allclose(plain, sample_mixture(problem(sampler=sampler), MEANS, 0.22 * np.eye(3), **options))


def test_unguided_samples_have_the_law_of_their_class():
    for sampler in ("ode", "sde"):
        p = problem(guidance=0.0, sampler=sampler, t_start=1e6)
        x = sample_mixture(p, MEANS, COVARIANCES, target=5, n_samples=6000, n_steps=5)
        assert np.allclose(x.mean(axis=0), MEANS[5], atol=5 * math.sqrt(COVARIANCES[5].max() / 6000))
        error = 5 * math.sqrt(2 / 6000) * COVARIANCES[5].max()
        assert np.allclose(np.cov(x.T), COVARIANCES[5], atol=error)
        assert not np.allclose(np.cov(x.T), COVARIANCES[6], atol=error)


@pytest.mark.filterwarnings("ignore::simulate.StartWarning")  # the same early start for both
def test_guided_ode_against_plain_euler_steps():
    """The flow of the guided score by Euler steps with the written-out score, extrapolated."""
    p, k = problem(t_start=50.0), 3
    x = sample_mixture(p, MEANS, COVARIANCES, target=k, n_samples=2, n_steps=120, seed=4)
    mixture, basis = Mixture(MEANS, COVARIANCES), np.linalg.eigh(COVARIANCES[k])[1]

    def euler(n_steps):
        y = math.sqrt(p.v_T) * NoiseReader(4, 0, range(2), 3).start() @ basis.T
        for a, b in pairwise(np.geomspace(50.0 + 0.05, 0.05, n_steps + 1) - 0.05):
            s_c, s_u = mixture.score(k)(y, a), mixture.score()(y, a)
            y = y + 0.5 * (a - b) * (2.0 * s_c - s_u)  # w = 1
        return y

    flow = 2.0 * euler(4000) - euler(2000)
    assert np.allclose(x, flow, atol=2e-3)
    stronger = p.replace(guidance=1.1)  # negative control
    wrong = sample_mixture(stronger, MEANS, COVARIANCES, target=k, n_samples=2, n_steps=120, seed=4)
    assert not np.allclose(wrong, flow, atol=2e-3)


@pytest.mark.parametrize(
    "covariances, match",
    [
        (np.eye(2), "of shape"),
        (np.full((12, 3, 3), np.nan), "finite"),
        (np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "symmetric"),
        (np.diag([1.0, 0.0, 1.0]), "positive definite"),
    ],
)
def test_bad_covariances_are_refused(covariances, match):
    with pytest.raises(ProblemError, match=match):
        sample_mixture(problem(), MEANS, covariances, n_samples=2, n_steps=5)


def test_variances_by_direction_are_stated_as_the_message_says():
    """With as many classes as directions a table of variances has the shape of one covariance for all."""
    means = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    variances = np.array([[0.1, 0.2, 0.4], [0.3, 0.1, 0.4], [0.3, 0.2, 0.1]])
    p = problem(guidance=0.0).replace(classes=Fixed(3))
    for S in (variances, variances[:, :2]):
        with pytest.raises(ProblemError, match=r"np\.stack\(\[np\.diag\(v\) for v in variances\]\)"):
            sample_mixture(p, means, S)
    stated = np.stack([np.diag(v) for v in variances])
    x = sample_mixture(p, means, stated, target=0, n_samples=4000, n_steps=60)
    assert np.allclose(x.var(axis=0), variances[0], rtol=0.12)
    symmetrised = sample_mixture(p, means, (variances + variances.T) / 2 + np.eye(3), n_samples=4000, n_steps=60)
    assert not np.allclose(symmetrised.var(axis=0), variances[0], rtol=0.12)  # negative control: another mixture


def test_covariances_that_are_rounded_are_symmetrised_as_the_message_says():
    S = COVARIANCES + 1e-6 * np.arange(9).reshape(3, 3)
    for call in (
        lambda S: sample_mixture(problem(t_start=2000.0), MEANS, S, n_samples=2, n_steps=5),
        lambda S: spectrum_of(MEANS, S),
    ):
        with pytest.raises(ProblemError, match=r"\(S \+ np\.swapaxes\(S, -1, -2\)\)/2"):
            call(S)
        call((S + np.swapaxes(S, -1, -2)) / 2)


@pytest.mark.parametrize("shared", [True, False])
def test_fewer_means_than_directions_are_projected_as_the_message_says(shared):
    rng = np.random.default_rng(3)
    means, covariances = rng.normal(size=(4, 9)), 0.3 * np.eye(9)
    covariances = covariances if shared else np.broadcast_to(covariances, (4, 9, 9))
    with pytest.raises(ProblemError, match=r"4 means vary in 3 of 9 directions.*\[:3\]"):
        spectrum_of(means, covariances)
    V = np.linalg.svd(means - means.mean(axis=0))[2][:3]
    found = spectrum_of(means @ V.T, V @ covariances @ V.T)
    assert np.allclose(found.spectrum.c, 0.3) and found.off_diagonal < 1e-12
    with pytest.raises(ProblemError, match="3 of 4"):  # as many as the means: one too many
        V = np.linalg.svd(means - means.mean(axis=0))[2][:4]
        spectrum_of(means @ V.T, V @ covariances @ V.T)


GRAMS = np.array([[3706.0, 201.0], [5076.0, 217.0], [3733.0, 196.0]])  # masses and flipper lengths of three species
SPREADS = np.diag([460.0**2, 6.5**2])


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_a_start_too_early_for_the_data_is_said_with_one_that_does(sampler):
    """From t = 1000 a mean of 3706 g came out at a few grams to a few hundred; from the start named it is there."""
    p = Problem(classes=Fixed(3), sigma2=1.0, guidance=0.0, sampler=sampler, t_start=1000.0)
    with pytest.warns(StartWarning, match="t_start=") as said:
        x = sample_mixture(p, GRAMS, SPREADS, n_samples=400)
    assert abs(x[:, 0].mean() - 3706.0) > 3000.0
    named = float(str(said[0].message).split("t_start=")[1].split(",")[0])
    x = sample_mixture(p.replace(t_start=named), GRAMS, SPREADS, n_samples=400)  # and no warning, which would raise
    assert abs(x[:, 0].mean() - 3706.0) < (0.3 + 4.0 / 20.0) * 460.0
    centred = (GRAMS - GRAMS.mean(axis=0)) / 500.0
    x = sample_mixture(p, centred, SPREADS / 500.0**2, n_samples=400)
    assert abs(x[:, 0].mean() - centred[0, 0]) < (0.3 + 4.0 / 20.0) * 0.92


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_too_few_steps_are_refused_at_any_scale_of_the_data(scale):
    """The number that is named does: the samples are then those of many more steps."""
    p = problem(guidance=5.0, sigma2=0.2 * scale**2, t_start=2000.0 * scale**2)
    for n_steps in (1, 2, 3):
        with pytest.raises(ConvergenceError, match=f"with {n_steps} steps.*n_steps=") as refusal:
            sample_mixture(p, scale * MEANS, n_samples=200, n_steps=n_steps)
    needed = int(str(refusal.value).split("n_steps=")[1].split()[0])
    x, fine = (sample_mixture(p, scale * MEANS, n_samples=200, n_steps=n) for n in (needed, 400))
    assert np.sqrt(np.mean((x - fine) ** 2)) < 0.01 * scale
    for unguided in (p.replace(guidance=0.0), p.replace(guidance=5.0, classes=Fixed(1))):  # any number of steps does
        sample_mixture(unguided, scale * MEANS[: unguided.classes.n], n_samples=20, n_steps=1)
