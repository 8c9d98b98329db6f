"""The optional libraries of learned scores: imported late, and with the name of the extra where they are missing."""

import contextlib
import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from meanfield.errors import CfgfieldError

INSTALL = "pip install -c constraints.txt -c constraints-extras.txt -e '.[learned]'"
LIBRARIES = {"torch": "torch", "sklearn": "scikit-learn", "mlxtend": "mlxtend"}  # import name -> distribution


class MissingExtraError(CfgfieldError, ImportError):
    """A library of an optional extra is not installed."""


def available() -> bool:
    """Whether the extra `learned` is installed."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def library(name: str) -> Any:
    """The module of this name ("torch", "sklearn.datasets"), or an error that names the extra.

    Examples
    --------
    >>> LIBRARIES["nowhere"] = "nothing"
    >>> library("nowhere.inside")
    Traceback (most recent call last):
    ...
    simulate.learned.extra.MissingExtraError: learned scores need nothing, which is not installed. Install the extra
    'learned' from the source tree: pip install -c constraints.txt -c constraints-extras.txt -e '.[learned]'
    >>> del LIBRARIES["nowhere"]
    """
    first = name.partition(".")[0]
    if find_spec(first) is None:
        raise MissingExtraError(
            f"learned scores need {LIBRARIES[first]}, which is not installed. Install the extra 'learned' from the "
            f"source tree: {INSTALL}"
        )
    return importlib.import_module(name)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread inside the block: sums then have one order, and results the same bits."""
    torch = library("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
