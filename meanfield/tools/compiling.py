"""`compiled`: numba functions whose cache on disk is void as soon as any code that they were compiled from changes.

Numba keeps a compiled function until the file changes in which it stands. But what it calls is compiled into it, and so
is every constant that it imports: a caller in another file would go on with the old ones. So the stamp of the cache is
a fingerprint of its module and of every module, in whatever folder, that this imports from, directly or not.
"""

import ast
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Decorator: `numba.njit` without the interpreter's lock, cached on disk under the fingerprint of its module.

    Where no folder can be written, it is compiled by every process anew, and one warning says so.

    Parameters
    ----------
    options : further options of `numba.njit`, such as fastmath.

    Examples
    --------
    >>> @compiled()
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """

    def decorate(function: Callable) -> Any:
        path = Path(function.__code__.co_filename)
        if not path.is_file():  # a function typed by hand has nothing to be cached under
            return numba.njit(nogil=True, **options)(function)
        try:
            dispatcher = numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError as cause:  # numba finds no folder that it may write
            if "cannot cache" not in str(cause):
                raise
            _say_uncached()
            return numba.njit(nogil=True, **options)(function)
        dispatcher._cache._cache_file._source_stamp = fingerprint(path)
        return dispatcher

    return decorate


@cache
def _say_uncached() -> None:
    """One warning a process, whatever the number of functions."""
    warnings.warn(
        f"compiled code must be kept in a folder that can be written; neither {Path(__file__).parents[2]} nor the "
        "user's cache can, so every process compiles anew, for a minute or so. Set NUMBA_CACHE_DIR to such a folder.",
        stacklevel=4,
    )


@cache
def fingerprint(module: Path) -> str:
    """Hash of a module and of all that it imports from, directly or not, in its own package and in this one."""
    root = _root(module)
    packages = {module.relative_to(root).parts[0], __name__.split(".")[0]}
    found, waiting = set[Path](), [module]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [p for p in _imported(path, root) if p.relative_to(root).parts[0] in packages]
    texts = (f"{path.relative_to(root)}\0{path.read_text()}" for path in sorted(found))
    return sha256("\0".join(texts).encode()).hexdigest()


def _root(module: Path) -> Path:
    """The folder in which the outermost package of a module lies."""
    folder = module.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _imported(module: Path, root: Path) -> Iterator[Path]:
    """Files under `root` whose names a module imports as it is loaded: what its kernels can have compiled in."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            place = root.joinpath(*node.module.split("."))
            for name in (place, *(place / alias.name for alias in node.names)):
                yield from (p for p in (name.with_suffix(".py"), name / "__init__.py") if p.is_file())
