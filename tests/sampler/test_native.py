"""The common samplers: known laws, particles, orders, array libraries, cost in calls."""

import math

import array_api_strict
import numpy as np
import pytest

from meanfield import Continuum, Exponential, OrnsteinUhlenbeck, Problem, ProblemError, Tabulated
from meanfield.sampler.levels import karras_sigmas, sd_sigmas
from meanfield.sampler.native import dpmpp_2m, dpmpp_2m_sde, euler, euler_ancestral, heun, unipc
from meanfield.vector.order import order_of
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler
from validate.agreement.statistics import family_threshold

NATIVE = {
    "euler": euler,
    "euler, eta = 0.5": lambda sigmas, start="ve": euler(sigmas, 0.5, start),
    "euler_ancestral": euler_ancestral,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_2m_sde": dpmpp_2m_sde,
    "unipc": unipc,
}
ETA = {"euler, eta = 0.5": 0.5, "euler_ancestral": 1.0, "dpmpp_2m_sde": 1.0}  # 0 of the others
ORDER = {
    "euler": 1,
    "euler, eta = 0.5": 1,
    "euler_ancestral": 1,
    "heun": 2,
    "dpmpp_2m": 2,
    "dpmpp_2m_sde": 2,
    "unipc": 3,
}
FEW = (16, 32, 64, 128)
CONTINUUM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
each = pytest.mark.parametrize("name", NATIVE)


class Scaled:
    """A model with its predicted noise multiplied by a number: a sampler with a wrong coefficient."""

    def __init__(self, model, factor):
        self.model, self.factor = model, factor

    def eps(self, x, s):
        return self.factor * self.model.eps(x, s)

    def denoised(self, x, s):
        return x - s.b * self.eps(x, s)


def wrong(sampler, factor=1.01):
    return lambda model, noise: sampler(Scaled(model, factor), noise)


def dense(n, rho=7.0, top=30.0):
    """Levels that become dense down to 0."""
    return karras_sigmas(n, top / n**rho, top, rho)


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "m", "v"),
    [  # of diffusers' own classes, eps-prediction, leading spacing, by a program that shares no line with this package
        (euler(sd_sigmas(20), start="vp"), 1.27005, 0.12432),
        (euler_ancestral(sd_sigmas(20)), 1.20919, 0.18829),
        (heun(sd_sigmas(10), start="vp"), 1.27000, 0.23271),
    ],
)
def test_known_laws(sampler, m, v):
    law = solve_sampler(CONTINUUM, sampler)
    assert law.final.m == pytest.approx(m, abs=1e-5)
    assert law.final.v / 0.25 == pytest.approx(v, abs=1e-5)


def scores(sampler, particles_sampler):
    """(theory - particles)/stderr of m and v at the end; 32 draws of 16 samples in the continuum, exact at every d."""
    law = solve_sampler(CONTINUUM, sampler)
    data = run_sampler(CONTINUUM, particles_sampler, d=400, n_samples=16, n_disorder=32, seed=0).final
    return np.array([(law.final.m - data.m.mean) / data.m.stderr, (law.final.v - data.v.mean) / data.v.stderr])


@each
def test_particles_have_the_law(name):
    sampler = NATIVE[name](sd_sigmas(15, "trailing"))
    assert np.all(np.abs(scores(sampler, sampler)) < family_threshold(2 * len(NATIVE)))


@each
def test_particles_of_a_wrong_coefficient_have_another_law(name):
    sampler = NATIVE[name](sd_sigmas(15, "trailing"))
    assert np.max(np.abs(scores(sampler, wrong(sampler)))) > family_threshold(2 * len(NATIVE))


def test_the_noise_process_of_a_problem_does_not_change_what_a_level_is():
    """A sampler asks at sigma = b/a, whatever the own time of the process is."""
    own = CONTINUUM.replace(noise=OrnsteinUhlenbeck())
    for make in NATIVE.values():
        law, other = (solve_sampler(p, make(sd_sigmas(8))) for p in (CONTINUUM, own))
        assert other.final.v == pytest.approx(law.final.v, rel=1e-12)


# --- orders -----------------------------------------------------------------------------------------------------------

SMOOTH = {  # with alpha = 0.4 guidance that is zero where the phase changes (t = 2): elsewhere see below
    "continuum": CONTINUUM,
    "alpha = 0.4": Problem(classes=Exponential(0.4), sigma2=0.25, guidance=Tabulated([4.0, 40.0], [0.0, 1.5])),
}


@each
@pytest.mark.parametrize("problem", SMOOTH.values(), ids=SMOOTH)
def test_each_sampler_tends_to_continuous_time_with_its_order(name, problem):
    found = order_of(lambda n: NATIVE[name](dense(n)), problem, ETA.get(name, 0.0))
    assert found.order == pytest.approx(ORDER[name], abs=0.15)
    assert found.consistent, found


@each
def test_a_wrong_coefficient_leaves_something_at_infinitely_many_steps(name):
    found = order_of(lambda n: wrong(NATIVE[name](dense(n))), CONTINUUM, ETA.get(name, 0.0))
    assert not found.consistent
    assert "NOT CONSISTENT" in repr(found)


@pytest.mark.parametrize(("make", "eta"), [(euler_ancestral, 0.0), (euler, 1.0), (euler_ancestral, 0.95)])
def test_a_sampler_of_another_eta_is_not_consistent(make, eta):
    assert not order_of(lambda n: make(dense(n)), CONTINUUM, eta).consistent


@each
def test_across_a_change_of_phase_the_error_still_shrinks(name):
    """A step across F = 0 costs its own length in every sampler: no clean order, but the right limit."""
    problem = CONTINUUM.replace(classes=Exponential(0.4))
    found = order_of(lambda n: NATIVE[name](dense(n, rho=5.0)), problem, ETA.get(name, 0.0), steps=FEW)
    first, *_, last = np.linalg.norm(found.errors, axis=1)
    assert found.consistent
    assert last < first / 4.0


def test_a_start_of_unit_variance_has_the_order_too():
    problem = CONTINUUM.replace(noise=OrnsteinUhlenbeck())
    found = order_of(lambda n: heun(dense(n), start="vp"), problem)
    assert found.order == pytest.approx(2, abs=0.15)
    with pytest.raises(ProblemError, match="must start as its problem"):
        order_of(lambda n: heun(dense(n), start="vp"), CONTINUUM)


@pytest.mark.parametrize("steps", [(16, 32, 64), (16, 32, 64, 100), (8, 8, 8, 8)])
def test_orders_need_steps_that_double(steps):
    with pytest.raises(ProblemError, match="each twice that before"):
        order_of(lambda n: heun(dense(n)), CONTINUUM, steps=steps)


# --- arrays -----------------------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("xp", [np, array_api_strict], ids=lambda xp: xp.__name__)
def test_any_library_and_precision_gives_the_same_law(name, xp, dtype):
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
    native = NATIVE[name](sd_sigmas(10, "trailing"))
    kinds = set()

    def sampler(model, noise):
        x = native(model, lambda: xp.asarray(noise(), dtype=getattr(xp, dtype)))
        kinds.add((type(x), x.dtype))
        return x

    law, other = solve_sampler(problem, native), solve_sampler(problem, sampler, xp=xp)
    like = xp.zeros(1, dtype=getattr(xp, dtype))
    assert kinds == {(type(like), like.dtype)}  # what goes in comes out
    close = {"float32": 1e-6, "float64": 1e-12}[dtype]
    assert np.allclose([other.m, other.v], [law.m, law.v], rtol=close, atol=close)
    data = run_sampler(problem, sampler, d=8, n_samples=4, n_disorder=2, xp=xp)
    same = run_sampler(problem, native, d=8, n_samples=4, n_disorder=2)
    assert np.allclose(data.final.v.values, same.final.v.values, rtol=1e-4)


# --- calls and noise --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "calls", "draws"),
    [("euler", 5, 1), ("euler_ancestral", 5, 5), ("heun", 9, 1),
     ("dpmpp_2m", 5, 1), ("dpmpp_2m_sde", 5, 5), ("unipc", 5, 1)],
)  # fmt: skip
def test_calls_and_draws(name, calls, draws):
    native, of_runs = NATIVE[name](sd_sigmas(5)), []

    def sampler(model, noise):
        drawn = []
        x = native(model, lambda: drawn.append(noise()) or drawn[-1])
        of_runs.append(len(drawn))
        return x

    assert solve_sampler(CONTINUUM, sampler).n_calls == calls
    assert set(of_runs) == {draws}


def test_calls_are_counted_where_steps_are_below_rounding():
    """Heun's second call and the next step's first are two calls, even of states that agree to the last bit."""
    assert solve_sampler(CONTINUUM, heun([10.0, 1.0, 1e-9, 1e-10, 1e-11, 0.0])).n_calls == 9


def test_one_step_to_zero_is_the_first_prediction():
    """x = D at the first level: y = sigma z, so m and v are those of its linear denoiser."""
    D, s = 0.25 + 100.0, 10.0
    c = 1.0 / (1.0 + D)
    guided_m, guided_slope = 2.0 * s * s / D, (0.25 - s * s * c) / D  # D = (0.25 y + s^2 (2 mu - c y))/(0.25 + s^2)
    for make in NATIVE.values():
        law = solve_sampler(CONTINUUM, make([s, 0.0]))
        assert law.final.m == pytest.approx(guided_m, rel=1e-12)
        assert law.final.v == pytest.approx((guided_slope * s) ** 2, rel=1e-9)


def test_starts():
    assert solve_sampler(CONTINUUM, euler([3.0, 0.0])).v[0] == pytest.approx(9.0)
    assert solve_sampler(CONTINUUM, euler([3.0, 0.0], start="vp")).v[0] == pytest.approx(10.0)


# --- levels -----------------------------------------------------------------------------------------------------------


def test_karras_levels():
    sigmas = karras_sigmas(20, 0.03, 14.6)
    assert (sigmas[0], sigmas[-2], sigmas[-1]) == pytest.approx((14.6, 0.03, 0.0))
    assert np.allclose(np.diff(sigmas[:-1] ** (1 / 7)), (0.03 ** (1 / 7) - 14.6 ** (1 / 7)) / 19)


def test_levels_of_stable_diffusion():
    for spacing in ("leading", "trailing", "linspace"):
        sigmas = sd_sigmas(25, spacing)
        assert len(sigmas) == 26
        assert np.all(np.diff(sigmas) < 0)
    product = np.prod(
        [1 - (math.sqrt(0.00085) + k / 999 * (math.sqrt(0.012) - math.sqrt(0.00085))) ** 2 for k in range(1000)]
    )
    assert sd_sigmas(25, "trailing")[0] == pytest.approx(math.sqrt(1 / product - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: karras_sigmas(0, 0.1, 1.0), "n must be a whole number"),
        (lambda: karras_sigmas(5, 1.0, 0.1), "sigma_min must be below sigma_max"),
        (lambda: karras_sigmas(5, 0.1, 1.0, rho=0), "rho must be"),
        (lambda: sd_sigmas(1001), "n must be a whole number"),
        (lambda: sd_sigmas(10, "middle"), "spacing must be one of"),
        (lambda: euler([1.0]), "two or more numbers"),
        (lambda: heun([[1.0, 0.0]]), "two or more numbers"),
        (lambda: unipc("sigmas"), "two or more numbers"),
        (lambda: dpmpp_2m([1.0, 2.0, 0.0]), "sigmas must decrease"),
        (lambda: dpmpp_2m([1.0, 0.0, 0.0]), "sigmas must decrease"),
        (lambda: dpmpp_2m_sde([1.0, math.nan]), r"sigmas\[1\] must be a number"),
        (lambda: euler([1.0, -1.0]), r"sigmas\[1\] must be a number"),
        (lambda: euler([1.0, 0.0], eta=1.5), "eta must be a number"),
        (lambda: euler([1.0, 0.0], start="edm"), "start must be one of"),
    ],
)
def test_what_no_sampler_can_be_made_of(make, message):
    with pytest.raises(ProblemError, match=message):
        make()
