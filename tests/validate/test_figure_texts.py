"""Every figure, on a page and in a column: its width, and texts that can be read; no legend longer than a glance."""

import numpy as np
import pytest
from drawn_texts import faults

from meanfield import Fixed
from validate.drawing import WIDTH, lettered, named_lines, noted, sized
from validate.drawing.page import made, styled
from validate.figures.design import BASE
from validate.figures.one_dimension import POINTS
from validate.gallery import GALLERY

FEW = {"n_samples": 12, "n_disorder": 4, "n_draws": 4, "n_steps": 24, "n": 60, "fitted": 6}
STRENGTHS = {"weights": [*POINTS[::3], 100.0], "points": POINTS[::3]}
SMALLER = {  # figure, or one of its parts -> arguments that save time, and leave all that is written as it is
    "order-parameters": {"sizes": (8, 16)},
    "guidance": {"d": 16, "weights": np.linspace(-0.3, 5.0, 8), "points": (0.5, 5.0)},
    "dimension": {"families": [(Fixed(4), (100, 1000)), (Fixed(3), (100,)), (Fixed(2), (100,))]},
    "continuum": {"counts": (10, 100, 1000)},
    "schedules": {"amplitudes": np.geomspace(0.05, 6.0, 8)},
    "finite-size/sizes": {"particles": (8, 10), "theory": (8, 10, 16), "n_steps": 24},
    "modes/marks": {"d": 24, "weights": (0.5, 4.0), "n_samples": 16},
    "modes-kept/prices": {"n": 4, "lost": (0.0,), "points": 5},
    "modes-kept/regions": {"n": 8},
    "speciation/collapse": {"cases": ((16, 1024), (64, 1024), (64, 64), (200, 12)), "ratios": (0.5, 1.0, 2.0)},
    "design": {"problem": BASE.replace(t_start=1000.0)},
    "strong-guidance/uniform": STRENGTHS,
    "strong-guidance/normal": STRENGTHS,
    "strong-guidance/tails": {"weights": [0.5, 4.0, 64.0], "n_starts": 41},
    "strong-guidance/leaving": {"weights": [20.0, 80.0], "points": (40.0,)},
    "one-dimension/uniform": STRENGTHS,
    "one-dimension/normal": STRENGTHS,
    "phases": {"x": ("alpha", np.linspace(0.05, 1.2, 31)), "n": None},
    "samplers": {"steps": [5, 10, 100], "points": [5, 50]},
    "guidance-rules": {"steps": [5, 10, 100]},
    "cfg-plus-plus": {"steps": [5, 10, 100], "points": [5, 50]},
    "which-guidance": {"d": 16},
}
LONGEST = 6  # entries of a legend
LEARNED = {"digits", "rules-network"}  # drawn from made-up data by tests of their own


def reduced(figure):
    """Data of the quick profile, with fewer samples."""
    data = {}
    for name, part in figure.parts("quick").items():
        own = {**FEW, **SMALLER.get(figure.name, {})}
        arguments = {k: own.get(k, v) for k, v in part.arguments.items()}
        data[name] = part.function(**(arguments | SMALLER.get(f"{figure.name}/{name}", {})))
    return data


@pytest.mark.parametrize("figure", [f for f in GALLERY if f.name not in LEARNED], ids=lambda f: f.name)
def test_the_texts_of_a_figure_can_be_read_on_a_page_and_in_a_column(figure):
    data = reduced(figure)
    for width, inches in WIDTH.items():
        with sized(width), styled():
            drawn, _ = figure.draw(data)
            assert drawn.get_size_inches()[0] == inches
            assert not faults(drawn), width
        legends = [*drawn.legends, *(axis.get_legend() for axis in drawn.axes if axis.get_legend())]
        assert max([len(legend.texts) for legend in legends], default=0) <= (
            12 if figure.name == "dimension" else LONGEST
        )


def test_a_small_a_cut_and_a_covered_text_are_found():
    """Negative control of the test above."""
    with styled():
        figure = made(2.0)
        axis = figure.subplots()
        axis.set(xticks=[], yticks=[])
        assert not faults(figure)
        small = axis.text(0.5, 0.8, "small", fontsize=5.0)
        assert faults(figure) == ["5.0 pt: 'small'"]
        small.remove()
        cut = figure.text(0.99, 0.5, "longer than what is left")
        assert faults(figure) == ["cut off: 'longer than what is left'"]
        cut.remove()
        for y in (0.5, 0.52):
            axis.text(0.5, y, "covered")
        assert faults(figure) == ["one on the other: 'covered', 'covered'"]


def test_names_of_lines_that_end_together_are_apart():
    with styled():
        figure = made(3.0)
        axis = figure.subplots()
        lines = {f"line {k}": axis.plot([0, 1], [0, 1 + 1e-3 * k])[0] for k in range(5)}
        named_lines(axis, lines)
        lettered([axis], "five lines")
        assert not faults(figure)
        names = [text for text in axis.texts if text.get_text() in lines]
        assert [text.get_color() for text in names] == [line.get_color() for line in lines.values()]
        places = [text.xy[1] for text in names]
        assert places == sorted(places) and places[-1] <= 1.0, "in the order of the lines, within the frame"


def test_a_panel_of_a_column_has_the_labels_that_a_page_shares():
    from validate.drawing import canvas

    def draw():
        with canvas(None, (7.0, 4.0), (2, 2), sharex=True, sharey="row") as (figure, axes):
            for row, label in zip(axes, ("m", "v"), strict=True):
                row[0].set_ylabel(label)
            for axis in axes[1]:
                axis.set_xlabel("w")
            axes[0, 1].plot([0, 1], [0, 7])
            noted(axes[0, 0], "here", (0.5, 0.5))
        return figure, axes

    _, page = draw()
    with sized("column"):
        figure, column = draw()
    assert [axis.get_ylabel() for axis in column.flat] == ["m", "m", "v", "v"]
    assert [axis.get_xlabel() for axis in column.flat] == ["w"] * 4 and page[0, 0].get_xlabel() == ""
    assert column[0, 0].get_ylim() == column[0, 1].get_ylim() != column[1, 0].get_ylim(), "a row shares its scale"
    boxes = [axis.get_position() for axis in column.flat]
    assert len({round(box.x0, 6) for box in boxes}) == 1 and len({round(box.y0, 6) for box in boxes}) == 4
    assert figure.get_size_inches()[0] == WIDTH["column"]
