"""What a result looks like where it is shown: short, plain numbers, a table in a notebook, progress where one looks."""

import subprocess
import sys

import nbformat
import numpy as np
import pytest
from made import PROBLEM, results
from nbclient import NotebookClient

import cfgfield as cf
from meanfield.showing.table import html_table

LONG = {"atlas"}  # an xarray.Dataset
TABLES = ("Trajectory", "SpectralTrajectory", "Ensemble", "Comparison", "Design", "Judgement")


def test_a_repr_is_short_and_of_plain_numbers():
    texts = {name: repr(result) for name, result in results().items() if name not in LONG}
    assert not [name for name, text in texts.items() if len(text) >= 4000 or "np.float64" in text]


@pytest.mark.parametrize("name", TABLES)
def test_a_notebook_shows_a_table(name):
    shown = results()[name]._repr_html_()
    assert shown.startswith("<table>") and "np.float64" not in shown and len(shown) < 20_000
    assert "<td" in shown or name == "Judgement"  # which lists what disagrees


def test_what_a_table_says_is_escaped():
    assert "<script>" not in html_table("<script>", [("<script>", 1)], ("<script>",), ["<script>"])


def test_states_and_problems_are_short():
    state = cf.solve(PROBLEM).at(np.linspace(0.0, 1.0, 500))
    assert repr(state).startswith("State(t=<500 values>, m=<500 values>")
    assert "m=1.07555" in repr(cf.solve(PROBLEM).final)
    assert (
        repr(PROBLEM)
        == "Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=Constant(value=1.0), sampler='sde')"
    )
    assert eval(repr(PROBLEM), {name: getattr(cf, name) for name in ("Problem", "Exponential", "Constant")}) == PROBLEM
    assert "alpha=0.4" in PROBLEM._repr_html_()
    table = cf.Tabulated(np.linspace(0.0, 10.0, 5000), np.linspace(0.0, 1.0, 5000))
    assert repr(table) == "Tabulated(<5000 points, t from 0 to 10, w from 0 to 1>)"


def test_a_problem_in_own_time_prints_own_times():
    theory = cf.solve(PROBLEM.replace(noise="vp-linear", t_start=1.0))
    own = float(theory.problem.noise.own_time(theory.t_speciation))
    assert f"speciation at t = {own:.6g} (VE time {theory.t_speciation:.6g})" in repr(theory)
    assert own < 1.0 < theory.t_speciation


def test_result_variables_carry_units_and_long_names():
    theory, data = results()["Trajectory"], results()["Ensemble"]
    found = [theory.to_dataset(), data.to_dataset(), results()["SpectralTrajectory"].to_dataset()]
    found += [results()["SamplerLaw"].to_dataset(), cf.potential(PROBLEM, 1.0)]
    for name in ("m", "v", "q", "F", "t"):
        assert all(x[name].attrs["long_name"] and x[name].attrs["units"] for x in found if name in x.variables), name
    said = [bool(v.attrs.get("long_name")) for x in found[:2] for v in x.variables.values()]
    assert all(said)


BAR = "from meanfield.tools import progress\nprogress.PATIENCE = 0.0\n"
BAR += "import time\nwith progress.Progress(None, 3, 'a sum') as show:\n    for i in range(3):\n        show(i)\n"


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_a_kernel_shows_progress_without_being_asked():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BAR + "    time.sleep(0.5)")])
    NotebookClient(notebook, timeout=1200).execute()
    said = str(notebook.cells[0].outputs)
    assert "widget-view" in said or "a sum" in said or "ipywidgets" in said
    quiet = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BAR.replace("None", "False"))])
    NotebookClient(quiet, timeout=1200).execute()
    assert quiet.cells[0].outputs == []


def test_a_program_whose_output_nobody_sees_is_silent():
    run = subprocess.run([sys.executable, "-c", BAR], capture_output=True, text=True, check=True)
    assert run.stdout == run.stderr == ""
