"""The atlas: its grid, what is claimed on which ground, and that a wrong theory or wrong particles are found out."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
import xarray

from meanfield import Continuum, Exponential, Fixed, Problem, many_classes, solve
from validate import atlas, judge
from validate.drawing import canvas
from validate.errors import ConfigError
from validate.figures import save, summary
from validate.regimes import picture
from validate.regimes.groups import DRAWS, Group, annealed_error, exact_at_every_d, groups
from validate.regimes.judgement import distortions, power_law
from validate.regimes.measurement import along_cells, measure
from validate.regimes.page import SYMBOLS, page
from validate.regimes.spread import spread_of
from validate.results.files import read_dataset, write_dataset

SDE = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)


@pytest.fixture(scope="module")
def small():
    """The continuum, one exponential and one sub-exponential group, at a fraction of the effort."""
    chosen = [g for g in groups("quick") if g.name in ("continuum w=1 ode", "alpha=0.4 w=0 sde", "P=100 w=1 ode")]
    return along_cells([measure(g, d, 40, seed=3) for g in chosen for d in g.sizes])


def test_the_grid_covers_the_regimes():
    found = groups("quick")
    problems = [g.problem for g in found]
    assert {p.sampler for p in problems} == {"sde", "ode"}
    alphas = {p.classes.alpha for p in problems if isinstance(p.classes, Exponential) and p.sigma2 == 0.25}
    capacity = 0.5 * math.log(1 + 1 / 0.25)
    assert min(alphas) < 0.5 < sorted(alphas)[-2] < capacity < max(alphas)
    weights = {p.guidance.value for p in problems}
    assert {-0.5, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0} <= weights
    assert all(len(g.sizes) >= 3 for g in found if not re.match("alpha=2 sigma2=8|d=4|modes", g.name))
    assert {"d=4 P=100 w=1 sde", "d=4 P=2500 w=1 ode"} <= {g.name for g in found}
    assert {"P=d^0.5 w=1 sde", "P=d^1 w=1 ode", "P=100 w=1 sde", "continuum w=1 sde"} <= {g.name for g in found}
    assert max(max(g.sizes) for g in found) == 10**6
    for profile in ("standard", "full"):
        assert len(groups(profile)) > len(found)
    assert len({g.name for g in groups("full")}) == len(groups("full"))
    with pytest.raises(ConfigError, match=r"profile must be one of .*'full', 'finite'\]; got 'fast'"):
        groups("fast")


def test_annealed_error_is_the_bound_of_the_theory():
    """Against the bound written out at the start of a trajectory, and infinite in a glass."""
    theory = solve(SDE, 24)
    t = theory.t[theory.t >= theory.t_speciation]
    q, b = theory.at(t).q, 1 / (0.25 + t)
    psi = lambda x: -np.log(1 + x) / 2 - q * x / (2 * (1 + x))  # noqa: E731
    bound = np.exp(-theory.problem.classes.log_count(24) + 24 * (psi(2 * b) - 2 * psi(b)))
    assert annealed_error(theory, 24) == pytest.approx(bound.max(), rel=0.02)
    assert annealed_error(solve(SDE.replace(guidance=-0.5), 24), 24) == math.inf


def test_exactness():
    assert exact_at_every_d(SDE.replace(guidance=0.0), 8)
    assert exact_at_every_d(SDE.replace(classes=Fixed(1)), 8)
    assert not exact_at_every_d(SDE, 8)


def test_verdicts_name_their_grounds(small):
    verdict = judge(small)
    assert verdict, verdict.disagreements
    assert {v.ground for v in verdict.claimed} == {"exact", "few classes", "exponent"}
    assert {v.quantity for v in verdict.verdicts if v.ground == "exponent"} == {"m exponent", "v exponent"}
    few = [v for v in verdict.claimed if v.ground == "few classes"]
    assert {(v.group, v.d) for v in few} == {("P=100 w=1 ode", float(d)) for d in (10**3, 10**4, 10**5, 10**6)}
    assert "8 against the theory of few classes at equal d" in verdict.summary
    verdict = judge(small.drop_vars([name for name in small if name.startswith("few_")]))  # of an older atlas
    beyond = [v for v in verdict.verdicts if v.ground == "finite d"]
    assert {v.group for v in beyond} == {"P=100 w=1 ode"}
    assert all(verdict.word(v) == "no theory at this d" for v in beyond)
    assert f"{len(verdict.claimed)} agree, 0 disagree" in verdict.summary
    assert f"{len(beyond)} at finite d without a theory at that d" in verdict.summary


@pytest.mark.parametrize(
    ("name", "q"),
    [("continuum w=1 ode", "m"), ("continuum w=1 ode", "v"), ("alpha=0.4 w=0 sde", "v"), ("P=100 w=1 ode", "m"),
     ("P=100 w=1 ode", "v")],
)  # fmt: skip
def test_a_biased_cell_is_found(small, name, q):
    """Ten standard errors in one cell: the table says DISAGREES, and the verdict is false."""
    wrong = small.copy(deep=True)
    cell = int(np.flatnonzero(wrong["group"].values == name)[0])
    draws = wrong[q].values[cell, :, -1]
    wrong[q].values[cell, :, -1] += 10 * np.nanstd(draws, ddof=1) / math.sqrt(np.isfinite(draws).sum())
    verdict = judge(wrong)
    assert not verdict
    assert [(v.group, v.quantity) for v in verdict.disagreements] == [(name, q)]
    assert verdict.word(verdict.disagreements[0]) == "DISAGREES"


def test_many_classes_are_claimed_and_a_wrong_order_or_weight_is_found():
    """The continuum and its correction of order 1/P; the continuum alone, and w off by 10 %, are refused."""
    (group,) = (g for g in groups("quick") if g.name == "d=4 P=2500 w=1 ode")
    cell = measure(group, 4, group.n_samples[0], seed=6).expand_dims("cell")
    verdict = judge(cell)
    assert verdict and {v.ground for v in verdict.verdicts} == {"many classes"}
    assert "2 against the theory of many classes at equal d" in verdict.summary
    for wrong in (solve(group.problem.replace(classes=Continuum())).final, many_classes(_pushed(group.problem), 4)):
        assert not judge(cell.assign(many_m=("cell", [wrong.m]), many_v=("cell", [wrong.v])))


def _pushed(problem):
    return problem.replace(guidance=1.1)


def test_a_wrong_weight_in_the_continuum_is_found():
    (group,) = (g for g in groups("quick") if g.name == "continuum w=1 sde")
    wrong = Group(group.name, group.problem.replace(guidance=1.1), group.sizes, group.n_samples, 16, 100)
    data = xarray.concat([measure(wrong, d, 200) for d in (8, 16, 32)], dim="cell")
    right = solve(group.problem)
    assert judge(data)
    for q in ("m", "v"):
        data[f"theory_{q}"].values[:, -1] = getattr(right.final, q)
    assert not judge(data)


@pytest.mark.parametrize(
    "change",
    [{}, {"sigma2": 1.0}, {"classes": {"growth": "exponential", "alpha": 0.4, "prior": 0.1}},
     {"guidance": {"schedule": "piecewise", "edges": [1.0], "values": [2.0, 0.0]}}],
)  # fmt: skip
def test_only_groups_that_the_curves_are_of_are_put_on_them(small, change):
    other = small.copy()
    other["problem"] = "cell", [json.dumps({**json.loads(p), **change}) for p in small["problem"].values]
    assert len(list(picture._extrapolated(other, 0.4, "sde"))) == (0 if change else 1)


def test_the_summary_draws_the_theory_of_few_classes_at_their_own_d(small):
    few = small.isel(cell=small["group"].values == "P=100 w=1 ode")
    named = few.assign(group=("cell", [f"{picture.VANISHING} ode"] * few.sizes["cell"]))

    def dashed(data):
        with canvas(None, (4.0, 3.0), 1) as (_, axes):
            picture._against_dimension(axes[0], data)
        axis = axes[0]
        return [line.get_ydata() for line in axis.lines if line.get_linestyle() == "--" and len(line.get_xdata())]

    (line,) = dashed(named)
    assert np.array_equal(line, named["few_m"].values[:, :, -1].mean(axis=1) - 1.0)
    rate = np.sqrt(2 * named["rate"].values * 0.25 / 3)  # (T12), which has the exponent alone
    assert np.all(np.abs(line / rate - 1.0) > 0.005), "negative control"
    assert dashed(named.drop_vars("few_m")) == [] and dashed(few) == []


def test_wrong_exponents_are_found(small):
    wrong = small.copy(deep=True)
    wrong["sampler"] = wrong["sampler"].where(wrong["group"] != "P=100 w=1 ode", "sde")
    assert {v.quantity for v in judge(wrong).disagreements} == {"m exponent", "v exponent"}


def test_power_law_states_how_far_it_is_from_one():
    d = np.array([1e2, 1e3, 1e4, 1e5, 1e6])
    log_count = 0.5 * np.log(d)
    x, s = np.log(log_count / d), np.full(5, 1e-3)
    slope, stderr, form = power_law(x, 2.0 * x, s, log_count)
    assert slope == pytest.approx(2.0, abs=1e-12)
    assert 0 < stderr < form < 1e-3  # the drift that the data cannot exclude
    drifting = power_law(x, 2.0 * x - 0.5 / log_count, s, log_count)
    assert drifting[0] != pytest.approx(2.0, abs=0.01)
    assert abs(drifting[0] - 2.0) == pytest.approx(drifting[2], rel=1e-6)  # exactly the correction that it allows for
    fixed = power_law(x, 1.9 * x, s, np.full(5, 4.6))
    assert fixed[2] < 1e-9  # at fixed P nothing drifts: an exponent of 1.9 may not pass for 2


def test_an_extrapolation_that_resolves_nothing_is_not_claimed(small):
    """By its error alone: the same numbers with a small error are a claim, and a wrong one is found."""
    rng = np.random.default_rng(0)
    group = small.isel(cell=small["group"].values == "P=100 w=1 ode").copy(deep=True)
    group["vanishing"].values[:] = False
    group["d"].values[:] = [10, 12, 16, 24]
    for q in ("m", "v"):
        group[f"reduced_{q}"].values[:] = group[f"few_{q}"].values[:] = math.nan
        group[f"theory_{q}"].values[:, -1] = 1.0
        group[q].values[:, :, -1] = 1.2 + 1.0 * rng.normal(size=(4, DRAWS))
    verdict = judge(group)
    assert {v.ground for v in verdict.verdicts if math.isinf(v.d)} == {"too wide"}
    assert "2 extrapolations too wide or from too small d" in verdict.summary
    for q in ("m", "v"):
        group[q].values[:, :, -1] = 1.2 + 1e-3 * rng.normal(size=(4, DRAWS))
    assert len(judge(group).disagreements) == 2
    group["d"].values[:] = [8, 12, 16, 24]  # too small a dimension makes no claim either
    assert {v.ground for v in judge(group).verdicts if math.isinf(v.d)} == {"too small"}


def test_distortions_leave_out_what_is_not_resolved(small):
    group = small.isel(cell=small["group"].values == "P=100 w=1 ode")
    x, _, s, _ = distortions(group, "m")
    assert len(x) == group.sizes["cell"]
    assert np.all(s < 0.2)
    assert len(distortions(group, "m", significance=1e9)[0]) == 0


def test_atlas_resumes_and_survives_a_round_trip(tmp_path):
    first = atlas("quick", only="continuum w=1 sde", folder=tmp_path / "a", progress=False)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "cells").iterdir()}
    again = atlas("quick", only="continuum w=1 sde", folder=tmp_path / "a", progress=False)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "cells").iterdir()} == stamps
    xarray.testing.assert_identical(first, again)
    write_dataset(first, tmp_path / "atlas.nc")
    back = read_dataset(tmp_path / "atlas.nc")
    assert judge(back).verdicts == judge(first).verdicts
    files = save(back)
    assert files["png"].startswith(b"\x89PNG")
    assert files["pdf"].startswith(b"%PDF")
    assert b"/Type3" not in files["pdf"]  # text is embedded as TrueType, so it stays text
    assert b"<text" in files["svg"]
    figure, axes = summary(back)
    assert len(figure.axes) == len(axes) == 4


def test_report_is_self_contained_and_escaped(small):
    verdict = judge(small)
    text = page(small, verdict, b"<svg/>", {"command": "<script>alert(1)</script>", "revision": "abc"})
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<tr") > len(verdict.verdicts)
    assert "Theory and particles agree" in text and "What disagrees" not in text
    assert {"m", "v", "z", "theory", "finite d", "particles", "stderr", "fit", "time step", "ground"} <= set(SYMBOLS)
    for name in {v.group for v in verdict.verdicts}:  # each regime once, folded
        assert text.count(f">{name} <small>") == 1
    assert 'class="fold" checked' not in text


def test_a_report_says_first_what_disagrees_and_unfolds_it(small):
    verdict = judge(small)
    bad = max(verdict.claimed, key=lambda v: v.z)._replace(z=50.0)
    others = tuple(v for v in verdict.verdicts if (v.group, v.d, v.quantity) != (bad.group, bad.d, bad.quantity))
    text = page(small, dataclasses.replace(verdict, verdicts=(*others, bad)), b"<svg/>", {})
    assert text.index("What disagrees") < text.index("Every number") and "Theory and particles disagree" in text
    assert text.count('class="fold" checked') == 1 and text.count('<tr class="row bad') == 2


@pytest.fixture(scope="module")
def crowd():
    """A cell at equal d, by the design of the atlas: its draws, and the quenched theory."""
    (group,) = (g for g in groups("quick") if g.name == "alpha=0.4 w=1 ode")
    return measure(group, group.sizes[0], group.n_samples[0], seed=4).expand_dims("cell")


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_theory_two_per_cent_off_is_found_at_equal_d(crowd, factor):
    assert judge(crowd.assign(limit=("cell", [False])))
    wrong = crowd.assign(limit=("cell", [False]), quenched_m=factor * crowd["quenched_m"])
    assert [v.quantity for v in judge(wrong).disagreements] == ["m"]


def test_the_summary_says_how_the_scores_scatter(small):
    verdict = judge(small)
    spread = verdict.spread("exact")
    z = [v.z for v in verdict.claimed if v.ground == "exact"]
    assert spread.n == len(z) and spread.mean == pytest.approx(np.mean(z))
    assert spread.rms == pytest.approx(math.sqrt(np.mean(np.square(z))))
    assert f"z exact at every d: {spread}. " in verdict.summary
    assert "(expected 0)" in verdict.summary and "(expected 1)" in verdict.summary
    assert verdict.spread("equal d") is None  # no such number here


def test_errors_of_mean_and_rms_allow_for_cells_whose_numbers_belong_together():
    """160 pairs of fully correlated scores are 160 numbers, not 320; negative control: the naive 1/sqrt(2 n)."""
    rng = np.random.default_rng(6)
    found = [spread_of(np.repeat(rng.normal(size=(160, 1)), 2, axis=1).tolist()) for _ in range(400)]
    for value, error, naive in (("mean", "mean_error", 320**-0.5), ("rms", "rms_error", 640**-0.5)):
        scatter = np.std([getattr(s, value) for s in found])
        assert np.mean([getattr(s, error) for s in found]) == pytest.approx(scatter, rel=0.15)
        assert naive < 0.8 * scatter
