"""Runs of some draws each are together the run of all of them, bit by bit, however the classes are held."""

import numpy as np
import pytest

from meanfield.errors import ProblemError
from meanfield.problem.growth import Continuum, Exponential, Fixed
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from simulate import run
from simulate.running.plan import Settings, make_plan

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
MANY = PROBLEM.replace(classes=Fixed(40_000))  # so many that the default batch follows the number of samples
TWO = PROBLEM.replace(spectrum=Spectrum(c=(0.25, 0.5), u=(1.25, 4.5), share=(0.5, 0.5)))
CASES = {
    "explicit": (PROBLEM, 10, {"classes": "explicit"}),
    "reference": (PROBLEM, 8, {"classes": "reference"}),
    "span": (PROBLEM.replace(classes=Fixed(5)), 30, {"classes": "span"}),
    "streamed": (PROBLEM, 10, {"classes": "streamed"}),
    "continuum": (PROBLEM.replace(classes=Continuum()), 10, {}),
    "spectrum": (TWO, 10, {"dtype": "float64"}),
    "batches": (PROBLEM, 10, {"batch": 7}),
    "ode": (PROBLEM.replace(sampler="ode"), 10, {}),
}


def parts(case: str, second: int = 2):
    """All four draws in one run, and draws 0, 1 and those from `second` on in two."""
    problem, d, options = CASES[case]
    settings = {"d": d, "n_samples": 20, "n_steps": 10, "n_times": 4, "seed": 4, "progress": False, **options}
    whole = run(problem, n_disorder=4, threads=2, **settings)
    return whole, [run(problem, n_disorder=2, first_draw=k, threads=1, **settings) for k in (0, second)]


@pytest.mark.parametrize("case", CASES)
def test_parts_are_the_whole(case):
    whole, pieces = parts(case)
    for name, values in whole.draws.items():
        np.testing.assert_array_equal(np.concatenate([p.draws[name] for p in pieces]), values, err_msg=name)
    assert "first_draw" not in whole.info and pieces[1].info["first_draw"] == 2


@pytest.mark.parametrize("case", CASES)
def test_other_draws_are_not(case):
    """Negative control: parts that overlap, or leave a gap."""
    for second in (1, 3):
        whole, pieces = parts(case, second)
        assert (pieces[1].draws["m"] != whole.draws["m"][2:]).any(axis=1).all()


def test_the_default_batch_is_that_of_a_run_of_all_draws():
    """... which is why a part must be given the batch of the whole."""
    part, whole = (make_plan(MANY, Settings(12, 1000, n, threads=1)).batch for n in (1, 16))
    assert part != whole
    assert make_plan(MANY, Settings(12, 1000, 1, batch=whole, threads=1)).batch == whole


@pytest.mark.parametrize("first", [-1, 0.5, "one"])
def test_a_draw_is_a_whole_number(first):
    with pytest.raises(ProblemError, match="first_draw must be a whole number"):
        run(PROBLEM, d=6, n_samples=2, n_disorder=1, first_draw=first)


def test_lazy_classes_have_no_draws_of_their_own():
    with pytest.raises(ProblemError, match=r"got first_draw=1\. Use another seed"):
        run(PROBLEM, d=30, n_samples=2, n_disorder=1, first_draw=1, classes="lazy")
