"""`NetworkScore` of plain functions: exact predictions give the samples of the mixture; what is wrong is found."""

import numpy as np
import pytest
from exact_networks import MIXTURE, NOISES, NULL, PREDICTIONS, exact

from meanfield import EDM, Projected, VPLinear
from meanfield.errors import ConvergenceError, ProblemError
from simulate import NetworkScore, sample_mixture, sample_scores

PROBLEM = MIXTURE.problem("own", guidance=1.5, t_start=300.0)
OPTIONS = {"n_samples": 50, "n_steps": 60, "seed": 3}
BETAS = np.linspace(1e-4, 0.02, 1000)


def network(prediction="eps", noise="edm", model=None, shape=3, **options):
    model = exact(prediction, noise) if model is None else model
    return NetworkScore(model, prediction, shape, **NOISES[noise], null_label=NULL, dtype="float64", **options)


def sampled(network, problem=PROBLEM, label=0, t_end=1e-8):
    scores = network.conditional(label), network.unconditional
    return sample_scores(problem, *scores, network.dim, t_end=t_end, **OPTIONS)


def rms(x):
    return float(np.sqrt(np.mean(x**2)))


@pytest.fixture(scope="module")
def truth():
    return sample_mixture(PROBLEM, MIXTURE, target="own", **OPTIONS)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_exact_predictions_give_the_samples_of_the_mixture(prediction, noise, truth):
    assert rms(sampled(network(prediction, noise)) - truth) < 1e-5


@pytest.mark.parametrize("stated", ["x0", "v", "flow", "score"])
def test_another_reading_gives_other_samples_and_the_check_names_the_right_one(stated, truth):
    """The negative control: eps that are taken for something else."""
    for noise in ("edm", "vp", "steps"):
        wrong = network(stated, noise, model=exact("eps", noise))
        assert rms(sampled(wrong) - truth) > 0.1
        x = MIXTURE.draw(n_samples=500, seed=1)
        found = wrong.check(x)
        assert not found.ok and found.sentence.endswith("read as eps it is.")
        assert network("eps", noise).check(x).ok


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("noise", ["edm", "vp"])
def test_every_pair_of_readings_is_told_apart(prediction, noise):
    """All but the stated one are wrong by far, except those that are the same thing where the data vanish."""
    found = network(prediction, noise).check(MIXTURE.draw(n_samples=500, seed=1))
    assert found.ok and np.all(found.explained[prediction] > found.moments - 5 * found.stderr)
    assert not any(found._good(kind) for kind in PREDICTIONS if kind != prediction)


@pytest.mark.parametrize("fault", ["scale", "level", "sign", "labels"])
def test_other_faults_are_reported(fault):
    x, good = MIXTURE.draw(n_samples=500, seed=1), exact("eps", "edm")
    broken = {
        "scale": good,
        "level": lambda x, s, c: good(x, 0.25 * np.log(s), c),  # EDM's c_noise in place of sigma
        "sign": lambda x, s, c: -good(x, s, c),
        "labels": lambda x, s, c: good(x, s, (c + 1) % 3),
    }[fault]
    data = 100.0 * x if fault == "scale" else x
    labels = np.array([MIXTURE.classes.index(c) for c in MIXTURE.classify(x)]) if fault == "labels" else None
    if fault == "labels":  # of the classes of this mixture, which lie apart
        assert network("eps", "edm", model=good).check(data, labels).ok
    assert not network("eps", "edm", model=broken).check(data, labels).ok


def test_the_check_explains_itself():
    text = repr(network("x0", "edm", model=exact("eps", "edm")).check(MIXTURE.draw(n_samples=500, seed=1)))
    assert "not a denoiser of these data when read as x0; read as eps it is." in text and text.count("sigma =") == 3


def test_batches_shapes_and_labels_of_samples_change_nothing(truth):
    calls = []

    def watched(x, level, labels):
        calls.append((x.shape, level.shape, labels.dtype, len(x)))
        return exact("eps", "edm")(x, level, labels)

    small = network(model=watched, shape=(1, 3), batch=7)
    assert np.allclose(sampled(small), sampled(network()), rtol=0.0, atol=1e-10)
    assert {shape[1:] for shape, *_ in calls} == {(1, 3)} and max(n for *_, n in calls) == 7
    assert all(level == (n,) and dtype == np.int64 for _, level, dtype, n in calls)
    labels = np.arange(50) % 2
    mixed = sampled(network(), label=labels)
    other = sampled(network(), label=1)
    assert np.allclose(mixed[::2], truth[::2], atol=1e-5) and np.allclose(mixed[1::2], other[1::2], atol=1e-12)


def test_single_precision_is_enough_for_a_network(truth):
    single = NetworkScore(exact("eps", "edm"), "epsilon", 3, noise=EDM(), null_label=NULL)
    assert single.prediction == "eps" and 0.0 < rms(sampled(single, t_end=1e-5) - truth) < 1e-3


def test_rules_and_sdes_take_it():
    for changes in ({"sampler": "sde"}, {"guidance": Projected(1.5, eta=0.2)}):
        p = PROBLEM.replace(**changes)
        own = sample_mixture(p, MIXTURE, target="own", **OPTIONS)
        assert rms(sampled(network("v", "vp"), p) - own) < 1e-4


def test_training_steps_are_timesteps_and_bound_the_noise():
    abar = np.cumprod(1.0 - BETAS)
    seen = []

    def model(x, level, labels):
        seen.append(float(level[0]))
        return x

    made = NetworkScore(model, "eps", 3, alphas_cumprod=abar, null_label=NULL)
    assert made.t_start == pytest.approx((1 - abar[-1]) / abar[-1]) and made.t_end == pytest.approx(1e-4 / (1 - 1e-4))
    score = made.unconditional
    for step in (0, 400, 999):
        score(np.ones((1, 3)), (1 - abar[step]) / abar[step])
        assert seen[-1] == pytest.approx(step, abs=1e-3)
    for t in (0.0, 0.5 * made.t_end, 2.0 * made.t_start):
        with pytest.raises(ProblemError, match=r"t_start=network.t_start, and give t_end=network.t_end"):
            score(np.ones((1, 3)), t)
    narrow = NetworkScore(model, "eps", 3, noise=VPLinear(), null_label=NULL, t_range=(0.01, 100.0))
    assert (narrow.t_end, narrow.t_start) == (0.01, 100.0)


class Training:
    training = True

    def __call__(self, x, level, labels):
        return x


def random(x, level, labels):
    return x + np.random.default_rng().normal(size=x.shape)


@pytest.mark.parametrize(
    "model, message",
    [
        (Training(), r"eval mode, without dropout; got training mode. Call model.eval\(\)"),
        (random, r"same output for the same input; got differences up to"),
        (lambda x, s, c: x[:, :2], r"array of shape \(2, 3\); got shape \(2, 2\)"),
        (lambda x, s, c: (x, x), r"array of shape \(2, 3\); got shape \(2, 2, 3\)"),
        (lambda x, s, c: {"sample": x}, r"array of shape \(2, 3\); got \{'sample'"),
        (lambda x, s: x, r"must take \(x, level, labels\), x of shape \(2, 3\); it raised TypeError"),
        (lambda x, s, c: 1 / 0, r"it raised ZeroDivisionError"),
    ],
)
def test_networks_that_do_not_fit_are_refused_before_a_run(model, message):
    made = network(model=model)
    for ask in (lambda: made.conditional(0), lambda: made.unconditional):
        with pytest.raises(ProblemError, match=message) as refused:
            ask()
        assert len(str(refused.value)) < 1500


def test_outputs_that_are_not_finite_are_an_error():
    with pytest.raises(ConvergenceError, match="must be finite; at level 1 it is not"):
        _ = network(model=lambda x, s, c: np.nan * x).unconditional


@pytest.mark.parametrize(
    "change, message",
    [
        ({"prediction": "noise"}, "prediction must be one of"),
        ({"shape": (3, 0)}, "shape must be a whole number >= 1; got 0"),
        ({"noise": None}, "state noise or alphas_cumprod, one of them; got none"),
        ({"alphas_cumprod": [0.9, 0.1]}, "one of them; got noise and alphas_cumprod"),
        ({"noise": None, "alphas_cumprod": [0.1, 0.9]}, "falling from the data to noise"),
        ({"dtype": "float16"}, "dtype must be one of"),
        ({"batch": 0}, "batch must be a whole number >= 1"),
        ({"t_range": (1.0,)}, "t_range must be the least and the largest VE time"),
        ({"t_range": (1.0, 0.5)}, "the largest time of t_range must be a number > 1"),
    ],
)
def test_arguments_are_checked(change, message):
    given = {"model": exact("eps", "edm"), "prediction": "eps", "shape": 3, "noise": EDM(), "null_label": NULL}
    with pytest.raises(ProblemError, match=message):
        NetworkScore(**given | change)


def test_labels_and_data_are_checked():
    made, x = network(), MIXTURE.draw(n_samples=20)
    for labels in ("cat", 1.5, [[0, 1]], []):
        with pytest.raises(ProblemError, match="labels must be"):
            made.conditional(labels)
    with pytest.raises(ProblemError, match="every sample needs a label; got 3 labels for 5 samples"):
        made.conditional([0, 1, 0])(np.zeros((5, 3)), 1.0)
    with pytest.raises(ProblemError, match="null_label=None"):
        _ = NetworkScore(exact("eps", "edm"), "eps", 3, noise=EDM()).unconditional
    for data in (x[:, :2], x[0], np.nan * x):
        with pytest.raises(ProblemError, match="x must be finite data"):
            made.check(data)
    with pytest.raises(ProblemError, match="labels must be 20, one of each datum"):
        made.check(x, [0, 1])
    with pytest.raises(ProblemError, match="the data must vary"):
        made.check(np.ones((5, 3)))
    narrow = network(t_range=(1e-4, 100.0))
    with pytest.raises(ProblemError, match=r"must be noise that the network knows.*other units"):
        narrow.check(1e6 * x)
