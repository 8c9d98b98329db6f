"""Classes of several weights through sweeps, comparison, files and the command line."""

import json

import pytest
from typer.testing import CliRunner

from meanfield import Ensemble, Exponential, Populations, Problem, ProblemError, solve
from simulate import run
from validate import compare, sweep
from validate.cli import app
from validate.errors import ComparisonError
from validate.figures.curves import name_of

BASE = Problem(classes=Populations([0.2, 0.5], [-0.3, 0.1]), sigma2=0.25, guidance=1.0)
FEW = {"n_samples": 10, "n_disorder": 3, "n_steps": 16, "threads": 1, "progress": False}


def test_a_sweep_keeps_the_populations_or_refuses():
    data = sweep(BASE, {"w": [0.5, 1.0]}, d=8, **FEW)
    for w in (0.5, 1.0):
        assert abs(float(data.t_speciation.sel(w=w)) - solve(BASE.replace(guidance=w)).t_speciation) < 1e-12
    for axis in ({"alpha": [0.4, 0.5]}, {"prior": [0.0, 0.1]}, {"n": [5, 6]}):
        with pytest.raises(ProblemError):
            sweep(BASE, axis, d=8, **FEW)


def test_particles_know_their_populations_when_they_are_read_again():
    data = run(BASE, d=8, **FEW)
    assert Ensemble.from_dataset(data.to_dataset()).problem == BASE
    assert compare(solve(BASE), data) is not None
    for other in (Populations([0.2, 0.5], [-0.3, 0.11]), Exponential(0.5, prior=0.1)):
        with pytest.raises(ComparisonError, match="differ in classes"):
            compare(solve(BASE.replace(classes=other)), data)


def test_a_file_states_populations(tmp_path):
    file = tmp_path / "p.toml"
    law = 'classes = {growth = "populations", alpha = [0.2, 0.5], prior = [-0.3, 0.1]}'
    file.write_text(f"sigma2 = 0.25\n{law}\n")

    def solved(*arguments):
        return CliRunner().invoke(app, ["solve", "--w", "1", "--json", "--config", str(file), *arguments])

    assert abs(json.loads(solved().stdout)["t_speciation"] - solve(BASE).t_speciation) < 1e-9
    assert solved("--prior", "0.1").exit_code != 0 and solved("--factor", "2").exit_code != 0
    file.write_text(f"sigma2 = 0.25\n{law.replace('0.5', '-0.5')}\n")
    refused = solved()
    assert refused.exit_code != 0 and "alpha" in refused.output + str(refused.exception)


def test_figures_name_the_populations():
    assert name_of(BASE.classes) == "alpha = (0.2, 0.5), lambda = (-0.3, 0.1)"
    assert name_of(Populations([0.2, 0.5])) == "alpha = (0.2, 0.5)"
