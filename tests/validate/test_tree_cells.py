"""Labels of many modes in the atlas: claimed at equal d, refused at a wrong weight, kept, priced, shown as others."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import xarray
from matplotlib import pyplot

from meanfield import Hierarchy, Problem, quenched
from simulate import run_modes
from validate import judge
from validate.errors import ConfigError
from validate.figures import summary
from validate.problem_files.cells import own_groups
from validate.regimes import measurement, trees
from validate.regimes.finite_theories import settings_of
from validate.regimes.groups import Group, exact_at_every_d, groups
from validate.regimes.measurement import AtlasCell, measure, measured
from validate.regimes.page import page
from validate.regimes.trees import log_classes, tree_particles, tree_seconds
from validate.results.files import read_dataset, write_dataset

QUICK = [g for g in groups("quick") if g.name.startswith("modes")]
TREE = Problem(classes=Hierarchy((0.1, 0.3), rho=0.7), sigma2=0.05, guidance=4.0, sampler="ode", t_start=1000.0)
FIELDS = {**TREE.to_dict(), "t_start": 1000.0}


@pytest.fixture(scope="module")
def cell():
    """4800 particles at d = 16: 10 % of w are 0.015 in m, 4.6 errors (0.0026 of particles, 0.0020 of the theory)."""
    return measure(Group("modes", TREE, (16,), (20,), 240, 40, limit=False), 16, 20, seed=1).expand_dims("cell")


def test_the_atlas_has_labels_of_many_modes():
    assert [(g.name, g.sizes, g.limit) for g in QUICK] == [(f"modes w=4 {s}", (12, 16), False) for s in ("sde", "ode")]
    more = {(g.problem.sampler, g.problem.guidance.value) for g in groups("standard") if g.name.startswith("modes")}
    assert more == {(s, w) for s in ("sde", "ode") for w in (1.0, 4.0)}
    assert {g.problem.classes for g in QUICK} == {TREE.classes} and not exact_at_every_d(TREE.replace(guidance=0.0), 12)
    assert log_classes(TREE, 16) == pytest.approx(math.log(5))
    assert log_classes(TREE.replace(classes=Hierarchy((0.1, 0.3), 0.7, label=2)), 16) == pytest.approx(math.log(610))


def test_particles_are_claimed_at_equal_d_and_a_weight_ten_per_cent_off_is_refused(cell):
    verdict = judge(cell)
    assert verdict, verdict.disagreements
    assert [(v.quantity, v.ground) for v in verdict.verdicts] == [("m", "equal d"), ("v", "equal d")]
    effort = settings_of("quenched", TREE, 4800)
    assert effort["n_samples"] == 4800
    other = quenched(TREE.replace(guidance=4.4), 16, seed=2, n_times=2, **effort)
    wrong = cell.copy(deep=True)
    wrong["quenched_m"].values[0, :, -1] = other.m.values[:, -1]
    assert [v.quantity for v in judge(wrong).disagreements] == ["m"]


def test_the_finite_d_effect_is_the_larger_part_of_what_is_claimed(cell):
    """Mean field in its place is refused: the claim is one at this d."""
    (m, _) = judge(cell).verdicts
    assert m.theory == pytest.approx(1.3302, abs=1e-4)  # docs/modes.md
    assert abs(m.finite_size) > 5 * m.stderr


def test_a_report_shows_them():
    few = measure(Group("modes", TREE, (8,), (4,), 16, 8, limit=False), 8, 4, seed=1).expand_dims("cell")
    text = page(few.assign_attrs(profile="own", seed=1), judge(few), b"<svg/>", {})
    assert ">modes <small>2 of 2 agree" in text and "equal d" in text


def test_cells_are_kept_read_again_and_drawn(tmp_path, monkeypatch):
    """Beside a cell of another kind, and as a file. The last panel of the figure has every z."""
    monkeypatch.setattr(measurement, "CURVES", (0.4,))
    small = Group("tree", TREE, (8,), (4,), 4, 8, limit=False)
    beside = next(g for g in groups("quick") if g.name == "continuum w=1 ode")
    both = (small, Group("others", beside.problem, (4,), (4,), 4, 25))
    how = {"seed": 0, "executor": None, "threads": 1, "progress": False, "only": ""}
    first = measured("own", both, folder=tmp_path / "a", **how)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "cells").iterdir()}
    again = measured("own", both, folder=tmp_path / "a", **how)
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "cells").iterdir()}
    xarray.testing.assert_identical(first, again)
    write_dataset(first, tmp_path / "atlas.nc")
    assert judge(read_dataset(tmp_path / "atlas.nc")).verdicts == judge(first).verdicts
    assert {v.ground for v in judge(first).verdicts if v.group == "tree"} == {"equal d"}
    figure, axes = summary(first)
    assert len(axes) == 4 and "theory at equal d" in [t.get_text() for t in axes[3].get_legend().get_texts()]
    pyplot.close(figure)


@pytest.mark.parametrize(("sampler", "runs"), [("sde", 48), ("ode", 60)])
def test_a_draw_prices_all(monkeypatch, sampler, runs):
    """Of the ODE six draws more, with twice the steps; as many as are run."""
    clock, steps = [0.0], []

    def timed(problem, d, **size):
        clock[0] += 1e-3 * size["n_draws"] * size["n_steps"]
        steps.append(size["n_draws"] * size["n_steps"])
        return SimpleNamespace(draws=dict.fromkeys("mv", np.zeros(size["n_draws"])))

    monkeypatch.setattr("simulate.run_modes", timed)
    monkeypatch.setattr(trees.time, "process_time", lambda: clock[0])
    size = {"d": 8, "n_samples": 2, "n_draws": 48, "n_steps": 12}
    seconds = tree_seconds(TREE.replace(sampler=sampler), size, 6)
    assert seconds == pytest.approx(runs * 12e-3)
    steps.clear()
    tree_particles(TREE.replace(sampler=sampler), {**size, "seed": 0}, 5, 6)
    assert sum(steps) == runs * 12


def test_the_time_step_error_is_that_of_the_steps():
    """From 10 steps to 80, same starts; that of half as many steps is another. Along the SDE none is claimed."""
    size = {"d": 8, "n_samples": 64, "n_draws": 6, "seed": 3}
    exact = run_modes(TREE, n_steps=160, **size).draws
    off = {n: tree_particles(TREE, {**size, "n_steps": n}, 5, 6) for n in (10, 20)}
    true = {n: p.draws["v"][:, -1].mean() - exact["v"].mean() for n, p in off.items()}
    for n, p in off.items():
        assert p.step["v"][0] == pytest.approx(true[n], rel=0.25)
    assert abs(off[20].step["v"][0] / true[10]) < 0.5, "negative control"
    noisy = tree_particles(TREE.replace(sampler="sde"), {**size, "n_steps": 10}, 5, 6)
    assert np.isnan(noisy.step["v"]).all() and np.isnan(noisy.draws["m"][:, :-1]).all()


def test_own_cells_of_trees_are_claimed_at_equal_d_alone():
    (group,) = own_groups(FIELDS, [{"sizes": [8, 12, 16], "n_samples": 4}])
    assert group.problem == TREE and not group.limit
    with pytest.raises(ConfigError, match="limit must be true or false; true where theory has a claim"):
        own_groups(FIELDS, [{"sizes": [8, 12, 16], "limit": True}])
    with pytest.raises(ConfigError, match="many modes need a finite start; got t_start = inf"):
        own_groups({k: x for k, x in FIELDS.items() if k != "t_start"}, [{"sizes": [8]}])


def test_modes_of_unequal_weight_are_shown_without_a_claim():
    """There is no theory of them at finite d."""
    uneven = TREE.replace(classes=Hierarchy((0.1, 0.3), rho=0.7, spread=0.2))
    data = measure(Group("uneven", uneven, (12,), (4,), 4, 8, limit=False), 12, 4).expand_dims("cell")
    assert {v.ground for v in judge(data).verdicts} == {"finite d"}


def test_what_a_cell_is_tells_it_from_others():
    (one, two) = (AtlasCell(g, 12, 40, 0) for g in QUICK)
    assert one.key != two.key and one.key != AtlasCell(QUICK[0], 12, 41, 0).key
