"""End points of `solve` against the mean-field equations of x in its own coordinates and time, to 1e-8."""

import math

import native_processes as native
import numpy as np
import pytest

from meanfield import (
    EDM,
    VE,
    Continuum,
    Custom,
    Exponential,
    Fixed,
    Interval,
    Linear,
    OrnsteinUhlenbeck,
    Piecewise,
    Problem,
    RectifiedFlow,
    Spectrum,
    VPCosine,
    VPLinear,
    dose,
    phase_diagram,
    solve,
)
from meanfield.exact.closedform import closed_form
from meanfield.exact.directions import along
from meanfield.exact.theorems import final_from_dose, mean_from_dose, variance_from_dose

ALPHA, SIGMA2, TOLERANCE = 0.4, 0.25, 1e-8
CASES = {  # process: its textbook form and a start time in its own time (VE time about 40)
    VE(): (native.ve(), 40.0),
    EDM(): (native.edm(), 6.3),
    OrnsteinUhlenbeck(): (native.ornstein_uhlenbeck(), 1.85),
    VPLinear(): (native.vp_linear(), 0.6),
    VPCosine(): (native.vp_cosine(), 0.9),
    RectifiedFlow(): (native.rectified_flow(), 0.86),
}
SCHEDULES = {  # of own time, in units of the start time
    "constant": lambda s: (1.0, ()),
    "linear": lambda s: (Linear(0.2, 2.0 / s), ()),
    "interval": lambda s: (Interval(3.0, 0.45 * s, 0.8 * s), (0.45 * s, 0.8 * s)),
}
every = pytest.mark.parametrize("noise", CASES, ids=repr)
samplers = pytest.mark.parametrize("sampler", ["sde", "ode"])


def problem(noise, guidance, sampler, **changes):
    fields = {"classes": Exponential(ALPHA), "sigma2": SIGMA2, "t_start": CASES[noise][1], **changes}
    return Problem(noise=noise, guidance=guidance, sampler=sampler, **fields)


def end_points(theory):
    return np.array([theory.final.m, theory.final.v])


def difference(noise, p, guidance, jumps=(), **changes):
    """Largest error of m(0), v(0) and of the own time of speciation."""
    form, s = CASES[noise]
    weight = p.replace(noise=VE(), t_start=1.0, guidance=guidance).guidance.w
    m, v, s_speciation = native.mean_field(form._replace(**changes), ALPHA, SIGMA2, p.eta, weight, s, jumps)
    theory = solve(p)
    assert [e.kind for e in theory.events] == ["speciation"]
    error = np.abs([*(end_points(theory) - [m, v]), noise.own_time(theory.t_speciation) - s_speciation])
    return float(error.max())


@every
@samplers
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_end_points_are_those_of_the_process_in_its_own_coordinates(noise, sampler, schedule):
    guidance, jumps = SCHEDULES[schedule](CASES[noise][1])
    assert difference(noise, problem(noise, guidance, sampler), guidance, jumps) < TOLERANCE


@every
@samplers
def test_a_wrong_map_is_seen(noise, sampler):
    """Negative controls: the schedule read at VE time, g^2 off by 1e-6, another start law."""
    s = CASES[noise][1]
    guidance, jumps = SCHEDULES["linear"](s)
    p = problem(noise, guidance, sampler)
    form = CASES[noise][0]
    if noise != VE():
        in_ve = p.replace(noise=VE(), t_start=p.T)
        assert difference(noise, in_ve, guidance, jumps) > 1e3 * TOLERANCE
    assert difference(noise, p, guidance, jumps, g2=lambda x: (1.0 + 1e-6) * form.g2(x)) > 10 * TOLERANCE
    assert difference(noise, p, guidance, jumps, start=lambda x: 1.05 * form.start(x)) > 10 * TOLERANCE


@every
@samplers
@pytest.mark.parametrize("guidance", [2.0, Interval(2.0, 0.5, 4.0), Piecewise([1.0, 30.0], [0.5, 3.0, 1.0])], ids=repr)
def test_the_same_schedule_of_ve_time_is_the_same_law_in_every_process(noise, sampler, guidance):
    """From the exact infinite start; the edges are expressed in each process's own times."""
    reference = problem(VE(), guidance, sampler, t_start=math.inf)
    own = guidance
    if isinstance(guidance, Interval):
        own = Interval(guidance.value, noise.own_time(guidance.t_low), noise.own_time(guidance.t_high))
    if isinstance(guidance, Piecewise):
        own = Piecewise(noise.own_time(np.array(guidance.edges)).tolist(), guidance.values)
    p = problem(noise, own, sampler, t_start=math.inf)
    assert end_points(solve(p)) == pytest.approx(end_points(solve(reference)), abs=TOLERANCE)
    if noise.last == 1.0 and math.isinf(noise.t_last):
        assert end_points(solve(p.replace(t_start=1.0))) == pytest.approx(end_points(solve(p)), abs=1e-14)
    if own != guidance and noise != VE():  # negative control: times of VE read as own times
        if math.isinf(noise.last):
            wrong = problem(noise, guidance, sampler, t_start=math.inf)
            assert np.abs(end_points(solve(wrong)) - end_points(solve(reference))).max() > 1e-3


@every
@samplers
def test_a_smooth_schedule_is_the_same_law_in_every_process_with_the_same_start(noise, sampler):
    def w(t):
        return 0.5 + 2.0 * np.asarray(t) / (1.0 + np.asarray(t))

    def stated(process):
        guidance = Custom(lambda s: w(process.ve_time(s)))
        return problem(process, guidance, sampler, t_start=float(process.own_time(40.0)))

    a, b = stated(noise), stated(OrnsteinUhlenbeck() if noise.preserving else VE())
    assert end_points(solve(a)) == pytest.approx(end_points(solve(b)), abs=TOLERANCE)
    third = stated(VE() if noise.preserving else OrnsteinUhlenbeck())
    gap = abs(solve(third).final.v - solve(a).final.v)  # another start law: v(T) = T against T + 1
    assert gap > (1e-3 if sampler == "ode" else 1e-5)


@every
@samplers
def test_closed_forms_and_doses_start_where_the_process_starts(noise, sampler):
    p = problem(noise, 1.0, sampler)
    form = closed_form(p)
    assert (form.m, form.v) == pytest.approx(tuple(end_points(solve(p))), abs=1e-10)
    guidance = SCHEDULES["linear"](CASES[noise][1])[0]
    for g in (1.0, guidance):
        endless = problem(noise, g, sampler, classes=Continuum())
        theory, by_dose = end_points(solve(endless)), final_from_dose(endless)
        assert (by_dose.m, by_dose.v) == pytest.approx(tuple(theory), abs=1e-9)
        total = dose(g, endless)
        if sampler == "sde":
            assert mean_from_dose(endless, total) == pytest.approx(theory[0], abs=1e-9)
        else:
            assert variance_from_dose(endless, total) == pytest.approx(theory[1], abs=1e-9)


@every
def test_one_group_of_directions_and_one_class(noise):
    """The same start law with a spectrum (two groups, scaled), by direction, and where the target is alone."""
    c, g = 0.3, np.array([1.0, 4.0])
    p = Problem(
        classes=Continuum(), spectrum=Spectrum(c=[c, 0.5], u=[c + 1.0, 4.5]), noise=noise, guidance=1.0,
        sampler="ode", t_start=CASES[noise][1],
    )  # fmt: skip
    final = solve(p).final
    for i in range(2):
        alone = solve(along(p, i)).final
        assert (final.m_group[i], final.v_group[i]) == pytest.approx((alone.m, alone.v), abs=1e-9)
        assert along(p, i).start(1.0).v == pytest.approx(p.v_T / g[i], rel=1e-14)
    lonely = problem(noise, 1.0, "ode", classes=Fixed(1))
    single = solve(lonely, 10)
    excess = (lonely.v_T - lonely.T - SIGMA2) * SIGMA2 / (SIGMA2 + lonely.T)
    assert single.final.v == pytest.approx(SIGMA2 + excess, abs=1e-11)


@every
def test_phase_diagrams_start_where_the_process_starts_and_read_guidance_in_own_time(noise):
    s = CASES[noise][1]
    p = problem(noise, Interval(3.0, 0.45 * s, 0.8 * s), "ode")
    cases = [
        (p.replace(guidance=1.0), ("w", [0.5, 1.0]), lambda w: p.replace(guidance=w)),
        (p, ("alpha", [0.4, 0.5]), lambda a: p.replace(classes=Exponential(a))),
        (p.replace(guidance=Linear(0.2, 2 / s)), ("w0", [0.2, 0.5]), lambda w: p.replace(guidance=Linear(w, 2 / s))),
    ]
    for base, axis, variant in cases:
        data = phase_diagram(base, x=axis, y=("sigma2", [SIGMA2, 0.3]), progress=False)
        for i, value in enumerate(axis[1]):
            final = solve(variant(value)).final
            assert data.m_shift.values[0, i] == pytest.approx(final.m - 1.0, abs=1e-7)
            assert data.v_ratio.values[0, i] == pytest.approx(final.v / SIGMA2, abs=1e-7)
