"""Classes with many modes at finite d: exact laws, particles with all modes explicit, the limit."""

import math

import numpy as np
import pytest

from meanfield import Hierarchy, Problem, ProblemError, ScheduleError, WeakModel, quenched, solve
from simulate import run_modes

LABEL_FIRST, MODE_FIRST = Hierarchy((0.1, 0.3), rho=0.7), Hierarchy((0.6, 0.3), rho=0.5)


def problem(law=LABEL_FIRST, w=1.0, sampler="ode"):
    return Problem(classes=law, sigma2=0.05, guidance=w, sampler=sampler, t_start=1000.0)


def sampled(p, d, n, **more):
    return quenched(p, d, n_samples=n, n_draws=40, n_steps=80, n_times=2, **more).final


def z_of(name, data, theory):
    a, b = getattr(data, name), getattr(theory, name)
    return (a.mean - b.mean) / math.hypot(a.stderr, b.stderr)


@pytest.mark.parametrize("law", [LABEL_FIRST, MODE_FIRST], ids=repr)
def test_unguided_samples_have_the_law_of_their_class_and_guided_ones_do_not(law):
    """Also where modes are drawn on the way, two balls a sample."""
    exact = solve(problem(law, 0.0))
    known = {"m": exact.final.m, "v": exact.final.v, "m_B": exact.m_B, "v_B": exact.v_B, "within": exact.final.within}

    def off(w):
        found = sampled(problem(law, w), 48, 240)
        return [abs(getattr(found, name).mean - x) / getattr(found, name).stderr for name, x in known.items()]

    assert max(off(0.0)) < 4.0 < max(off(0.5))


@pytest.mark.parametrize(("label", "wrong", "draws"), [(1, 1.5, 100), (2, 1.3, 40)])
def test_against_particles_with_all_modes_explicit(label, wrong, draws):
    """A weight that is wrong by a third (a mode as label), by half (a superclass) is refused."""
    law = Hierarchy((0.1, 0.3), rho=0.7, label=label)
    data = run_modes(problem(law), d=12, n_samples=64, n_draws=draws, n_steps=50).final
    right, off = (sampled(problem(law, w), 12, 2000) for w in (1.0, wrong))
    names = ("m", "v", "m_B", "v_B", "within") if label == 1 else ("m", "v", "within")
    assert max(abs(z_of(name, data, right)) for name in names) < 4.0
    assert abs(z_of("m", data, off)) > 4.0


def test_modes_in_balls_are_all_modes():
    """d = 16, 122 modes: nearest ones drawn as they are needed, or all at the start."""
    every, near = (sampled(problem(), 16, 480, n_explicit=n) for n in (500, 2))
    names = ("m", "v", "m_B", "v_B", "within")
    assert max(abs(z_of(name, every, near)) for name in names) < 4.0
    other = sampled(problem(w=4.0), 16, 480, n_explicit=2)
    assert abs(z_of("m", every, other)) > 4.0


def test_a_mode_that_is_chosen_first_is_on_the_way_to_the_theory():
    """From d = 32 to 256 more than half of the distance goes, and not that to the theory of another weight."""
    few, more = (sampled(problem(MODE_FIRST), d, n, tolerance=0.05) for d, n in ((32, 600), (256, 240)))

    def shrunk(w):
        theory = solve(problem(MODE_FIRST, w)).final
        pairs = [(getattr(few, n).mean, getattr(more, n).mean, getattr(theory, n)) for n in ("v", "within")]
        return [abs(b - x) < 0.6 * abs(a - x) for a, b, x in pairs]

    assert all(shrunk(1.0)) and not all(shrunk(0.3))


def test_what_is_not_known_is_said():
    with pytest.raises(ScheduleError):
        quenched(problem(w=WeakModel(1.0, 0.1)), 12)
    with pytest.raises(ProblemError, match="finite start"):
        quenched(problem().replace(t_start=math.inf), 12)
    with pytest.raises(ProblemError, match="equal weight"):
        quenched(problem(Hierarchy((0.1, 0.3), rho=0.7, spread=0.2)), 12)
    with pytest.raises(ProblemError, match="two superclasses"):
        quenched(problem(), 4)


def test_a_result_says_how_it_was_found_and_does_not_depend_on_threads():
    one, two = (quenched(problem(), 12, n_samples=8, n_draws=4, n_steps=8, threads=n) for n in (1, 2))
    assert np.array_equal(one.m.values, two.m.values) and one.info["standing"] == "approximate"
    assert one.info["log_modes"] == pytest.approx(math.log(37)) and one.to_dataset().attrs["d"] == 12
