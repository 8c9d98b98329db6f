"""Data and figures of designed schedules: portrait, maps of the negative window, fronts, the plane; particles."""

import json

import numpy as np
import pytest
from drawn_words import words

from meanfield import Continuum, Exponential, Fixed, Linear, Piecewise, Problem, ProblemError, design, solve
from simulate import run, sample_mixture
from validate.figures.design import draw_fronts, draw_portrait, pareto, portrait
from validate.figures.design.fronts import FAMILIES
from validate.figures.negative_window import draw as draw_window
from validate.figures.negative_window import window_map, window_points, window_theory
from validate.figures.plane import draw as draw_plane
from validate.figures.plane import plane


def problem(sampler="sde", classes=None, t_start=1000.0):
    return Problem(classes=classes or Continuum(), sigma2=0.25, guidance=0.0, sampler=sampler, t_start=t_start)


def test_portrait_ends_at_the_design():
    made = design(problem("ode"), maximise="separation")
    data = portrait(made, n_points=41)
    assert float(data.v_ratio.sel(guidance="designed")[-1]) == pytest.approx(1.0, abs=1e-6)
    assert float(data.m.sel(guidance="same mean")[-1]) == pytest.approx(made.outcome.m, abs=1e-7)
    assert float(data.v_ratio.sel(guidance="same mean")[-1]) == pytest.approx(made.same_mean[1].v_ratio, abs=1e-7)
    assert set(np.unique(data.w.sel(guidance="designed"))) == set(made.levels)
    _, axes = draw_portrait(data)
    assert len(axes) == 3
    assert len(axes[0].lines) == 4  # three schedules and w = 0


@pytest.fixture(scope="module")
def maps():
    w0, omega = np.linspace(-1.0, 0.4, 15), np.linspace(0.0, 1.5, 16)
    cases = [problem("sde", t_start=30.0), problem("sde", Exponential(0.65), 30.0)]
    return cases, [window_map(p, w0, omega, progress=False) for p in cases]


def test_the_curve_of_kept_variance_is_a_root(maps):
    cases, data = maps
    for p, x in zip(cases, data, strict=True):
        assert len(x.keeping) >= 4
        for w0, omega in x.keeping.values[::3]:
            final = solve(p.replace(guidance=Linear(float(w0), float(omega)))).final
            assert final.v / 0.25 == pytest.approx(1.0, abs=1e-6)
            nearby = solve(p.replace(guidance=Linear(float(w0), float(omega) + 0.05))).final
            assert abs(nearby.v / 0.25 - 1.0) > 1e-4


def test_maps_are_solve_and_mark_what_is_lost(maps):
    cases, data = maps
    for p, x in zip(cases, data, strict=True):
        for i, j in ((2, 3), (10, 9), (1, 14)):
            theory = solve(p.replace(guidance=Linear(float(x.w0[i]), float(x.omega[j]))))
            assert float(x.v_ratio[j, i]) == pytest.approx(theory.final.v / 0.25, rel=1e-7)
            assert bool(x.lost[j, i]) == (theory.phases[-1] == "captured")
            assert (x.standing[j, i] == "approximate") == (theory.standing == "approximate")
    assert not data[0].lost.any()  # the continuum has no glass
    assert data[1].lost.any()
    assert not data[1].lost[:, data[1].w0 > 0.0].any()


def test_particles_on_the_map(maps):
    cases, data = maps
    w0, omega = (float(x) for x in data[0].keeping.values[len(data[0].keeping) // 2])
    options = {"n_samples": 400, "n_disorder": 8, "n_steps": 60, "threads": 1, "progress": False}
    where = [(0, w0, omega), (0, w0 + 0.3, omega), (1, w0, omega)]
    points = window_points(cases, where, [16, 12], **options)
    kept, other = points.isel(point=0), points.isel(point=1)
    assert abs(float(kept.v_ratio) - 1.0) < 5.0 * float(kept.v_ratio_error)
    assert abs(float(other.v_ratio) - 1.0) > 10.0 * float(other.v_ratio_error)  # off the curve it is not kept
    theory = window_theory(cases, where)
    assert np.allclose(theory.v_ratio[:2], points.v_ratio[:2], atol=0.1) and bool(theory.claimed[:2].all())
    _, axes = draw_window([("a", data[0]), ("b", data[1])], points, theory)
    assert len(axes) == 3


def test_fronts(maps):
    data = pareto(problem("sde"), n=200, progress=False)
    assert list(data.family.values) == list(FAMILIES)
    positive = data.sel(family=[f for f in FAMILIES if "negative" not in f])
    assert float(positive.kept.where(positive.mean_shift > 1e-3).max()) < 1.0 - 1e-6  # (T17)
    kept, shift = json.loads(data.attrs["design"])
    assert kept == pytest.approx(1.0, abs=1e-6)
    rivals = data.mean_shift.where(data.kept > 0.999)
    assert float(rivals.max()) <= shift + 1e-3  # no family beats the design where the variance is kept
    for family in ("constant", "interval"):
        row = data.sel(family=family)
        on = row.on_front.values
        order = np.argsort(row.kept.values[on])
        assert np.all(np.diff(row.mean_shift.values[on][order]) < 0.0)
    _, axes = draw_fronts([("a", data)])
    assert {*FAMILIES, "design"} <= words(axes)
    in_data = [line for line in np.ravel(axes)[0].lines if line.get_transform() != np.ravel(axes)[0].transAxes]
    assert len(in_data) == len(FAMILIES) + 1  # a front each and the star; leaders to names lie in the frame's units


def beaten(kept, shift, others_kept, others_shift, by=1e-6):
    """Whether another point keeps at least as much and shifts more."""
    return bool(np.any((others_kept >= kept) & (others_shift > shift + by)))


@pytest.mark.parametrize(("sampler", "classes"), [("sde", Exponential(0.6)), ("ode", None)])
def test_nothing_on_a_front_or_designed_is_dominated(sampler, classes):
    """Constant guidance folds back at finite rate: stronger guidance keeps more. A front skips what it dominates."""
    p = problem(sampler, classes)
    data = pareto(p, n=150, progress=False)
    kept, shift, on = (data[name].values for name in ("kept", "mean_shift", "on_front"))
    for row in range(len(kept)):
        points = zip(kept[row][on[row]], shift[row][on[row]], strict=True)
        assert not any(beaten(k, x, kept[row], shift[row], 0.0) for k, x in points)
    off = np.isfinite(kept[0]) & ~on[0]  # control: constant guidance
    assert off.any() == any(beaten(k, x, kept[0], shift[0], 0.0) for k, x in zip(kept[0], shift[0], strict=True))
    star = json.loads(data.attrs["design"])
    assert not beaten(star[0] - 1e-6, star[1], kept, shift)
    for keep in (0.95, 0.5):
        made = design(p, keep=keep, progress=False).outcome
        assert not beaten(keep, made.m - 1.0, kept, shift)
        assert beaten(keep, 0.2 * (made.m - 1.0), kept, shift)


def test_plane():
    data = plane(n_samples=800, n_steps=60)
    error = 5.0 / np.sqrt(800.0)
    assert np.all(np.abs(data.v_ratio - data.v_ratio_theory) < 0.05 + error * data.v_ratio_theory)
    assert float(data.v_ratio[1]) < 0.5  # constant guidance of the same mean loses more than half
    _, axes = draw_plane(data)
    assert len(axes) == 4


def test_given_means_refuse_what_does_not_fit():
    p = Problem(classes=Fixed(3), sigma2=0.1, guidance=1.0, t_start=10.0)
    means = np.eye(3)
    with pytest.raises(ProblemError, match="Fixed"):
        sample_mixture(p.replace(classes=Fixed(4)), means)
    with pytest.raises(ProblemError, match="shape"):
        sample_mixture(p, means[0])
    with pytest.raises(ProblemError, match="finite start"):
        sample_mixture(p.replace(t_start=float("inf")), means)
    with pytest.raises(ProblemError, match="target"):
        sample_mixture(p, means, target=3)


@pytest.mark.parametrize("sampler", [pytest.param("sde", marks=pytest.mark.slow), "ode"])
def test_particles_confirm_the_design_where_constant_guidance_loses_half(sampler):
    made = design(problem(sampler), mean=1.2)
    options = {"d": 16, "n_samples": 2500, "n_disorder": 8, "n_steps": 80, "threads": 1, "progress": False}
    designed = run(made.problem, **options).final
    constant = run(made.problem.replace(guidance=made.same_mean[0]), **options).final
    assert abs(designed.v.mean / 0.25 - 1.0) < 0.01
    assert designed.m.mean == pytest.approx(1.2, abs=4.0 * designed.m.stderr)
    assert constant.m.mean == pytest.approx(1.2, abs=4.0 * constant.m.stderr)
    assert constant.v.mean / 0.25 < 0.5


@pytest.mark.slow
def test_particles_of_a_finite_rate_are_kept_by_letting_go_and_lost_without():
    """The window must close before the glass: in theory the two schedules are one, at d = 16 they are not."""
    made = design(problem("ode", Exponential(0.45)))
    assert made.levels[-1] == 0.0
    edges, values = made.schedule.edges, made.schedule.values
    open_window = made.problem.replace(guidance=Piecewise(edges[1:], values[1:]))
    assert solve(open_window).final.v == pytest.approx(solve(made.problem).final.v, rel=1e-6)
    options = {"d": 16, "n_samples": 150, "n_disorder": 8, "n_steps": 100, "threads": 1, "progress": False}
    closed, lost = run(made.problem, **options).final, run(open_window, **options).final
    assert closed.accuracy.mean > 0.99
    assert lost.accuracy.mean < 0.9
    assert abs(closed.v.mean / 0.25 - 1.0) < 0.1
    assert lost.v.mean / 0.25 > 1.3
