"""Rules on a small network of the digits: what survives a short training, with controls that know no classes."""

import json

import numpy as np
import pytest

from meanfield import Piecewise, solve
from simulate.learned import training
from validate import ComparisonError
from validate.figures.digits.schedules import design_problem
from validate.figures.rules_network import FIGURE
from validate.figures.rules_network.cells import SAMPLERS
from validate.figures.rules_network.data import exact_part, mean_field_part, network_part
from validate.figures.rules_network.designs import WINDOWS, designed, stated
from validate.figures.rules_network.drawing import caption, draw
from validate.figures.rules_network.ranking import by_split, rank_correlation
from validate.figures.rules_network.sources import source
from validate.gallery.saved import Saved
from validate.recipe import Part

SMALL = {"samplers": SAMPLERS, "n_samples": 30, "n_steps": 15, "progress": False}


@pytest.fixture(scope="module")
def theory():
    return mean_field_part(samplers=("ode",))


@pytest.fixture(scope="module")
def networks():
    return {known: network_part({"steps": 400, "labels": known}, **SMALL) for known in ("true", "shuffled")}


@pytest.fixture(scope="module")
def exact():
    return exact_part("ten Gaussians", schedules=("constant", "designed"), **{**SMALL, "samplers": ("ode",)})


def average(part, name, rule, schedule="constant", sampler="ode"):
    return float(part[name].sel(sampler=sampler, rule=rule, schedule=schedule).mean())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_rules_guide_a_network_and_one_that_knows_no_classes_is_not_guided(networks, sampler):
    true, shuffled = networks["true"].sel(sampler=sampler), networks["shuffled"]
    for rule in true.rule.values:
        guided = average(networks["true"], "accuracy", rule, sampler=sampler)
        assert guided > float(true.free_accuracy.mean()) + 0.02 or rule == "weak model"  # which sees no other class
        assert average(shuffled, "accuracy", rule, sampler=sampler) < 0.25  # control
    assert float(true.free_accuracy.mean()) > 0.8


def test_the_network_shifts_its_mean_in_the_order_of_the_theory(theory, networks):
    ranks = {
        known: rank_correlation(by_split([theory], "shift", "ode"), by_split([part], "shift", "ode")).value
        for known, part in networks.items()
    }
    assert ranks["true"] > 0.6 > abs(ranks["shuffled"])  # control


def test_projected_and_free_guidance_keep_less_variance_than_cfg_at_all_levels(theory, exact, networks):
    for part in (theory, exact, networks["true"]):
        kept = {rule: average(part, "trace_guided", rule) for rule in ("CFG", "projected", "free", "two bands")}
        assert kept["projected"] < kept["CFG"] - 0.1 and kept["free"] < kept["CFG"] - 0.3
    assert average(theory, "trace_guided", "CFG") < 0.9 < 1.0 < average(exact, "trace_guided", "CFG")  # (E1)


def test_samples_are_reproduced_and_other_data_refused():
    few = {"samplers": ("ode",), "n_samples": 10, "n_steps": 6, "progress": False}
    one, again, other = (network_part({"steps": 20, "seed": seed}, **few)["trace_guided"] for seed in (0, 0, 1))
    assert np.array_equal(one, again, equal_nan=True) and not np.array_equal(one, other, equal_nan=True)
    with pytest.raises(ComparisonError, match=r"data must be one of .*got 'cifar'"):
        source("cifar", 0)
    with pytest.raises(ComparisonError, match=r"level must be one of .*got 'points'"):
        exact_part("points")


@pytest.mark.parametrize("data", ["digits", "mnist"])
def test_the_theory_of_every_window_keeps_the_variance_it_was_designed_to_keep(data):
    """By `solve`, for the mean covariance of the classes; control: a window that opens 10 % later."""
    problem = design_problem(source(data, 0).images, "ode")

    def off(rule, window):
        guided = problem.replace(guidance=stated(rule, problem)).with_amplitude(window)
        return abs(float(solve(guided).final.variance_excess))

    for rule, window in WINDOWS[data].items():
        close, switch = window.edges
        assert off(rule, window) < 1e-3 < 5e-3 < off(rule, Piecewise([close, switch / 1.1], window.values)), rule


def test_a_window_is_what_design_makes_and_a_rule_that_has_none_is_refused_by_it():
    images = source("mnist", 0).images
    made = designed("rescale eps", images)
    assert np.allclose(made.edges, WINDOWS["mnist"]["rescale eps"].edges, rtol=1e-3)
    assert made.values == WINDOWS["mnist"]["rescale eps"].values
    assert designed("projected", images) is None and designed("free", images) is None


class Killed(Exception):
    pass


def test_a_killed_part_of_the_figure_goes_on_from_its_checkpoint_to_the_same_numbers(monkeypatch, tmp_path):
    """And it repeats no step but those of an epoch of four (901 images in batches of 256)."""
    arguments = {"training": {"steps": 30, "width": 16}, "samplers": ("ode",), "n_samples": 5, "n_steps": 4}
    saved = Saved(tmp_path, FIGURE, "one", Part(network_part, {**arguments, "progress": False}, resumable=True))
    steps, advance = [], training._Run.advance

    def counted(run):
        steps.append(run.step)
        if len(steps) == 18:
            raise Killed
        advance(run)

    monkeypatch.setattr(training._Run, "advance", counted)
    with pytest.raises(Killed):
        saved.obtained(anew=False)
    assert saved.checkpoint.exists() and not saved.path.exists()
    resumed = saved.obtained(anew=False)
    assert steps[:18] == [*range(18)] and steps[18:] == [*range(16, 30)] and not saved.checkpoint.exists()
    whole = network_part(**arguments, progress=False)
    for name in ("trace_guided", "free_energy"):
        assert np.array_equal(resumed[name], whole[name], equal_nan=True)
    assert json.loads(resumed.attrs["recipe"])["part"] == "one"


def test_every_profile_states_its_networks():
    for profile, networks in (("quick", 1), ("standard", 10), ("full", 30)):
        assert sum(part.resumable for part in FIGURE.parts(profile).values()) == networks


def test_what_one_sampler_and_one_training_give_is_drawn(theory, exact, networks):
    """As in the profile quick; and what turns the sign of the change of variance is the shapes of the rivals."""
    small = {**SMALL, "samplers": ("ode",)}
    equal = exact_part("equal shapes", schedules=("constant", "designed"), **small)
    network = networks["true"].sel(sampler=["ode"])
    levels = {"mean field": [theory], "equal shapes": [equal], "ten Gaussians": [network]}  # any with all schedules
    parts = {"digits": {**levels, "network": [network]}}
    assert draw(parts)[1].shape == (1, 3) and "1 splits of 1" in caption(parts)
    assert average(equal, "trace_guided", "CFG") < 1.0 < average(exact, "trace_guided", "CFG")
