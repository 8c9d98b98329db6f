"""Levels from the mean field to a learned score, on the real digits: what is right, what is not, and the designs."""

import numpy as np
import pytest

from meanfield import Continuum, design, solve
from simulate.learned import load_digits
from validate import ComparisonError
from validate.data.mean_field import class_problem
from validate.figures.digits import FIGURE as DIGITS
from validate.figures.digits.levels import exact_level, learned_level, mean_field_level, real_level
from validate.figures.digits.schedules import SCHEDULES, W, design_problem, schedule_of
from validate.figures.digits.summary import COMPARED, by_schedule, pooled

SMALL = {"samplers": ("ode",), "n_samples": 60, "n_steps": 20, "progress": False}
GUIDED = [name for name in COMPARED if name != "designed"]


@pytest.fixture(scope="module")
def levels():
    found = {name: pooled([exact_level(name, **SMALL)]) for name in ("equal shapes", "ten Gaussians", "training set")}
    return found | {"mean field": pooled([mean_field_level(("ode",))])}


def distances(level, name, null):
    """(value - null)/stderr of the average class, by schedule."""
    found = [by_schedule(level, name, "ode", schedule) for schedule in GUIDED]
    return np.array([(value - null) / stderr for value, stderr in found])


def test_classes_of_one_shape_shrink_and_classes_of_their_own_grow(levels):
    """(T17) holds where its assumption does; that covariances differ turns the sign (docs/learned-score.md)."""
    assert np.all(distances(levels["equal shapes"], "trace_guided", 1.0) < -5.0)
    assert np.all(distances(levels["ten Gaussians"], "trace_guided", 1.0) > 5.0)
    assert np.all(levels["mean field"]["trace_guided"].sel(schedule=GUIDED) < 0.9)


def test_the_mean_moves_as_predicted_in_sign_and_order(levels):
    """All levels push along the class mean; the mean field is an upper bound of the exact scores of ten classes."""
    theory = levels["mean field"]["shift"].sel(sampler="ode")
    for name in ("equal shapes", "ten Gaussians", "training set"):
        assert np.all(distances(levels[name], "shift", 0.0) > 5.0)
        assert np.all(levels[name]["shift"].sel(sampler="ode", schedule=GUIDED) < theory.sel(schedule=GUIDED) + 0.05)


def test_without_guidance_exact_levels_have_the_moments_of_the_data(levels):
    for name in ("equal shapes", "ten Gaussians", "training set"):
        for q, null in (("error", 0.0), ("trace", 1.0)):
            value, stderr = by_schedule(levels[name], q, "ode", "unguided")
            assert abs(value - null) < 4.0 * stderr + 0.03  # 0.03: the start at t = 6400 and 20 steps
        accuracy = levels[name].accuracy.sel(sampler="ode").mean("class")
        assert accuracy.sel(schedule="unguided") > 0.95 and accuracy.sel(schedule="unconditional") < 0.2  # control


def test_real_images_are_their_own_baseline():
    real = real_level()
    assert real.accuracy.mean() > 0.97 and abs(real["trace"].mean() - 1.0) < 0.03
    assert abs(real.energy.mean()) < 3.0 * np.sqrt((real.energy_stderr**2).sum()) / 10
    control = real_level(seed=1)
    assert not np.array_equal(control.energy, real.energy)  # another blur


def test_a_learned_level_has_all_that_a_figure_needs():
    data = learned_level({"steps": 40, "width": 16}, **(SMALL | {"n_samples": 40, "n_steps": 8}))
    assert data.sizes["schedule"] == len(SCHEDULES) and len(data.loss) == 40
    assert np.isfinite(data.images).all() and data.attrs["level"] == "learned" and "torch" in data.attrs["versions"]
    again = learned_level({"steps": 40, "width": 16}, **(SMALL | {"n_samples": 40, "n_steps": 8}))
    assert np.array_equal(again["trace"], data["trace"])
    assert set(DIGITS.parts("quick")) < set(DIGITS.parts("standard"))


def test_the_mean_field_of_a_class_is_that_of_the_library_by_hand():
    """Class 3, constant guidance: the sums over directions written out."""
    means, covariances = load_digits().moments()
    problem, basis = class_problem(means, covariances[3], 0.0, "ode", 6400.0)
    guided, free = (solve(problem.replace(guidance=w)).final for w in (W, 0.0))
    along, c = means[3] @ basis, np.diagonal(basis.T @ covariances[3] @ basis)
    shift = np.sum((guided.m_group - free.m_group) * along**2) / np.sum(along**2)
    trace = 1.0 + np.sum(c * (guided.v_group / free.v_group - 1.0)) / np.trace(covariances[3])
    level = mean_field_level(("ode",)).sel(sampler="ode", schedule="constant", **{"class": 3})
    assert abs(level["shift"] - shift) < 1e-3 and abs(level.trace_guided - trace) < 1e-9


def designed(sampler, classes=None):
    problem = design_problem(load_digits(), sampler)
    return design(problem.replace(classes=classes or problem.classes), w_min=-1.0, w_max=W, progress=False).schedule


def test_the_designed_schedule_of_the_continuum_is_the_designer_s():
    made, stated = designed("ode", Continuum()), schedule_of("designed, continuum", "ode")
    assert made.values == stated.values and np.allclose(made.edges, stated.edges, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sampler"), [("designed, continuum", "sde"), ("designed", "ode"), ("designed", "sde")]
)
def test_the_other_designed_schedules_are_the_designer_s(name, sampler):
    """Minutes: run with `-m slow`."""
    made, stated = designed(sampler, Continuum() if "continuum" in name else None), schedule_of(name, sampler)
    assert np.allclose(made.edges, stated.edges, rtol=2e-3) and np.allclose(made.values, stated.values, atol=6e-3)


def test_an_unknown_level_is_refused():
    with pytest.raises(ComparisonError, match=r"level must be one of .*got 'twenty Gaussians'"):
        exact_level("twenty Gaussians")
