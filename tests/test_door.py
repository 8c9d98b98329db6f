"""One door: every public name of the three packages, each with one meaning, and nothing heavier than they are."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cfgfield
import meanfield
import simulate
import validate

ROOT = Path(__file__).parents[1]
PACKAGES = (meanfield, simulate, validate)


def python(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)


def test_every_public_name_has_one_meaning():
    owners = {name: package for package in PACKAGES for name in package.__all__}
    assert len(owners) == sum(len(package.__all__) for package in PACKAGES), "a name is public in two packages"
    assert set(cfgfield.__all__) == {"__version__", *owners}
    assert all(getattr(cfgfield, name) is getattr(package, name) for name, package in owners.items())


def test_the_star_and_dir_give_the_public_names_alone():
    named: dict = {}
    exec("from cfgfield import *", named)
    assert set(named) - {"__builtins__"} == set(cfgfield.__all__)
    assert dir(cfgfield) == sorted(cfgfield.__all__)


def test_the_version_is_that_of_pyproject():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert cfgfield.__version__ == stated
    assert f"\nversion: {stated}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("program", ["cfgfield", "validate.cli"])
def test_the_command_line_says_the_version(program):
    shown = subprocess.check_output([sys.executable, "-m", program, "--version"], cwd=ROOT, text=True)
    assert shown.strip() == cfgfield.__version__


def test_the_door_loads_no_library_that_the_packages_do_without():
    listed = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    packages = set(python("import meanfield, simulate, validate" + listed).split())
    assert set(python("import cfgfield" + listed).split()) - packages == {"cfgfield"}
