"""Environments of their own, for tests of what is installed: a copy of what a wheel is built from, and its wheel."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("meanfield", "simulate", "validate")


def copied(folder: Path, *more: str) -> Path:
    """A copy of the sources, and of `more`, without anything that was built or compiled in the tree."""
    for name in (*PACKAGES, *more):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.md"), *ROOT.glob("*.cff"), ROOT / "LICENSE", ROOT / "cfgfield.py"):
        shutil.copy(path, folder)
    return folder


def built(folder: Path) -> Path:
    """The wheel of a copy of the tree."""
    tree = copied(folder)
    do([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", tree])
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def environment(folder: Path, *words: object) -> Path:
    """The folder of programs of a new virtual environment, into which `pip install *words` was done."""
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    do([sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet", *words])
    return programs


def do(command: list, **options) -> str:
    """What a program prints; its error output is the message if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1200, **options)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
    assert done.returncode == 0, "\n".join([f"{command}:", done.stdout[-3000:], *errors[-40:]])
    return done.stdout
