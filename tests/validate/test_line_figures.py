"""Data and figures of two classes on the line."""

from itertools import pairwise

import numpy as np
import pytest
from drawn_words import words

from meanfield.line import Normal, TwoClasses, Uniform, log_short_of, trajectories
from validate.agreement.statistics import family_threshold
from validate.figures.one_dimension import draw as where_it_goes
from validate.figures.one_dimension import line_ends, line_paths, line_strength
from validate.figures.strong_guidance import draw as strong_guidance
from validate.figures.strong_guidance import line_leaving, line_tails

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
SMALL = {"n_samples": 200, "n_draws": 4, "n_steps": 80}


@pytest.fixture(scope="module")
def data():
    return {
        "paths": line_paths(COMPACT, 8.0, n_paths=4, n_times=61, n_steps=200),
        "compact": line_ends(COMPACT, (0.0, 1.0), n_samples=400, n_steps=100, bins=10),
        "gaussian": line_ends(GAUSSIAN, (0.0, 4.0), n_samples=400, n_steps=100, bins=10),
        "uniform": line_strength(COMPACT, [1.0, 8.0, 64.0], [1.0, 8.0], **SMALL),
        "normal": line_strength(GAUSSIAN, [1.0, 8.0, 1e4], [1.0, 8.0], **SMALL),
        "tails": line_tails(COMPACT, GAUSSIAN, [4.0, 16.0]),
        "leaving": line_leaving(COMPACT, (1e-2, 1e-4), weights=[20.0, 40.0, 60.0], points=(40.0,), n_samples=100),
    }


@pytest.fixture(scope="module")
def drawn(data):
    """Both figures, with their axes."""
    distances = [("uniform", data["uniform"]), ("Gaussians", data["normal"])]
    return (
        where_it_goes(data["paths"], COMPACT.target.support, data["compact"], data["gaussian"], distances),
        strong_guidance(data["uniform"], data["normal"], data["tails"], data["leaving"]),
    )


def test_drawings(drawn):
    for figure, axes in drawn:
        assert all(axis.get_xlabel() and axis.get_ylabel() for axis in np.ravel(axes))
        figure.savefig("/dev/null", format="png")


def test_everything_drawn_is_in_the_frame_and_in_a_legend(data, drawn):
    (_, first), (_, second) = drawn
    low, high = first[0, 0].get_ylim()
    shown = data["paths"].sel(t=slice(30.0, None))
    assert all(low < float(shown[name].min()) and float(shown[name].max()) < high for name in ("ode", "sde"))

    assert {"uniform", "Gaussians", "ODE, exact", "ODE, particles", "SDE, particles"} <= words(first[1, 1])
    assert {"ODE, particles", "SDE, particles"} <= words(second[0, 0]) & words(second[0, 1])
    assert "SDE, (L7)" in words(second[0, 0]) and "ODE, quartiles" in words(second[0, 1])
    assert "particles" in words(second[1, 1])


def test_paths_overshoot_the_support_and_return(data):
    ode = data["paths"]["ode"]
    assert bool((ode.max("t") > 3.0).all()) and bool(((ode[:, -1] > 1.9) & (ode[:, -1] < 2.05)).all())


def test_histograms_agree_with_the_change_of_variables(data):
    found = []
    for name in ("compact", "gaussian"):
        part = data[name]
        for w in part["w"].values:
            at = part.sel(w=w, sampler="ode")
            line = np.interp(part["middle"], part["x"], part["density"].sel(w=w))
            width = float(part["middle"][1] - part["middle"][0])
            edges = np.append(part["middle"] - width / 2, part["middle"][-1] + width / 2)
            mass = np.array(
                [
                    np.trapezoid(np.interp(x := np.linspace(a, b, 200), part["x"], part["density"].sel(w=w)), x)
                    for a, b in pairwise(edges)
                ]
            )
            n = part.attrs["n_samples"]
            expected, seen = n * mass, n * width * at["histogram"].values
            keep = expected > 8
            assert keep.sum() >= 3 and len(line) == 10
            found.extend((seen[keep] - expected[keep]) / np.sqrt(expected[keep] * (1 - mass[keep])))
    assert np.abs(found).max() < family_threshold(len(found))


def test_strength_of_particles_and_exact_flow_agree(data):
    for name, exact in (("uniform", "mean_distance"), ("normal", None)):
        part = data[name]
        at = part.sel(sampler="ode")
        z = (at["W1_points"] - part["W1"].values[:2]) / np.hypot(at["W1_points_error"], 2e-3)  # 2e-3: steps
        assert float(abs(z).max()) < 4.5
        if exact:
            z = (2.0 - at["mean"] - part[exact].values[:2]) / np.hypot(at["mean_error"], 1e-3)
            assert float(abs(z).max()) < 4.5


def test_far_tails_by_grid_and_by_bisection_agree(data):
    tails = data["tails"].sel(w=4.0)
    assert abs(float(tails["start_edge"]) - log_short_of(COMPACT, 4.0, 1.9)[0]) < 1e-3
    assert abs(float(tails["start_middle"]) - log_short_of(GAUSSIAN, 4.0, 0.0)[0]) < 1e-3
    assert abs(float(data["tails"]["start_middle"][-1] - data["tails"]["start_theory"][-1])) < 0.05


def test_leaving_share_agrees_with_particles(data):
    leaving = data["leaving"].interp(w=40.0)
    for size in leaving["size"].values:
        at = leaving.sel(size=size)
        p = np.clip(float(at["share"]), 0.01, 0.99)
        assert abs(float(at["outside"][0]) - float(at["share"])) < 4 * np.sqrt(p * (1 - p) / 100) + 0.02


def test_paths_are_those_of_the_theory(data):
    paths = data["paths"]
    again = trajectories(COMPACT, 8.0, paths["z"].values, paths["t"].values[::20])
    assert np.abs(again - paths["ode"].values[:, ::20]).max() < 1e-6
