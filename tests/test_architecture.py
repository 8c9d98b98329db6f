"""Who may import whom, where randomness and figures live, and that the imported packages are ours."""

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("meanfield", "simulate", "validate")

# Who may import whom: a folder, or a file that lies in a package itself, and all that it may name, late imports too.
# `simulate` sees of `meanfield` what a problem is (and what has no physics), nothing of its solution.
STATED = {"meanfield.errors", "meanfield.ensemble", "meanfield.problem", "meanfield.guidance", "meanfield.tools"}
STATED |= {"meanfield.showing"}
SOLVED = {"meanfield.theory", "meanfield.maps", "meanfield.exact", "meanfield.finite", "meanfield.designs"}
SOLVED |= {"meanfield.objective", "meanfield.line", "meanfield.export", "meanfield.sampler", "meanfield.vector"}
SOLVED |= {"meanfield.adapters"}
ARROWS = {
    "meanfield.errors": set(),
    "meanfield.loading": set(),
    "meanfield.tools": {"meanfield.errors", "meanfield.loading"},
    "meanfield.showing": set(),
    "meanfield.guidance": {"meanfield.errors", "meanfield.tools"},
    "meanfield.rules": {"meanfield.errors", "meanfield.guidance", "meanfield.tools"},
    "meanfield.problem": {"meanfield.errors", "meanfield.guidance", "meanfield.showing", "meanfield.tools"},
    "meanfield.ensemble": {"meanfield.errors", "meanfield.problem", "meanfield.showing", "meanfield.tools"},
    "meanfield.theory": STATED,
    "meanfield.maps": STATED | {"meanfield.theory"},
    "meanfield.exact": STATED | {"meanfield.rules"},
    "meanfield.finite": STATED,
    "meanfield.sampler": STATED,
    "meanfield.vector": STATED | {"meanfield.sampler", "meanfield.theory", "meanfield.finite"},
    "meanfield.designs": STATED | {"meanfield.theory", "meanfield.maps", "meanfield.sampler", "meanfield.vector"},
    "meanfield.objective": STATED | {"meanfield.theory"},
    "meanfield.line": {"meanfield.errors", "meanfield.tools"},
    "meanfield.export": STATED,
    "meanfield.adapters": {"meanfield.errors", "meanfield.tools", "meanfield.export", "meanfield.sampler"},
    "simulate.randomness": {"meanfield.tools"},
    "simulate.elementary": {"meanfield.tools"},
    "simulate.transfers": {"meanfield.tools"},
    "simulate.scores": {"meanfield.problem", "meanfield.tools", "simulate.randomness"}
    | {"simulate.elementary", "simulate.transfers"},
    "simulate.steps": STATED | {"simulate.elementary", "simulate.scores"},
    "simulate.arrays": STATED | {"meanfield.sampler", "simulate.randomness", "simulate.scores", "simulate.steps"},
    "simulate.running": STATED | {"simulate.arrays", "simulate.randomness", "simulate.scores", "simulate.steps"},
    "simulate.sampled": STATED
    | {"meanfield.sampler", "simulate.randomness", "simulate.scores", "simulate.steps", "simulate.running"}
    | {"simulate.mixtures"},
    "simulate.samples": STATED | {"simulate.randomness", "simulate.scores", "simulate.steps"},
    "simulate.mixtures": STATED | {"meanfield.sampler", "simulate.randomness", "simulate.samples", "simulate.steps"},
    "simulate.modes": STATED | {"simulate.randomness", "simulate.mixtures"},
    "simulate.cloning": STATED | {"simulate.randomness", "simulate.scores", "simulate.steps", "simulate.mixtures"},
    "simulate.learned": STATED | {"simulate.randomness", "simulate.samples"},
    "validate.errors": {"meanfield.errors"},
    "validate.drawing": {"meanfield.errors"},
    "validate.plugins": {"meanfield.errors", "validate.errors"},
    "validate.recipe": STATED | {"meanfield"},
}
SEEN_BY_THE_JUDGE = STATED | SOLVED | {"meanfield", "simulate"}
SEEN_BY_THE_JUDGE |= {name for name in ARROWS if name.startswith(("simulate.", "validate."))}
# The judge in layers: each sees those before.
LAYERS = ("results", "agreement", "sweeps", "regimes", "samplers", "data", "tuning", "figures", "gallery")
LAYERS += ("problem_files", "commands", "cli")
for n, layer in enumerate(LAYERS):
    ARROWS[f"validate.{layer}"] = SEEN_BY_THE_JUDGE | {f"validate.{lower}" for lower in LAYERS[:n]}
# Single doors besides, each with its reason.
DOORS = {
    # lazy particles are the algorithm of `quenched`: written once, in meanfield; no check of each other
    "simulate/running/lazy.py": {"meanfield.finite"},
    # guidance by a rule acts on vectors: its steps are a sampler's code
    "meanfield/finite/models.py": {"meanfield.vector.continuous", "meanfield.vector.draws"},
    "simulate/running/runner.py": {"simulate.sampled.continuous"},
    "simulate/sampled/lazy.py": {"meanfield.vector.draws", "meanfield.vector.finite"},
    # the no-go theorem of a rule that has no dose: its numbers are those of the solver
    "meanfield/exact/nogo.py": {"meanfield.theory.solver"},
    # a schema of files lists the words that rules take
    "validate/problem_files/tables.py": {"meanfield.rules.predictions", "meanfield.rules.projected"},
    # the method `Mixture.design` is a short way to the judge of schedules, loaded when it is called
    "simulate/mixtures/mixture.py": {"validate.tuning.designing"},
    # particles on the line take the statement of its problem
    "simulate/samples/line.py": {f"meanfield.line.{name}" for name in ("sources", "statement", "scoreerror")},
    # the method `Schedule.for_timesteps` is a short way to the function, loaded when it is called
    "meanfield/guidance/schedules.py": {"meanfield.export.scales"},
}
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LEARNING = {"torch", "sklearn", "mlxtend"}  # the extra `learned`
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    """The tree of a file, of which several tests ask something."""
    return ast.parse(path.read_text())


@cache
def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Dotted names that a module imports; `top_level` leaves out imports inside functions and for type checking."""
    found = set()
    for node in _nodes(parsed(path), top_level):
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
    """The folder of a dotted name, or the file that lies in a package itself; the package for its public names."""
    parts = name.split(".")[:2]
    place = ROOT.joinpath(*parts)
    return ".".join(parts if place.is_dir() or place.with_suffix(".py").is_file() else parts[:1])


def modules(names: set[str], package: str) -> set[str]:
    return {name for name in names if name.split(".")[0] == package}


@pytest.mark.parametrize("path", [p for p in FILES if len(p.relative_to(ROOT).parts) > 2 or p.stem != "__init__"],
                         ids=lambda p: str(p.relative_to(ROOT)))  # fmt: skip
def test_imports_follow_the_arrows(path):
    """Every import, at the top or late, from one folder into another; nothing but itself imports the judge."""
    here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    doors = DOORS.get(str(path.relative_to(ROOT)), set())
    for name in imports(path):
        if name.split(".")[0] in (*PACKAGES, "cfgfield", "benchmarks"):
            through = any(name == door or name.startswith(f"{door}.") for door in doors)
            assert through or room(name) in ARROWS[here] | {here}, f"{here} may not import {name}"


def test_the_arrows_draw_no_circle():
    order = TopologicalSorter({name: seen & set(ARROWS) for name, seen in ARROWS.items()})
    assert len(list(order.static_order())) == len(ARROWS)  # raises CycleError on a circle


def test_every_folder_says_what_it_is_in_one_line():
    for package in PACKAGES:
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert ast.get_docstring(parsed(folder / "__init__.py")), f"{folder.relative_to(ROOT)} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_are_small(package):
    """About ten files, each folder one idea: more, and a newcomer cannot read it by its names."""
    for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
        files = [path for path in folder.glob("*.py") if path.stem != "__init__"]
        assert len(files) <= 11, f"{folder.relative_to(ROOT)} holds {len(files)} files"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_matplotlib_is_imported_late_and_only_by_figures(path):
    assert not modules(imports(path, top_level=True), "matplotlib")
    if modules(imports(path), "matplotlib"):
        assert path.parts[len(ROOT.parts)] == "validate"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_machine_learning_libraries_are_imported_late_and_only_by_learned_scores(path):
    """Elsewhere pipelines and tensors are taken as what has their attributes. The extra's door is `library`.

    The command line looks schedulers up by the name of their class, when one is asked for.
    """
    named = {name.split(".")[0] for name in imports(path)} | _strings_imported(path)
    assert not named & {"diffusers", "transformers"}
    if named & LEARNING:
        assert path.parent == ROOT / "simulate" / "learned"
        assert not {name.split(".")[0] for name in imports(path, top_level=True)} & LEARNING


def _strings_imported(path: Path) -> set[str]:
    """First names of what is imported by its name in a string: import_module("x.y"), __import__("x"), library("x")."""
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call) and node.args]
    loading = [c for c in calls if ast.unparse(c.func).split(".")[-1] in ("import_module", "__import__", "library")]
    return {str(c.args[0].value).split(".")[0] for c in loading if isinstance(c.args[0], ast.Constant)}


def test_the_import_of_learned_scores_loads_no_machine_learning_library():
    code = "import simulate.learned, sys; print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_random_numbers_are_drawn_only_by_particles(path):
    drawing = {"finite/sampling.py", "vector/draws.py", "sampler/embedding.py"}  # the last, a fixed basis
    if package_of(path) == "simulate" or str(path.relative_to(ROOT / path.parts[len(ROOT.parts)])) in drawing:
        return
    tree = parsed(path)  # doctests are strings here: an example may draw numbers, the code may not
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


CLOCKS = r"\b(?:time|monotonic|perf_counter|process_time|thread_time)(?:_ns)?\(\)|\bgetrusage\(|\bdeadline=[^N]"
LIMITS = r"\b(?:timeout|NET)\s*=\s*([0-9.]+)"


def haste(text: str) -> list[str]:
    """What in a test holds on a fast machine only: clocks that are read, and waits that are given up within minutes."""
    hasty = [found[0] for found in re.finditer(LIMITS, text) if float(found[1]) < 600]
    return re.findall(CLOCKS, text) + hasty


def test_no_test_rests_on_an_absolute_time():
    """One place waits by the clock, as a safety net: `wait_for`."""
    texts = {path: path.read_text() for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__)}
    assert {path.name: found for path, text in texts.items() if (found := haste(text))} == {
        "fault_cases.py": ["monotonic()", "monotonic()"]
    }
    for bad in ("x = time.process_time()", "run(timeout=60)", "@settings(deadline=200)", "time.monotonic_ns()"):
        assert haste(bad), "negative control"
