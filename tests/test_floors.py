"""The lower bounds of pyproject.toml hold: exactly they are installed, and a core of the tests runs with them."""

import re
import tomllib

import pytest
from installing import ROOT, copied, do, environment

CORE = (
    *("tests/test_door.py", "tests/meanfield", "tests/simulate/test_run.py", "tests/simulate/test_kernels.py"),
    *(f"tests/validate/test_{name}.py" for name in ("comparison", "sweeps", "cli", "gallery")),
    *(
        "-k",
        "not test_glass and not test_quenched and not test_finitesize and not test_design",
    ),  # minutes by themselves
)
TOOLS = ("pytest", "pytest-xdist", "hypothesis")


def floors() -> list[str]:
    """Every dependency at its lower bound."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", requirement) for requirement in stated), "one bound each, a lower one"
    return [requirement.replace(">=", "==") for requirement in stated]


@pytest.mark.slow
def test_a_core_of_the_tests_runs_at_the_floors(tmp_path):
    tree = copied(tmp_path, "tests", "benchmarks")
    pinned = (ROOT / "constraints.txt").read_text().split()
    tools = [line for line in pinned if line.split("==")[0] in TOOLS]
    programs = environment(tmp_path / "venv", tree, *floors(), *tools)
    installed = do([programs / "python", "-c", "from importlib.metadata import version as v; import sys; "
                    "print(*(f'{name}=={v(name)}' for name in sys.argv[1:]))",
                    *(floor.split("==")[0] for floor in floors())]).split()  # fmt: skip
    assert all(
        found == floor or found.startswith(f"{floor}.") for found, floor in zip(installed, floors(), strict=True)
    )
    do([programs / "python", "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *CORE], cwd=tree)
