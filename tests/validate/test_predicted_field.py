"""The mean field beside a prediction: that of the solver, right where it says so, doubted where it does not hold."""

import math

import numpy as np
import pytest
from predicted import MEANS, QUIET
from scipy import stats

from meanfield import (
    Fixed,
    Problem,
    solve,
    spectrum_of,
)
from simulate import Mixture
from validate import predict


def test_the_mean_field_says_where_it_does_not_hold(cats):
    text = " ".join(cats.warnings)
    for sentence in ("one covariance for all", "there are 3", "equal weight", "one Gaussian for a class", "wider"):
        assert sentence in text, sentence
    rng = np.random.default_rng(0)
    cloud = Mixture(rng.normal(size=(120, 3)), variances=0.2)  # negative control: as it assumes
    assert predict(cloud, 0, 1.0, n_samples=64, **QUIET).warnings == ()
    equal = Mixture([[1.5, 0.0], [-1.5, 0.0]], variances=0.2)
    assert "other reasons" not in repr(predict(equal, guidance=1.0, n_samples=64, **QUIET))
    few = predict(Mixture(MEANS[:2], variances=0.5), 0, 1.0, n_samples=64, **QUIET)
    assert "vary in at most 1 of 2" in " ".join(few.warnings) and "one covariance" not in " ".join(few.warnings)
    alone = predict(Mixture([[0.0, 0.0]], variances=0.5), 0, 1.0, n_samples=64, **QUIET)
    assert alone.standing == "none" and "A single class" in " ".join(alone.warnings)


def test_the_mean_field_is_that_of_the_solver():
    """As anybody would write it down: `spectrum_of`, `solve` at the d of the classes, and sums over directions."""
    rng = np.random.default_rng(1)
    means, S = rng.normal(size=(200, 6)), np.diag([0.2, 0.3, 0.5, 0.5, 0.7, 0.9])
    mixture = Mixture(means, S)
    found = predict(mixture, 3, 1.0, n_samples=200, n_steps=50, progress=False)
    given = spectrum_of(means, S)
    problem = Problem(
        classes=Fixed(200), spectrum=given.spectrum, guidance=1.0, sampler="ode", t_start=100 * mixture.extent
    )
    guided, free = (solve(problem.replace(guidance=w), d=6) for w in (1.0, 0.0))
    square = ((means[3] - means.mean(axis=0)) @ given.basis) ** 2
    moved = (guided.final.m_group - free.final.m_group) * square
    assert found.theory("shift") == pytest.approx(moved.sum() / square.sum(), rel=1e-5)
    ratios, c = guided.final.v_group / free.final.v_group, np.asarray(given.spectrum.c)
    assert found.theory("trace_ratio") == pytest.approx(1.0 + c @ (ratios - 1.0) / np.trace(S), rel=1e-5)
    assert found.theory("t_decided") == pytest.approx(guided.t_speciation, rel=1e-5)
    assert found.standing == guided.standing == "asymptotic"
    own = found.dataset.theory_variance_ratio.values
    assert np.average(own, weights=found.dataset.variance) == pytest.approx(found.theory("trace_ratio"))


def test_particles_of_a_crowd_are_those_of_the_mean_field():
    """Many classes, many directions, as it assumes: numbers agree, and only at the right guidance."""
    mixture = Mixture(np.random.default_rng(2).normal(size=(300, 150)), variances=0.5)
    found = predict(mixture, 7, 1.0, n_samples=64, n_steps=40, progress=False)
    other = predict(mixture, 7, 1.4, n_samples=64, n_steps=40, progress=False)
    assert not [text for text in found.warnings if "W2 and KL" not in text]
    for name, share in (("shift", 0.06), ("trace_ratio", 0.01), ("t_decided_unguided", 0.2)):
        value, theory = found.estimate(name).value, found.theory(name)
        assert abs(value - theory) < share * theory + 2.0 * found.estimate(name).stderr, name
    assert abs(other.estimate("shift").value / found.theory("shift") - 1.0) > 0.06  # negative control


FEW = {"n_samples": 32, "n_batches": 4, "n_steps": 20, "progress": False}  # where the theory alone is asked for


@pytest.mark.parametrize("rate", [-0.1, 0.1])
def test_the_mean_field_knows_the_weight_of_the_class(rate):
    """exp(0.15 d) classes, one of exp(rate d) times the weight of the others; errors from independent draws of means.

    Of a rare class the mean field is right with its weight, and wrong without. Of a common one it is wrong at this d
    (sec. 10 of docs/theory.md: d alpha - log(factor) is 2 nats), and says so.
    """
    d, run = 44, {"n_samples": 96, "n_batches": 4, "n_steps": 60, "progress": False}
    rows, said = [], ""
    for k in range(8):
        means = np.random.default_rng([k, d]).normal(size=(735, d))
        mixture = Mixture(means, variances=0.25, weights=[math.exp(rate * d)] + 734 * [1.0])
        found = predict(mixture, 0, 1.0, seed=k, **run)
        alike = [predict(Mixture(means, variances=0.25), 0, 1.0, **FEW)] if rate < 0.0 else []
        rows.append([found.estimate(n).value - m.theory(n) for m in (found, *alike) for n in ("trace_ratio", "shift")])
        said = " ".join(found.warnings)
    off = np.abs(np.mean(rows, axis=0)) / stats.sem(rows, axis=0)  # in standard errors
    assert "equal weight" not in said
    if rate < 0.0:
        assert np.all(off[:2] < 3.0) and "one of many" not in said
        assert np.all(off[2:] > 6.0)  # negative control: equal weights
    else:
        assert np.all(off[:2] > 3.0) and "one of many" in said
