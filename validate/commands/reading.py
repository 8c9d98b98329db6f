"""Text files that a user names: whole, of a sane size, in UTF-8, or refused with the reason."""

import stat
from contextlib import nullcontext
from pathlib import Path

from meanfield.errors import require, short
from validate.errors import ConfigError

LARGEST = 2**24  # bytes: a schedule of half a million numbers


def read_text(path: Path, name: str) -> str:
    """The text of a file, with or without a byte-order mark; `name` is what the file is to the user.

    Raises
    ------
    ConfigError : a file that is not there, is none (a folder, a device, a pipe), is too large, or is no UTF-8.

    Examples
    --------
    >>> read_text(Path("/dev/zero"), "--config")
    Traceback (most recent call last):
    ...
    validate.errors.ConfigError: --config must name a regular file; got /dev/zero, which is none. Give a text file.
    """
    try:
        state = path.stat()
        regular = stat.S_ISREG(state.st_mode)
        with path.open("rb") if regular else nullcontext() as file:  # to open a pipe would wait for its writer
            content = file.read(LARGEST + 1) if file else b""
    except (OSError, ValueError) as cause:  # ValueError: a name that no file can have
        reason = getattr(cause, "strerror", None) or cause
        raise ConfigError(f"{name} must name a file that can be read; {short(str(path))[1:-1]}: {reason}.") from cause
    require(
        regular, f"{name} must name a regular file", f"{path}, which is none", "Give a text file.", error=ConfigError
    )
    size = max(state.st_size, len(content))  # some files, as in /proc, do not tell their size
    rule = f"{name} must name a file of at most {LARGEST // 2**20} MiB"
    remedy = "Give the file that states the problem, not one of results."
    require(size <= LARGEST, rule, f"{path} of {size / 2**20:.3g} MiB", remedy, error=ConfigError)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise ConfigError(
            f"{name} must be text in UTF-8; {path} has the byte 0x{content[cause.start]:02x} at {cause.start}. "
            "Save it as UTF-8 (some editors call UTF-16 just Unicode)."
        ) from cause
