"""Rules on a small network of the digits: what survives a short training, with controls that know no classes."""

import json

import numpy as np
import pytest

from simulate.learned import training
from validate import ComparisonError
from validate.figures.rules_network import FIGURE
from validate.figures.rules_network.data import gaussian_part, mean_field_part, network_part
from validate.figures.rules_network.ranking import by_split, rank_correlation
from validate.figures.rules_network.sources import source
from validate.gallery.saved import Saved
from validate.recipe import Part

SMALL = {"n_samples": 30, "n_steps": 15, "progress": False}


@pytest.fixture(scope="module")
def theory():
    return mean_field_part()


@pytest.fixture(scope="module")
def networks():
    return {known: network_part({"steps": 400, "labels": known}, **SMALL) for known in ("true", "shuffled")}


def average(part, name, rule, schedule="constant"):
    return float(part[name].sel(rule=rule, schedule=schedule).mean())


def test_rules_guide_a_network_and_one_that_knows_no_classes_is_not_guided(networks):
    true, shuffled = networks["true"], networks["shuffled"]
    for rule in true.rule.values:
        guided = average(true, "accuracy", rule)
        assert guided > float(true.free_accuracy.mean()) + 0.02 or rule == "weak model"  # which sees no other class
        assert average(shuffled, "accuracy", rule) < 0.25  # control
    assert float(true.free_accuracy.mean()) > 0.8


def test_the_network_shifts_its_mean_in_the_order_of_the_theory(theory, networks):
    ranks = {
        known: rank_correlation(by_split([theory], "shift"), by_split([part], "shift")).value
        for known, part in networks.items()
    }
    assert ranks["true"] > 0.6 > abs(ranks["shuffled"])  # control


def test_projected_and_free_guidance_keep_less_variance_than_cfg_at_all_levels(theory, networks):
    exact = gaussian_part(**SMALL)
    for part in (theory, exact, networks["true"]):
        kept = {rule: average(part, "trace_guided", rule) for rule in ("CFG", "projected", "free", "two bands")}
        assert kept["projected"] < kept["CFG"] - 0.1 and kept["free"] < kept["CFG"] - 0.3
    assert average(theory, "trace_guided", "CFG") < 0.9 < 1.0 < average(exact, "trace_guided", "CFG")  # (V1)


def test_samples_are_reproduced_and_other_data_refused():
    few = {"n_samples": 10, "n_steps": 6, "progress": False}
    one, again, other = (network_part({"steps": 20, "seed": seed}, **few)["trace_guided"] for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    with pytest.raises(ComparisonError, match=r"data must be one of .*got 'cifar'"):
        source("cifar", 0)


class Killed(Exception):
    pass


def test_a_killed_part_of_the_figure_goes_on_from_its_checkpoint_to_the_same_numbers(monkeypatch, tmp_path):
    """And it repeats no step but those of an epoch of four (901 images in batches of 256)."""
    arguments = {"training": {"steps": 30, "width": 16}, "n_samples": 5, "n_steps": 4}
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
