"""Which rules of guidance have a dose: equal doses end alike, (T16) and (T18), or do not."""

import math

import pytest
from continuum_cases import SIGMA2, T, amplitudes, final, problem, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import (
    ByGroup,
    Composed,
    Continuum,
    Free,
    Negative,
    Piecewise,
    Problem,
    ProblemError,
    Projected,
    Rescale,
    ScheduleError,
    Spectrum,
    Tangential,
    WeakModel,
    ZeroStar,
    dose,
    no_go,
    solve,
)
from meanfield.exact.directions import along
from meanfield.exact.theorems import final_from_dose, mean_from_dose, variance_from_dose

EARLY = Piecewise([1.0], [0.0, 1.0])
LATE = Piecewise([1.0], [dose(EARLY, problem()) / dose(Piecewise([1.0], [1.0, 0.0]), problem()), 0.0])
FOLLOWS_THE_STATE = {
    "rescale eps": Rescale,
    "rescale x0": lambda w: Rescale(w, prediction="x0"),
    "rescale v": lambda w: Rescale(w, prediction="v"),
    "projected": Projected,
    "projected, eta = 8": lambda w: Projected(w, 8.0),
    "zero star": ZeroStar,
    "tangential": Tangential,
}


@pytest.mark.parametrize("name", FOLLOWS_THE_STATE)
def test_equal_doses_of_other_rules_do_not_end_alike(name):
    rule = FOLLOWS_THE_STATE[name]
    assert abs(final(rule(EARLY), "sde")[0] - final(rule(LATE), "sde")[0]) > 0.004
    assert abs(final(rule(EARLY))[1] - final(rule(LATE))[1]) > 0.01
    with pytest.raises(ScheduleError, match=r"\(T16\) and \(T18\) fail.*Use solve"):
        dose(rule(1.0), problem())


def test_equal_doses_with_a_second_condition_keep_the_variance_and_not_the_mean():
    """(T18) holds, (T16) fails: the mean is shared out, and of a negative prompt it has no dose."""
    early, late = Piecewise([1.0], [0.0, 1.0]), Piecewise([1.0], [1.0, 0.0])
    one, other = (final(Negative(w), "sde") for w in (early, late))
    assert dose(Negative(early), problem()) == dose(Negative(late), problem()) == 0.0
    assert one[1] == pytest.approx(other[1], abs=1e-9)
    assert abs(one[0] - other[0]) > 0.5
    a, b = Composed(EARLY, w_2=0.0), Composed(0.0, w_2=EARLY)
    assert dose(a, problem()) == pytest.approx(dose(b, problem()), abs=1e-12)
    assert final(a)[1] == pytest.approx(final(b)[1], rel=1e-8)
    assert abs(final(a, "sde")[0] - final(b, "sde")[0]) > 0.1


def test_equal_doses_of_a_weight_end_alike():
    assert final(EARLY, "sde")[0] == pytest.approx(final(LATE, "sde")[0], abs=1e-8)
    assert final(EARLY)[1] == pytest.approx(final(LATE)[1], rel=1e-8)


@settings(max_examples=5)
@given(values=amplitudes, sampler=st.sampled_from(["ode", "sde", 0.5]), b=st.floats(-1.5, 0.5))
def test_linear_rules_are_integrals(values, sampler, b):
    """(T15) with the a and b of the rule, against the solver; (T18) holds, and (T16) for the weak model."""
    rules = WeakModel(steps(values), 0.7), Free(steps(values), b), ByGroup(steps(values), [1.3])
    for rule in (*rules, Negative(steps(values)), Composed(steps(values), w_2=b)):
        p = problem(rule, sampler)
        exact, solved = final_from_dose(p), solve(p).final
        assert exact.m == pytest.approx(float(solved.m), abs=1e-8)
        assert exact.v == pytest.approx(float(solved.v), rel=1e-8)
        if sampler == "ode":
            assert exact.v == pytest.approx(variance_from_dose(p, dose(rule, p)), rel=1e-9)
    weak = problem(WeakModel(steps(values), 0.7), sampler)
    left = (SIGMA2 / (SIGMA2 + T)) ** weak.e * math.exp(-weak.e * dose(weak.guidance, weak))
    assert float(solve(weak).final.m) == pytest.approx(1.0 - left, abs=1e-9)


def test_by_group_obeys_them_direction_by_direction():
    two = Spectrum(c=[0.25, 0.5], u=[0.75, 4.0], share=[0.5, 0.5])
    for sampler in ("sde", "ode"):
        rule = ByGroup(EARLY, [0.5, 2.0])
        p = Problem(classes=Continuum(), spectrum=two, guidance=rule, sampler=sampler, t_start=T)
        found = solve(p).final
        for i, factor in enumerate((0.5, 2.0)):
            weight = Piecewise([1.0], [0.0, factor])
            one = along(p.replace(guidance=weight), i)
            total = final_from_dose(one).dose
            if sampler == "sde":
                assert 1.0 + found.mean_shift_group[i] == pytest.approx(mean_from_dose(one, total), abs=1e-8)
            else:
                kept = variance_from_dose(one, total) / one.sigma2
                assert 1.0 + found.variance_excess_group[i] == pytest.approx(kept, rel=1e-7)
        with pytest.raises(ProblemError, match="isotropic classes only"):
            no_go(p.guidance, p)
