"""Versions of what computes a result, which every result carries, and of the package itself."""

import platform
from functools import cache
from importlib.metadata import version

__version__ = version("cfgfield")  # pyproject.toml states it


def versions(packages: tuple[str, ...] = ("numpy", "numba", "cfgfield")) -> dict[str, str]:
    """Versions of Python and of installed packages, by name.

    Examples
    --------
    >>> list(versions())
    ['python', 'numpy', 'numba', 'cfgfield']
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


@cache
def _version(package: str) -> str:
    """Read once: a package's metadata take a millisecond, a tenth of a small run."""
    return version(package)
