"""State a problem in a file, solve it, compare cells of one's own with the theory, and find a slip of the pen."""

import subprocess
import sys
from pathlib import Path


def cfgfield(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "validate.cli", *words], capture_output=True, text=True)


assert cfgfield("init", "problem.toml", "--schema", "problem.schema.json").returncode == 0
print(cfgfield("solve", "problem.toml", "--w", "2").stdout)

cells = 'sigma2 = 0.25\nguidance = 1.0\nclasses = {growth = "continuum"}\n[[group]]\nsizes = [8, 32]\nn_samples = 40\n'
Path("cells.toml").write_text(cells)
judged = cfgfield("validate", "cells.toml", "--out", "results")
assert judged.returncode == 0 and "4 agree, 0 disagree" in judged.stdout, judged.stdout + judged.stderr

Path("slip.toml").write_text(cells.replace("sigma2", "sigma"))
refused = cfgfield("solve", "slip.toml")
assert refused.returncode == 2 and "Line 1: sigma is no key there; did you mean sigma2?" in refused.stderr
