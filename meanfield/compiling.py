"""`compiled`: numba functions whose cache on disk is void as soon as any code that they were compiled from changes.

Numba keeps a compiled function until the file changes in which it stands. But what it calls is compiled into it, and so
is every constant that it imports: a caller in another file would go on with the old ones. So the stamp of the cache is
a fingerprint of all kernels of the package and of the modules of the package that they import from.
"""

import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba

__all__ = ["compiled", "fingerprint"]


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """Decorator: `numba.njit` without the interpreter's lock, cached on disk under the fingerprint of its package.

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
        dispatcher = numba.njit(nogil=True, cache=True, **options)(function)
        dispatcher._cache._cache_file._source_stamp = fingerprint(path.parent)
        return dispatcher

    return decorate


@cache
def fingerprint(package: Path) -> str:
    """Hash of the modules in a directory that have compiled functions, and of those of it that they import from."""
    texts = {path.stem: path.read_text() for path in sorted(package.glob("*.py"))}
    kernels = {name for name, text in texts.items() if re.search(r"^@compiled\(", text, re.MULTILINE)}
    pattern = rf"^from {package.name}(?:\.(\w+))? import (.*)$"
    wanted = kernels | {
        name
        for kernel in kernels
        for module, names in re.findall(pattern, texts[kernel], re.MULTILINE)
        for name in ([module] if module else re.findall(r"\w+", names))
    }
    joined = "\0".join(f"{name}\0{texts[name]}" for name in sorted(wanted & set(texts)))
    return sha256(joined.encode()).hexdigest()
