"""A folder of results that survives being killed, with any number of writers on any number of hosts.

    folder/manifest.json    what the cells are: grid, options, seed, versions; written first
    folder/cells/KEY.npz    one finished cell; KEY is a hash of what the cell is (of a part: `validate.sweeps.division`)

A cell is written whole or not at all (`validate.results.files`). It is a NumPy archive of its variables and their
dimensions, whose checksums are verified on reading: what is damaged all the same (a full disk, a broken copy) is found,
named in a warning, and computed again. netCDF would be read by more software, but costs 40 ms a cell to write or read;
this, 2. Whoever opens the folder again must bring the same manifest; finished cells are read, the rest is computed.
"""

import hashlib
import io
import json
import uuid
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from validate.errors import StoreError, StoreWarning
from validate.results.files import remove_leftovers, unwritable, write_bytes

if TYPE_CHECKING:
    import xarray

LAYOUT = "dimensions"  # member of a cell's file: the dimensions of every variable, as JSON


class Store:
    """Cells in a folder, under a manifest that says what they are.

    Parameters
    ----------
    folder : made if it does not exist.
    manifest : plain data that fixes every cell (grid, options, seed). The folder of another manifest is refused.
    origin : plain data that is recorded but need not agree on resuming (versions, start time).

    Raises
    ------
    StoreError : unwritable folder, another manifest, damaged manifest; each message says what to do.

    Examples
    --------
    >>> import tempfile, xarray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(folder, {"grid": [1, 2]})
    ...     store.write("a", xarray.Dataset({"m": 1.0}))
    ...     store.read("b") is None, float(store.read("a")["m"])
    (True, 1.0)
    """

    def __init__(
        self, folder: str | Path, manifest: Mapping[str, Any], origin: Mapping[str, Any] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.cells = self.folder / "cells"
        plain = json.loads(json.dumps(dict(manifest)))
        path = self.folder / "manifest.json"
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            for place in (self.folder, self.cells):
                remove_leftovers(place)
            known = path.exists()
        except OSError as cause:
            raise unwritable(self.folder, cause) from cause
        if known:
            _same(path, plain)
        else:
            text = json.dumps({"manifest": plain, "origin": dict(origin or {}), "id": uuid.uuid4().hex}, indent=1)
            write_bytes(text.encode(), path)
        self.id = self._id()

    def visible(self) -> bool:
        """Whether this process, perhaps on another machine, sees this very folder."""
        return self.id is not None and self._id() == self.id

    def _id(self) -> str | None:
        try:
            return json.loads((self.folder / "manifest.json").read_text()).get("id")
        except (OSError, ValueError):
            return None

    def path(self, key: str) -> Path:
        """File of a cell."""
        return self.cells / f"{key}.npz"

    def has(self, key: str) -> bool:
        """Whether there is a file of a cell; `read` says whether it is whole."""
        return self.path(key).exists()

    def keys(self) -> set[str]:
        """Keys of all files of cells."""
        return {path.stem for path in self.cells.glob("*.npz")}

    def remove(self, keys: Iterable[str]) -> None:
        """Delete cells that are not needed any more, as far as they are there and can be deleted."""
        for key in keys:
            with suppress(OSError):
                self.path(key).unlink(missing_ok=True)

    def write(self, key: str, dataset: "xarray.Dataset") -> None:
        """Write a cell, whole or not at all."""
        layout = {str(name): list(variable.dims) for name, variable in dataset.data_vars.items()}
        arrays = {name: dataset[name].values for name in layout}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **{LAYOUT: np.array(json.dumps(layout))}, **arrays)
        write_bytes(content.getvalue(), self.path(key))

    def read(self, key: str) -> "xarray.Dataset | None":
        """A finished cell; None if there is none, or a damaged one (with a `StoreWarning`)."""
        import xarray

        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise StoreError(
                f"the cells of a results folder must be readable; {path} is not ({cause.strerror or cause}). "
                "Check the disk and the permissions, or delete the file: the next run computes it again."
            ) from cause
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                if (bad := archive.zip.testzip()) is not None:  # reads every member to its end: np.load may not
                    raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")
                layout = json.loads(str(archive[LAYOUT]))
                return xarray.Dataset({name: (tuple(dims), archive[name]) for name, dims in layout.items()})
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, NotImplementedError) as cause:
            warnings.warn(
                f"a cell must be a whole file; {path} is damaged ({type(cause).__name__}: {cause}) "
                "and is computed again.",
                StoreWarning,
                stacklevel=2,
            )
            return None


def content_hash(content: Any) -> str:
    """A short name of plain data, equal for equal data on any machine and in any run.

    Examples
    --------
    >>> content_hash({"w": 1.0, "d": 24}) == content_hash({"d": 24, "w": 1.0})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _same(path: Path, manifest: dict[str, Any]) -> None:
    try:
        known = json.loads(path.read_text())["manifest"]
    except (ValueError, KeyError, TypeError, OSError) as cause:
        raise StoreError(
            f"the manifest must be the JSON file of an earlier run; {path} is damaged ({cause}). Use another folder."
        ) from cause
    if known != manifest:
        keys = [k for k in sorted({*known, *manifest}) if known.get(k) != manifest.get(k)]
        pairs = "; ".join(f"{k}: {_brief(known.get(k))} there, {_brief(manifest.get(k))} here" for k in keys)
        raise StoreError(
            f"a folder holds the cells of one grid; {path.parent} holds another: {pairs}. "
            "Use another folder, or delete this one."
        )


def _brief(value: Any, width: int = 160) -> str:
    text = json.dumps(value)
    return text if len(text) <= width else f"{text[:width]}..."
