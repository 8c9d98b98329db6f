"""Classes of several weights (sec. 10 of docs/theory.md): how they are stated and counted; maps; what refuses them."""

import json
import math

import pytest
from scipy.special import logsumexp

from meanfield import (
    DensityRatio,
    Exponential,
    Negative,
    Populations,
    Problem,
    ProblemError,
    Rescale,
    design,
    fade,
    phase_diagram,
    reduced,
    solve,
    solve_sampler,
)
from meanfield.exact.closedform import closed_form
from meanfield.problem.growth import Growth, varied
from meanfield.problem.populations import from_afar, together
from simulate import clones, run

BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
CROSSING = BASE.replace(classes=Populations([0.1, 0.6], [-0.4, 0.15]), t_start=100.0)  # a few common, many rare ones


def test_populations_at_finite_d_are_counted():
    law = Populations([0.2, 0.6, 0.2], [-0.3, 0.12, 0.0])
    counts = [round(math.exp(a * 10)) for a in law.alpha]
    assert round(math.exp(law.log_count(10))) == sum(counts)
    rivals = law.rivals(10)
    assert [round(math.exp(r.log_count)) for r in rivals] == [counts[0] - 1, counts[1], counts[2]]
    assert [r.log_weight for r in rivals] == pytest.approx([3.0, -1.2, 0.0])
    one = together(rivals)
    assert sum(one) == pytest.approx(logsumexp([sum(r) for r in rivals]))
    assert one.log_count + 2 * one.log_weight == pytest.approx(
        logsumexp([r.log_count + 2 * r.log_weight for r in rivals])
    )
    lonely = Populations([0.01, 0.6], [-0.3, 0.1])  # the target alone in its population
    assert lonely.rates(4) == ((lonely.rates(4)[0][0], 0.1),) and lonely.rivals(4)[0].log_count == -math.inf
    assert from_afar(Exponential(0.4, prior=0.1), 12) == (Exponential(0.4).rate(12), 0.1)
    with pytest.raises(ProblemError, match="log\\(number\\)/d > 0"):  # one common class at t = infinity
        solve(BASE.replace(classes=Populations([0.6, 0.01], [0.1, -0.5])), 4)


def test_maps_are_made_by_solve():
    weights, variances = [0.5, 1.0], [0.2, 0.25]
    data = phase_diagram(CROSSING, x=("sigma2", variances), y=("w", weights), threads=1, progress=False)
    for j, w in enumerate(weights):
        for i, sigma2 in enumerate(variances):
            theory = solve(CROSSING.replace(guidance=w, sigma2=sigma2))
            assert abs(data.m_shift.values[j, i] - theory.final.mean_shift) < 1e-10
    assert "passed_shared" in data and data.attrs["by_solve"] >= 4
    with pytest.raises(ProblemError, match="alpha must be"):
        phase_diagram(CROSSING, x=("alpha", [0.4, 0.5]), y=("w", weights), progress=False)


def test_laws_are_stated_and_read():
    law = Populations([0.2, 0.5], [-0.1, 0.3])
    assert law.to_dict() == {"growth": "populations", "alpha": [0.2, 0.5], "prior": [-0.1, 0.3]}
    assert Growth.from_dict(json.loads(json.dumps(law.to_dict()))) == law and not law.equal
    problem = BASE.replace(classes=law)
    assert Problem.from_dict(problem.to_dict()) == problem and hash(law) == hash(Populations((0.2, 0.5), (-0.1, 0.3)))
    assert Populations([0.2, 0.5]).equal and Populations([0.2, 0.5]).prior == (0.0, 0.0)
    assert varied(law, {"prior": [0.0, 0.1]}) == Populations([0.2, 0.5], [0.0, 0.1])
    for wrong in ({"alpha": [0.2, 0.0]}, {"alpha": []}, {"alpha": [0.2], "prior": [0.1, 0.2]}, {"alpha": 0.2}):
        with pytest.raises(ProblemError):
            Populations(**wrong)


def test_closed_forms_hold_until_the_first_population_condenses():
    problem = BASE.replace(classes=Populations([0.35, 0.4], [-0.1, 0.1]))
    theory, exact = solve(problem), closed_form(problem)
    assert abs(theory.final.m - exact.m) < 1e-9 and abs(theory.t_speciation - exact.t_speciation) < 1e-8
    other = closed_form(problem.replace(classes=Populations([0.35, 0.4], [-0.08, 0.1])))  # control
    assert abs(theory.final.m - other.m) > 1e-3
    with pytest.raises(ProblemError, match="condenses"):
        closed_form(CROSSING)


def test_what_knows_one_weight_refuses_several():
    several = BASE.replace(classes=Populations([0.2, 0.5], [-0.1, 0.3]))
    ratio = several.replace(guidance=DensityRatio(0.3))
    for call in (
        lambda: design(several),
        lambda: solve_sampler(several, lambda model, noise: noise()),
        lambda: fade(ratio, 40),
        lambda: clones(several.classes, [1.0], d=8, sigma2=0.25),
        lambda: several.replace(guidance=Negative(1.0)),
        lambda: run(several, d=10, n_samples=2, n_disorder=1, n_steps=8, classes="streamed", progress=False),
        lambda: reduced(several.replace(guidance=Rescale(1.0)), 10, n_samples=4, n_draws=2, n_steps=8, progress=False),
        lambda: several.classes.log_prior(10),
    ):
        with pytest.raises(ProblemError, match="weight"):
            call()
