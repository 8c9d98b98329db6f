"""A folder of results that survives being killed, with any number of writers on any number of hosts.

    folder/manifest.json    what all cells share: options, seed, code; written first
    folder/cells/KEY.npz    one finished cell; KEY is a hash of what the cell is (of a part: `validate.sweeps.division`)
    folder/notes/KEY.json   what the cell is called, how long it took, and, until it is finished, why it failed

A cell is written whole or not at all (`meanfield.tools.files`). It is a NumPy archive of its variables and their
dimensions, which states its key and its manifest, and ends in a checksum: what is damaged, or lies under the name of
another, is found on reading, named in a warning, and computed again. netCDF would be read by more software, but costs
40 ms a cell to write or read; this, 2. Whoever opens the folder again must bring the same manifest; finished cells are
read, the rest is computed.
"""

import io
import json
import uuid
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.tools.files import remove_leftovers, unwritable
from meanfield.tools.seals import json_hash, sealed, unsealed
from validate.errors import StoreError, StoreWarning
from validate.results.files import read_bytes, read_json, write_bytes, write_json

if TYPE_CHECKING:
    import xarray

ABOUT = "about"  # member of a cell's file, JSON: its key, the hash of its manifest, the dimensions of every variable


class Store:
    """Cells in a folder, under a manifest that says what they are.

    Parameters
    ----------
    folder : made if it does not exist.
    manifest : plain data that all cells share (options, seed, code). The folder of another manifest is refused.
    origin : plain data that is recorded but need not agree on resuming (versions, the first grid).
    largest : name in `origin` of a number of which the largest is recorded that was ever brought.

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
        self,
        folder: str | Path,
        manifest: Mapping[str, Any],
        origin: Mapping[str, Any] | None = None,
        largest: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.cells, self.notes = self.folder / "cells", self.folder / "notes"
        plain = json.loads(json.dumps(dict(manifest)))
        self._manifest = json_hash(plain)
        path = self.folder / "manifest.json"
        try:
            for place in (self.cells, self.notes):
                place.mkdir(parents=True, exist_ok=True)
            for place in (self.folder, self.cells, self.notes):
                remove_leftovers(place)
            known = path.exists()
        except (OSError, ValueError) as cause:  # ValueError: no name of a file
            raise unwritable(self.folder, cause, StoreError) from cause
        if known:
            _same(path, plain)
            if largest is not None:
                _raise(path, largest, dict(origin or {})[largest])
        else:
            about = {"manifest": plain, "origin": dict(origin or {}), "id": uuid.uuid4().hex}
            write_json(about, path, overwrite=True)  # of several drivers at once the last one
        self.id = self._id()

    @classmethod
    def existing(cls, folder: Path) -> "Store":
        """The store in a folder that has one, whatever its manifest says; to look at, not to go on with."""
        store = cls.__new__(cls)
        store.folder, store.cells, store.notes, store._manifest = folder, folder / "cells", folder / "notes", ""
        store.id = store._id()
        return store

    def visible(self) -> bool:
        """Whether this process, perhaps on another machine, sees this very folder."""
        return self.id is not None and self._id() == self.id

    def _id(self) -> str | None:
        try:
            return read_json(self.folder / "manifest.json").get("id")
        except StoreError:
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

    def write(self, key: str, dataset: "xarray.Dataset", **note: Any) -> None:
        """Write a cell, whole or not at all, and a note on it beside."""
        layout = {str(name): list(variable.dims) for name, variable in dataset.data_vars.items()}
        arrays = {name: dataset[name].values for name in layout}
        about = {"cell": key, "manifest": self._manifest, "dimensions": layout}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **{ABOUT: np.array(json.dumps(about))}, **arrays)
        write_bytes(sealed(content.getvalue()), self.path(key), overwrite=True)
        self.write_note(key, **note)

    def write_note(self, key: str, **note: Any) -> None:
        """Write down what a list says of a cell. Its bits do not depend on it, so that it may hold the time it took."""
        if note:
            write_json(note, self.notes / f"{key}.json", overwrite=True)

    def note(self, key: str) -> dict[str, Any]:
        """The note on a cell; empty if there is none that can be read."""
        with suppress(StoreError):
            return read_json(self.notes / f"{key}.json")
        return {}

    def failures(self) -> dict[str, dict[str, Any]]:
        """Key -> note of the cells that failed and are not finished since."""
        keys = sorted({path.stem for path in self.notes.glob("*.json")} - self.keys())
        return {key: note for key in keys if "reason" in (note := self.note(key))}

    def damage(self, key: str) -> str:
        """What is wrong with the file of a cell, in words; empty if nothing is."""
        try:
            return "" if unsealed(read_bytes(self.path(key)))[1] else "it has no checksum"
        except (StoreError, ValueError) as cause:
            return str(cause)

    def read(self, key: str) -> "xarray.Dataset | None":
        """A finished cell; None if there is none, or one that is damaged or another's (with a `StoreWarning`)."""
        path = self.path(key)
        try:
            content = read_bytes(path)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        try:
            return self._opened(key, content)
        except Exception as cause:  # sealed with other content shows in many ways: BadZipFile, KeyError, TypeError
            warnings.warn(
                f"a cell must be a whole file; {path} is damaged ({type(cause).__name__}: {cause}) "
                "and is computed again.",
                StoreWarning,
                stacklevel=2,
            )
            return None

    def _opened(self, key: str, content: bytes) -> "xarray.Dataset":
        """The cell in a file, if the file is whole and of this cell."""
        import xarray

        body, checked = unsealed(content)
        if not checked:
            raise ValueError("it has no checksum")
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            about = json.loads(str(archive[ABOUT]))
            for name, own in (("cell", key), ("manifest", self._manifest)):
                if about[name] != own:
                    raise ValueError(f"it is of another {name}, {about[name]}")
            return xarray.Dataset({name: (tuple(dims), archive[name]) for name, dims in about["dimensions"].items()})


def content_hash(content: Any) -> str:
    """A short name of plain data, equal for equal data on any machine and in any run.

    Examples
    --------
    >>> content_hash({"w": 1.0, "d": 24}) == content_hash({"d": 24, "w": 1.0})
    True
    """
    return json_hash(content)[:20]


def _same(path: Path, manifest: dict[str, Any]) -> None:
    try:
        known = dict(read_json(path)["manifest"])
    except (StoreError, KeyError, TypeError, ValueError) as cause:
        raise StoreError(
            f"the manifest must be the JSON file of an earlier run; {path} is damaged ({cause}). Use another folder."
        ) from cause
    if known != manifest:
        keys = [k for k in sorted({*known, *manifest}) if known.get(k) != manifest.get(k)]
        pairs = "; ".join(f"{k}: {_brief(known.get(k))} there, {_brief(manifest.get(k))} here" for k in keys)
        raise StoreError(
            f"the cells of a folder share options, seed and code; {path.parent} holds others: {pairs}. "
            "Use another folder, or delete this one."
        )


def _raise(path: Path, name: str, value: int) -> None:
    """Record a number of the origin that is larger than the one there."""
    about = read_json(path)
    if value > about["origin"].get(name, 0):
        about["origin"][name] = value
        write_json(about, path, overwrite=True)


def _brief(value: Any, width: int = 160) -> str:
    text = json.dumps(value)
    return text if len(text) <= width else f"{text[:width]}..."
