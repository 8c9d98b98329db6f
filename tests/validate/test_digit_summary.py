"""Pooling of trainings and skill of predictions on made-up levels, and the drawing of them: no torch is needed."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray
from drawn_texts import faults

from simulate.randomness.streams import resampling_counts
from validate import ComparisonError
from validate.data.mean_field import class_problem
from validate.drawing import WIDTH, sized
from validate.figures import digits
from validate.figures.digits.schedules import SCHEDULES, W, schedule_of
from validate.figures.digits.summary import (
    COMPARED,
    MEASURES,
    by_schedule,
    over_schedules,
    pooled,
    skill,
    summary,
    table,
)
from validate.results.files import read_dataset, write_dataset

RNG = np.random.default_rng(2)
SHAPE = (1, len(SCHEDULES), 10)
COUNTS = resampling_counts(10, 200, seed=0)


def level(name, shift, trace, noise=0.0, seed=None):
    """A level whose every class has this shift and trace, at all guided schedules."""
    made = {"shift": shift, "trace_guided": trace, "error": shift, "trace": trace}
    made |= {"accuracy": 0.9, "vendi": 20.0, "energy": 0.5}
    data = {q: (("sampler", "schedule", "class"), made[q] + noise * RNG.normal(size=SHAPE)) for q in MEASURES}
    data["accuracy"] = (data["accuracy"][0], np.full(SHAPE, 0.9))
    data |= {
        f"{q}_stderr": (("sampler", "schedule", "class"), np.full(SHAPE, 0.03)) for q in MEASURES if q != "accuracy"
    }
    data["images"] = (("schedule", "class", "shown", "row", "column"), 16 * RNG.random((SHAPE[1], 10, 2, 8, 8)))
    coords = {"sampler": ["ode"], "schedule": list(SCHEDULES), "class": np.arange(10)}
    attrs = {"schedules": "{}", "level": name, "n_samples": 50}
    return xarray.Dataset(data, coords, attrs | ({} if seed is None else {"training": json.dumps({"seed": seed})}))


def test_skill_is_one_zero_and_negative_where_it_should():
    learned = pooled([level("learned", 0.4, 1.2)])
    for name, right, null, opposite in (("shift", 0.4, 0.0, -0.4), ("trace_guided", 1.2, 1.0, 0.8)):
        for value, expected in ((right, 1.0), (null, 0.0), (opposite, -3.0)):
            other = pooled([level("theory", value, value)])
            assert skill(other, learned, name, "ode", COUNTS) == pytest.approx((expected, 0.0), abs=1e-9)
    noisy = pooled([level("learned", 0.4, 1.2, noise=0.1)])
    assert skill(pooled([level("theory", 0.4, 1.2)]), noisy, "shift", "ode", COUNTS).stderr > 0.005
    with pytest.raises(ComparisonError, match="a predicted quantity must be one of"):
        skill(noisy, learned, "energy", "ode", COUNTS)


def test_errors_of_several_trainings_are_their_scatter():
    parts = [level("learned", 0.4 + 0.05 * i, 1.0, seed=i) for i in range(3)]
    several, one = pooled(parts), pooled(parts[:1])
    mean = by_schedule(several, "shift", "ode", "constant")
    assert mean == pytest.approx((0.45, 0.05 / 3**0.5)) and several.attrs["n_trainings"] == 3
    assert by_schedule(one, "shift", "ode", "constant") == pytest.approx((0.4, 0.03 / 10**0.5))
    assert "0.450 ± 0.029" in table({"learned": several}, "shift", "ode")
    with pytest.raises(ComparisonError, match="independent"):
        pooled([parts[0], parts[0]])
    with pytest.raises(ComparisonError, match="at least one training"):
        pooled([])
    with pytest.raises(ComparisonError, match="same schedules"):
        pooled([parts[0], parts[1].assign_attrs(schedules="other")])


def test_the_summary_keeps_means_errors_and_origins(tmp_path):
    levels = {
        "a": pooled([level("a", 0.3, 0.9)]),
        "learned": pooled([level("learned", 0.4, 1.1, seed=i) for i in (3, 4)]),
    }
    write_dataset(summary(levels), tmp_path / "s.nc")
    kept = read_dataset(tmp_path / "s.nc")
    assert kept["shift"].sel(level="a", sampler="ode", schedule="constant") == pytest.approx(0.3)
    assert kept["trace_stderr"].dims == ("level", "sampler", "schedule")
    assert '"seed": 4' in json.loads(json.loads(kept.attrs["learned"])["trainings"])[1]


def test_one_number_has_skill_and_none_when_means_are_taken_off():
    """The recorded run: docs/learned-score.md quotes these."""
    kept = read_dataset(Path(__file__).parents[2] / "docs" / "learned-score.nc")
    found = over_schedules(kept, "mean field", "shift", "ode")
    assert [round(x, 2) for x in found] == [0.99, 0.94, 0.83]
    assert round(over_schedules(kept, "ten Gaussians", "trace_guided", "ode").centred, 2) == 0.53
    flat = kept.copy(deep=True)
    flat["shift"].loc[{"level": "mean field"}] = 0.3  # one number for all schedules
    assert over_schedules(flat, "mean field", "shift", "ode").centred == pytest.approx(0.0, abs=1e-12)


def test_the_figure_draws_small_data():
    theory = {n: level(n, 0.3, 0.9) for n in ("mean field", "equal shapes", "ten Gaussians", "training set")}
    real = level("real", 0.0, 1.0).isel(sampler=0, schedule=0, drop=True)
    for trainings in ([level("learned", 0.4, 1.2, 0.02, seed=i) for i in range(2)], [level("learned", 0.4, 1.2)]):
        figure, axes = digits.draw(theory, trainings, real)
        assert axes[0].images[0].get_array().shape == (53, 89)  # six rows of one image for each class
        assert not any(axis.get_legend() for axis in axes), "points are named where they are"
        assert {"constant", "designed P = 10", "real, other half"} <= {text.get_text() for text in axes[1].texts}
        assert len(axes) == 5 and axes[3].get_ylabel() and axes[1].get_xlabel()
        figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize("width", WIDTH)
def test_the_texts_of_the_figure_can_be_read(width):
    theory = {n: level(n, 0.3, 0.9) for n in ("mean field", "equal shapes", "ten Gaussians", "training set")}
    real, learned = level("real", 0.0, 1.3).isel(sampler=0, schedule=0, drop=True), level("learned", 0.4, 1.0)
    for name, step in (("trace", 0.08), ("energy", 0.3), ("accuracy", 0.015)):  # schedules lie apart
        learned[name] = learned[name] + step * (np.arange(len(SCHEDULES)) - 5.0)[:, None]
    with sized(width):
        figure, _ = digits.draw(theory, [learned], real)
        assert not faults(figure)


def test_all_schedules_have_the_same_largest_weight():
    t = np.concatenate([[0.0], np.geomspace(1e-3, 6400.0, 4000)])
    for sampler in ("ode", "sde"):
        largest = {name: schedule_of(name, sampler).w(t).max() for name in COMPARED}
        assert all(W - 0.01 <= w <= W for w in largest.values()), largest


def test_directions_without_spread_are_left_out_of_the_class_problem():
    means = RNG.normal(size=(5, 4)) * [2.0, 1.0, 1.0, 0.0]
    problem, basis = class_problem(means - means.mean(axis=0), np.diag([0.5, 0.3, 0.2, 0.1]), 1.0, "ode", 100.0)
    assert basis.shape == (4, 3) and np.allclose(basis[3], 0.0, atol=1e-9)
    assert problem.classes.alpha * 3 == pytest.approx(np.log(5))
