"""Public names are loaded when they are used: an import, and a command that only prints, load no heavy library."""

import ast
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import cfgfield

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"scipy", "numba", "sympy", "matplotlib", "xarray", "pandas", "h5netcdf", "rich", "threadpoolctl"}
PACKAGES = ("meanfield", "simulate", "validate")
COMMANDS = (
    "init",
    "solve",
    "simulate",
    "validate",
    "figures",
    "cells",
    "data",
    "sampler",
    "export",
    "design",
    "explore",
)
STATED = "import cfgfield as cf; p = cf.Problem(classes=cf.Continuum(), sigma2=0.25, guidance=1.0); "


def loaded(code: str) -> set[str]:
    """Modules that a fresh process has loaded when it ends."""
    listing = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", listing + code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


PRINTING = """
from validate.cli import main
for words in {words}:
    sys.argv = ["cfgfield", *words]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, words
"""


def test_an_import_loads_no_heavy_library():
    """To ask for modules, not for seconds, holds on any machine. Listing and stating the problem load none either.

    Asked of all packages in one process, which is more than of each.
    """
    every = [*PACKAGES, "cfgfield"]
    listed = "; ".join(f"dir({name})" for name in every)
    found = loaded(f"import {', '.join(every)}; {listed}; cfgfield.Problem, cfgfield.Rescale")
    assert not found & HEAVY and {"numpy", *every} <= found


def test_commands_that_only_print_load_no_heavy_library():
    found = loaded(PRINTING.format(words=[["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]))
    assert not found & HEAVY and {"typer", "validate.commands.endings"} <= found


def test_every_command_is_tried():
    from validate.cli import app

    assert {c.name or c.callback.__name__ for c in app.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize(
    ("code", "library"),
    [
        (f"{STATED}cf.speciation_time_widths", "scipy"),
        (f"{STATED}cf.run", "numba"),
        ("from cfgfield import *", "numba"),
        ("import meanfield.exact.widths", "scipy"),
    ],
)
def test_what_is_used_is_loaded(code, library):
    """The control: the same listing sees a library as soon as a name needs it."""
    assert library in loaded(code)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_hands_on_its_public_names_and_no_others(package):
    module = importlib.import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    stated = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert set(stated) - {"TYPE_CHECKING", "late"} == set(module.__all__)
    assert len(stated) == len(set(stated))
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize("package", [*PACKAGES, "cfgfield"])
def test_a_name_that_is_not_there_is_refused_as_by_any_module(package):
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match=f"^module '{package}' has no attribute 'walk'$"):
        _ = module.walk
    with pytest.raises(ImportError, match="cannot import name 'walk'"):
        exec(f"from {package} import walk")
    assert not hasattr(module, "__wrapped__")


def test_a_submodule_is_there_without_an_import_of_its_own():
    shown = "import meanfield; print(meanfield.exact.__name__, meanfield.ensemble.__name__, file=sys.stderr)"
    assert {"meanfield.exact", "meanfield.ensemble"} <= loaded(shown)


def test_late_names_are_pickled_by_their_own_place():
    for name in ("solve", "Design", "run", "compare", "Problem"):
        public = getattr(cfgfield, name)
        assert pickle.loads(pickle.dumps(public)) is public


def test_every_named_class_is_known_as_soon_as_the_package_is_imported():
    """Files state schedules and rules by name: those must not depend on what else was used."""
    listing = "print(*sorted(c.__module__ for k in (Growth, Noise, Schedule) for c in k._known.values()))"
    code = "import meanfield; from meanfield.problem.growth import Growth; from meanfield import Noise, Schedule; "
    every = "import cfgfield; [getattr(cfgfield, name) for name in cfgfield.__all__]; "
    run = [
        subprocess.check_output([sys.executable, "-c", c + code + listing], cwd=ROOT, text=True) for c in ("", every)
    ]
    assert run[0] == run[1]
    assert {"meanfield.rules.rescaled", "meanfield.guidance.by_norm"} <= set(run[0].split())
