"""What public names are given is checked against their annotations, and nothing else about them changes."""

import copy
import inspect
import pickle
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from calling import methods
from made import PROBLEM

import cfgfield as cf
from meanfield.tools.door import kind_of


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cf.solve("abc"), "problem must be a Problem; got 'abc' (str). Build one with Problem(...)."),
        (lambda: cf.run(PROBLEM, d=[6]), "d must be a whole number; got [6] (list). See help(run)."),
        (lambda: cf.Problem(sigma2=1j, classes=cf.Fixed(2)), "sigma2 must be a number or None; got 1j (complex)."),
        (lambda: cf.Linear(True, 0.25), "w0 must be a number; got True (bool). See help(Linear)."),
        (lambda: cf.phi_two("abc", 1.0), "D must be a number or an array of numbers; got 'abc' (str)."),
        (lambda: cf.dose(1.0, 10**400), "problem must be a Problem; got 1000"),
    ],
)
def test_a_wrong_type_is_refused_by_rule_value_and_remedy(call, message):
    with pytest.raises(cf.CfgfieldError) as caught:
        call()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("d", [12, 12.0, np.float32(12), np.int64(12), Fraction(12), np.array(12.0)])
def test_every_kind_of_real_number_is_taken(d):
    assert cf.speciation_time(d, 1.0) == cf.speciation_time(12.0, 1.0)


def test_what_takes_work_is_an_executor_whatever_its_class():
    with pytest.raises(cf.ConfigError, match="only must be"):
        cf.atlas(only="no such group", executor=SimpleNamespace(submit=print))


def test_public_functions_constructors_and_methods_have_a_door():
    for name in cf.__all__:
        item = getattr(cf, name)
        if inspect.isfunction(item):
            assert hasattr(item, "__wrapped__"), name
        elif inspect.isclass(item) and not issubclass(item, Exception | tuple):
            taking = [m for m in methods(item) if not inspect.isabstract(item)]
            assert all(hasattr(getattr(item, m), "__wrapped__") for m in taking), name


def test_names_signatures_docstrings_and_copies_are_kept():
    assert list(inspect.signature(cf.solve).parameters) == ["problem", "d", "capture"]
    assert cf.solve.__doc__ and cf.solve.__module__ == "meanfield.theory.solver"
    assert pickle.loads(pickle.dumps(cf.solve)) is cf.solve
    assert pickle.loads(pickle.dumps(PROBLEM)) == PROBLEM == copy.deepcopy(PROBLEM)
    with pytest.raises(TypeError, match="unexpected keyword"):
        cf.solve(PROBLEM, dd=3)
    with pytest.raises(TypeError, match="positional"):
        cf.solve(PROBLEM, 12.0, True, 1, 2)


def test_kinds_of_annotations():
    assert kind_of(int | None).holds(None) and not kind_of(int).holds(None)
    assert not kind_of(float).holds(10**400) and not kind_of(float).holds(True)
    assert kind_of(tuple[str, list]).words == "a pair"
