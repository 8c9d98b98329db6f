"""A wheel built from the tree holds every file of the packages, and works outside the tree."""

import sysconfig
import zipfile
from pathlib import Path

import pytest
from installing import PACKAGES, ROOT, built, do, environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """An environment with the wheel, and behind it the libraries of this one."""
    folder = tmp_path_factory.mktemp("outside") / "venv"
    programs = environment(folder, "--no-deps", "--no-index", wheel)
    (behind,) = (folder / "lib").glob("python*/site-packages")
    (behind / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    """A folder that the packaging does not know is missing in silence: an installation would fail at its import."""
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    tree = {path.relative_to(ROOT).as_posix() for path in (*files, *(ROOT / "validate" / "explorer").iterdir())}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "cfgfield = validate.cli:main" in archive.read(entries).decode()
    assert held == tree | {"cfgfield.py"}


@pytest.fixture
def outside(programs, tmp_path):
    """Runs a program of that environment, in an empty folder."""
    clean = {"PATH": str(programs), "HOME": str(tmp_path), "MPLBACKEND": "agg"}
    return lambda name, *words: do([programs / name, *words], cwd=tmp_path, env=clean)


def test_an_installed_wheel_is_what_runs_outside_the_tree(outside, programs):
    packages = "cfgfield, meanfield, simulate, validate"
    found = outside("python", "-c", f"import {packages}; print(*(m.__file__ for m in ({packages})))").split()
    assert len(found) == 4 and all(path.startswith(str(programs.parent)) for path in found)
    assert outside("cfgfield", "--version") == outside("python", "-m", "cfgfield", "--version")
    page = Path(outside("cfgfield", "explore", "--print").strip())
    assert page.is_relative_to(programs.parent) and (page.parent / "theory.js").is_file()
    assert "m(0) = 1.07555" in outside("python", "-m", "cfgfield", "solve", "--alpha", "0.4", "--w", "1")


@pytest.mark.slow
def test_an_installed_wheel_simulates_judges_and_draws(outside, tmp_path):
    """Slow, since the kernels of a new installation are compiled."""
    size = ("--d", "8", "--n-samples", "20", "--n-disorder", "3", "--n-steps", "10")
    assert "verdict:" in outside("cfgfield", "simulate", "--alpha", "0.4", "--w", "1", *size)
    assert "0 disagree" in outside("cfgfield", "validate", "--only", "continuum")
    assert (tmp_path / "results" / "report.html").stat().st_size > 0
    outside("cfgfield", "figures", "--only", "plane")
    assert {"plane.pdf", "plane.png", "plane.json"} <= {path.name for path in (tmp_path / "figures").iterdir()}
