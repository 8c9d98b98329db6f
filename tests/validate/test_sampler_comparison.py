"""`compare` and `extrapolate` of samplers: call by call, one code on both sides, and warnings where F = 0 is near."""

from dataclasses import replace

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Fixed, Problem, Spectrum, solve
from meanfield.sampler.levels import sd_sigmas
from meanfield.sampler.native import dpmpp_2m, euler, euler_ancestral, heun
from meanfield.vector.solver import solve_sampler
from simulate import run
from simulate.sampled.runner import run_sampler
from validate import ComparisonError, ExtrapolationError, compare, extrapolate

CONTINUUM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
GROUPS = CONTINUUM.replace(sigma2=None, spectrum=Spectrum([0.1, 0.5], [1.1, 3.0], [0.25, 0.75]))
SAMPLER = euler_ancestral(sd_sigmas(8))


def particles(problem=CONTINUUM, sampler=SAMPLER, **options):
    return run_sampler(problem, sampler, **{"d": 100, "n_samples": 16, "n_disorder": 32, "progress": False} | options)


def off(sampler, factor):
    """The same sampler, under its own name, with its guidance `factor` times as strong."""

    class Stronger:
        def __init__(self, model):
            self.model = model

        def eps(self, x, s):
            alone = self.model.cond.eps(x, s)
            return alone + factor * (self.model.eps(x, s) - alone)

        def denoised(self, x, s):
            return x - s.b * self.eps(x, s)

    def other(model, noise):
        return sampler(Stronger(model), noise)

    other.name = sampler.name
    return other


@pytest.mark.parametrize("problem", [CONTINUUM, GROUPS])
@pytest.mark.parametrize("make", [euler_ancestral, heun, dpmpp_2m])
def test_theory_and_particles_agree(problem, make):
    sampler = make(sd_sigmas(8))
    verdict = compare(solve_sampler(problem, sampler), particles(problem, sampler))
    assert verdict, verdict
    assert len({r.t for r in verdict.rows}) > 1
    assert not verdict.notes or all("warning" not in note for note in verdict.notes)


@pytest.mark.parametrize("problem", [CONTINUUM, GROUPS])
def test_a_scale_off_by_five_percent_disagrees(problem):
    assert not compare(solve_sampler(problem, SAMPLER), particles(problem, off(SAMPLER, 1.05)))
    assert compare(solve_sampler(problem, SAMPLER), particles(problem, off(SAMPLER, 1.0)))


def test_the_figure_has_the_law_call_by_call():
    law, data = solve_sampler(CONTINUUM, SAMPLER), particles()
    _, axes = compare(law, data).plot()
    x, y = axes[0].lines[0].get_data()
    assert x == pytest.approx(0.25 + law.t)
    assert y == pytest.approx(law.m)


def test_rows_are_those_of_the_calls():
    """Heun calls twice at one level: rows at both are of their own call."""
    sampler = heun([10.0, 3.0, 1.0, 0.0])
    law, data = solve_sampler(CONTINUUM, sampler), particles(sampler=sampler, n_disorder=40)
    rows = [r for r in compare(law, data).rows if r.quantity == "v"]
    assert [r.theory for r in rows] == pytest.approx(law.v[1:])
    assert rows[0].t == rows[1].t
    assert rows[0].theory != pytest.approx(rows[1].theory, rel=0.01)


def test_a_finite_d_theory_is_compared_call_by_call():
    problem = CONTINUUM.replace(classes=Exponential(0.4))
    reduced = solve_sampler(problem, SAMPLER, d=12, theory="reduced", n_samples=4000, progress=False)
    data = particles(problem, d=12, n_samples=100)
    verdict = compare(reduced, data, times=[0.0])
    assert [r.theory for r in verdict.rows] == pytest.approx([reduced.final.m_paired.mean, reduced.final.v_paired.mean])
    with pytest.raises(ComparisonError, match="d = 12"):
        compare(reduced, particles(problem, d=10, n_samples=20))


def test_the_end_alone_is_compared_where_calls_differ_from_batch_to_batch():
    law, data = solve_sampler(CONTINUUM, SAMPLER), particles()
    draws = {name: values[:, -1:] for name, values in data.draws.items()}
    end = replace(data, t=data.t[-1:], draws=draws, info={**data.info, "unguided": None})
    rows = compare(law, end, estimator="plain").rows
    assert [(r.quantity, r.theory) for r in rows] == [("m", law.m[-1]), ("v", law.v[-1])]


def test_other_code_is_refused():
    law, data = solve_sampler(CONTINUUM, SAMPLER), particles()
    renamed = replace(data, info={**data.info, "sampler": "another"})
    with pytest.raises(ComparisonError, match="of one sampler; got 'Euler, eta = 1, 8 steps' and 'another'"):
        compare(law, renamed)
    moved = replace(data, t=np.where(np.arange(len(data.t)) == 3, 1.01 * data.t, data.t))
    with pytest.raises(ComparisonError, match="same levels; call 3"):
        compare(law, moved)
    fewer = replace(law, sampler=law.sampler, t=law.t[1:], m_group=law.m_group[1:], v_group=law.v_group[1:])
    with pytest.raises(ComparisonError, match="equally often; got 7 and 8 calls"):
        compare(fewer, data)
    with pytest.raises(ComparisonError, match="finite_size is for theories in continuous time"):
        compare(law, data, finite_size="reduced")


def test_continuous_time_is_not_a_samplers_theory():
    problem = CONTINUUM.replace(t_start=200.0)
    law, data = solve_sampler(problem, SAMPLER), particles(problem)
    with pytest.raises(ComparisonError, match="in continuous time"):
        compare(solve(problem), data)
    with pytest.raises(ComparisonError, match="in continuous time"):
        compare(law, run(problem, d=100, n_samples=4, n_disorder=4, n_steps=10, progress=False))


def test_a_call_near_the_change_of_sides_is_named():
    problem = CONTINUUM.replace(classes=Exponential(0.4), guidance=2.0)
    sampler = euler(sd_sigmas(20), start="vp")
    law, data = solve_sampler(problem, sampler), particles(problem, sampler, d=12, n_samples=20)
    assert law.d_trusted > 12
    (note,) = [n for n in compare(law, data).notes if "warning" in n]
    call = int(np.argmin(law.distance(12)[:-1]))
    assert f"call {call} (t = {law.t[call]:.3g})" in note
    assert "|F| is" in note
    assert 'theory="quenched"' in note
    large = replace(data, d=10 * int(law.d_trusted))
    assert not any("warning" in n for n in compare(law, large).notes)


def test_code_that_is_not_linear_is_told_of_corrections():
    def clipped(model, noise):
        x = 10.0 * noise()
        for s, after in ((10.0, 3.0), (3.0, 1.0), (1.0, 0.0)):
            eps = model.eps(x, s)
            x = x + (after - s) * eps / max(1.0, float(np.mean(eps * eps)) ** 0.5)
        return x

    law = solve_sampler(CONTINUUM, clipped, shape=(4, 5, 5))
    assert not law.every_d
    notes = compare(law, particles(sampler=clipped, d=None, shape=(4, 5, 5))).notes
    assert any("not linear" in note for note in notes)
    assert solve_sampler(CONTINUUM, SAMPLER).every_d
    assert solve_sampler(CONTINUUM.replace(classes=Fixed(1)), SAMPLER).every_d
    assert not solve_sampler(CONTINUUM.replace(classes=Exponential(0.4)), SAMPLER).every_d


# --- d = infinity from several d --------------------------------------------------------------------------------------

SIZES = (8, 12, 18)


@pytest.fixture(scope="module")
def sizes():
    """Particles and reduced ensembles among competing classes at several d."""
    problem = CONTINUUM.replace(classes=Exponential(0.4))
    data = [particles(problem, d=d, n_samples=100) for d in SIZES]
    options = {"theory": "reduced", "n_samples": 4000, "progress": False}
    return data, [solve_sampler(problem, SAMPLER, d=d, **options) for d in SIZES], solve_sampler(problem, SAMPLER)


def test_particles_are_extrapolated_to_the_law(sizes):
    data, averaged, law = sizes
    for quantity in ("m", "v"):
        plain = extrapolate(data, quantity)
        corrected = extrapolate(data, quantity, finite_size=averaged, law=law)
        exact = getattr(law.final, quantity)
        assert abs(plain.intercept - exact) < 3 * plain.error
        assert abs(corrected.intercept - exact) < 3 * corrected.error
    stronger = solve_sampler(law.problem.replace(guidance=1.3), SAMPLER).final
    assert abs(extrapolate(data).intercept - stronger.m) > 3 * extrapolate(data).error


def test_a_finite_size_effect_is_that_of_the_sampler(sizes):
    data, averaged, law = sizes
    with pytest.raises(ExtrapolationError, match="law=solve_sampler"):
        extrapolate(data, finite_size=averaged)
    with pytest.raises(ExtrapolationError, match="one sampler"):
        extrapolate(data, finite_size=averaged, law=replace(law, sampler="another"))
    with pytest.raises(ExtrapolationError, match="one sampler"):
        extrapolate([data[0], data[1], replace(data[2], info={**data[2].info, "sampler": "another"})])
