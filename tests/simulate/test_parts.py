"""Steps by parts, of the ODE: order 4, resolved speciation, and the plain step against a step written once more."""

from dataclasses import replace

import numpy as np
import pytest
from particle_checks import affine_moments
from scipy import integrate
from scipy.interpolate import BarycentricInterpolator

from meanfield import Continuum, Fixed, PowerLaw, Problem, Spectrum
from meanfield.guidance.placing import time_grid
from simulate import run
from simulate.running.plan import Settings, make_plan
from simulate.running.workers import follow
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ReferenceScore
from simulate.steps.integrators import make_steps
from simulate.steps.stepping import State, advance


def continuum_moments(w, T):
    """m and v at t = 0 of the ODE: dy/dlog D = e (y - b), b = w (D mu_1 - y)/(1 + D), for the mean and the rest."""

    def slope(tau, y):
        D = np.exp(-tau)
        return 0.5 * (w * (np.array([D, 0.0]) - y) / (1.0 + D) - y)

    ends = -np.log([0.25 + T, 0.25])
    y = integrate.solve_ivp(slope, ends, [-1.0, np.sqrt(T)], rtol=1e-12, atol=1e-14, method="DOP853").y[:, -1]
    return np.array([1.0 + y[0], y[1] ** 2])


@pytest.mark.parametrize("w", [2.0, 1.0, -0.5])
def test_order_in_the_continuum(w):
    """Order 4 where the first step's error does not show. Negative control: the parabola of the other steps."""
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=w, sampler="ode", t_start=1000.0)
    n, exact = np.array([80, 160, 320]), continuum_moments(w, 1000.0)

    def slopes(**changes):
        error = np.abs([affine_moments(problem, k, **changes) - exact for k in n])
        return -np.polyfit(np.log(n), np.log(error), 1)[0]

    assert slopes().min() > 3.85
    assert slopes(parts=None).max() < 3.3


def settings(P, w, **changes):
    return Problem(**{"classes": Fixed(P), "sigma2": 0.25, "guidance": w, "sampler": "ode", "t_start": 1e3, **changes})


@pytest.mark.parametrize(
    ("P", "d", "w", "gain"), [(10, 20, 1.0, 5), (100, 20, 1.0, 5), (300, 8, 4.0, 3), (100, 12, -0.5, 1)]
)
def test_errors_are_below_those_of_the_parabola(P, d, w, gain):
    """At 16 steps, on the same grid, classes and starts, against 400; the parabola is what `parts` is None, with the
    force taken as it is at the predicted state, as parts take it."""
    plan = make_plan(settings(P, w), Settings(d, 64, 4))

    def ends(n, **changes):
        data = follow(plan, replace(plan.steps(n), **changes), False)
        return np.array([data.draws["m"][:, -1].mean(), data.draws["v"][:, -1].mean() / 0.25])

    exact = ends(400)
    plain = {"parts": None, "answers": np.zeros(16, bool)}
    ours, parabola = (np.abs(ends(16, **changes) - exact).max() for changes in ({}, plain))
    assert ours < parabola / gain


def test_a_step_is_what_its_derivation_says():
    """The third step once more: SciPy's polynomials in D^(-1/2) through L and a, the integral to 1e-10."""
    problem, mixture = settings(6, 1.5), draw_direct(4, 6, seed=0, draw=0)
    steps, score = (
        make_steps(problem, time_grid(problem.schedule, problem.least_variance, 3.0, 3)),
        ReferenceScore(mixture),
    )
    states = [State(np.random.default_rng(0).standard_normal((5, 4)))]
    for n in range(3):
        states.append(advance(states[-1], steps.variance(n), 0.0, steps.step(n), score, lambda *_: 1 / 0))
    start, earlier = states[2], states[2].before
    L, wrong = start.posterior.log_odds, start.posterior.rest
    values = [*earlier[::-1], (L, start.posterior.shift / wrong[:, None])]
    rest = np.sqrt(steps.D[3] / steps.D[2])

    def arrived(nodes, values):
        odds, mean = (BarycentricInterpolator(nodes, [v[i] for v in values]) for i in range(2))

        def force(q):
            at = q / np.sqrt(steps.D[3])
            return -1.5 * mean(at) / (1.0 + np.exp(odds(at)))[:, None]

        x, weight = np.polynomial.legendre.leggauss(points)
        q = rest + (1.0 - rest) * (1.0 + x) / 2.0
        return rest * start.y + (1.0 - rest) / 2.0 * sum(k * force(z) for k, z in zip(weight, q, strict=True))

    nodes, points = steps.D[:3] ** -0.5, 2
    there = score(arrived(nodes, values), steps.D[3])
    values.append((there.log_odds, there.shift / there.rest[:, None]))
    y = arrived(steps.D**-0.5, values)
    assert np.allclose(states[3].y, y, atol=1e-12, rtol=0)
    points = 20  # two points of Gauss are enough: what is left is below the error of the step
    assert 1e-9 < np.abs(arrived(steps.D**-0.5, values) - y).max() < 1e-3


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": "sde"},
        {"guidance": PowerLaw(1.0, 0.5)},
        {"spectrum": Spectrum([0.25, 0.5], [1.25, 4.5]), "sigma2": None},
    ],
    ids=["noise", "weight by sample", "spectrum"],
)
def test_where_steps_are_not_by_parts(changes):
    assert make_plan(settings(10, 1.0), Settings(20, 4, 1)).steps(8).parts is not None
    assert make_plan(settings(10, 1.0, **changes), Settings(20, 4, 1)).steps(8).parts is None


def test_samples_whose_class_is_decided_keep_finite_states():
    """Rivals that underflow or do not exist: L is infinite, and no polynomial goes through it."""
    size = {"n_samples": 50, "n_disorder": 2, "n_steps": 20, "classes": "explicit"}
    assert np.isfinite(run(settings(2, 5.0, sigma2=0.01), d=400, **size).draws["v"]).all()
    alone, unguided = (run(settings(1, w), d=6, **size).draws["v"] for w in (5.0, 0.0))
    assert np.allclose(alone, unguided, rtol=1e-12)
