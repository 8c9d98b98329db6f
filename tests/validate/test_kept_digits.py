"""The recorded run of docs/modes.md: digits lost go with the shift, whatever the schedule; and it is drawn."""

from pathlib import Path

import numpy as np
import pytest

from validate import read_dataset
from validate.figures.modes.coarse_digits import EVEN, draw

KEPT = read_dataset(Path(__file__).parents[2] / "docs" / "modes-digits.nc")
LEFT = "late unconditional"  # along the SDE its samples leave the label


def cost(level, sampler, schedule, w):
    """K over the square of the shift, and its error by that of K."""
    row = KEPT.sel(level=level, sampler=sampler, schedule=schedule, w=w)
    return float(row.K / row["shift"] ** 2), float(row.K_stderr / row["shift"] ** 2)


@pytest.mark.parametrize(("sampler", "value"), [("ode", 0.12), ("sde", 0.32)])
def test_digits_lost_are_as_the_square_of_the_shift(sampler, value):
    """One number for each sampler, within errors and a sixth of it; the schedule that leaves the label is off it."""
    costs = [cost("ten Gaussians", sampler, s, w) for s in ("constant", "early", "interval") for w in (4.0, 8.0)]
    assert all(abs(x - value) < 2.5 * error + value / 6 for x, error in costs), costs
    x, error = cost("ten Gaussians", "sde", LEFT, 2.0)
    assert abs(x - value) > 2.5 * error + value / 6


def test_nothing_is_lost_without_guidance_or_to_a_window_after_the_choice():
    for level in KEPT.level.values:
        rows = KEPT.sel(level=level, sampler="ode")
        unguided, late = rows.sel(schedule="constant", w=0.0), rows.sel(schedule="late", w=8.0)
        constant = rows.sel(schedule="constant", w=8.0)
        assert abs(late.K - unguided.K) < 0.01 < 0.1 < constant.K
        assert int(constant.share.values.argmin()) == EVEN.index(8)


def test_the_kept_data_are_drawn():
    figure, axes = draw(*(KEPT.sel(level=level) for level in ("ten Gaussians", "networks")))
    assert [text.get_text() for text in axes[0].texts if text.get_text() in map(str, EVEN)]
    assert np.isfinite(axes[1].get_ylim()).all()
    figure.savefig("/dev/null", format="png")
