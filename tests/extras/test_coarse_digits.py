"""Which digits guidance loses: exact scores on real data, a tiny network, and a control that keeps all."""

import numpy as np
import pytest

from validate.figures.modes.coarse_digits import EVEN, SCHEDULES, draw, kinds, of_gaussians, of_networks

SMALL = of_gaussians(["ode"], [4.0], n_samples=400, n_steps=40)


def test_unguided_samples_have_all_digits_of_the_label():
    row = SMALL.sel(sampler="ode", schedule="constant", w=0.0)
    assert abs(row.K) < 0.02 and row.left < 0.03 and row["shift"] == 0.0
    assert np.all(np.abs(row.share - 0.2) < 4 * row.share_stderr)


def test_constant_guidance_loses_the_eights_and_a_late_window_none():
    rows = SMALL.sel(sampler="ode", w=4.0)
    constant, late = rows.sel(schedule="constant"), rows.sel(schedule="late")
    assert constant.K > 4 * constant.K_stderr and constant.share.sel(digit=8) < 0.1
    assert abs(late.K) < 0.02 and late.share.sel(digit=8) > 0.15 and late["shift"] < 0.1 < constant["shift"]


def test_networks_are_averaged_and_all_is_drawn():
    learned = of_networks(["ode"], [4.0], trainings=2, steps=30, n_samples=60, n_steps=8)
    assert learned.share.dims == SMALL.share.dims and bool((learned.K_stderr > 0.0).all())
    both = [data.sel(sampler=["ode"]) for data in (SMALL, learned)]
    figure, axes = draw(*both)
    assert len(axes[1].get_legend_handles_labels()[1]) <= len(SCHEDULES)
    figure.savefig("/dev/null", format="png")


def test_digits_of_the_other_label_are_not_kinds():
    found = kinds(np.array([1, 3, *EVEN, *EVEN]), np.ones(5))
    assert found["left"] == pytest.approx(1 / 6) and found["share"][1].tolist() == [0.2] * 5
