"""Code of one's own: files and modules that add schedules, noise processes and figures to those the package has.

A schedule or a noise process is known by its `name` as soon as its class exists, a figure once it is given to
`validate.gallery.register`. So all a plugin has to do is to be imported: `load` does it for files and modules that are
named, and an installed package names its figures as entry points of the group `cfgfield.figures` (docs/extend.md).
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meanfield.errors import CfgfieldError, require
from validate.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def load(names: Sequence[str | Path]) -> None:
    """Import files (`my_figures.py`) and modules (`my_package.figures`), each once.

    A file becomes the module of its name, and its folder the last one that modules are looked for in, so that worker
    processes find it too.

    Raises
    ------
    ConfigError : no list of names; a file or module that is not there, has the name of another module, or fails while
        it is imported.

    Examples
    --------
    >>> load(["my_figures.py"])
    Traceback (most recent call last):
    ...
    validate.errors.ConfigError: a plugin must be a Python file or an installed module; there is no my_figures.py. \
Check the path.
    """
    listed = isinstance(names, list | tuple) and all(isinstance(name, str | Path) and str(name) for name in names)
    require(listed, "plugins must be a list of files and modules", names, error=ConfigError)
    for name in names:
        load_module(name)


def load_module(name: str | Path) -> Any:
    """The module of a file (`my_samplers.py`) or of a name (`my_package.samplers`), imported as by `load`."""
    return _load_file(Path(name)) if str(name).endswith(".py") else _import(str(name))


def offered(group: str) -> "dict[str, EntryPoint]":
    """What installed packages offer in a group of entry points, by name; nothing is loaded.

    Raises
    ------
    ConfigError : two of them have one name.
    """
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if found.setdefault(point.name, point).value != point.value:
            raise ConfigError(
                f"names of the group {group!r} are unique; {point.name!r} is {found[point.name].value} and "
                f"{point.value}. Uninstall one of the packages."
            )
    return found


def take(point: "EntryPoint") -> Any:
    """The object that an entry point names."""
    try:
        return point.load()
    except (Exception, SystemExit) as cause:  # the code of somebody else: whatever goes wrong there
        raise _failed(point.value, cause) from cause


def _load_file(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"a plugin must be a Python file or an installed module; there is no {path}. Check the path.")
    folder, name = str(path.resolve().parent), path.stem
    if not name.isidentifier():
        raise ConfigError(
            f"the file of a plugin must have a name that Python can import; got {path.name!r}. Rename it."
        )
    if folder not in sys.path:
        sys.path.append(folder)  # last: it hides nothing
    module = _import(name)
    if Path(str(getattr(module, "__file__", ""))).resolve() != path.resolve():
        raise ConfigError(
            f"the file of a plugin must have a name of its own; {path} is hidden by another module {name!r}. Rename it."
        )
    return module


def _import(name: str) -> Any:
    importlib.invalidate_caches()  # the file may be younger than the last look at its folder
    try:
        return importlib.import_module(name)
    except CfgfieldError:
        raise  # it says what is wrong
    except ModuleNotFoundError as cause:
        if cause.name != name.split(".")[0] and cause.name != name:
            raise _failed(name, cause) from cause
        raise ConfigError(
            f"a plugin must be a Python file or an installed module; there is no module {name!r}. Give the path of its "
            "file, or install its package."
        ) from cause
    except (Exception, SystemExit) as cause:  # the code of somebody else: whatever goes wrong there
        raise _failed(name, cause) from cause


def _failed(name: str, cause: BaseException) -> ConfigError:
    return ConfigError(
        f"a plugin must be code that can be imported; {name} failed ({type(cause).__name__}: {cause}). Correct it, or "
        "leave it out."
    )
