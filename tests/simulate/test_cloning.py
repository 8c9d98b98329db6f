"""Cloned trajectories against closed forms and against the posterior identity; negative controls that must fail."""

import numpy as np
import pytest
from scipy.stats import t as student

from meanfield import phi_drawn, phi_orthogonal, phi_two
from meanfield.errors import ProblemError
from meanfield.problem.growth import Continuum, Exponential, Fixed, Polynomial
from meanfield.problem.statement import Problem
from simulate import clones
from simulate.cloning import branching

SETTINGS = {"n_samples": 1000, "n_draws": 16, "n_steps": 100, "threads": 1, "progress": False}


def z_scores(values, draws):
    """(mean - values)/stderr over independent draws."""
    return (draws.mean(axis=0) - values) / (draws.std(axis=0, ddof=1) / np.sqrt(len(draws)))


def limit(tests, draws=16):
    """Largest |z| of `tests` Student variables that chance exceeds once in a thousand."""
    return student.isf(0.5e-3 / tests, draws - 1)


def identity_z(data):
    """phi minus the trunk's own sum_k pi_k^2: zero in the mean, with the smallest error."""
    return z_scores(0.0, (data["phi_draws"] - data["posterior_trunk_draws"]).values)


def pair(d, **changes):
    return clones(np.sqrt(d), d * np.geomspace(0.15, 15.0, 7), sigma2=0.25, **{**SETTINGS, **changes})


@pytest.fixture(scope="module")
def two():
    return pair(256)


@pytest.mark.parametrize("name", ["phi", "same", "posterior", "posterior_trunk"])
def test_two_classes_follow_the_closed_form(two, name):
    z = z_scores(phi_two(two["D"].values, 256.0), two[f"{name}_draws"].values)
    assert np.abs(z).max() < limit(7)


def test_identity_holds_sample_by_sample(two):
    assert np.abs(identity_z(two)).max() < limit(7)


def test_check_sees_a_norm_off(two):
    z = z_scores(phi_two(two["D"].values, 1.1 * 256.0), two["phi_draws"].values)
    assert np.abs(z).max() > limit(7)


def test_check_sees_clones_that_share_their_noise(monkeypatch):
    class Shared:
        def __init__(self, rng):
            self.rng = rng

        def __getattr__(self, name):
            return getattr(self.rng, name)

        def standard_normal(self, shape):
            return np.broadcast_to(self.rng.standard_normal(shape[-1]), shape) if shape[0] > 1 else np.zeros(shape)

    step = branching._step
    monkeypatch.setattr(branching, "_step", lambda *args: step(*args[:-1], Shared(args[-1])))
    assert np.abs(identity_z(pair(256, n_samples=200))).max() > limit(7)


def test_check_sees_noise_off_by_two(monkeypatch):
    plain = branching.Descent.coefficients
    monkeypatch.setattr(branching.Descent, "coefficients", lambda *a: (*plain(*a)[:2], np.sqrt(2.0) * plain(*a)[2]))
    assert np.abs(identity_z(pair(256, n_samples=200))).max() > limit(7)


def test_clones_of_another_stochasticity_break_the_identity():
    """The end point is a posterior draw for eta = 1 only: less noise keeps clones together."""
    data = pair(256, eta=0.3, n_samples=200)
    assert (data["phi"] - data["posterior"])[:4].min() > 0.1


def test_trunk_by_ode_has_the_same_law():
    data = pair(256, trunk="ode")
    for name in ("phi", "posterior_trunk"):
        z = z_scores(phi_two(data["D"].values, 256.0), data[f"{name}_draws"].values)
        assert np.abs(z).max() < limit(7)


def test_steps_too_coarse_are_seen_and_finer_ones_agree():
    truth = phi_two(pair(256, n_samples=1)["D"].values, 256.0)
    coarse = pair(256, n_steps=8, n_samples=400, t_start=256 * 15.0)
    fine = pair(256, n_steps=120, n_samples=2000)
    assert np.abs(z_scores(truth, coarse["phi_draws"].values)).max() > limit(7)
    assert np.abs(z_scores(truth, fine["phi_draws"].values)).max() < limit(7)
    assert coarse.attrs["n_steps"] < 16


def test_given_means_by_span_and_in_full_space():
    means = np.random.default_rng(4).standard_normal((5, 12)) + 3.0  # not centred, P < d
    settings = {**SETTINGS, "sigma2": 0.3, "dtype": "float64", "n_samples": 300}
    t = [1.0, 4.0, 12.0, 40.0]
    span = clones(means, t, **settings)
    full = clones(means, t, reduce=False, seed=1, **settings)
    assert (span.attrs["dim"], full.attrs["dim"]) == (4, 12)
    for name in ("phi", "posterior"):
        spread = np.hypot(span[f"{name}_stderr"], full[f"{name}_stderr"])
        assert np.abs((span[name] - full[name]) / spread).max() < 4.0
        assert np.abs(identity_z(span)).max() < limit(4)
    other = clones(1.2 * means, t, reduce=False, seed=1, **settings)
    assert np.abs((span["phi"] - other["phi"]) / np.hypot(span["phi_stderr"], other["phi_stderr"])).max() > 4.0


def test_orthogonal_means_follow_the_closed_form():
    means = np.eye(20, 1000) * np.sqrt(1000.0)
    data = clones(means, 1000.0 / np.array([1.0, 3.0, 6.0, 10.0, 20.0]), sigma2=0.25, **SETTINGS)
    assert data.attrs["dim"] == 19
    z = z_scores(phi_orthogonal(data["D"].values, 1000.0, 20), data["phi_draws"].values)
    assert np.abs(z).max() < limit(5)
    assert np.abs(z_scores(phi_orthogonal(data["D"].values, 1000.0, 30), data["phi_draws"].values)).max() > limit(5)


@pytest.mark.parametrize(
    "law, d", [(Fixed(2), 300), (Polynomial(0.5), 256), (Fixed(40), 2**14), (Exponential(0.4), 12)]
)
def test_drawn_classes_follow_the_average_over_draws(law, d):
    P = np.exp(law.log_count(d))
    t_C = 1.0 / np.expm1(2.0 * np.log(P) / d)
    settings = {**SETTINGS, "n_samples": 60, "n_draws": 64}
    data = clones(law, t_C * np.array([0.3, 0.7, 1.3, 3.0]), d=d, sigma2=0.01, **settings)
    truth = phi_drawn(data["D"].values, P, d)
    for name in ("phi", "posterior"):
        assert np.abs(z_scores(truth, data[f"{name}_draws"].values)).max() < limit(4, 64)
    assert np.abs(identity_z(data)).max() < limit(4, 64)
    wrong = phi_drawn(1.25 * data["D"].values, P, d)
    assert np.abs(z_scores(wrong, data["posterior_draws"].values)).max() > limit(4, 64)


def test_training_set_collapses_on_its_points():
    points = np.random.default_rng(7).standard_normal((300, 12))
    t = np.array([0.05, 0.3, 0.6, 1.2, 3.0])
    data = clones(points, t, sigma2=0.0, **{**SETTINGS, "n_samples": 100})
    fresh = z_scores(0.0, (data["phi_draws"] - data["posterior_draws"]).values)
    assert np.abs(identity_z(data)[:-1]).max() < limit(4) and np.abs(fresh[:-1]).max() < limit(4)
    assert data["phi"][-1] > 0.99 and data["phi"][0] < 0.1
    assert np.abs(data["same"] - data["phi"]).max() < 0.01  # collapsed end points: nearest point is the class
    assert data.attrs["t_end"] == pytest.approx(5e-5)


def test_overlapping_classes_have_the_identity_exactly_and_the_nearest_class_does_not():
    data = clones(1.0, [0.5, 2.0], sigma2=1.0, **SETTINGS)
    assert np.abs(identity_z(data)).max() < limit(2)
    assert np.abs(z_scores(phi_two(data["D"].values, 1.0), data["phi_draws"].values)).max() < limit(2)
    assert np.abs(z_scores(phi_two(data["D"].values, 1.0), data["same_draws"].values)).max() > limit(2)


def test_stopping_early_changes_nothing(monkeypatch, two):
    monkeypatch.setattr(branching, "SURE", -1.0)
    never = pair(256)
    assert np.abs((never["phi"] - two["phi"]) / np.hypot(never["phi_stderr"], two["phi_stderr"]))[1:].max() < 4.0


def test_result_does_not_depend_on_threads_or_the_order_of_times():
    few = {**SETTINGS, "n_samples": 700, "n_draws": 3, "n_steps": 30}
    a = clones(Fixed(4), [5.0, 20.0], d=30, sigma2=0.2, **few)
    b = clones(Fixed(4), [20.0, 5.0], d=30, sigma2=0.2, **{**few, "threads": 3})
    assert (a["phi_draws"].values == b["phi_draws"].values).all() and (a["t"].values == [20.0, 5.0]).all()


def test_a_problem_is_the_law_it_states():
    few = {**SETTINGS, "n_samples": 100, "n_draws": 3, "n_steps": 30, "d": 30}
    problem = Problem(classes=Fixed(4), sigma2=0.2, guidance=-1.0)
    a, b = clones(problem, [5.0], **few), clones(Fixed(4), [5.0], sigma2=0.2, **few)
    assert (a["phi_draws"].values == b["phi_draws"].values).all()
    for wrong in ({"guidance": 0.0}, {"sampler": "ode"}, {"t_start": 100.0}):
        with pytest.raises(ProblemError, match="got"):
            clones(problem.replace(**wrong), [5.0], **few)


def test_the_result_explains_itself(tmp_path, two):
    assert {"classes", "norm", "sigma2", "n_samples", "n_draws", "n_steps", "seed", "eta", "versions"} <= set(two.attrs)
    two.to_netcdf(tmp_path / "clones.nc", engine="h5netcdf")


MEANS = np.eye(3, 5)
BAD = [
    ((MEANS, [0.0]), {}),
    ((MEANS, [-1.0]), {}),
    ((MEANS, [np.nan]), {}),
    ((MEANS, []), {}),
    ((MEANS, [1.0, 1.0]), {}),
    ((MEANS, "late"), {}),
    ((MEANS, [1.0]), {"sigma2": -0.1}),
    ((MEANS, [1.0]), {"sigma2": None}),
    ((MEANS, [1.0]), {"sigma2": np.nan}),
    ((MEANS, [1.0]), {"d": 3}),
    ((MEANS, [1.0]), {"eta": 0.0}),
    ((MEANS, [1.0]), {"trunk": "pde"}),
    ((MEANS, [1.0]), {"dtype": "float16"}),
    ((MEANS, [1.0]), {"n_draws": 1}),
    ((MEANS, [1.0]), {"n_samples": 0}),
    ((MEANS, [1.0]), {"t_start": 0.5}),
    ((MEANS, [1.0]), {"t_end": 1.0}),
    ((MEANS, [1.0]), {"sigma2": 0.0, "t_end": 0.0}),
    ((MEANS * np.nan, [1.0]), {}),
    ((MEANS[:1], [1.0]), {}),
    ((MEANS[[0, 0, 1]], [1.0]), {}),
    ((MEANS[0], [1.0]), {}),
    ((np.zeros((2, 0)), [1.0]), {}),
    (("means", [1.0]), {}),
    ((True, [1.0]), {}),
    ((0.0, [1.0]), {}),
    ((-2.0, [1.0]), {}),
    ((Fixed(3), [1.0]), {}),
    ((Fixed(1), [1.0]), {"d": 5}),
    ((Continuum(), [1.0]), {"d": 5}),
    ((Exponential(1.0), [1.0]), {"d": 100}),
    ((Exponential(0.4), [1.0]), {"d": 60}),
]


@pytest.mark.parametrize("arguments, keywords", BAD)
def test_bad_input_is_refused(arguments, keywords):
    with pytest.raises(ProblemError, match="got"):
        clones(*arguments, **{"sigma2": 0.25, "n_samples": 2, "n_draws": 2, "progress": False, **keywords})
