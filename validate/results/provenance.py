"""Where a result comes from: versions, source code, revision, machine, time."""

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from meanfield.tools.versions import versions as versions_of

PACKAGES = ("cfgfield", "numpy", "scipy", "numba", "xarray")


def versions() -> dict[str, str]:
    """Versions of what computes a result, and the fingerprint of its source.

    Examples
    --------
    >>> sorted(versions())
    ['cfgfield', 'code', 'numba', 'numpy', 'python', 'scipy', 'xarray']
    """
    return {**versions_of(PACKAGES), "code": code_fingerprint()}


def options_json(options: Mapping[str, Any]) -> str:
    """Options of a run as an attribute of its data; numbers may be NumPy's.

    Examples
    --------
    >>> import numpy as np
    >>> options_json({"n_samples": np.int64(20)})
    '{"n_samples": 20}'
    """
    return json.dumps(dict(options), default=lambda number: number.item())


def code_fingerprint() -> str:
    """A hash of the source of `meanfield` and `simulate`: two results of one fingerprint are of one code."""
    digest = hashlib.sha256()
    for package in ("meanfield", "simulate"):
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None, f"{package} is not importable"
        for path in sorted(Path(spec.origin).parent.rglob("*.py")):
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def provenance() -> dict[str, str]:
    """What a report states: versions, git revision if there is one, processor, command and time."""
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": _revision(),
        "platform": f"{platform.system()} {platform.machine()}",
        **versions(),
    }


def _revision() -> str:
    try:
        command, folder = ["git", "describe", "--always", "--dirty"], Path(__file__).parent
        out = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "not under version control"
    return out.stdout.strip()
