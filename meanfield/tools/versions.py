"""Versions of what computes a result, which every result carries, and of the package itself."""

import platform
from importlib.metadata import version

__version__ = version("cfgfield")  # pyproject.toml states it


def versions(packages: tuple[str, ...] = ("numpy", "numba", "cfgfield")) -> dict[str, str]:
    """Versions of Python and of installed packages, by name.

    Examples
    --------
    >>> list(versions())
    ['python', 'numpy', 'numba', 'cfgfield']
    """
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
