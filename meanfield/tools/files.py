"""Files that are there whole or not at all, whoever else writes into the same folder.

A file is made in memory, written beside its place under a temporary name, flushed to the disk and renamed: one that
exists is complete, and what was there before is lost at no moment. Only a file of its own is ever replaced, and only if
asked for: no folder, no device, nothing that a link leads to.

Temporary names bear the mark of the package, host, process and a random word: writers on many hosts never meet, and
what a killed writer left behind is told from what a living one is writing, and from files of others.
"""

import errno
import os
import re
import shutil
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

from meanfield.errors import CfgfieldError, require

STALE = 30 * 86400.0  # seconds after which the temporary file of another host counts as left behind
PAGE = 4096  # bytes of the smallest file that a disk takes
OURS = re.compile(r"\.cfgfield~([^~]*)~(\d+)~[0-9a-f]{32}~\w+\.tmp")


def write_whole(content: bytes, path: str | Path, *, overwrite: bool = False, error: type[CfgfieldError]) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    overwrite : whether a file that exists is replaced.
    error : what is raised where the file cannot be written; what was there is then unchanged.
    """
    path = Path(path)
    try:
        _require_free(path, overwrite, "a file to write", error)
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(content) > (free := shutil.disk_usage(path.parent).free):
            raise OSError(errno.ENOSPC, f"{len(content)} bytes are needed, {free} are free")
        temporary = path.with_name(temporary_name())
        try:
            with open(temporary, "xb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except CfgfieldError:
        raise
    except (OSError, ValueError) as cause:
        raise unwritable(path.parent, cause, error) from cause


def check_output(
    path: str | Path, *, overwrite: bool = False, name: str = "a file to write", error: type[CfgfieldError]
) -> None:
    """Refuse what a file cannot be written to, before anything is computed for it; its folder must be there.

    Parameters
    ----------
    overwrite : whether a file that exists may be replaced. name : what messages call the file.
    """
    path = Path(path)
    try:
        _require_free(path, overwrite, name, error)
        probe = path.with_name(temporary_name())
        try:
            probe.write_bytes(bytes(PAGE))  # an empty file fits on a full disk
        finally:
            probe.unlink(missing_ok=True)
    except CfgfieldError:
        raise
    except (OSError, ValueError) as cause:
        raise error(
            f"{name} must lie in a folder that can be written; {path} cannot be made ({_reason(cause)}). "
            "Make it, or choose another folder."
        ) from cause


def _require_free(path: Path, overwrite: bool, name: str, error: type[CfgfieldError]) -> None:
    """Refuse all that is no regular file, and a file unless it may be replaced."""
    with suppress(FileNotFoundError):
        path.lstat()  # raises what is wrong with a name that the system does not take
    for wrong, rule, remedy in (
        (path.is_symlink(), "be no link, whose target is never replaced", "Give the file itself."),
        (path.is_dir(), "be no folder", "Add the name of a file."),
        (path.exists() and not path.is_file(), "be no device or pipe", "Choose another name."),
        (path.exists() and not overwrite, "not exist yet", "Choose another name, or replace it: overwrite=True, on the "
         "command line --force."),
    ):  # fmt: skip
        require(not wrong, f"{name} must {rule}", str(path), remedy, error=error)


def temporary_name(kind: str = "part") -> str:
    """A name that no other writer uses, and that says whose it is.

    Examples
    --------
    >>> temporary_name() != temporary_name(), bool(OURS.fullmatch(temporary_name("running")))
    (True, True)
    """
    return f".cfgfield~{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}~{kind}.tmp"


def remove_leftovers(folder: Path) -> None:
    """Delete this package's temporary files whose writers are dead: processes of this host that no longer run, others
    by age."""
    for path in folder.iterdir():
        if (ours := OURS.fullmatch(path.name)) is None:
            continue
        host, process = ours.groups()
        with suppress(FileNotFoundError):  # finished or deleted by another meanwhile
            here, age = host == socket.gethostname(), time.time() - path.stat().st_mtime
            if not _runs(int(process)) if here else age > STALE:
                path.unlink()


def unwritable(folder: Path, cause: Exception, error: type[CfgfieldError]) -> CfgfieldError:
    """The error of a folder that cannot be written."""
    return error(
        f"results must go to a folder that can be written; {folder} cannot ({_reason(cause)}). "
        "Free space or choose another folder; files that were finished stay readable."
    )


def _reason(cause: Exception) -> str:
    """What the system says; a ValueError is a name that it does not take."""
    return getattr(cause, "strerror", None) or str(cause)


def _runs(process: int) -> bool:
    """Whether a process of this host is alive."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user, but alive
        return True
    return True
