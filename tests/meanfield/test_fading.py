"""Density-ratio guidance at D ~ d: its mean weight by several routes, its limits, and what refuses it."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from meanfield import (
    EDM,
    Constant,
    Continuum,
    DensityRatio,
    Exponential,
    Fixed,
    Polynomial,
    Problem,
    ProblemError,
    Schedule,
    ScheduleError,
    Spectrum,
    Trajectory,
    design,
    dose,
    fade,
    no_go,
    phase_diagram,
    potential,
    quenched,
    ratio_limits,
    solve,
)
from meanfield.exact.closedform import closed_form
from meanfield.objective.ratiolaw import KAPPA, _carried, _diffused, mean_weight
from meanfield.theory.energies import phi_rest, phi_target


def problem(beta=0.3, w_max=None, sampler="ode", classes=None):
    return Problem(classes=classes or Continuum(), sigma2=0.25, guidance=DensityRatio(beta, w_max), sampler=sampler)


@pytest.mark.parametrize("D", [0.5, 40.0])
def test_the_ratio_on_the_path_of_the_target(D):
    """Exactly, in d dimensions: E r = 1, E log r = -(d/2) log L; for D = kappa d, log r ~ N(-1/(2 kappa), 1/kappa)."""
    d, L = 20, 1.0 + 1.0 / D
    # log r = -(d/2) log L + [chi2_{d-1} + y^2 - (sqrt(d/D) + y)^2 D ... ]: quadratic in y and in the rest of the noise
    z, w = np.polynomial.hermite_e.hermegauss(60)
    w = w / w.sum()
    # every direction has the law of the target's, by symmetry: mu = (1, ..., 1)
    one = 0.5 * (z**2 - (1.0 + math.sqrt(D) * z) ** 2 / (1.0 + D) - math.log(L))  # log r of one direction
    assert (w @ np.exp(one)) ** d == pytest.approx(1.0, abs=1e-8)
    assert d * (w @ one) == pytest.approx(-0.5 * d * math.log(L), rel=1e-10)
    if D > d:
        kappa = D / d
        assert d * (w @ one**2 - (w @ one) ** 2) == pytest.approx(1.0 / kappa, rel=0.05)


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.3, 0.7])
def test_the_shift_of_the_ode_is_that_of_a_truncated_normal(beta):
    """(O10), integrated as in (O8), against phi(z)/(1 - beta); beta off by 10 % is another number."""
    C = ratio_limits(DensityRatio(beta), 0.0).shift
    assert C == pytest.approx(norm.pdf(norm.ppf(beta)) / (1.0 - beta), rel=1e-9)
    assert abs(C / ratio_limits(DensityRatio(1.1 * beta), 0.0).shift - 1.0) > 0.05


def test_the_limits_of_the_mean_weight():
    for eta in (0.0, 1.0):
        W = mean_weight(DensityRatio(0.2), eta)
        assert W[0] == pytest.approx(0.25, rel=1e-3)
        assert np.all(W >= 0) and W[-1] < 1e-15
        at_fading = W[np.argmin(np.abs(KAPPA - 0.5 / math.log(5.0)))]
        assert 0.05 < at_fading / 0.25 < 0.8


def test_three_ways_to_the_mean_weight_agree():
    """Closed form, characteristics with a far wall, and finite volumes at little noise."""
    exact = mean_weight(DensityRatio(0.3), 0.0)
    assert np.abs(_carried(DensityRatio(0.3, w_max=1000.0)) - exact).max() < 2e-4
    noisy = [mean_weight(DensityRatio(0.3, w_max=4.0), eta) for eta in (0.5, 0.25)]
    carried = _carried(DensityRatio(0.3, w_max=4.0))
    errors = [np.abs(w - carried).max() for w in noisy]
    assert errors[1] < 0.01 and errors[1] < 0.4 * errors[0]  # like eta^2
    assert np.abs(_carried(DensityRatio(0.33, w_max=4.0)) - carried).max() > 0.03  # negative control


def test_finite_volumes_converge_in_second_order():
    W = [_diffused(DensityRatio(0.3), 1.0, n) for n in (50, 100, 200)]
    ratio = np.abs(W[0] - W[1]).max() / np.abs(W[1] - W[2]).max()
    assert 3.0 < ratio < 5.5
    assert np.abs(mean_weight(DensityRatio(0.3), 1.0) - W[2]).max() < 1e-3


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("classes", [Continuum(), Exponential(0.4), Polynomial(2.0)], ids=["continuum", "exp", "poly"])
def test_the_tabulated_schedule_leads_to_the_limits(sampler, classes):
    p = problem(w_max=4.0, sampler=sampler, classes=classes)
    limit = ratio_limits(p.guidance, p.eta)
    errors = []
    for d in (1e3, 1e4, 1e5):
        theory = fade(p, d)
        x = theory.trajectory.final
        errors.append(
            [
                x.mean_shift * (d / 0.25) ** p.e / limit.shift - 1.0,
                -x.variance_excess * d * (d / 0.25) ** p.eta**2 / limit.loss - 1.0,
            ]
        )
    assert np.abs(errors[-1]).max() < 3e-3
    assert abs(errors[0][0]) < 0.01
    assert isinstance(theory.trajectory, Trajectory) and "Fade" in repr(theory)


@pytest.mark.parametrize("alpha", [0.2, 0.4])
def test_the_centre_of_the_path_is_that_of_the_free_energies(alpha):
    """(1/d) log r = max(phi_1, phi_rest) - alpha - phi_1 = max(-F, 0) - alpha at m = 1, v = D, in every phase."""
    d, p = 60, problem(classes=Exponential(alpha))
    alpha = p.classes.rate(d)  # of a whole number of classes
    theory = fade(p, d)
    D = theory.t + p.sigma2
    F = phi_target(1.0, D, D) - phi_rest(1.0 + D, D, alpha)
    expected = p.guidance.w_ratio(d * (np.maximum(-F, 0.0) - alpha))
    assert np.abs(np.log(theory.typical) - np.log(expected)).max() < 1e-7
    floor = theory.typical[D < 1.0 / math.expm1(2.0 * alpha)]  # where the unguided target has taken over
    assert np.allclose(floor, 0.3 / (math.exp(alpha * d) - 0.3), rtol=1e-9)  # beta/(P - beta)


@pytest.mark.parametrize("beta", [0.1, 0.3])
def test_the_share_of_the_unguided_class_that_has_no_minimiser(beta):
    """beta r >= 1 on N(-1/(2 kappa), 1/kappa): at most Phi(-(2 log(1/beta))^(1/2)), at kappa = 1/(2 log(1/beta))."""
    share = norm.sf((-math.log(beta) + 0.5 / KAPPA) * np.sqrt(KAPPA))
    assert share.max() == pytest.approx(norm.cdf(-math.sqrt(-2.0 * math.log(beta))), rel=1e-3)
    assert KAPPA[np.argmax(share)] == pytest.approx(-0.5 / math.log(beta), rel=0.03)


def test_it_fades_before_the_target_takes_over():
    """Where 1/beta classes would speciate: before P > 1/beta do; the centre of the path lies far below the mean."""
    for classes, d in ((Exponential(0.4), 30), (Polynomial(2.0), 1000)):
        theory = fade(problem(classes=classes), d)
        assert theory.t_fade > theory.trajectory.t_speciation > 0
        after = np.interp(0.2 * theory.t_fade, theory.t, theory.weight)
        assert after < 0.02 * theory.weight[-1]
    few = Problem(classes=Fixed(5), sigma2=0.25, guidance=0.0, t_start=1e6)
    assert solve(few, 1000).t_speciation == pytest.approx(fade(problem(beta=0.2), 1000).t_fade, rel=2e-3)  # T = 1e6


def test_the_statement_round_trips_in_files_and_in_noise_processes():
    for guidance in (DensityRatio(0.2), DensityRatio(0.2, w_max=3.0)):
        assert Schedule.from_dict(guidance.to_dict()) == guidance
        p = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=guidance, noise=EDM())
        assert Problem.from_dict(p.to_dict()) == p
        assert p.schedule is p.guidance  # densities of x and of y = x/a have one ratio
    w = DensityRatio(0.2, w_max=3.0).w_ratio(np.log([0.5, 4.0, 5.0, 1e300]))
    assert np.allclose(w, [1.0 / 9.0, 3.0, 3.0, 3.0])
    assert np.isinf(DensityRatio(0.2).w_ratio(np.log(5.0)))


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.1, 2.0, math.nan, "a", True])
def test_a_share_out_of_range_is_refused(beta):
    with pytest.raises(ScheduleError, match="beta must be"):
        DensityRatio(beta)


@pytest.mark.parametrize("w_max", [0.0, -1.0, math.inf, "a"])
def test_a_largest_weight_out_of_range_is_refused(w_max):
    with pytest.raises(ScheduleError, match="w_max must be"):
        DensityRatio(0.2, w_max)


REFUSED = {
    "w": lambda p: p.schedule.w(1.0),
    "scale": lambda p: p.schedule.scale(1.0),
    "steps": lambda p: p.schedule.for_timesteps(None, sigmas=[3.0, 2.0, 1.0]),
    "weight": lambda p: p.weight(1.0),
    "solve": solve,
    "solve at d": lambda p: solve(p, 100),
    "quenched": lambda p: quenched(p, 24, n_samples=8, n_draws=2, n_steps=5),
    "dose": lambda p: dose(p.guidance, p),
    "closed form": closed_form,
    "potential": lambda p: potential(p, 1.0, m=[0.0, 1.0]),
    "map": lambda p: phase_diagram(p, x=("alpha", [0.3, 0.4]), y=("sigma2", [0.2, 0.3])),
    "spectrum": lambda p: Problem(classes=p.classes, spectrum=Spectrum(c=[0.25], u=[1.25]), guidance=p.guidance),
}


@pytest.mark.parametrize("name", REFUSED)
def test_whatever_needs_a_function_of_time_refuses_it(name):
    with pytest.raises((ScheduleError, ProblemError), match=r"DensityRatio\(beta=0.3"):
        REFUSED[name](problem(classes=Exponential(0.4)))


def test_design_and_no_go_look_at_no_guidance_or_refuse():
    p = problem()
    assert design(p).schedule == design(p.replace(guidance=0.0)).schedule
    with pytest.raises(ScheduleError, match="DensityRatio"):
        no_go(p.guidance, p)


def test_fade_refuses_what_it_is_no_theory_of():
    with pytest.raises(ScheduleError, match="Use solve"):
        fade(problem().replace(guidance=Constant(1.0)), 100)
    with pytest.raises(ProblemError, match="start at t = infinity"):
        fade(problem().replace(t_start=1000.0), 100)
    with pytest.raises(ProblemError, match=r"more than 1/beta\^2 = 11.11 classes; got 5"):
        fade(problem(classes=Fixed(5)), 100)
    with pytest.raises(ProblemError, match="does nothing"):
        fade(problem(), math.inf)
    with pytest.raises(ProblemError, match=r"beta must be a number <= 0\.9; got 0\.95"):
        fade(problem(beta=0.95), 100)
    for changes in ({"sampler": "sde"}, {"w_max": 1.0}):
        with pytest.raises(ProblemError, match=r"beta must be a number >= 0\.01 .*got 0\.001"):
            fade(problem(beta=0.001, **changes), 100)
    assert fade(problem(beta=0.001), 100).limits.shift == pytest.approx(norm.pdf(norm.ppf(0.001)) / 0.999, rel=1e-6)
    with pytest.raises(ProblemError, match=r"eta = 0, and from 0\.25"):
        fade(problem(sampler=0.1), 100)


@pytest.mark.parametrize("eta", [-1.0, 0.1, 1.6, 5.0, 100.0, math.inf, math.nan, "x"])
def test_limits_refuse_what_fade_refuses(eta):
    with pytest.raises(ProblemError, match="eta must be"):
        ratio_limits(DensityRatio(0.3), eta)


def test_limits_and_fade_refuse_other_things():
    with pytest.raises(ProblemError, match="guidance must be a DensityRatio; got None"):
        ratio_limits(None, 1.0)
    with pytest.raises(ProblemError, match="problem must be a Problem; got None"):
        fade(None, 3)
    assert np.isnan(DensityRatio(0.2).w_ratio(math.nan)) and np.isnan(DensityRatio(0.2, 3.0).w_ratio(math.nan))
    with pytest.raises(ScheduleError, match=r"fade\(problem, d\)\.schedule.* or simulate\.run") as caught:
        problem().weight(1.0)
    assert "finite t_start" not in str(caught.value)
