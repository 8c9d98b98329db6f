"""One plan of a run: the problem is asked once for each thing that a run has to know, and the answer is handed down."""

from collections import Counter

import pytest

from meanfield import Continuum, Exponential, Fixed, Problem, Spectrum
from simulate import run, timestep_error
from simulate.running.plan import Settings, make_plan

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.5)  # five steps resolve it
TWO = Spectrum(c=(0.25, 0.5), u=(1.25, 4.5), share=(0.7, 0.3))
SMALL = {"n_samples": 4, "n_disorder": 2, "progress": False}
CASES = {
    "explicit": (run, PROBLEM, 8, {"n_steps": 5}),
    "streamed": (run, PROBLEM, 8, {"n_steps": 5, "classes": "streamed"}),
    "span": (run, PROBLEM.replace(classes=Fixed(5)), 20, {"n_steps": 5}),
    "continuum": (run, PROBLEM.replace(classes=Continuum()), 8, {"n_steps": 5}),
    "spectrum": (run, PROBLEM.replace(spectrum=TWO), 12, {"n_steps": 5}),
    "lazy": (run, PROBLEM, 60, {"n_steps": 5}),
    "tol": (run, PROBLEM, 8, {"tol": 0.1}),
    "two grids": (timestep_error, PROBLEM, 8, {"n_steps": 5}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_question_is_asked_once(case, monkeypatch):
    verb, problem, d, options = CASES[case]
    asked: Counter[str] = Counter()

    def counted(name, function):
        def count(*args, **kwargs):
            asked[name] += 1
            return function(*args, **kwargs)

        return count

    from simulate.running import holding as choice
    from simulate.running import plan

    monkeypatch.setattr(choice, "count_classes", counted("P", choice.count_classes))
    monkeypatch.setattr(plan, "choose", counted("choice", plan.choose))
    monkeypatch.setattr(Problem, "start", counted("start", Problem.start))
    verb(problem, d=d, **SMALL, **options)
    assert asked == {"P": 1, "choice": 1, "start": 1}


def test_a_plan_is_frozen_and_has_the_problem_that_d_realises():
    plan = make_plan(PROBLEM.replace(spectrum=TWO), Settings(d=12, n_samples=10, n_disorder=3, batch=4, first_draw=1))
    assert plan.case.counts == (8, 4) and plan.case.problem.spectrum.share == pytest.approx((2 / 3, 1 / 3))
    assert plan.batches == [range(4), range(4, 8), range(8, 10)]
    assert [draw for draw, _ in plan.items] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    with pytest.raises(AttributeError):
        plan.seed = 1


def test_steps_are_recorded_from_start_to_end():
    plan = make_plan(PROBLEM, Settings(d=8, n_samples=1, n_disorder=1))
    assert plan.steps(6, n_times=4).record == (0, 2, 4, 6) and plan.steps(3, n_times=99).record == (0, 1, 2, 3)
    coarse, fine = plan.paired_steps(5)
    assert (coarse.record, fine.record) == ((0, 5), (0, 10)) and (coarse.t == fine.t[::2]).all()
