"""Tables over a grid: what is found where, what is missing, what is shown; and the axes of a drawing."""

import numpy as np
import pytest
import xarray

from validate.drawing import canvas, legend_below, lettered
from validate.results.tables import tabulate


def test_every_point_is_measured_once_in_order_and_lies_where_it_belongs():
    seen = []

    def measure(a, b):
        seen.append((a, b))
        return {"sum": a + b, "word": f"{a}{b}", "line": ("t", np.array([a, b, 0.5]))}

    data = xarray.Dataset(tabulate({"a": (1, 2), "b": {3: "", 5: "", 7: ""}}, measure), {"a": [1, 2], "b": [3, 5, 7]})
    assert seen == [(a, b) for a in (1, 2) for b in (3, 5, 7)]
    assert int(data["sum"].sel(a=2, b=5)) == 7 and str(data["word"].sel(a=1, b=7).values) == "17"
    assert data["line"].dims == ("a", "b", "t") and data["line"].sel(a=2, b=3).values.tolist() == [2.0, 3.0, 0.5]


def test_tables_may_lie_within_tables():
    outer = tabulate({"a": range(2)}, lambda a: tabulate({"b": range(3)}, lambda b: {"x": ("c", np.full(4, a * b))}))
    assert outer["x"][0] == ("a", "b", "c") and outer["x"][1][1, 2].tolist() == [2, 2, 2, 2]


def test_what_a_point_lacks_is_nan():
    found = tabulate({"d": (1, 2)}, lambda d: {"m": 1.0} if d == 1 else {"line": ("t", [3.0, 4.0])})
    assert np.isnan(found["m"][1][1]) and np.isnan(found["line"][1][0]).all() and found["line"][1][1].tolist() == [3, 4]


def test_progress_counts_what_a_point_costs():
    shown = []
    tabulate({"d": (2, 3)}, lambda d: {}, progress=lambda *at: shown.append(at), cost=lambda d: 10 * d)
    assert shown == [(20, 50), (50, 50)]


@pytest.mark.parametrize(("shape", "expected"), [(3, (3,)), (1, (1,)), ((2, 2), (2, 2)), ((1, 3), (1, 3))])
def test_new_axes_have_the_shape_that_was_asked_for(shape, expected):
    with canvas(None, (4, 3), shape) as (figure, axes):
        assert axes.shape == expected and all(axis.figure is figure for axis in axes.flat)


def test_own_axes_are_taken_in_any_nesting_and_the_settings_are_left_alone():
    import matplotlib
    from matplotlib.figure import Figure

    size = matplotlib.rcParams["font.size"]
    own = Figure().subplots(2, 2)
    with canvas([list(row) for row in own], (4, 3), 4) as (figure, axes):
        assert figure is own[0, 0].figure and list(axes) == list(own.flat)
        assert matplotlib.rcParams["font.size"] != size
        axes[0].plot([0, 1], label="one")
        axes[1].plot([0, 1], label="one")
        axes[1].plot([1, 0], label="two")
        legend_below(axes, 2)
        lettered(axes, "left", "right")
    assert matplotlib.rcParams["font.size"] == size
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "two"]
    assert own[0, 1].get_title(loc="left") == "(b) right"
    with pytest.raises(ValueError), canvas(own, (4, 3), 3):
        pass
