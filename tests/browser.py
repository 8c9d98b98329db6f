"""A page as a headless browser leaves it, after its scripts have run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CFGFIELD_BROWSER"), reason="no browser: apt-get install chromium"
)


def document(path: Path, *options: str, fragment: str = "") -> str:
    """The document of the page in the file `path`; `options` are those of the browser."""
    assert CHROMIUM, "a browser is needed here: apt-get install chromium"
    command = [CHROMIUM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", *options]
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    command += [f"--user-data-dir={path.parent / 'profile'}", "--dump-dom", path.as_uri() + fragment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
