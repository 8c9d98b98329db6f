"""The law of one effective vector at d = infinity: phases, its continuous limit, what it says of itself."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from codes import DDIM, rescaled
from codes import PROBLEM as STRONG

from meanfield import (
    Continuum,
    Exponential,
    Fixed,
    Interval,
    OrnsteinUhlenbeck,
    Piecewise,
    Polynomial,
    PowerLaw,
    Problem,
    ProblemError,
    RectifiedFlow,
    Rescale,
    Spectrum,
    dpmpp_2m,
    dpmpp_2m_sde,
    euler,
    heun,
    karras_sigmas,
    sd_sigmas,
    solve,
    solve_sampler,
)

TOP = 30.0
PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="ode", t_start=TOP**2)
GROUPS = Spectrum(c=[0.2, 0.5], u=[1.2, 4.5])
STATEMENTS = {
    "exponential": PROBLEM,
    "exponential, SDE": PROBLEM.replace(sampler="sde"),
    "fixed": PROBLEM.replace(classes=Fixed(5)),
    "polynomial": PROBLEM.replace(classes=Polynomial(2.0)),
    "continuum": PROBLEM.replace(classes=Continuum()),
    "spectrum": Problem(
        classes=Exponential(0.4), spectrum=GROUPS, guidance=1.0, sampler="ode", t_start=TOP**2
    ),
    "glass": PROBLEM.replace(classes=Exponential(0.7), guidance=8.0),
    "window": PROBLEM.replace(guidance=Interval(2.0, 0.3, 3.0)),
    "weight by norm": PROBLEM.replace(guidance=PowerLaw(1.0, 0.9)),
}  # fmt: skip
STEPS = (100, 200, 400)


def ends(problem, steps=STEPS):
    """m(0) and v(0)/sigma2 at these numbers of steps, (steps, 2)."""
    make = heun if problem.eta == 0.0 else dpmpp_2m_sde
    laws = [solve_sampler(problem, make(karras_sigmas(n, TOP / n**5, TOP, 5.0))) for n in steps]
    return np.array([(law.final.m, law.final.v / problem.sigma2) for law in laws])


def limit(problem):
    final = solve(problem).final
    return np.array([final.m, final.v / problem.sigma2])


@pytest.mark.parametrize("name", STATEMENTS)
def test_with_many_steps_it_is_the_law_of_solve(name):
    """Steps across a jump (F = 0, an edge of a window) are of first order: a sawtooth of the number of steps."""
    errors = np.abs(ends(STATEMENTS[name]) - limit(STATEMENTS[name])).max(axis=1)
    assert errors.min() < 6e-3
    assert errors[-1] < 0.02


def test_the_limit_would_tell_another_weight():
    other = limit(PROBLEM.replace(guidance=1.1))
    assert np.abs(ends(PROBLEM) - other).max(axis=1).min() > 0.012


@pytest.mark.parametrize("noise", [OrnsteinUhlenbeck(), RectifiedFlow()])
def test_levels_are_the_own_time_of_the_noise_process(noise):
    """The same DDIM steps, asked for in the time of another process, are the same law."""
    sigmas = sd_sigmas(12)

    def code(model, noise_):
        x = noise_()  # x = a y, a^2 + b^2 = 1 or a + b = 1
        times = [float(noise.own_time(s * s)) for s in sigmas]
        x = x * (noise.a(times[0]) * math.sqrt(sigmas[0] ** 2 + 1.0))
        for i in range(len(sigmas) - 1):
            a, a_next = float(noise.a(times[i])), float(noise.a(times[i + 1]))
            x = a_next * (x / a + (sigmas[i + 1] - sigmas[i]) * model.eps(x, times[i]))
        return x

    ve = solve_sampler(PROBLEM, euler(sigmas, start="vp"))
    own = solve_sampler(PROBLEM.replace(noise=noise, t_start=math.inf), code)
    assert own.m == pytest.approx(ve.m, abs=1e-9)
    assert own.v == pytest.approx(ve.v, rel=1e-9)
    assert own.t == pytest.approx(ve.t, rel=1e-9, abs=1e-12)


# of ../samplers' program with diffusers' own guiders, docs/sampler.md: alpha = 0.4, w = 2, DDIM of 20 steps
@pytest.mark.parametrize(("code", "m", "v"), [(DDIM, 1.31377, 0.45277), (rescaled, 1.30451, 0.63681)])
def test_known_laws_of_competing_classes(code, m, v):
    law = solve_sampler(STRONG, code)
    assert (law.final.m, law.final.v / 0.25) == pytest.approx((m, v), abs=1e-5)


def test_phases_in_their_order():
    law = solve_sampler(STRONG, DDIM)
    first = int(np.argmax(law.phase == "target"))
    assert 0 < first < law.n_calls
    assert set(law.phase[:first]) == {"crowd"}
    assert set(law.phase[first:]) == {"target"}
    assert np.all((law.F > 0.0) == (law.phase == "target"))


def test_both_embeddings_are_one_law():
    shapes = [(64,), (4, 16, 16), (3, 8, 40)]
    laws = [solve_sampler(STRONG, rescaled, shape=shape) for shape in shapes]
    free = solve_sampler(STRONG, rescaled)
    for law in laws:
        assert law.m == pytest.approx(free.m, abs=1e-9)
        assert law.v == pytest.approx(free.v, rel=1e-8)
        assert law.left < 1e-12
        assert law.standing == "exact"


def test_what_the_sampler_does_alone_does_not_know_of_guidance():
    weak, strong = (solve_sampler(PROBLEM.replace(guidance=w), DDIM) for w in (0.5, 4.0))
    none = solve_sampler(PROBLEM.replace(guidance=0.0), DDIM)
    for one, other in zip(weak.unguided, strong.unguided, strict=True):
        assert one == pytest.approx(other, abs=1e-12)
    assert (none.m, none.v) == (pytest.approx(none.unguided[0]), pytest.approx(none.unguided[1]))
    assert abs(strong.m[-1] - strong.unguided[0][-1]) > 0.1  # guidance does something


# --- what it says of itself -------------------------------------------------------------------------------------------


def clamped(model, noise, at=1.5):
    x = sd_sigmas(12)[0] * noise()
    for s, after in zip(sd_sigmas(12)[:-1], sd_sigmas(12)[1:], strict=True):
        denoised = np.clip(model.denoised(x, s), -at, at)
        x = denoised + after * (x - denoised) / s
    return x


@pytest.mark.parametrize(
    ("problem", "sampler", "options", "standing", "why"),
    [
        (PROBLEM, DDIM, {}, "exact", ""),
        (PROBLEM, DDIM, {"d": 400.0, "theory": "mean-field"}, "asymptotic", "equations of d = infinity"),
        (PROBLEM.replace(classes=Continuum()), DDIM, {"d": 400.0}, "exact", ""),
        (PROBLEM.replace(classes=Continuum()), rescaled, {"d": 400.0}, "asymptotic", "corrections of order 1/d"),
        (PROBLEM.replace(classes=Exponential(0.7), guidance=8.0), DDIM, {}, "approximate", "glass"),
        (PROBLEM.replace(classes=Exponential(0.7), guidance=-2.0), DDIM, {}, "approximate", "capture"),
        (PROBLEM.replace(classes=Continuum()), clamped, {"shape": (4, 16, 16)}, "approximate", "leaves the span"),
    ],
)
def test_its_standing(problem, sampler, options, standing, why):
    law = solve_sampler(problem, sampler, **options)
    assert law.standing == standing
    assert why in law.why
    assert standing in repr(law)


def test_a_glass_that_is_passed_without_guidance_changes_nothing():
    """There the sampler follows the target alone, whatever dominates the glass; code that asks for more does not."""
    problem = PROBLEM.replace(classes=Exponential(0.4), guidance=0.0)
    for guidance in (0.0, Rescale(0.0), Piecewise([200.0], [0.0, 0.1])):
        law = solve_sampler(problem.replace(guidance=guidance), DDIM)
        assert "glass" in law.phase[:-1] and law.standing == "exact"
    acting = solve_sampler(problem.replace(guidance=0.01), DDIM)
    assert "glass" in acting.phase[:-1] and acting.standing == "approximate"

    def by_itself(model, noise):
        model_of_two = SimpleNamespace(eps=lambda x, s: model.cond.eps(x, s) + 0.0 * model.uncond.eps(x, s))
        return DDIM(model_of_two, noise)

    assert solve_sampler(problem, by_itself).standing == "approximate"


def test_distance_from_a_change_of_phase():
    law = solve_sampler(STRONG, DDIM)
    assert law.distance(400) == pytest.approx(2.0 * law.distance(100))
    calls = law.distance(law.d_trusted)[:-1]
    assert calls.min() == pytest.approx(3.0)
    assert f"not to be trusted below d = {law.d_trusted:.2g}" in repr(law)
    assert solve_sampler(PROBLEM.replace(classes=Continuum()), DDIM).d_trusted == 0.0


def test_the_spread_is_that_of_samples():
    """F of independent samples at dimension d has standard deviation spread/d^(1/2): m and v vary as normals say."""
    from meanfield.theory.motion import Groups, Point

    law, d, n = solve_sampler(STRONG, DDIM), 4000, 2000
    rng = np.random.default_rng(1)
    call = int(np.argmin(np.abs(law.F[:-1])))
    t, m, v = law.t[call], law.m[call], law.v[call]
    m_samples = m + math.sqrt(v / d) * rng.standard_normal(n)
    v_samples = v * rng.chisquare(d - 1, n) / (d - 1)
    groups = Groups.of(STRONG, 0.4)
    tau = groups.tau(t)
    F = [Point(groups, tau, a - 1.0, math.log(b / groups.D(tau))).F for a, b in zip(m_samples, v_samples, strict=True)]
    assert np.std(F) * math.sqrt(d) == pytest.approx(law.spread[call], rel=5.0 / math.sqrt(2 * n))


def test_a_call_on_the_transition_is_told():
    law = solve_sampler(PROBLEM.replace(classes=Fixed(5)), DDIM)
    assert law.phase[0] == "target"  # as in `solve`
    assert "falls on F = 0" in repr(law)


def test_as_a_dataset():
    law = solve_sampler(Problem(classes=Exponential(0.4), spectrum=GROUPS, guidance=1.0), dpmpp_2m(sd_sigmas(8)))
    data = law.to_dataset()
    assert data.sizes == {"call": 9, "group": 2}
    assert data.m.values == pytest.approx(law.m)
    assert data.attrs["sampler"] == "DPM++ 2M, 8 steps"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"problem": 3}, "problem must be a Problem"),
        ({"d": 0}, "d must be"),
        ({"theory": "exact"}, "theory must be one of"),
        ({"shape": (0,)}, "shape"),
        ({"theory": "reduced"}, "d"),
        ({"sampler": "ddim"}, "sampler must be a function"),
    ],
)
def test_settings_are_checked(options, says):
    with pytest.raises(ProblemError, match=says):
        solve_sampler(**{"problem": PROBLEM, "sampler": DDIM, **options})
