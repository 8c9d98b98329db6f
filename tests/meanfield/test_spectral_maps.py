"""Maps with a spectrum: compiled trajectories are those of `solve`, boundaries where algebra or `solve` puts them."""

import json
import math

import numpy as np
import pytest
from random_guidance import random_schedule

from meanfield import (
    Exponential,
    Problem,
    Spectrum,
    curves,
    phase_diagram,
    solve,
)
from meanfield.errors import ConvergenceError, ProblemError
from meanfield.exact.directions import capacity
from meanfield.maps.bulk import PHASES, STANDINGS
from meanfield.maps.points import Points
from meanfield.theory.energies import crowd_advantage, glass_advantage, information, inverse_temperature

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
PROBLEM = Problem(classes=Exponential(alpha=0.4), spectrum=TWO, guidance=1.0)
RETURNING = Problem(  # crosses F = 0 and slides although eta <= 1 (docs/spectra.md)
    classes=Exponential(0.3485),
    spectrum=Spectrum(
        c=(0.127, 1.022, 8.403, 0.0187), u=(0.520, 1.034, 8.490, 0.142), share=(0.541, 0.233, 0.195, 0.031)
    ),
    guidance=42.0,
    sampler="ode",
)
QUIET = {"progress": False}


def random_problems(number: int, seed: int) -> list[Problem]:
    """One to four groups over three decades; constant guidance from T = infinity, or tables from a finite T."""
    rng = np.random.default_rng(seed)
    problems = []
    for _ in range(number):
        n = rng.integers(1, 5)
        c = 10 ** rng.uniform(-2, 1, n)
        spectrum = Spectrum(c=c, u=c + 10 ** rng.uniform(-1.5, 1, n), share=rng.dirichlet(np.full(n, 2.0)))
        base = {"classes": Exponential(rng.uniform(0.05, 1.0)), "spectrum": spectrum}
        base["sampler"] = rng.choice([0.0, 1.0, rng.uniform(0, 1), rng.uniform(1, 2.5)])
        if rng.uniform() < 0.6:
            problems.append(Problem(guidance=rng.choice([rng.uniform(-1, 0), rng.uniform(0, 30)]), **base))
            continue
        problems.append(Problem(guidance=random_schedule(rng), t_start=10 ** rng.uniform(0.5, 2), **base))
    return problems


def compiled(problem: Problem) -> np.void | None:
    """The record of a compiled trajectory, None if it was left to `solve`."""
    points = Points(problem, math.inf, threads=1)
    (row,) = points({}, 1, lambda _: None)
    return None if points.by_solve else row


def end_of(row: np.void) -> list[float]:
    return [row[x] for x in ("shift", "ratio", "t_speciation", "t_condensation", "t_capture", "separation")]


def test_compiled_trajectories_are_those_of_solve():
    """120 random spectra: end point, times, phases, standing. The mean spectrum instead of the groups fails."""
    problems, seen, done, apart = [*random_problems(120, seed=23), RETURNING], set(), 0, []
    for p in problems:
        row = compiled(p)
        if row is None:
            continue
        theory, done = solve(p), done + 1
        first = {e.kind: e.t for e in reversed(theory.events)}
        expected = [theory.final.mean_shift, 1.0 + theory.final.variance_excess, theory.t_speciation]
        expected += [*(first.get(kind, math.nan) for kind in ("condensation", "capture")), float(theory.final.F)]
        chain = sum(e.kind == "capture" for e in theory.events) > 1  # starts at a double root: it amplifies rounding
        np.testing.assert_allclose(end_of(row), expected, rtol=1e-4 if chain else 1e-6, atol=1e-7, err_msg=f"{p}")
        assert {name for name, passed in zip(PHASES, row["passed"], strict=True) if passed} == set(theory.phases), p
        assert PHASES[row["last"]] == theory.phases[-1]
        assert STANDINGS[int(row["standing"])] == theory.standing
        seen.add(theory.phases)
        s = p.spectrum
        if len(s) > 1:
            u = np.sum(np.multiply(s.share, s.u))
            wrong = compiled(p.replace(spectrum=Spectrum(c=[s.sigma2], u=[u])))
            apart.append(wrong is None or abs(wrong["ratio"] - row["ratio"]) > 1e-6 * row["ratio"])
    assert done > 0.9 * len(problems)
    for phase in ("glass", "captured", "sliding", "target"):
        assert {phase in s for s in seen} == {True, False}
    assert len(apart) > 60 and np.mean(apart) > 0.9


def test_groups_of_one_kind_are_isotropic_classes():
    """Any shares of c = sigma2, g = 1 give the isotropic numbers, in crowd, glass and capture."""
    for alpha, w, sampler in ((0.4, 1.0, "ode"), (0.3, -0.7, "sde"), (0.8, 6.0, "ode")):
        isotropic = Problem(classes=Exponential(alpha), sigma2=0.25, guidance=w, sampler=sampler)
        equal = Spectrum(c=[0.25] * 3, u=[1.25] * 3, share=[0.2, 0.5, 0.3])
        one, three = (end_of(compiled(p)) for p in (isotropic, isotropic.replace(spectrum=equal)))
        np.testing.assert_allclose(three, one, rtol=1e-9, atol=1e-12)
        other = compiled(isotropic.replace(spectrum=Spectrum(c=[0.25] * 3, u=[1.25, 1.25, 1.3], share=equal.share)))
        assert abs(other["shift"] - one[0]) > 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_a_glass_never_has_more_weight_than_the_crowd_it_would_be(seed):
    """By this alone compiled code says, without a temperature, that a target keeps the weight."""
    rng, gaps = np.random.default_rng(seed), []
    for _ in range(300):
        n = rng.integers(1, 5)
        share, D, delta = rng.dirichlet(np.ones(n)), 10 ** rng.uniform(-3, 1, n), rng.normal(0, 0.5, n)
        y, mean = rng.normal(0, 1, n), lambda x, share=share: x @ share
        q = (1 + delta) ** 2 + D * np.exp(y)
        alpha = rng.uniform(0.01, 1) * mean(information(D, q))
        c = 1 / (1 + D / inverse_temperature(D, q, alpha, mean))
        gaps.append(mean(glass_advantage(D, 1 + delta, q, c)) - (mean(crowd_advantage(D, delta, y)) - alpha))
    assert min(gaps) > -1e-12 and np.mean(np.array(gaps) > 1e-3) > 0.9


def test_boundary_of_unguided_speciation_is_at_the_capacity():
    """(S10), whatever the sampler, to the bisection; the capacity of the mean spectrum is refused."""
    problem = PROBLEM.replace(guidance=0.0)
    data = phase_diagram(problem, ("alpha", np.linspace(0.5, 1.5, 9)), ("eta", [0.0, 0.5, 1.0, 1.8]), **QUIET)
    ends = data["line_speciation"].dropna("point_speciation").values
    assert len(ends) == 4 and data.attrs["by_solve"] == 0
    np.testing.assert_allclose(ends[:, 0], capacity(TWO), rtol=1e-7)
    mean = Spectrum(c=[TWO.sigma2], u=[0.75 * 1.25 + 0.25 * 4.5])
    assert np.abs(ends[:, 0] - capacity(mean)).min() > 0.01


@pytest.mark.parametrize(("line", "w"), [("glass", (2.0, 9.0)), ("capture", (-0.9, -0.1))])
def test_lines_are_where_solve_puts_them(line, w):
    """On the two sides of every fifth point of a line, 1e-4 away, `solve` passes the phase and does not."""
    problem, name = PROBLEM.replace(sampler="ode"), {"glass": "glass", "capture": "captured"}[line]
    data = phase_diagram(problem, ("alpha", np.linspace(0.3, 0.9, 7)), ("w", np.linspace(*w, 7)), **QUIET)
    ends = data[f"line_{line}"].dropna(f"point_{line}").values
    assert len(ends) > 5
    for alpha, weight in ends[:: max(1, len(ends) // 5)]:
        near = [(alpha * x, weight) for x in (0.9999, 1.0001)] + [(alpha, weight * x) for x in (0.9999, 1.0001)]
        passes = {name in solve(problem.replace(classes=Exponential(a), guidance=b)).phases for a, b in near}
        assert passes == {True, False}, (alpha, weight)


def test_capture_at_the_entry_of_the_glass_is_at_minus_one_half():
    """(S8) at beta = 1: the SDE is captured as soon as it meets the glass if and only if w < -1/2, for any spectrum."""
    data = phase_diagram(PROBLEM, ("alpha", [0.2, 0.3, 0.4]), ("w", [-0.9, -0.6, -0.4]), **QUIET)
    np.testing.assert_allclose(data["line_glass"].sel(coordinate="w"), -0.5, atol=1e-7)


def test_dimensions_realise_their_own_shares():
    """Over d the shares are those of whole directions, as in `solve`; a d that leaves a group empty fails by name."""
    data = curves(PROBLEM, {"d": [1, 3, 4, 10, math.inf], "w": [0.5, 1.0]}, **QUIET)
    for d in (3, 4, 10, math.inf):
        theory = solve(PROBLEM, d)
        assert float(data.m_shift.sel(d=d, w=1.0)) == pytest.approx(theory.final.mean_shift, rel=1e-7)
        assert str(data.standing.sel(d=d, w=1.0).values) == theory.standing
    assert np.isnan(data.m_shift.sel(d=1)).all() and len(json.loads(data.attrs["failed"])) == 2
    assert abs(float(data.m_shift.sel(d=10, w=1.0)) / float(data.m_shift.sel(d=math.inf, w=1.0)) - 1) > 1e-3


def test_threads_do_not_change_the_result():
    grid = ("alpha", np.linspace(0.1, 1.0, 12)), ("w", np.linspace(-1.0, 3.0, 12))
    one, *more = (phase_diagram(PROBLEM, *grid, threads=n, **QUIET) for n in (1, 3))
    assert all(one.identical(other) for other in more)


def test_what_has_no_meaning_with_a_spectrum_is_refused():
    with pytest.raises(ProblemError, match="sigma2"):
        phase_diagram(PROBLEM, ("sigma2", [0.2, 0.4]), ("w", [0, 1]), **QUIET)
    with pytest.raises((ProblemError, ConvergenceError)):
        phase_diagram(PROBLEM, ("alpha", [-0.2, 0.4]), ("w", [0, 1]), **QUIET)
