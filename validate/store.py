"""A folder of results that survives being killed: one netCDF file a cell, each written whole or not at all.

    folder/manifest.json    what the cells are: grid, options, seed, versions; written first
    folder/cells/KEY.nc     one finished cell; KEY is a hash of what the cell is

A cell is written to a temporary file, flushed to the disk and renamed, so a file that exists is complete. Whoever opens
the folder again must bring the same manifest; finished cells are read, the rest is computed.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.errors import StoreError

if TYPE_CHECKING:
    import xarray

__all__ = ["Store", "content_hash", "read_dataset", "write_bytes", "write_dataset"]


class Store:
    """Cells in a folder, under a manifest that says what they are.

    Parameters
    ----------
    folder : made if it does not exist.
    manifest : plain data that fixes every cell (grid, options, seed). The folder of another manifest is refused.
    origin : plain data that is recorded but need not agree on resuming (versions, start time).

    Raises
    ------
    StoreError : unwritable folder, another manifest, damaged file; each message says what to do.

    Examples
    --------
    >>> import tempfile, xarray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(folder, {"grid": [1, 2]})
    ...     store.write("a", xarray.Dataset({"m": 1.0}))
    ...     store.finished("a"), store.finished("b"), float(store.read("a")["m"])
    (True, False, 1.0)
    """

    def __init__(
        self, folder: str | Path, manifest: Mapping[str, Any], origin: Mapping[str, Any] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.cells = self.folder / "cells"
        plain = json.loads(json.dumps(dict(manifest)))
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            for leftover in self.cells.glob("*.tmp"):  # of a run that was killed while it wrote
                leftover.unlink()
            path = self.folder / "manifest.json"
            if path.exists():
                _same(path, plain)
            else:
                text = json.dumps({"manifest": plain, "origin": dict(origin or {})}, indent=1)
                _atomic(path, lambda temporary: temporary.write_text(text))
        except StoreError:
            raise
        except OSError as cause:
            raise _unwritable(self.folder, cause) from cause

    def path(self, key: str) -> Path:
        """File of a cell."""
        return self.cells / f"{key}.nc"

    def finished(self, key: str) -> bool:
        """Whether a cell is complete on disk."""
        return self.path(key).exists()

    def write(self, key: str, dataset: "xarray.Dataset") -> None:
        """Write a cell, whole or not at all."""
        write_dataset(dataset, self.path(key))

    def read(self, key: str) -> "xarray.Dataset":
        """Read a finished cell into memory."""
        return read_dataset(self.path(key))


def content_hash(content: Any) -> str:
    """A short name of plain data, equal for equal data on any machine and in any run.

    Examples
    --------
    >>> content_hash({"w": 1.0, "d": 24}) == content_hash({"d": 24, "w": 1.0})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def write_dataset(dataset: "xarray.Dataset", path: str | Path) -> None:
    """Write a dataset to one netCDF file, whole or not at all."""
    _write(Path(path), lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf"))


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a file, whole or not at all."""
    _write(Path(path), lambda temporary: temporary.write_bytes(content))


def read_dataset(path: str | Path) -> "xarray.Dataset":
    """Read one netCDF file into memory, or say which file is damaged."""
    import xarray

    try:
        with xarray.open_dataset(path, engine="h5netcdf") as dataset:
            return dataset.load()
    except FileNotFoundError as cause:
        raise StoreError(f"a results file must exist; {path} does not. Check the name, or run it first.") from cause
    except Exception as cause:  # a damaged HDF5 file shows in many ways: OSError, KeyError, RuntimeError, ValueError
        raise StoreError(
            f"a results file must be a complete netCDF file; {path} is damaged ({type(cause).__name__}: {cause}). "
            "Delete it: the next run computes it again."
        ) from cause


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _atomic(path, write)
    except OSError as cause:
        raise _unwritable(path.parent, cause) from cause


def _atomic(path: Path, write: Callable[[Path], Any]) -> None:
    """To a temporary file first, then renamed, so that no half file is ever seen."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _same(path: Path, manifest: dict[str, Any]) -> None:
    try:
        known = json.loads(path.read_text())["manifest"]
    except (ValueError, KeyError, TypeError) as cause:
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


def _unwritable(folder: Path, cause: OSError) -> StoreError:
    reason = cause.strerror or str(cause)
    return StoreError(
        f"results must go to a folder that can be written; {folder} cannot ({reason}). "
        "Free space or choose another folder; cells that were finished stay readable and are not computed again."
    )
