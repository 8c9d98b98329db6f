"""Unequal weights through sweeps, comparison, files and the command line."""

import json
import math

import pytest
from typer.testing import CliRunner

from meanfield import Ensemble, Exponential, Fixed, Polynomial, Problem, ProblemError, solve
from simulate import run
from validate import compare, sweep
from validate.cli import app
from validate.errors import ComparisonError
from validate.figures.curves import name_of, pretty

BASE = Problem(classes=Exponential(0.4, prior=-0.1), sigma2=0.25, guidance=1.0)
FEW = {"n_samples": 10, "n_disorder": 3, "n_steps": 16, "threads": 1, "progress": False}


def test_a_sweep_varies_the_prior_and_keeps_it_on_other_axes():
    data = sweep(BASE, {"prior": [-0.1, 0.1]}, d=8, **FEW)
    for prior in (-0.1, 0.1):
        wanted = solve(BASE.replace(classes=Exponential(0.4, prior=prior))).t_speciation
        assert abs(float(data.t_speciation.sel(prior=prior)) - wanted) < 1e-12
    data = sweep(BASE, {"alpha": [0.4, 0.5]}, d=8, **FEW)
    assert abs(float(data.t_speciation.sel(alpha=0.4)) - solve(BASE).t_speciation) < 1e-12
    with pytest.raises(ProblemError, match="equal weights"):  # the prior would be lost
        sweep(BASE, {"n": [5, 6]}, d=8, **FEW)
    with pytest.raises(ProblemError, match="must belong to the growth law"):
        sweep(BASE, {"factor": [2.0, 3.0]}, d=8, **FEW)


def test_comparison_sees_a_prior_that_is_left_out():
    data = run(BASE, d=10, n_samples=40, n_disorder=60, n_steps=40, threads=1, progress=False)
    theory, without = solve(BASE, 10), solve(BASE.replace(classes=Exponential(0.4)), 10)
    assert abs(data.final.m_paired.mean - theory.final.m) < abs(data.final.m_paired.mean - without.final.m)
    assert compare(solve(BASE), data) is not None
    with pytest.raises(ComparisonError, match="differ in classes"):
        compare(without, data)
    assert Ensemble.from_dataset(data.to_dataset()).problem == BASE


def test_flags_and_files_state_the_weight(tmp_path):
    def t_s(*arguments):
        result = CliRunner().invoke(app, ["solve", "--w", "1", "--json", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)["t_speciation"]

    wanted = solve(BASE).t_speciation
    assert abs(t_s("--alpha", 0.4, "--prior", -0.1) - wanted) < 1e-9
    file = tmp_path / "p.toml"
    file.write_text('sigma2 = 0.25\nclasses = {growth = "exponential", alpha = 0.4, prior = -0.1}\n')
    assert abs(t_s("--config", file) - wanted) < 1e-9
    assert t_s("--config", file, "--prior", 0.5) == "inf"  # flags win
    heavy = solve(BASE.replace(classes=Fixed(20, factor=3.0)), 12).t_speciation
    assert abs(t_s("--n", 20, "--factor", 3, "--d", 12) - heavy) < 1e-9
    for wrong in (("--alpha", 0.4, "--factor", 3), ("--prior", 0.1), ("--continuum", "--prior", 0.1)):
        assert CliRunner().invoke(app, ["solve", *map(str, wrong)]).exit_code != 0


def test_figures_name_the_weight():
    assert name_of(Exponential(0.4)) == "alpha = 0.4" and pretty("alpha = 0.4") == r"$\alpha$ = 0.4"
    assert name_of(BASE.classes) == "alpha = 0.4, lambda = -0.1"
    assert pretty(name_of(Polynomial(0.5, factor=3.0))) == "$P = d^{0.5}$, weight 3"
    assert name_of(Fixed(9)) == "P = 9" and math.isfinite(solve(BASE).t_speciation)
