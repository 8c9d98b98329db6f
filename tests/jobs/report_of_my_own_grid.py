"""Is the theory right for the grid of my paper? A page that shows first what disagrees: here, with too few steps."""

import subprocess
import sys
from pathlib import Path

from cfgfield import judge, read_dataset

GRID = """
sigma2 = 0.25
classes = {growth = "continuum"}
[[group]]
sizes = [8]
n_samples = 100
n_steps = STEPS
grid = {w = [0.5, 1.0], sampler = ["sde", "ode"]}
"""
for steps, code in ((4, 1), (100, 0)):
    Path("paper.toml").write_text(GRID.replace("STEPS", str(steps)))
    words = [sys.executable, "-m", "validate.cli", "validate", "paper.toml", "--out", f"with-{steps}-steps"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr

    page = Path(f"with-{steps}-steps/report.html").read_text(encoding="utf-8")
    assert ("Theory and particles disagree" in page) == ("What disagrees" in page) == bool(code)
    assert 'src="http' not in page and "<script" not in page  # it can be sent to anybody
    verdict = judge(read_dataset(f"with-{steps}-steps/atlas.nc"))
    print(verdict)
    for worst in sorted(verdict.disagreements, key=lambda v: -abs(v.z))[:1]:
        assert page.index("What disagrees") < page.index(f"{worst.z:+.2f}") < page.index('class="fold"')
