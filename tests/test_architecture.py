"""Who may import whom, where randomness and figures live, and that the imported packages are ours."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("meanfield", "simulate", "validate")
# statements of problems, and what has no physics; no solutions
SHARED = {"problem", "guidance", "densityratio", "growth", "noise", "spectrum", "errors", "ensemble", "progress"}
SHARED |= {"line.statement", "line.scoreerror", "compiling"}
# Lazy particles are the algorithm of `quenched`: written once, in meanfield, entered here only; no check of each other.
DOORS = {"simulate/lazy.py": {"quenching"}}
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = {"scipy.optimize", "scipy.stats", "numba", "sympy", "matplotlib", "xarray"}  # loaded when they are used
LEARNING = {"torch", "sklearn"}  # the extra `learned`
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Dotted names that a module imports; `top_level` leaves out imports inside functions and for type checking."""
    found = set()
    for node in _nodes(ast.parse(path.read_text()), top_level):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute in this project"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _nodes(tree: ast.AST, top_level: bool):
    for child in ast.iter_child_nodes(tree):
        if top_level and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue  # never executed
        yield child
        yield from _nodes(child, top_level)


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def room(name: str) -> str:
    """The module of a dotted name, without its package: `problem`, or `line.statement` in a sub-package."""
    parts = name.split(".")[1:]
    return ".".join(parts[:2] if (ROOT / "meanfield" / parts[0]).is_dir() else parts[:1])


def modules(names: set[str], package: str) -> set[str]:
    return {name for name in names if name.split(".")[0] == package}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_each_package_imports_only_what_it_may(path):
    names, package = imports(path), package_of(path)
    if package != "validate":
        assert not modules(names, "validate"), "nothing imports the judge"
    assert not modules(names, "benchmarks"), "they are no part of the distribution"
    if package == "meanfield":
        assert not modules(names, "simulate"), "the theory must not see the particles"
    if package == "simulate":
        used = {room(name) for name in modules(names, "meanfield") if "." in name}
        doors = DOORS.get(str(path.relative_to(ROOT)), set())
        assert used - doors <= SHARED, "the particles may see the statement of the problem, not its solution"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_matplotlib_is_imported_late_and_only_by_figures(path):
    assert not modules(imports(path, top_level=True), "matplotlib")
    if modules(imports(path), "matplotlib"):
        assert path.relative_to(ROOT).parts[:2] == ("validate", "figures")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_machine_learning_libraries_are_imported_late_and_only_by_learned_scores(path):
    """Elsewhere pipelines and tensors are taken as what has their attributes. The extra's door is `library`."""
    named = {name.split(".")[0] for name in imports(path)} | _strings_imported(path)
    assert not named & {"diffusers", "transformers"}
    if named & LEARNING:
        assert path.parent == ROOT / "simulate" / "learned"
        assert not {name.split(".")[0] for name in imports(path, top_level=True)} & LEARNING


def _strings_imported(path: Path) -> set[str]:
    """First names of what is imported by its name in a string: import_module("x.y"), __import__("x"), library("x")."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args]
    loading = [c for c in calls if ast.unparse(c.func).split(".")[-1] in ("import_module", "__import__", "library")]
    return {str(c.args[0].value).split(".")[0] for c in loading if isinstance(c.args[0], ast.Constant)}


def test_the_import_of_learned_scores_loads_no_machine_learning_library():
    code = "import simulate.learned, sys; print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_random_numbers_are_drawn_only_by_particles(path):
    if package_of(path) == "simulate" or path == ROOT / "meanfield" / "sampling.py":
        return
    tree = ast.parse(path.read_text())  # doctests are strings here: an example may draw numbers, the code may not
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = imports(path)
    assert not {"random", "default_rng", "Generator", "SeedSequence"} & attributes
    assert not any(name.startswith(("random", "numpy.random", "secrets")) for name in names)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_bears_the_name_of_a_public_function(package):
    exported = set(importlib.import_module(package).__all__)
    stems = {path.stem for path in (ROOT / package).rglob("*.py")} | {
        p.name for p in (ROOT / package).iterdir() if p.is_dir()
    }
    submodules = {"figures"}  # exported as the sub-package itself
    assert not (exported & stems) - submodules


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists_and_is_documented(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{package}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_imported_packages_are_ours(package):
    """Other software uses the names validate and simulate: an environment with both would import the wrong one."""
    module = importlib.import_module(package)
    assert Path(module.__file__).resolve().parent == ROOT / package
    assert distribution("cfgfield").metadata["Name"] == "cfgfield"


@pytest.mark.parametrize("path", FILES + BENCHMARKS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (
            "import meanfield",
            {"scipy.optimize", "scipy.stats", "numba", "sympy", "matplotlib", "xarray", "rich", "typer"},
        ),
        ("import validate, validate.cli", {"numba", "sympy", "matplotlib", "xarray"}),
    ],
)
def test_an_import_loads_nothing_that_it_can_do_without(code, heavy):
    """What takes longest to load waits until it is used; to ask for modules, not for seconds, holds on any machine."""
    code = f"{code}, sys; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split())
    assert not loaded & heavy
    assert {"numpy", "meanfield"} <= loaded
