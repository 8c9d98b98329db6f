"""Files of results: datasets and JSON, written whole or not at all, sealed, and checked when they are read.

A netCDF file is made and read in memory: the HDF5 library never meets a full disk, a lock, or a byte that its seal
(`meanfield.tools.seals`) has not vouched for.
"""

import io
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from meanfield.tools.door import door
from meanfield.tools.files import write_whole
from meanfield.tools.seals import sealed, sealed_json, unsealed, unsealed_json
from validate.errors import DamageError, StoreError, StoreWarning

if TYPE_CHECKING:
    import xarray

LOCKING = "HDF5_USE_FILE_LOCKING"  # what tells the HDF5 library, and this module, whether to look at locks


@door(StoreError)
def write_dataset(dataset: "xarray.Dataset", path: str | Path, *, overwrite: bool = False) -> None:
    """Write a dataset to one netCDF file, whole or not at all, with a checksum that `read_dataset` verifies.

    Other programs read the file as any netCDF-4 file: the checksum is 82 bytes after the end of the HDF5 data.

    Raises
    ------
    StoreError : the file exists (unless `overwrite`), or is no regular file; the folder cannot be written, or is full.
        What was there is then unchanged.

    Examples
    --------
    >>> import tempfile, xarray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dataset(xarray.Dataset({"m": 1.0}), f"{folder}/m.nc")
    ...     float(read_dataset(f"{folder}/m.nc").m)
    1.0
    """
    write_bytes(sealed(_serialised(dataset)), path, overwrite=overwrite)


@door(StoreError)
def read_dataset(path: str | Path) -> "xarray.Dataset":
    """Read one netCDF file into memory.

    A file without a checksum (of another program, or of an older version) is read with a `StoreWarning`.

    Raises
    ------
    DamageError : it is not what was written. StoreError, of which that is one : there is no such file, it cannot be
        read, or another program is writing it.
    """
    import xarray

    content = read_bytes(path, refuse_locked=True)
    try:
        body, checked = unsealed(content)
        with xarray.open_dataset(io.BytesIO(body), engine="h5netcdf") as dataset:
            found = dataset.load()
    except Exception as cause:  # a damaged HDF5 file shows in many ways: OSError, KeyError, RuntimeError, ValueError
        raise DamageError(
            f"a results file must be a complete netCDF file; {path} is damaged ({type(cause).__name__}: {cause}). "
            "Delete it: the next run computes it again. (If another program changed it on purpose, read it with "
            "xarray.open_dataset, and save it by write_dataset.)"
        ) from cause
    if not checked:
        warnings.warn(
            f"{path} has no checksum: another program or an older version wrote it, and damage would not be noticed. "
            "write_dataset writes one.",
            StoreWarning,
            stacklevel=2,
        )
    return found


def write_json(data: Mapping[str, Any], path: str | Path, *, overwrite: bool = False) -> None:
    """Write plain data and their hash."""
    write_bytes(json.dumps(sealed_json(data), indent=1).encode(), path, overwrite=overwrite)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read what `write_json` wrote, or an older version without a hash.

    Raises
    ------
    DamageError, StoreError : as `read_dataset`.
    """
    try:
        data, _ = unsealed_json(dict(json.loads(read_bytes(path))))
    except (ValueError, TypeError, RecursionError) as cause:
        raise DamageError(f"{path} must be a JSON file of this package; it is damaged ({cause}).") from cause
    return data


def write_bytes(content: bytes, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a file, whole or not at all."""
    write_whole(content, path, overwrite=overwrite, error=StoreError)


def read_bytes(path: str | Path, *, refuse_locked: bool = False) -> bytes:
    """Read a regular file; a missing one is a `FileNotFoundError` in the `__cause__` of the `StoreError`."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise StoreError(f"a results file must be a regular file; {path} is a folder, a device or a pipe.")
        with open(path, "rb") as handle:
            if refuse_locked:
                _require_unlocked(path, handle)
            return handle.read()
    except FileNotFoundError as cause:
        raise StoreError(f"a results file must exist; {path} does not. Check the name, or run it first.") from cause
    except StoreError:
        raise
    except (OSError, ValueError) as cause:
        raise StoreError(
            f"a results file must be readable; {path} is not ({getattr(cause, 'strerror', None) or cause}). "
            "It may well be whole: check the disk and the permissions."
        ) from cause


def _require_unlocked(path: Path, handle: BinaryIO) -> None:
    """Refuse a file that another program is writing. A disk without locks is no hindrance: HDF5 itself is not asked."""
    if os.environ.get(LOCKING, "").upper() in ("FALSE", "0"):
        return
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        raise StoreError(
            f"a results file must not be open for writing elsewhere; {path} is locked by another program. Close it "
            f"there. If none has it open (a crash, a network disk), set the environment variable {LOCKING}=FALSE."
        ) from cause
    except (ImportError, OSError):
        return


def _serialised(dataset: "xarray.Dataset") -> bytes:
    """The bytes of a netCDF-4 file."""
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    content = io.BytesIO()
    with h5netcdf.File(content, "w") as file:
        dataset.dump_to_store(H5NetCDFStore(file))
    return content.getvalue()
