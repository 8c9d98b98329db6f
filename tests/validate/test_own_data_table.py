"""The table of designs for classes of data: its cells are those of the designs, in words and numbers."""

from simulate import Mixture
from validate.figures.pages.own_data import CASES, HEADS, Case, designs, draw, to_markdown

MEANS = [[0.0, 2.0], [1.5, 0.0], [-2.0, 1.0]]


def test_rows_are_the_designs():
    cases = {
        f"dog, {sampler}": Case(lambda: Mixture(MEANS, variances=[0.4, 0.5, 0.3]), 1, sampler)
        for sampler in ("ode", "sde")
    }
    made = designs(cases, progress=False, n_samples=400, n_steps=30)
    head, _, *rows = to_markdown(made).splitlines()
    assert head.count("|") == len(HEADS) + 1 and len(rows) == 2
    for name, row in zip(cases, rows, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        one, other = made[name], made[next(x for x in cases if x != name)]
        assert cells[0] == name and cells[2] == one.text("shift") != other.text("shift")
        assert cells[4] == one.text("trace_ratio", "constant") and cells[6] == "" and cells[7] == one.candidates[0]
    _, axes = draw(made["dog, ode"])
    assert len(axes.ravel()[0].containers) == len(made["dog, ode"].candidates)


def test_cases_are_of_data_that_scikit_learn_brings():
    assert {case.sampler for case in CASES.values()} == {"ode", "sde"}
    assert [name for name, case in CASES.items() if case.theory] == ["digits 0, ODE", "digits 1, ODE"]
