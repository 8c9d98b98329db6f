"""The table of schedules at equal mean shift."""

import json
import math
from pathlib import Path

import numpy as np
import pandas
import pytest
from drawn_texts import faults

from meanfield import Constant, Continuum, Exponential, Problem, early_high, late_unconditional, solve
from simulate import run
from validate.drawing import WIDTH, sized
from validate.figures.pages import schedule_ranking, schedule_table
from validate.figures.pages.schedule_table import FAMILIES, find_amplitude, tabulate_schedules

SMALL = {"constant": Constant, "early high": lambda a: early_high(a, 2.0), "rising": FAMILIES["linear rising"]}
SETTINGS = {"n_samples": 32, "n_disorder": 4, "n_steps": 40, "threads": 1}


def test_the_amplitude_of_constant_guidance_in_closed_form():
    """SDE: m(0) - 1 = sigma2 (1 - L^-w), L = 1 + 1/sigma2, for every w; 1 + sigma2 is never passed."""
    p = Problem(classes=Continuum(), sigma2=0.25)
    found = find_amplitude(p, Constant, 0.25 * (1.0 - 5.0**-1.7))
    assert found.reached and found.amplitude == pytest.approx(1.7, rel=1e-7)
    beyond = find_amplitude(p, Constant, 0.2501)
    assert not beyond.reached and "at most 0.25" in beyond.note


def test_a_family_that_is_captured_jumps_over_the_target():
    p = Problem(classes=Exponential(0.7), sigma2=0.25, guidance=1.0)
    target = float(solve(p).final.mean_shift)
    found = find_amplitude(p, lambda a: late_unconditional(a, 1.0), target)
    assert not found.reached and "jumps over the target" in found.note


def test_table_has_one_mean_shift_and_the_measures_of_the_solver():
    data = tabulate_schedules((0.4,), ("sde", "ode"), families=SMALL, dimensions=(8,), progress=False, **SETTINGS)
    assert bool(data.reached.all()) and data.sizes == {"alpha": 1, "sampler": 2, "schedule": 3}
    spread = data.mean_shift.max("schedule") - data.mean_shift.min("schedule")
    assert float(spread.max()) < 1e-8
    assert float((data.variance_ratio.max("schedule") - data.variance_ratio.min("schedule")).max()) > 0.01
    cell = data.sel(alpha=0.4, sampler="ode", schedule="rising")
    problem = Problem.from_dict(json.loads(str(cell.problem.values)))
    assert float(cell.variance_ratio) == pytest.approx(float(solve(problem).final.v) / 0.25, rel=1e-9)
    final = run(problem, d=8, seed=0, n_times=2, **SETTINGS).final
    assert float(cell.particle_accuracy) == float(final.accuracy.mean)
    assert float(cell.particle_variance_ratio) == pytest.approx(float(final.v_paired.mean) / 0.25, rel=1e-12)
    rows = schedule_ranking.rows_of(data)
    assert rows.v_ratio.tolist() == data.variance_ratio.values.ravel().tolist() and len(rows) == 6


def test_schedules_after_speciation_do_nothing():
    """Constant guidance and one that stops after speciation need the same amplitude: the negative control is a ramp."""
    data = tabulate_schedules((0.4,), ("sde",), families=SMALL, dimensions=(8,), n_samples=0, progress=False)
    a = dict(zip(data.schedule.values, data.amplitude.values.ravel(), strict=True))
    assert a["early high"] == pytest.approx(a["constant"], rel=1e-6)
    assert abs(a["rising"] - a["constant"]) > 1.0
    assert np.isnan(data.particle_accuracy).all()


@pytest.mark.parametrize("name", ["constant", "interval", "exponential falling"])
def test_the_table_of_the_documentation_is_that_of_the_theory(name):
    table = pandas.read_csv(Path(__file__).parents[2] / "docs" / "equal-shift.csv")
    assert len(table) == 4 * len(FAMILIES)
    known = table[(table.alpha == 0.4) & (table["sampler"] == "ode")].set_index("schedule")
    data = tabulate_schedules((0.4,), ("ode",), families={name: FAMILIES[name]}, n_samples=0, progress=False)
    row = schedule_ranking.rows_of(data).iloc[0]
    assert known.v_ratio[name] == pytest.approx(row.v_ratio, abs=5.1e-4)
    assert known.F[name] == pytest.approx(row.F, abs=5.1e-4)
    others = known.v_ratio.drop(name)
    assert (abs(others - row.v_ratio) > 5.1e-4).sum() > 12, "negative control: other families have other variances"


def test_the_ranked_figure_of_the_documentation():
    table = pandas.read_csv(Path(__file__).parents[2] / "docs" / "equal-shift.csv")
    for width in WIDTH:
        with sized(width):
            figure, axes = schedule_ranking.draw(table)
            assert not faults(figure)
    names = [text.get_text() for text in axes.flat[0].get_yticklabels()]
    assert names[0] == "early high, t > 2" and names.index("constant") < names.index("linear rising")
    assert {text.get_text() for text in axes.flat[2].texts} >= {"loses its class"}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_scales_and_starts_at_infinity(name):
    schedule = FAMILIES[name](2.0)
    p = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=schedule)
    assert math.isfinite(p.schedule.constant_above)
    assert Problem.from_dict(json.loads(json.dumps(p.to_dict()))) == p
    assert schedule_table.FAMILIES[name](1.0) != schedule
