"""Files that are there whole or not at all, whoever else writes into the same folder.

A file is written under a temporary name, flushed to the disk and renamed, so a file that exists is complete. Temporary
names hold host, process and a random word: writers on many hosts never meet, and what a killed writer left behind is
told from what a living one is writing.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.errors import StoreError

if TYPE_CHECKING:
    import xarray

STALE = 30 * 86400.0  # seconds after which the temporary file of another host counts as left behind


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


def temporary_name(stem: str) -> str:
    """A name that no other writer uses, and that says whose it is.

    Examples
    --------
    >>> temporary_name("a") != temporary_name("a")
    True
    """
    return f"{stem}~{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}.tmp"


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of writers that are dead: processes of this host that no longer run, others by age."""
    for path in folder.glob("*.tmp"):
        try:
            _, host, process, _ = path.name.rsplit("~", 3)
            dead = host == socket.gethostname() and not _runs(int(process))
        except ValueError:  # not a name of ours
            dead = False
        try:
            if dead or time.time() - path.stat().st_mtime > STALE:
                path.unlink()
        except FileNotFoundError:  # finished or deleted by another meanwhile
            continue


def unwritable(folder: Path, cause: OSError) -> StoreError:
    """The error of a folder that cannot be written."""
    reason = cause.strerror or str(cause)
    return StoreError(
        f"results must go to a folder that can be written; {folder} cannot ({reason}). "
        "Free space or choose another folder; cells that were finished stay readable and are not computed again."
    )


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    temporary = path.with_name(temporary_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            with open(temporary, "rb+") as handle:
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as cause:
        raise unwritable(path.parent, cause) from cause


def _runs(process: int) -> bool:
    """Whether a process of this host is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user, but alive
        return True
    return True
