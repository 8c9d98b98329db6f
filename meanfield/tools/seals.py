"""Hashes by which a file says whether it still is what was written.

A binary file ends in its seal, 82 bytes: a line with the SHA-256 of all that comes before. Readers of HDF5 and zip do
not mind what follows their end; ours checks the seal before any library sees a byte, so that no damage can mislead one
or keep it busy for ever. A JSON file has the hash of its other entries under "sha256".
"""

import json
from collections.abc import Mapping
from typing import Any

MARK = b"\ncfgfield sha256 "
SIZE = len(MARK) + 64 + 1
ENTRY = "sha256"


def sealed(content: bytes) -> bytes:
    """Content and its seal.

    Examples
    --------
    >>> unsealed(sealed(b"numbers")), unsealed(b"numbers")
    ((b'numbers', True), (b'numbers', False))
    """
    return content + MARK + _hash(content).encode() + b"\n"


def unsealed(content: bytes) -> tuple[bytes, bool]:
    """Content without its seal, and whether it had one; ValueError if it has changed since it was sealed."""
    body, seal = content[:-SIZE], content[-SIZE:]
    if not seal.startswith(MARK):
        return content, False
    if sealed(body) != content:
        raise ValueError("its checksum is wrong: it has changed since it was written")
    return body, True


def sealed_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data and its hash.

    Examples
    --------
    >>> unsealed_json(sealed_json({"w": 1.0})), unsealed_json({"w": 1.0})
    (({'w': 1.0}, True), ({'w': 1.0}, False))
    """
    return {**data, ENTRY: json_hash(data)}


def unsealed_json(data: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Plain data without their hash, and whether they had one; ValueError if they have changed since."""
    body = {key: value for key, value in data.items() if key != ENTRY}
    if len(body) == len(data):
        return body, False
    if json_hash(body) != data[ENTRY]:
        raise ValueError(
            f'its checksum "{ENTRY}" is wrong: it has changed since it was written (remove "{ENTRY}" if that was on '
            "purpose)"
        )
    return body, True


def json_hash(data: Any) -> str:
    """SHA-256 of plain data: equal for equal data on any machine and in any run, before and after a file of JSON."""
    plain = json.loads(json.dumps(data))  # keys of JSON are words, and words have another order than numbers
    return _hash(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


def _hash(content: bytes) -> str:
    import hashlib  # with a library of ciphers, which no import of the package waits for

    return hashlib.sha256(content).hexdigest()
