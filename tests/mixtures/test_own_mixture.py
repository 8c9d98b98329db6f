"""Mixtures of one's own: densities, scores and guided samples against the same written out; laws; files; bad input."""

import math
from itertools import pairwise

import numpy as np
import pytest
from forms import FORMS, FULL, MEANS, RNG, WEIGHTS, D, made
from written_out import WrittenOut

from meanfield import (
    Composed,
    DensityRatio,
    Free,
    Negative,
    PowerLaw,
    ProblemError,
    Projected,
    Rescale,
    Tangential,
    WeakModel,
    ZeroStar,
    heun,
)
from simulate import Mixture, run_sampler, sample_mixture, sample_scores
from simulate.samples.batch import Batch

pair = pytest.fixture(params=FORMS)(made)


def test_densities_and_scores_are_those_written_out(pair):
    mixture, plain = pair
    x = RNG.normal(size=(7, D)) * 2.0
    for t in (0.0, 0.3, 50.0):
        expected = [plain.scores(row, t) for row in x]
        own, every, s_c, s_u = (np.array(part) for part in zip(*expected, strict=True))
        assert np.allclose(mixture.log_density(x, t=t), every, atol=1e-10)
        assert np.allclose(mixture.log_density(x, "a", t), own - math.log(plain.prior()), atol=1e-10)
        assert np.allclose(mixture.posterior(x, "a", t), np.exp(own - every), atol=1e-12)
        assert np.allclose(mixture.score("a")(x, t), s_c, rtol=1e-9, atol=1e-10)
        assert np.allclose(mixture.score()(x, t), s_u, rtol=1e-9, atol=1e-10)
        assert not np.allclose(mixture.score()(x, t + 0.01 * (1.0 + t)), s_u, rtol=1e-9)  # control


def test_rivals_that_are_lost_beside_the_class_change_nothing_and_others_do(pair):
    """Split sums rivals beside the class: scores are those of all, with samples on rivals and far from them."""
    mixture, plain = pair
    for x in (RNG.normal(size=(300, D)) * 2.0, np.tile(MEANS[4], (3, 1)), 1e3 * np.ones((2, D))):
        for t in (0.0, 0.3, 50.0):
            own, whole = mixture.components.split(x, t, mixture.log_weights, mixture.members("a"))
            rows = range(0, len(x), 30)
            _, every, _, s_u = (np.array(p) for p in zip(*[plain.scores(x[k], t) for k in rows], strict=True))
            assert np.allclose(whole.log[::30], every, rtol=1e-12, atol=1e-10)
            assert np.allclose(whole.score[::30], s_u, rtol=1e-9, atol=1e-9)
    on_rival = np.tile(MEANS[4], (1, 1))
    own, whole = mixture.components.split(on_rival, 0.0, mixture.log_weights, mixture.members("a"))
    assert whole.log[0] > own.log[0] + 0.1  # control: what is not lost is seen


def test_classes_and_modes_are_the_most_probable(pair):
    mixture, plain = pair
    x = RNG.normal(size=(40, D)) * 2.0
    logs = np.array([plain.logs(row, 0.0)[0] for row in x])
    by_class = np.array([np.logaddexp.reduce(logs[:, k], axis=1) for k in ([0, 1], [2, 3], [4])])
    assert mixture.classify(x).tolist() == np.array(["a", "b", "c"])[by_class.argmax(axis=0)].tolist()
    assert mixture.modes(x, "b").tolist() == (2 + logs[:, 2:4].argmax(axis=1)).tolist()


def test_moments_and_draws_have_the_law(pair):
    mixture, plain = pair
    p = np.array([1.0, 2.0]) / 3.0
    mean = p @ MEANS[:2]
    off = MEANS[:2] - mean
    covariance = np.einsum("k,kij->ij", p, plain.covariances[:2]) + (off.T * p) @ off
    assert np.allclose(mixture.mean("a"), mean)
    assert np.allclose(mixture.covariance("a"), covariance)
    x = mixture.draw("a", 40_000, seed=3)
    error = 5 * covariance.max() * math.sqrt(3.0 / len(x))
    assert np.allclose(x.mean(axis=0), mean, atol=5 * math.sqrt(covariance.max() / len(x)))
    assert np.allclose(np.cov(x.T), covariance, atol=error)
    assert not np.allclose(np.cov(mixture.draw("b", 40_000).T), covariance, atol=error)  # control


def starts(mixture, problem, target, n, seed):
    """The start of every sample, in original coordinates."""
    _, basis = mixture.components.frame(mixture.members(target))
    start = Batch(problem, 1, n, D, seed).start
    return start if basis is None else start @ basis.T


def assert_flows(mixture, plain, target, guidance, weight):
    """200 steps of the ODE are the flow to 1e-5 of the width; guidance a hundredth stronger is not (control)."""
    problem = mixture.problem(target, guidance=guidance)
    x0 = starts(mixture, problem, target, 4, 5)
    least = mixture.components.least(mixture.members(target))
    options = {"target": target, "n_samples": 4, "n_steps": 200, "seed": 5}
    found = sample_mixture(problem, mixture, **options)
    scale = math.sqrt(mixture.covariance(target).trace())
    for factor, same, n in ((1.0, True, 4), (1.01, False, 1)):
        flow = np.array([plain.flow(x, problem.T, lambda *a, f=factor: f * weight(*a), least) for x in x0[:n]])
        assert (np.abs(found[:n] - flow).max() < 1e-5 * scale) == same


@pytest.mark.parametrize("target", ["a", "c"])
def test_guided_samples_are_the_flow_of_an_adaptive_integrator(pair, target):
    mixture, plain = pair
    plain.own = [0, 1] if target == "a" else [4]
    assert_flows(mixture, plain, target, 1.5, lambda t, r, n: 1.5)


@pytest.mark.parametrize("form", ["full", "low-rank"])
def test_weights_that_depend_on_the_sample_are_those_written_out(form):
    make, covariances = FORMS[form]
    plain = WrittenOut(WEIGHTS, MEANS, covariances, [0, 1])
    ratio = DensityRatio(0.2)
    assert_flows(make(), plain, "a", ratio, lambda t, r, n: float(ratio.w_ratio(r)))
    assert_flows(make(), plain, "a", PowerLaw(1.0, exponent=0.5), lambda t, r, n: (n / math.sqrt(D)) ** 0.5)


RULES = [Rescale(1.0), Projected(1.0, eta=0.2), ZeroStar(1.0), Tangential(1.0), Free(1.0, b=-0.9)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_are_those_of_given_scores(rule):
    """With scores as functions the rule is the same code, and the frame another."""
    mixture = FORMS["spherical"][0]()
    problem = mixture.problem("a", guidance=rule)
    options = {"n_samples": 30, "seed": 2, "n_steps": 200}
    found = sample_mixture(problem, mixture, target="a", **options)
    given = sample_scores(problem, mixture.score("a"), mixture.score(), D, t_end=1e-9, **options)
    assert np.abs(found - given).max() < 1e-4
    other = sample_mixture(mixture.problem("a", guidance=2.0), mixture, target="a", **options)
    assert np.abs(found - other).max() > 1e-2  # control


def test_the_weak_model_is_the_class_with_larger_variances():
    mixture, rule = FORMS["full"][0](), WeakModel(1.0, delta=0.3)
    problem = mixture.problem("a", guidance=rule)
    options = {"n_samples": 30, "seed": 2, "n_steps": 300}
    weak = Mixture(MEANS[:2], FULL[:2] + 0.3 * np.eye(D), weights=WEIGHTS[:2])
    given = sample_scores(problem, mixture.score("a"), weak.score(), D, t_end=1e-9, **options)
    assert np.abs(sample_mixture(problem, mixture, target="a", **options) - given).max() < 1e-4
    assert np.abs(sample_mixture(problem, mixture, target="b", **options) - given).max() > 1e-2  # control


@pytest.mark.parametrize("rule", [Negative(0.5), Composed(0.5, w_2=0.7)], ids=lambda rule: rule.name)
def test_a_second_condition_is_a_class(rule):
    mixture = FORMS["diag"][0]()
    problem = mixture.problem("a", guidance=rule)
    options = {"n_samples": 30, "seed": 2, "n_steps": 300}
    found = sample_mixture(problem, mixture, target="a", second="b", **options)
    scores = {"second": mixture.score("b"), "t_end": 1e-9}
    c = mixture.components.frame(mixture.members("a"))[0].min()
    start = problem.replace(sigma2=float(c))
    given = sample_scores(start, mixture.score("a"), mixture.score(), D, **scores, **options)
    assert np.abs(found - given).max() < 1e-3
    other = sample_mixture(problem, mixture, target="a", second="c", **options)
    assert np.abs(found - other).max() > 0.1  # control
    levels = [*np.geomspace(80.0, 0.03, 40).tolist(), 0.0]
    coded = {"sampler": heun(levels), "target": "a", "n_samples": 30, "seed": 2}
    coded_pair = [sample_mixture(problem, mixture, second=s, **coded) for s in ("b", "c")]
    assert np.abs(coded_pair[0] - coded_pair[1]).max() > 0.1
    with pytest.raises(ProblemError, match="takes a second condition; got second=None"):
        sample_mixture(problem, mixture, target="a", **options)
    with pytest.raises(ProblemError, match="takes no second condition"):
        sample_mixture(mixture.problem("a", guidance=1.0), mixture, target="a", second="b", **options)


@pytest.mark.parametrize("sampler", ["sde", 0.5])
def test_unguided_samples_of_a_class_have_its_law(pair, sampler):
    mixture, _ = pair
    x = sample_mixture(mixture.problem("a", sampler=sampler), mixture, target="a", n_samples=8000, n_steps=60, seed=1)
    S, mean = mixture.covariance("a"), mixture.mean("a")
    assert np.allclose(x.mean(axis=0), mean, atol=5 * math.sqrt(S.max() / len(x)))
    error = 5 * S.max() * math.sqrt(3.0 / len(x))
    assert np.allclose(np.cov(x.T), S, atol=error)
    assert not np.allclose(np.cov(x.T), mixture.covariance("b"), atol=error)  # control
    assert abs((mixture.modes(x, "a") == 0).mean() - 1 / 3) < 5 * math.sqrt(2 / 9 / len(x)) + 0.01


def test_a_samplers_code_has_the_exact_scores():
    """Heun's steps through the model are Heun's steps with the scores, sample by sample."""
    mixture, levels = FORMS["full"][0](), [*np.geomspace(80.0, 0.03, 40).tolist(), 0.0]
    problem = mixture.problem("a", guidance=1.5)
    seen = []

    def remembered(model, noise):
        def kept():
            seen.append(noise())
            return seen[-1]

        return heun(levels)(model, kept)

    x = sample_mixture(problem, mixture, target="a", n_samples=20, seed=4, sampler=remembered)
    y = levels[0] * seen[0]

    def slope(y, s, w=1.5):
        s_c, s_u = mixture.score("a")(y, s * s), mixture.score()(y, s * s)
        return -s * (s_c + w * (s_c - s_u))

    for s, after in pairwise(levels):
        first = slope(y, s)
        step = y + (after - s) * first
        y = step if after == 0.0 else y + 0.5 * (after - s) * (first + slope(step, after))
    assert np.abs(x - y).max() < 1e-8
    shaped = sample_mixture(problem, mixture, target="a", n_samples=20, seed=4, sampler=heun(levels), shape=(2, 2))
    assert np.abs(x - shaped).max() < 1e-8
    other = sample_mixture(problem, mixture, target="b", n_samples=20, seed=4, sampler=heun(levels))
    assert np.abs(x - other).max() > 0.1  # control


def test_run_sampler_averages_what_sample_mixture_returns():
    mixture, levels = FORMS["diag"][0](), [*np.geomspace(80.0, 0.03, 40).tolist(), 0.0]
    problem = mixture.problem("b", guidance=1.0)
    data = run_sampler(problem, heun(levels), mixture=mixture, target="b", n_samples=50, n_disorder=3, seed=6)
    way = mixture.mean("b") - mixture.mean()
    m, v = [], []
    for draw in range(3):
        options = {"n_samples": 50, "seed": 6, "draw": draw, "sampler": heun(levels)}
        x = sample_mixture(problem, mixture, target="b", **options) - mixture.mean()
        along = x @ way / (way @ way)
        m.append(along.mean())
        v.append((np.sum(x**2, axis=1) - along**2 * (way @ way)).mean() / (D - 1))
    assert np.allclose(data.final.m.values, m)
    assert np.allclose(data.final.v.values, v)
    assert data.final.m.mean > data.final.m_twin.mean + 3 * data.final.m.stderr  # guidance goes beyond the class
    options = {"mixture": mixture, "target": "b", "n_samples": 50, "seed": 6}
    more = run_sampler(problem, heun(levels), n_disorder=1, first_draw=2, **options)
    assert np.array_equal(more.final.m.values, data.final.m.values[2:])


def test_a_batch_does_not_depend_on_its_size(pair):
    mixture, _ = pair
    problem = mixture.problem("a", guidance=1.0, sampler="sde")
    options = {"target": "a", "n_steps": 30, "seed": 9}
    few, many = (sample_mixture(problem, mixture, n_samples=n, **options) for n in (3, 700))
    assert np.allclose(few, many[:3], atol=1e-9)
    assert not np.allclose(few, many[3:6], atol=1e-3)
