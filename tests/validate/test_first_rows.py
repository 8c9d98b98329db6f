"""The atlas while it runs: its smallest cells first, before costs are known, and a line on each that is finished."""

import re

import pytest

from meanfield import Fixed, Polynomial, Problem
from validate import atlas
from validate.regimes import measurement
from validate.regimes.groups import Group, groups
from validate.regimes.judgement import in_a_line, judge
from validate.regimes.measurement import FIRST, AtlasCell
from validate.sweeps import resuming

NAME = "continuum w=1 sde"


@pytest.fixture(scope="module")
def data():
    return atlas("quick", only=NAME, progress=False)


def test_a_line_says_what_the_table_will(data):
    """Numbers, theory and z of the verdicts."""
    cell = data.isel(cell=0)
    verdicts = [v for v in judge(data).verdicts if v.d == float(cell["d"])]
    line = in_a_line(cell)
    assert line.startswith(f"{NAME}, d = 4:  m ")
    for v in verdicts:
        assert f"{v.quantity} {v.particles:.5f} +- {v.stderr:.2g}, theory {v.theory:.5f}, z {v.z:+.2f}" in line


def test_no_z_where_nothing_is_claimed(data):
    """40,000 classes at d = 200: too many for `few_classes`, too large a d for `quenched`; with 100 there is a z."""
    many = Problem(classes=Polynomial(2.0), sigma2=0.25, guidance=1.0)
    for problem, z in ((many, False), (many.replace(classes=Fixed(100)), True)):
        group = Group("some", problem, sizes=(200,), n_samples=(2,), n_disorder=4, n_steps=25)
        assert ("z" in in_a_line(measurement.measure(group, 200, 2, seed=1))) is z


def test_the_smallest_cells_come_first_and_need_no_model(capsys, monkeypatch):
    """Before costs are asked for a third of three cells is done, and its line out. Every cell has one."""
    lines_then = []

    def late():
        lines_then.append(len(re.findall(r"d = \d+:  m", capsys.readouterr().err)))
        return resuming.CostModel(*[1e-9] * 14)

    monkeypatch.setattr(resuming, "cost_model", late)
    atlas("quick", only=NAME, progress=True)
    assert lines_then == [1]
    assert len(re.findall(rf"{NAME}, d = \d+:  m .* z .*;  v .* z ", capsys.readouterr().err)) == 2


def test_the_smallest_cells_of_the_quick_atlas_have_no_classes_to_compile_for():
    cells = [AtlasCell(g, d, n, 0) for g in groups("quick") for d, n in zip(g.sizes, g.n_samples, strict=True)]
    first = sorted(cells, key=lambda cell: cell.effort)[:FIRST]
    assert {cell.group.name for cell in first} <= {"continuum w=1 sde", "continuum w=1 ode"}
