"""`compiled`: numba functions whose cache on disk is void as soon as any code that they were compiled from changes.

Numba keeps a compiled function until the file changes in which it stands. But what it calls is compiled into it, and so
is every constant that it imports: a caller in another file would go on with the old ones. So the stamp of the cache is
a fingerprint of its module and of every module, in whatever folder, that this imports from, directly or not.

One process at a time compiles a function; those that wait for it then find it on disk. Otherwise every worker of a pool
would compile the same, and two that compile it for different arguments could write both under one name: numba numbers
its files by the index that it has read. Nobody waits in a circle: who holds a function waits for those that it calls.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, update_wrapper
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba.core.compiler_lock import global_compiler_lock

from meanfield.loading import handed_on, imported


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
        file = dispatcher._cache._cache_file
        file._source_stamp = fingerprint(path)
        dispatcher.compile = _one_at_a_time(dispatcher.compile, f"{file._index_path}.lock")
        return dispatcher

    return decorate


class Inner:
    """A function that only compiled code calls: there it is inlined or called as any compiled one.

    No way in from Python is compiled, which for arguments of many arrays takes longer than the function. Called from
    Python, it is run as Python.

    Examples
    --------
    >>> @inner()
    ... def double(x):
    ...     return 2 * x
    >>> @compiled()
    ... def fourfold(x):
    ...     return double(double(x))
    >>> fourfold(3), double(3)
    (12, 6)
    """

    def __init__(self, dispatcher: Any) -> None:
        update_wrapper(self, dispatcher.py_func)
        self.dispatcher = dispatcher  # the type below has it by a weak reference
        self._numba_type_ = numba.types.Dispatcher(dispatcher)  # what numba takes a global of compiled code for

    def __call__(self, *given: Any) -> Any:
        return self.dispatcher.py_func(*given)


def inner(**options: Any) -> Callable[[Callable], Inner]:
    """Decorator: `compiled` for a function that compiled code alone calls."""
    decorate = compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    return lambda function: Inner(decorate(function))


def _one_at_a_time(compiles: Callable[[Any], Any], lock: str) -> Callable[[Any], Any]:
    """`compile` of a dispatcher, by one thread of one process."""

    def compiles_alone(signature: Any) -> Any:
        with global_compiler_lock, _held(lock):
            return compiles(signature)

    return compiles_alone


@contextmanager
def _held(path: str) -> Iterator[None]:
    """Hold the lock of a file; where there is none to be had (Windows, some networks) go on without.

    It is the process that holds it: a fork does not, and it ends with the process, however that ends.
    """
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.lockf(stack.enter_context(open(path, "wb")), fcntl.LOCK_EX)
        yield


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
    texts, waiting = dict[str, str](), [module.relative_to(root).as_posix()]
    while waiting:
        path = waiting.pop()
        if path not in texts:
            texts[path] = (root / path).read_text(encoding="utf-8")
            waiting += [p for p in _imported(texts[path], root) if p.partition("/")[0] in packages]
    return sha256("\0".join(f"{path}\0{texts[path]}" for path in sorted(texts, key=Path)).encode()).hexdigest()


def _root(module: Path) -> Path:
    """The folder in which the outermost package of a module lies."""
    folder = module.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


@cache
def _imported(text: str, root: Path) -> tuple[str, ...]:
    """Files under `root` whose names a module of this text imports as it is loaded, or hands on: what its kernels can
    have compiled in.
    """
    places = []
    for package, names in imported(text) + handed_on(text):
        place = package.replace(".", "/")
        places += [place, *(f"{place}/{name}" for name in names)]
    files = (file for place in places for file in (f"{place}.py", f"{place}/__init__.py"))
    return tuple(file for file in files if os.path.isfile(root / file))
