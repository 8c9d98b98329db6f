"""Whatever a public name is given, it answers with numbers or with an error of the package: a search for exceptions."""

import numpy as np
import pytest
from calling import Call
from fuzzing import complaint
from hostile import HOSTILE
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from public_calls import calls, public_names

import cfgfield as cf

PHASES = (Phase.explicit, Phase.generate)  # two arguments need no shrinking
REFUSED = {
    "read_dataset",
    "atlas",
    "DensityRatio.w",
    "Rule.w",
    *(f"Hierarchy.{name}" for name in ("log_count", "rate", "rates", "rivals")),
}  # a file that is not there, no group, a weight of the sample, what a tree of modes has none of
NEEDS_TORCH = {"from_diffusers"}  # tests/extras
SLOW = {
    "ratio_limits",
    "phi_drawn",
    "information_drawn",
    "potential",
    "design",
    "Comparison.plot",
    "Mixture.design",
    "MixtureDesign.plot",
}  # for some values
SLOW |= {f"{name}.{method}" for name in ("Prediction", "Predictions") for method in ("plot", "report")}


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_public_name_has_a_call():
    assert public_names() - NEEDS_TORCH <= set(calls())


def invalid(name: str) -> str:
    """The error that a call raises as it stands, "" for none."""
    try:
        calls()[name].function(**calls()[name].arguments)
    except Exception as error:
        return repr(error)
    return ""


def test_every_call_is_valid(recwarn):
    """One test, since to list the calls is to make what their methods belong to."""
    assert not {name: error for name in sorted(set(calls()) - REFUSED) if (error := invalid(name))}
    assert all(invalid(name) for name in REFUSED), "negative control"


@st.composite
def hostile_calls(draw):
    name = draw(st.sampled_from(sorted(set(calls()) - SLOW)))
    words = draw(st.lists(st.sampled_from(sorted(calls()[name].arguments)), min_size=1, max_size=2, unique=True))
    values = [value for value in sorted(HOSTILE) if _quick(name, value)]
    return name, {word: draw(st.sampled_from(values)) for word in words}


@given(hostile_calls())
@settings(max_examples=2000, derandomize=True, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
def test_hostile_arguments_are_taken_or_refused_in_words(hostile):
    name, replaced = hostile
    assert complaint(calls()[name], replaced) == "", name


@pytest.mark.slow
def test_each_argument_may_be_any_hostile_value():
    cases = [(name, {word: value}) for name, call in sorted(calls().items()) for word in call.arguments
             for value in HOSTILE if _quick(name, value)]  # fmt: skip
    found = [(name, replaced, complaint(calls()[name], replaced)) for name, replaced in cases]
    assert not [case for case in found if case[-1]]


def _quick(name: str, value: str) -> bool:
    return name != "atlas" or value != "''"  # part of the name of every group: minutes


@pytest.mark.parametrize(
    ("function", "value", "means"),
    [
        (lambda x: x + 1, "'abc'", "TypeError"),
        (lambda x: {}[x], "1", "KeyError"),
        (lambda x: np.nan, "1", "nan of finite arguments"),
        (lambda x: cf.Observable(np.array([1.0, np.nan])), "1", "nan of finite arguments"),
        (lambda x: _raise(cf.ProblemError, "x" * 1400 + repr(x)), "a long word", ""),  # cut to length
        (lambda x: x, "nan", ""),
        (lambda x: _raise(cf.ProblemError, "x must be a number"), "'abc'", ""),
    ],
)
def test_the_search_sees_what_is_wrong(function, value, means):
    answer = complaint(Call(function, {"x": 1.0}), {"x": value})
    assert answer.startswith(means) if means else answer == ""


def _raise(error, message):
    raise error(message)
