"""Rules on learned scores, without a network: exact scores, cells, ranks and their intervals, the drawing."""

import numpy as np
import pytest
import xarray
from drawn_texts import faults

from meanfield import ByGroup, Continuum, Fixed, Problem, Spectrum, solve
from simulate import sample_mixture, sample_scores
from validate import ComparisonError
from validate.drawing import WIDTH, sized
from validate.figures.rules_network.cells import (
    DELTA,
    DESIGNED,
    LEADING,
    LOW,
    RULES,
    SAMPLERS,
    SCHEDULES,
    Scores,
    W,
    for_scores,
    in_theory,
    shape_of,
    two_bands,
)
from validate.figures.rules_network.designs import WINDOWS
from validate.figures.rules_network.drawing import caption, draw
from validate.figures.rules_network.gaussians import EqualShapes, GaussianScores
from validate.figures.rules_network.ranking import MEASURES, average, by_split, rank_correlation, spearman

RNG = np.random.default_rng(3)
MEANS = 2.0 * RNG.normal(size=(3, 4))
ROOTS = RNG.normal(size=(3, 4, 4)) * 0.4
SHAPES = ROOTS @ ROOTS.transpose(0, 2, 1) + 0.1 * np.eye(4)
SHAPES[1] = np.diag(np.linalg.eigvalsh(SHAPES[1]))  # `sample_mixture` has its noise in the target's eigenbasis


def test_exact_scores_of_gaussians_give_the_samples_of_the_mixture():
    """Sample by sample, up to the error of the step; control: one covariance 10 % larger."""
    problem = Problem(classes=Fixed(3), sigma2=0.1, guidance=1.5, sampler="ode", t_start=400.0)
    options = {"n_samples": 30, "n_steps": 300, "seed": 1}
    exact = sample_mixture(problem, MEANS, list(SHAPES), target=1, **options)

    def given(shapes):
        scores = GaussianScores(MEANS, shapes)
        return sample_scores(problem, scores.conditional(np.full(30, 1)), scores.unconditional(), 4, **options)

    assert np.abs(given(SHAPES) - exact).max() < 1e-3
    assert np.abs(given(SHAPES * np.array([1.0, 1.1, 1.0])[:, None, None]) - exact).max() > 1e-2


def test_exact_scores_of_equal_shapes_give_each_class_the_mixture_of_its_own_shape():
    """Sample by sample, two classes in one batch; control: the mixture of the other class's shape."""
    problem = Problem(classes=Fixed(3), sigma2=0.1, guidance=1.5, sampler="ode", t_start=400.0)
    options = {"n_samples": 30, "n_steps": 300, "seed": 1}
    labels = np.repeat([1, 2], 15)
    scores = EqualShapes(MEANS, SHAPES)
    x = sample_scores(problem, scores.conditional(labels), scores.unconditional(labels), 4, **options)
    one = GaussianScores(MEANS, np.array([SHAPES[1]] * 3))
    alone = sample_scores(problem, one.conditional(np.full(30, 1)), one.unconditional(), 4, **options)
    assert np.abs(x[labels == 1] - alone[labels == 1]).max() < 1e-9
    assert np.abs(x[labels == 2] - alone[labels == 2]).max() > 1e-2


def gaussian(variances, mean):
    return lambda x, t: (mean - x) / (variances + t)


WINDOW = WINDOWS["digits"]["CFG"]  # for tests of cells: of all rules


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_weak_model_and_the_bands_are_what_the_theory_has(schedule):
    """One class, a crowd of one Gaussian around it: linear, so that samples have the law of the mean field at every d.

    Variances by direction, of 4000 samples, against `solve` of a spectrum; control: the law of the other rule.
    """
    dim, n = LEADING + 4, 4000
    c, u = np.linspace(0.5, 0.2, dim), np.linspace(9.0, 1.5, dim)
    problem = Problem(
        classes=Fixed(10), spectrum=Spectrum(c.tolist(), u.tolist()), guidance=0.0, sampler="ode", t_start=6400.0
    )
    crowd = problem.replace(classes=Continuum())
    bands = two_bands(np.vstack([np.diag(u), -np.diag(u)]))  # images that vary by u along the axes
    assert np.allclose(np.diag(bands), np.where(np.arange(dim) < LEADING, LOW, 1.0))
    scores = Scores(gaussian(c, np.zeros(dim)), gaussian(u, np.zeros(dim)), bands)
    plain = Problem(classes=Fixed(10), sigma2=0.2, guidance=0.0, sampler="ode", t_start=6400.0)
    found, theory = {}, {}
    for rule in ("weak model", "two bands"):
        guidance, other = for_scores(rule, shape_of(schedule, WINDOW), scores)
        x = sample_scores(
            plain.replace(guidance=guidance), scores.conditional, other, dim, n_samples=n, n_steps=150, seed=4
        )
        found[rule] = np.mean(x**2, axis=0)
        final = solve(crowd.replace(guidance=in_theory(rule, shape_of(schedule, WINDOW), crowd))).final
        theory[rule] = np.asarray(final.v_group) * np.asarray(problem.spectrum.g)
    for rule, other in (("weak model", "two bands"), ("two bands", "weak model")):
        z = (found[rule] / theory[rule] - 1.0) / (2.0 / n) ** 0.5
        assert np.abs(z).max() < 4.5, rule
        wrong = (found[rule] / theory[other] - 1.0) / (2.0 / n) ** 0.5  # in the designed window both keep the variance
        assert np.abs(wrong).max() > (6.0 if schedule == DESIGNED else 10.0)


def test_cells_are_stated_for_theory_and_for_scores():
    problem = Problem(classes=Fixed(10), spectrum=Spectrum([0.2] * 12, list(range(1, 13))), t_start=6400.0)
    scores = Scores(gaussian(1.0, 0.0), gaussian(3.0, 0.0), np.eye(2))
    for rule in RULES:
        for schedule in SCHEDULES:
            shape = shape_of(schedule, WINDOW)
            guidance, _ = for_scores(rule, shape, scores)
            stated = in_theory(rule, shape, problem)
            assert np.max(np.abs(stated.amplitude(np.geomspace(1e-2, 1e3, 200)))) == W
            assert (stated == guidance) == (rule != "two bands")
    constant = shape_of("constant", None)
    banded = in_theory("two bands", constant, problem)
    assert isinstance(banded, ByGroup) and banded.factors == (1.0,) * 3 + (LOW,) * 9
    x = np.ones((1, 2))
    assert np.allclose(for_scores("weak model", constant, scores)[1](x, 1.0), -x / (2.0 + DELTA))


def test_ranks():
    a = RNG.normal(size=30)
    assert spearman(a, np.exp(a)) == 1.0 and spearman(a, -a) == -1.0
    assert spearman(np.array([1.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 2.0, 3.0])) == 1.0


def noisy(splits, trainings, between, within):
    """Theory, and a network that is the theory of the mean with scatter between splits and between trainings."""
    truth = np.linspace(0.0, 1.0, 20)
    theory = truth + between * RNG.normal(size=(splits, 1, 20))
    seen = truth + between * RNG.normal(size=(splits, 1, 20)) + within * RNG.normal(size=(splits, trainings, 20))
    return theory, seen


def test_the_interval_of_a_rank_correlation_grows_with_the_scatter_and_holds_the_value():
    widths = []
    for scatter in (0.0, 0.1, 0.5):
        value, low, high = rank_correlation(*noisy(6, 3, scatter, scatter))
        assert low <= value <= high + 0.02
        widths.append(high - low)
    assert widths[0] == 0.0 < widths[1] < widths[2]
    theory, seen = noisy(6, 3, 0.1, 0.1)
    mixed = seen[..., RNG.permutation(20)]
    assert rank_correlation(theory, seen).low > 0.7 > rank_correlation(theory, mixed).high  # negative control


def test_scatter_between_splits_and_between_trainings_both_widen_the_interval():
    for between, within in ((0.3, 0.0), (0.0, 0.3)):
        value = rank_correlation(*noisy(5, 3, between, within))
        assert value.high - value.low > 0.02
    single = rank_correlation(*noisy(1, 3, 0.1, 0.1))
    assert np.isnan(single.low) and np.isnan(single.high)
    with pytest.raises(ComparisonError, match="same splits and cells"):
        rank_correlation(np.zeros((2, 1, 4)), np.zeros((3, 2, 4)))


def test_a_rule_without_a_designed_window_is_left_out_of_the_ranks():
    theory, seen = noisy(6, 3, 0.1, 0.1)
    theory[..., 4], seen[..., 4] = np.nan, np.nan
    assert np.isfinite(rank_correlation(theory, seen)).all()
    assert rank_correlation(theory, seen) == rank_correlation(np.delete(theory, 4, -1), np.delete(seen, 4, -1))


def test_every_window_is_a_design_and_free_coefficients_have_none():
    """Late it spreads what it has shrunk early, within the bounds; tests/extras makes some again."""
    for windows in WINDOWS.values():
        assert "CFG" in windows and set(windows) <= {*RULES} - {"free"}
        for window in windows.values():
            w = window.w(np.geomspace(1e3, 1e-3, 400))
            assert w[0] == W and w.min() == -0.5 * W and w[-1] == 0.0
    assert shape_of(DESIGNED, None) is None and shape_of("early", None)(W).w(30.0) == W


def part(split, scatter=0.05, rules=RULES, schedules=SCHEDULES):
    shape = (len(SAMPLERS), len(rules), len(schedules), 10)
    values = 0.8 + 0.2 * np.linspace(0, 1, shape[1])[:, None, None] + scatter * RNG.normal(size=shape)
    values[:, -1, -1] = np.nan  # a rule without a designed window
    dims = ("sampler", "rule", "schedule", "class")
    columns = {name: (dims, values + 0.01 * RNG.normal(size=shape)) for name in MEASURES}
    coords = {"sampler": [*SAMPLERS], "rule": [*rules], "schedule": [*schedules]}
    return xarray.Dataset(columns, coords, {"split": split})


def test_the_drawing_and_its_caption_say_what_was_found():
    theories = {level: [part(0), part(1)] for level in ("mean field", "equal shapes", "ten Gaussians")}
    theories["equal shapes"] = [part(i, schedules=("constant", DESIGNED)) for i in (0, 1)]
    parts = {**theories, "network": [part(i) for i in (0, 0, 1, 1)]}
    assert by_split(parts["network"], "vendi", "sde").shape == (2, 2, len(RULES), len(SCHEDULES))
    assert by_split(parts["network"], "vendi", "sde", DESIGNED).shape == (2, 2, len(RULES))
    for width in WIDTH:
        with sized(width):
            figure, axes = draw({"digits": parts, "mnist": parts})
        assert axes.shape == (4, 2) and not faults(figure), "two rows for each set of images"
    text = caption({"digits": parts})
    for sampler in SAMPLERS:
        kept = (by_split(parts[level], "trace_guided", sampler) for level in ("mean field", "network"))
        value = rank_correlation(*kept)
        assert f"mean field, {sampler.upper()} {value.value:.2f} ({value.low:.2f} to {value.high:.2f})" in text
    assert "2 splits of 2" in text
    assert np.isnan(average(by_split(parts["network"][:2], "trace_guided", "ode")).stderr).all()
    with pytest.raises(ComparisonError, match="equally many trainings"):
        by_split(parts["network"][:3], "vendi", "ode")
