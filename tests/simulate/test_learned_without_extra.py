"""Learned scores where torch or scikit-learn are missing: one clear error, whichever door is taken."""

import importlib.util

import pytest

from meanfield.errors import CfgfieldError
from simulate import learned
from simulate.learned.extra import MissingExtraError, available, library


@pytest.fixture(params=["torch", "sklearn", "mlxtend"])
def missing(request, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("simulate.learned.extra.find_spec", lambda name: None if name == request.param else found(name))
    return request.param


def test_the_extra_is_named(missing):
    assert not available()
    with pytest.raises(
        MissingExtraError, match=r"extra 'learned' from the source tree: pip install .* -e '\.\[learned\]'"
    ):
        learned.train()
    with pytest.raises(ImportError, match=r"\.\[learned\]"):  # it is an ImportError too
        library(missing)


def test_data_and_classifier_need_scikit_learn(monkeypatch):
    monkeypatch.setattr("simulate.learned.extra.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="need scikit-learn, which"):
        learned.load_digits()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number >= 1"), ({"labels": "none"}, "labels must be one of"),
        ({"label_dropout": 0.0}, "label_dropout"), ({"t_max": float("inf")}, "t_max"), ({"width": 2.5}, "width"),
    ],
)  # fmt: skip
def test_a_training_checks_itself(changes, message):
    with pytest.raises(CfgfieldError, match=message):
        learned.Training(**changes)


def test_arguments_of_another_kind_are_refused(tmp_path):
    with pytest.raises(CfgfieldError, match=r"Training takes the keys .*unknown: \['zzz'\]"):
        learned.Training().replace(zzz=1)
    with pytest.raises(CfgfieldError, match="training must be a Training; got 3"):
        learned.train(3)
    for checkpoint in (3, tmp_path):
        with pytest.raises(CfgfieldError, match="checkpoint must be the name of a file; got"):
            learned.train(checkpoint=checkpoint)
    with pytest.raises(CfgfieldError, match="digits must be the images"):
        learned.make_classifier(None)


def test_a_problem_of_digits_takes_any_schedule():
    from meanfield import Interval

    problem = learned.digit_problem(Interval(2.0, 1.0, 9.0), sampler="sde")
    assert problem.weight(5.0) == 2.0 and problem.sigma2 == learned.BLUR and problem.eta == 1.0
