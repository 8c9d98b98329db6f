"""Unequal weights (sec. 10 of docs/theory.md) in the theories: (T20), its limits, every door, and what is refused."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from meanfield import (
    Continuum,
    DensityRatio,
    Exponential,
    Fixed,
    Polynomial,
    Problem,
    ProblemError,
    fade,
    phase_diagram,
    potential,
    reduced,
    solve,
    solve_sampler,
)
from meanfield.exact.closedform import closed_form
from meanfield.problem.growth import Growth, varied
from meanfield.sampler.levels import karras_sigmas
from meanfield.sampler.native import euler
from meanfield.theory.landscape import force
from simulate import clones

BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)


def written_out(problem, alpha, prior):
    """m, v at t = 0 and t_s by (T7), (T5), (T20) of a crowd from a finite start, integrated by an independent code."""
    w, e, eta2, s2, T = problem.guidance.value, problem.e, problem.eta**2, problem.sigma2, problem.T

    def rates(tau, s, w):
        c, (delta, y) = 1 / (1 + math.exp(-tau)), s
        return [e * (w * (1 - c) - (1 + w * c) * delta), -2 * e * w * c + eta2 * math.expm1(-y)]

    def F(tau, s, w):
        D, (delta, y) = math.exp(-tau), s
        v, m = D * math.exp(y), 1 + delta
        return prior - (delta**2 + v) / (2 * D) - (alpha - 0.5 * math.log1p(1 / D) - (m * m + v) / (2 * (1 + D)))

    F.terminal = True
    start, how = [-1.0, math.log(T / (s2 + T))], {"rtol": 1e-10, "atol": 1e-12}
    a = solve_ivp(rates, (-math.log(s2 + T), -math.log(s2)), start, events=F, args=(w,), **how)
    b = solve_ivp(rates, (a.t[-1], -math.log(s2)), a.y[:, -1], args=(0.0,), **how)
    delta, y = b.y[:, -1]
    return np.array([1 + delta, s2 * math.exp(y), math.exp(-a.t[-1]) - s2])


@pytest.mark.parametrize(("prior", "sampler"), list(product((-0.1, 0.1), ("sde", "ode"))))
def test_solve_is_the_equations_with_lambda_in_F(prior, sampler):
    problem = BASE.replace(classes=Exponential(0.4, prior=prior), sampler=sampler, t_start=1000.0)
    theory, ours = solve(problem), written_out(problem, 0.4, prior)
    found = np.array([theory.final.m, theory.final.v, theory.t_speciation])
    assert theory.phases == ("crowd", "target")
    assert np.abs(found / ours - 1).max() < 1e-7
    for wrong in (0.0, 1.2 * prior):  # controls: no prior, one 20 % off
        assert np.abs(found / written_out(problem, 0.4, wrong) - 1).max() > 0.01


def test_speciation_without_guidance_is_that_of_alpha_less_lambda():
    for prior in (0.05, 0.2, 0.39):
        theory = solve(BASE.replace(classes=Exponential(0.4, prior=prior), guidance=0.0))
        D = 1 / math.expm1(2 * (0.4 - prior))
        assert abs((theory.t_speciation + 0.25) / D - 1) < 1e-9
        assert theory.final.mean_shift == 0.0


@pytest.mark.parametrize(("prior", "sampler"), list(product((-0.1, 0.1, 0.39), ("sde", "ode", 0.5))))
def test_closed_form_knows_the_prior(prior, sampler):
    problem = BASE.replace(classes=Exponential(0.4, prior=prior), sampler=sampler)
    theory, exact = solve(problem), closed_form(problem)
    assert abs(theory.final.m - exact.m) < 1e-9
    assert abs(theory.final.v - exact.v) < 1e-9
    assert abs(theory.t_speciation / exact.t_speciation - 1) < 1e-9
    with pytest.raises(ProblemError, match="lambda < alpha"):
        closed_form(problem.replace(classes=Exponential(0.4, prior=0.5)))


def test_a_target_that_outweighs_all_others_is_not_distorted():
    for prior, w in ((0.4, 1.0), (0.4, -0.25), (0.7, -0.9), (0.7, 5.0)):
        theory = solve(BASE.replace(classes=Exponential(0.4, prior=prior), guidance=w))
        assert theory.phases == ("target",) and theory.t_speciation == math.inf
        assert theory.final.mean_shift == theory.final.variance_excess == 0.0
    near = solve(BASE.replace(classes=Exponential(0.4, prior=0.4 - 1e-6)))
    assert 0.0 < near.final.mean_shift < 1e-5  # continuous there
    tied = solve(BASE.replace(classes=Exponential(0.4, prior=0.4), guidance=-0.75))
    assert tied.phases[0] == "crowd"
    late = solve(BASE.replace(classes=Exponential(0.4, prior=0.5), t_start=100.0))  # only what the start lacks
    assert late.phases == ("target",) and abs(late.final.m - 1 + 0.25 / 100.25) < 1e-12


def test_a_rare_target_stays_lost():
    theory = solve(BASE.replace(classes=Exponential(0.4, prior=-3.0)))
    assert theory.phases == ("crowd", "glass") and math.isnan(theory.t_speciation) and theory.final.F < 0.0


def test_a_factor_counts_at_finite_d_only():
    plain, heavy = BASE.replace(classes=Fixed(50)), BASE.replace(classes=Fixed(50, factor=5.0))
    assert solve(heavy).final.m == solve(plain).final.m
    same = BASE.replace(classes=Exponential(math.log(50) / 12, prior=math.log(5.0) / 12))
    assert abs(solve(heavy, 12).final.m - solve(same, 12).final.m) < 1e-12
    assert solve(heavy, 12).final.m < solve(plain, 12).final.m - 0.01
    law = Polynomial(0.5, factor=0.1)
    assert law.prior_rate(100.0) == pytest.approx(math.log(0.1) / 100)


@pytest.mark.parametrize(("sampler", "T"), [("sde", math.inf), ("ode", 50.0), (2.0, math.inf)])
def test_maps_and_solve_agree_over_the_prior(sampler, T):
    problem = BASE.replace(sampler=sampler, t_start=T)
    priors, weights = [-0.3, -0.1, 0.1, 0.5], [-0.75, 1.0, 5.0]
    data = phase_diagram(problem, x=("prior", priors), y=("w", weights), threads=1, progress=False)
    for (j, w), (i, prior) in product(enumerate(weights), enumerate(priors)):
        theory = solve(problem.replace(classes=Exponential(0.4, prior=prior), guidance=w))
        assert abs(data.m_shift.values[j, i] - theory.final.mean_shift) < 1e-7
        assert abs(data.v_ratio.values[j, i] - theory.final.v / 0.25) < 1e-7
        assert np.array_equal(data.t_speciation.values[j, i] == math.inf, theory.t_speciation == math.inf)


def test_another_axis_keeps_the_prior():
    problem = BASE.replace(classes=Exponential(0.4, prior=-0.1))
    data = phase_diagram(problem, x=("alpha", [0.4, 0.5]), y=("w", [0.5, 1.0]), threads=1, progress=False)
    assert abs(data.m_shift.values[1, 0] - solve(problem).final.mean_shift) < 1e-8
    with pytest.raises(ProblemError, match="equal weights"):
        phase_diagram(BASE.replace(classes=Fixed(9, factor=2.0)), x=("alpha", [0.4, 0.5]), y=("w", [0.5, 1.0]))


def test_the_potential_has_its_kink_where_the_prior_puts_it():
    problem = BASE.replace(classes=Exponential(0.4, prior=0.1))
    t = solve(problem).t_speciation
    state = solve(problem).at(t)
    data = potential(problem, t, m=np.linspace(state.m - 0.5, state.m + 0.6, 11))
    assert abs(float(data.kink_low[0]) - state.m) < 1e-6  # the trajectory is on the kink
    assert abs(float(potential(BASE, t, m=np.linspace(0.5, 3, 11)).kink_low[0]) - state.m) > 0.01  # control
    D = 0.25 + t
    for step, w in ((-0.01, 1.0), (0.01, 0.0)):  # on its two sides the rest, and the target, have the weight
        a, b = force(problem, t, float(state.m) + step, float(state.q))
        assert abs(a - (1 + w) / D) < 1e-5 and abs(b + (1 + w / (1 + D)) / D) < 1e-5


def test_a_sampler_in_many_steps_goes_to_solve():
    problem = BASE.replace(classes=Exponential(0.4, prior=-0.1), sampler="ode", t_start=80.0**2)
    law = solve_sampler(problem, euler(karras_sigmas(2000, 0.002, 80.0)))
    assert abs(law.final.m - solve(problem).final.m) < 0.003
    assert abs(law.final.m - solve(problem.replace(classes=Exponential(0.4))).final.m) > 0.01  # control


def test_many_dimensions_lead_the_reduced_model_to_solve():
    problem = BASE.replace(classes=Exponential(0.4, prior=0.1))
    data = reduced(problem, 4000, n_samples=400, n_draws=8, n_steps=120, threads=1, progress=False)
    assert abs(data.final.m_paired.mean - solve(problem).final.m) < 4 * data.final.m_paired.stderr + 1e-3


def test_laws_say_their_weights_only_if_there_are_any():
    assert Exponential(0.4).to_dict() == {"growth": "exponential", "alpha": 0.4}
    assert repr(Fixed(5)) == "Fixed(n=5)" and repr(Fixed(5, factor=2)) == "Fixed(n=5, factor=2.0)"
    for law in (Exponential(0.4, prior=-0.1), Polynomial(0.5, factor=3.0), Fixed(7, factor=0.2)):
        assert Growth.from_dict(law.to_dict()) == law and not law.equal
        assert Problem.from_dict(BASE.replace(classes=law).to_dict()).classes == law
    assert varied(Exponential(0.4, prior=0.1), {"prior": 0.2}) == Exponential(0.4, prior=0.2)


def test_what_knows_equal_weights_only_refuses_others():
    law = Exponential(0.4, prior=0.1)
    with pytest.raises(ProblemError, match="classes of equal weight only"):
        fade(BASE.replace(classes=law, guidance=DensityRatio(0.3)), 40)
    with pytest.raises(ProblemError, match="classes of equal weight only"):
        clones(law, [1.0], d=8, sigma2=0.25)
    for law, wrong in ((Exponential, {"alpha": 0.4, "prior": math.nan}), (Fixed, {"n": 3, "factor": 0.0})):
        with pytest.raises(ProblemError, match="must be a number"):
            law(**wrong)
    with pytest.raises(TypeError):
        Continuum(prior=0.1)
