"""Figures of phase diagrams from saved data."""

import numpy as np
import xarray

from meanfield import Exponential, Problem, phase_diagram
from validate.figures import phases as figure


def test_saved_phase_diagrams_are_drawn(tmp_path):
    """Map and time panel from files; the boundary that is drawn is the one in the data; lines are named."""
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=6.0, sampler="ode")
    grids = ("w", np.linspace(0.1, 8.0, 9)), ("t", np.geomspace(0.05, 20.0, 9))
    panels = []
    for field, y in zip(("v_ratio", "phase"), grids, strict=True):
        phase_diagram(problem, ("alpha", np.linspace(0.5, 1.0, 11)), y).to_netcdf(tmp_path / field, engine="h5netcdf")
        panels.append((field, field, xarray.load_dataset(tmp_path / field, engine="h5netcdf")))
    fig, axes = figure.draw(panels)
    fig.savefig(tmp_path / "figure.png")
    words = [text.get_text() for axis in axes for text in axis.texts]
    said = {" ".join(word.split()) for word in words}
    assert {"through glass", "capacity", "speciates", "never speciates", "crowd", "glass"} <= said
    drawn = [line.get_xydata() for line in axes[0].lines]
    assert any(np.array_equal(points, panels[0][2]["line_glass"].values) for points in drawn)


def test_a_capture_on_the_way_is_named():
    """The ODE's w < 0: captured first, then the target. Where nothing is passed the same word is not said."""
    problem = Problem(classes=Exponential(0.3), sigma2=0.25, guidance=1.0, sampler="ode")
    for w, on_the_way in ((np.linspace(-0.3, -0.1, 5), True), (np.linspace(0.1, 0.3, 5), False)):
        words = figure._ends(phase_diagram(problem, ("alpha", np.linspace(0.2, 0.3, 5)), ("w", w)))
        assert np.all(words == ("through\ncapture" if on_the_way else "speciates"))
