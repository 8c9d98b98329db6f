"""The crowd by quadrature against closed forms with 30 digits and against LSODA, which does the same by steps."""

import math
from cProfile import Profile
from pstats import Stats

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meanfield import Continuum, Custom, Exponential, Problem, Spectrum, solve
from meanfield.exact.closedform import crowd
from tests.meanfield.library import LIBRARY, random_schedules, timed_problems

SAMPLERS = ["sde", "ode", 0.4, 1.7]


def by_steps(p: Problem, d: float = math.inf):
    """`solve` with LSODA in the crowd."""
    from meanfield.theory import phases

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases.Rest, "linear", False)
        return solve(p, d)


def worst(a, b, tol_events: float = 1e-8) -> float:
    """Largest difference of two trajectories in m - 1 and log(v/D) at t = 0; events must be the same."""
    assert [e.kind for e in a.events] == [e.kind for e in b.events] and a.standing == b.standing
    for x, y in zip(a.events, b.events, strict=True):
        assert math.log((a.problem.least_variance + x.t) / (a.problem.least_variance + y.t)) == pytest.approx(
            0.0, abs=tol_events
        )
    one, two = a.final, b.final
    v = math.log1p(one.variance_excess) - math.log1p(two.variance_excess)
    return max(abs(one.mean_shift - two.mean_shift) / max(1.0, abs(one.mean_shift)), abs(v))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("alpha", [0.4, math.inf])
@pytest.mark.parametrize("name", LIBRARY)
def test_quadrature_is_lsoda(name, alpha, sampler):
    """Every schedule of the library to 1e-10; guidance 1 % stronger must fail."""
    p = Problem(
        classes=Exponential(alpha) if alpha < math.inf else Continuum(),
        sigma2=0.25,
        guidance=LIBRARY[name],
        sampler=sampler,
        t_start=50.0,
    )
    theory = solve(p)
    assert worst(theory, by_steps(p)) < 1e-10
    stronger = solve(p.replace(guidance=Custom(lambda t: 1.01 * p.schedule.w(t), p.schedule.breakpoints)))
    assert abs(stronger.final.mean_shift - theory.final.mean_shift) > 1e-7


@settings(max_examples=40)
@given(random_schedules(), st.floats(0.1, 1.2), st.floats(0.01, 1.0), st.sampled_from(SAMPLERS[:3]))
def test_quadrature_is_lsoda_for_random_schedules(schedule, alpha, sigma2, sampler):
    p = Problem(classes=Exponential(alpha), sigma2=sigma2, guidance=schedule, sampler=sampler, t_start=50.0)
    theory, other = solve(p), by_steps(p)
    if sum(e.kind == "capture" for e in theory.events) <= 1:  # a chain of captures amplifies rounding
        assert worst(theory, other, 1e-6) < 1e-7 if "capture" in str(theory.events) else worst(theory, other) < 1e-9


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("w", [-0.9, -0.3, 0.0, 1.0, 20.0, 300.0])
def test_quadrature_is_the_closed_form(w, sampler):
    """(T8) on the way, from T = inf and T = 100, to 1e-12; class variance 1 % off fails."""
    for T in (math.inf, 100.0):
        p = Problem(classes=Continuum(), sigma2=0.01, guidance=w, sampler=sampler, t_start=T)
        state = solve(p).at([50.0, 3.0, 0.2, 0.0])
        exact = np.array([crowd(0.01 + t, w, p.eta, 0.01, T) for t in (50.0, 3.0, 0.2, 0.0)])
        np.testing.assert_allclose(state.m, exact[:, 0], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(state.v, exact[:, 1], rtol=1e-11)
    assert abs(crowd(0.2101, w, p.eta, 0.0101)[1] / state.v[2] - 1) > 1e-5


@pytest.mark.parametrize("sampler", SAMPLERS[:3])
@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
def test_unguided_samples_are_not_distorted_at_all(alpha, sampler):
    """Speciation and condensation coincide there; rounding must not make a glass of it."""
    theory = solve(Problem(classes=Exponential(alpha), sigma2=0.25, guidance=0.0, sampler=sampler))
    assert theory.final.mean_shift == 0.0 and theory.final.variance_excess == 0.0
    assert [e.kind for e in theory.events] == ["speciation"] and theory.standing == "exact"


def test_spectra():
    for alpha, sampler in [(0.4, "sde"), (0.7, "ode"), (0.5, 1.7)]:
        spectrum = Spectrum(c=[0.25, 0.5, 0.1], u=[1.25, 4.5, 0.3])
        p = Problem(classes=Exponential(alpha), spectrum=spectrum, guidance=2.0, sampler=sampler)
        a, b = solve(p), by_steps(p)
        assert worst(a, b) < 1e-9
        np.testing.assert_allclose(a.final.m_group, b.final.m_group, rtol=1e-10)
        np.testing.assert_allclose(a.final.v_group, b.final.v_group, rtol=1e-10)


def test_kinks_that_no_breakpoint_declares_are_found():
    """A jump in a plain function costs panels, not accuracy; declared, it costs none."""

    def w(t):
        return np.where(np.asarray(t) > 2.0, 3.0, -0.5)

    base = Problem(classes=Continuum(), sigma2=0.25, guidance=Custom(w), t_start=50.0)
    declared = base.replace(guidance=Custom(w, jumps=[2.0]))
    a, b = solve(base), solve(declared)
    assert a.final.mean_shift == pytest.approx(b.final.mean_shift, abs=1e-12)
    assert len(a.pieces) == 1 and len(b.pieces) == 2


def test_guidance_too_strong_for_panels_is_left_to_the_integrator():
    p = Problem(classes=Continuum(), sigma2=0.25, guidance=1e5)
    assert worst(solve(p), by_steps(p)) == 0.0


def calls(solver, p: Problem) -> int:
    """Function calls of a solution; one before them does what is done once."""
    solver(p)
    with Profile() as profile:
        solver(p)
    return Stats(profile).total_calls


@pytest.mark.parametrize("name", ["constant, sde", "continuum, ode"])
def test_quadrature_takes_far_fewer_calls_than_steps(name):
    """What makes it fast, counted; the times are in benchmarks/results.md."""
    p = timed_problems()[name]
    assert calls(by_steps, p) > 10 * calls(solve, p)
