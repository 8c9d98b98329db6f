"""The documentation builds, and a warning (a dead link, a broken docstring, a page that is in no menu) is an error."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    reference = (tmp_path / "reference" / "meanfield" / "index.html").read_text()
    assert all(f"meanfield.{name}" in reference for name in ("solve", "Problem", "phase_diagram", "quenched"))


def test_a_dead_link_is_an_error(tmp_path):
    """Negative control: the same settings, one page with a link to nowhere."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[nowhere](missing.md)\n")
    settings = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(settings[: settings.index("nav:")])
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build"], cwd=tmp_path, capture_output=True, timeout=300)
    assert done.returncode != 0
