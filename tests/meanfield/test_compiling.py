"""Compiled code on disk is void when code in another file changes that was compiled into it; numba alone keeps it."""

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from forking import FORKS
from numba.core import event

from meanfield.tools import compiling

ROOT = Path(__file__).resolve().parents[2]
PLAIN = "from numba import njit\ndef compiled():\n    return njit(cache=True)\n"
OURS = "from meanfield.tools.compiling import compiled\n"


def product(folder: Path) -> tuple[int, int]:
    """What the caller gives in a fresh process, and how often it was found on disk."""
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    code = "from pack.caller import twice; print(twice(1), sum(twice.stats.cache_hits.values()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    value, hits = map(int, done.stdout.split())
    return value, hits


@pytest.mark.parametrize("how", [OURS, PLAIN])
def test_a_change_in_another_file_is_seen(how, tmp_path):
    """Change a kernel, then a plain constant, that another file compiles in: numba alone goes on with the old ones.

    Kernel, constant and caller lie in three folders, and the constant comes through a fourth file.
    """
    pack = tmp_path / "pack"
    for folder in (pack, pack / "low", pack / "low" / "deep"):
        folder.mkdir()
        (folder / "__init__.py").write_text("")
    (pack / "low" / "callee.py").write_text(f"{how}@compiled()\ndef one(x):\n    return x\n")
    (pack / "low" / "deep" / "constants.py").write_text("BASE = 2\n")
    (pack / "low" / "scale.py").write_text("from pack.low.deep import constants\nFACTOR = constants.BASE\n")
    caller = "from pack.low.callee import one\nfrom pack.low.scale import (\n    FACTOR,\n)\n"
    (pack / "caller.py").write_text(f"{how}{caller}@compiled()\ndef twice(x):\n    return FACTOR * one(x)\n")
    assert product(tmp_path) == (2, 0)
    assert product(tmp_path) == (2, 1)  # as long as nothing changes
    (pack / "low" / "callee.py").write_text(f"{how}@compiled()\ndef one(x):\n    return 10 * x\n")
    (pack / "low" / "deep" / "constants.py").write_text("BASE = 3\n")
    assert product(tmp_path) == ((30, 0) if how == OURS else (2, 1))


class Held(event.Listener):
    """Says that something is being compiled, and waits there for a word if it is to."""

    def __init__(self, channel, waits):
        self.channel, self.waits = channel, waits

    def on_start(self, event):
        self.channel.send("compiles")
        if self.waits:
            self.channel.recv()

    def on_end(self, event):
        pass


def compile_in_steps(folder, channel, waits):
    """In a process of its own: what it does is said as it does it, at last how often it found its kernel on disk."""
    lock = fcntl.lockf

    def locked(handle, how):
        try:
            lock(handle, how | fcntl.LOCK_NB)
        except OSError:
            channel.send("waits for the other")
            lock(handle, how)

    fcntl.lockf = locked
    event.register("numba:compile", Held(channel, waits))
    sys.path.insert(0, str(folder))
    twice = import_module("kernel").twice
    assert twice(1) == 2
    channel.send(sum(twice.stats.cache_hits.values()))


@pytest.mark.parametrize("how", [OURS, PLAIN], ids=["ours", "numba alone"])
def test_a_kernel_is_compiled_by_one_process_at_a_time(how, tmp_path):
    """The second begins while the first is compiling. By numba alone, the control, both compile."""
    (tmp_path / "kernel.py").write_text(f"{how}@compiled()\ndef twice(x):\n    return 2 * x\n")
    (first, ours), (second, theirs) = FORKS.Pipe(), FORKS.Pipe()
    processes = [FORKS.Process(target=compile_in_steps, args=(tmp_path, c, c is ours)) for c in (ours, theirs)]
    processes[0].start()
    assert first.recv() == "compiles"
    processes[1].start()
    said = [second.recv()]
    first.send("go on")
    assert first.recv() == 0
    said.append(second.recv())
    for process in processes:
        process.join()
    assert said == (["waits for the other", 1] if how == OURS else ["compiles", 0])


def test_imports_read_off_lines_are_those_that_the_parser_finds():
    """In every module there is, and in ways of writing that none has; the control hides one from the lines."""
    texts = [path.read_text() for name in ("meanfield", "simulate", "validate") for path in (ROOT / name).rglob("*.py")]
    texts.append(
        "from meanfield import (  # all\n    tools as t,  # (of it)\n    errors,\n)\nfrom simulate import scores\n"
    )
    assert len({files for text in texts if (files := compiling._imported(text, ROOT))}) > 100
    for text in texts:
        assert set(compiling._imported(text, ROOT)) == parsed(text)
    hidden = "from meanfield import \\\n    errors\n"
    assert set(compiling._imported(hidden, ROOT)) != parsed(hidden)


def parsed(text: str) -> set[str]:
    """What `compiling._imported` finds, by the parser of Python."""
    found = set()
    body = ast.parse(text).body
    if any(ast.unparse(node) == "late(__name__)" for node in body):
        body += [
            n for node in body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node) for n in node.body
        ]
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            place = Path(*node.module.split("."))
            for name in (place, *(place / alias.name for alias in node.names)):
                found |= {f for f in (f"{name}.py", f"{name}/__init__.py") if (ROOT / f).is_file()}
    return found


def test_a_fingerprint_covers_constants_of_another_package(tmp_path, monkeypatch):
    """Kernels of the particles may hold constants of the theory."""
    files = {}
    for package in ("ours", "meanfield", "numpy"):
        files[package] = tmp_path / package / "__init__.py"
        files[package].parent.mkdir()
        files[package].write_text("ONE = 1\n")
    kernel = tmp_path / "ours" / "kernel.py"
    kernel.write_text("from meanfield import ONE\nfrom numpy import ONE as ANOTHER\n")
    before = compiling.fingerprint.__wrapped__(kernel)
    files["numpy"].write_text("ONE = 2\n")
    assert compiling.fingerprint.__wrapped__(kernel) == before  # other libraries are numba's affair
    files["meanfield"].write_text("ONE = 2\n")
    assert compiling.fingerprint.__wrapped__(kernel) != before


@pytest.mark.parametrize("call", ["late(__name__)", "# not handed on"])
def test_a_fingerprint_covers_what_a_package_hands_on_late(call, tmp_path):
    """Names that are only for type checkers change no code, so their modules are none of the kernel's."""
    package = tmp_path / "ours"
    package.mkdir()
    block = "if TYPE_CHECKING:\n    from ours.constants import (\n        ONE,\n    )\n"
    (package / "__init__.py").write_text(f"{block}\n{call}\n")
    (package / "constants.py").write_text("ONE = 1\n")
    kernel = package / "kernel.py"
    kernel.write_text("from ours import ONE\n")
    before = compiling.fingerprint.__wrapped__(kernel)
    (package / "constants.py").write_text("ONE = 2\n")
    assert (compiling.fingerprint.__wrapped__(kernel) != before) == (call == "late(__name__)")


KERNELS = [path for package in ("meanfield", "simulate") for path in sorted((ROOT / package).rglob("*.py"))
           if re.search(r"^@(compiled|inner)\(", path.read_text(), re.M) and path.stem != "compiling"]  # fmt: skip


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.stem)
def test_every_kernel_carries_the_fingerprint_of_its_module(path):
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = [getattr(f, "dispatcher", f) for f in vars(module).values()]
    kernels = [f for f in found if hasattr(f, "_cache") and f.py_func.__module__ == module.__name__]
    assert kernels
    assert {f._cache._cache_file._source_stamp for f in kernels} == {compiling.fingerprint(path)}


@pytest.mark.parametrize("package", ["meanfield", "simulate", "validate"])
def test_no_kernel_is_cached_by_numba_alone(package):
    for path in (ROOT / package).rglob("*.py"):
        assert path.stem == "compiling" or "njit" not in path.read_text(), f"{path.name}: use `compiled`"


def test_without_a_folder_to_write_it_runs_uncached_and_says_so_once(tmp_path):
    """A read-only installation, and no home. The superuser may write anywhere: but not into a folder that is a file."""
    for package in ("meanfield", "simulate"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
        for source in (tmp_path / package).rglob("__init__.py"):
            source.with_name("__pycache__").write_text("")
    (tmp_path / "__pycache__").write_text("")
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment |= {"PYTHONPATH": str(tmp_path), "HOME": "/proc/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "kernel.py").write_text(f"{OURS}@compiled()\ndef twice(x):\n    return 2 * x\n")
    code = "import simulate, kernel; print(simulate.__file__, kernel.twice(3))"

    def fresh(**changes):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment | changes, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{tmp_path / 'simulate' / '__init__.py'} 6\n"
        return done.stderr

    assert fresh().count("Set NUMBA_CACHE_DIR to such a folder") == 1
    assert fresh(NUMBA_CACHE_DIR=str(tmp_path / "kept")) == ""


def test_an_inner_kernel_has_no_way_in_from_python_where_it_runs_as_python():
    """It is compiled for its caller; the control, one that is not inner, for Python too."""
    text = "@{}()\ndef double(x):\n    return 2 * x\n@compiled()\ndef fourfold(x):\n    return double(double(x))\n"
    ways_in, calls = {}, {}
    for kind in ("inner", "compiled"):
        space = {"inner": compiling.inner, "compiled": compiling.compiled}
        exec(text.format(kind), space)
        assert space["fourfold"](3) == 12
        double = getattr(space["double"], "dispatcher", space["double"])
        (code,) = double.inspect_llvm().values()
        ways_in[kind] = code.count("define i8* @_ZN7cpython") + code.count("define ptr @_ZN7cpython")
        assert space["double"](1.5) == 3.0
        calls[kind] = len(double.signatures)
    assert ways_in == {"inner": 0, "compiled": 1}
    assert calls == {"inner": 1, "compiled": 2}  # called with another type, it was not compiled again
