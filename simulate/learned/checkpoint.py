"""Checkpoints of a training: whole or not at all, and refused where they do not belong.

A checkpoint holds what the rest of the run depends on, the configuration, a fingerprint of the images, and versions. It
is read with `weights_only=True`: a file from elsewhere can hold numbers, and no code. torch does not notice a byte that
has changed; a hash of all entries does.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meanfield.errors import CfgfieldError, whole
from meanfield.tools.files import write_whole
from simulate.learned.digits import BLUR, Digits
from simulate.learned.extra import library

FORMAT = "cfgfield learned score 2"
ENTRIES = {"training", "data", "torch", "step", "network", "optimiser", "generator", "losses", "hash"}


class CheckpointError(CfgfieldError, ValueError):
    """A checkpoint is damaged, of another training, or cannot be written."""


def write_checkpoint(path: Path, state: Mapping[str, Any], training: Mapping[str, Any], data: Digits) -> None:
    """Write it whole or not at all: what is at `path` is always complete."""
    torch = library("torch")
    about = {"format": FORMAT, "training": dict(training), "data": _fingerprint(data), "torch": str(torch.__version__)}
    content = {**about, **state}
    serialised = io.BytesIO()
    torch.save({**content, "hash": _hash(content)}, serialised)
    write_whole(serialised.getvalue(), path, overwrite=True, error=CheckpointError)


def read_checkpoint(path: Path, training: Mapping[str, Any], data: Digits, steps: int) -> dict[str, Any]:
    """The state in a checkpoint of this training.

    Raises
    ------
    CheckpointError : see above; the message says which entries differ.
    """
    torch = library("torch")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, dict) or found.get("format") != FORMAT or not ENTRIES <= found.keys():
            raise ValueError("it is none of this package")
        if found.pop("hash") != _hash(found):
            raise ValueError("its content has changed since it was written")
        whole("step", found["step"], low=0)
        there = dict(found["training"])
    except Exception as cause:  # a damaged file shows in many ways: OSError, RuntimeError, UnpicklingError, KeyError
        raise damaged(path, cause) from cause
    differing = [f"{k}={there.get(k)!r} instead of {training[k]!r}" for k in training if there.get(k) != training[k]]
    if found["data"] != _fingerprint(data):
        differing.append("other images, split or blur")
    if differing:
        raise CheckpointError(
            f"a checkpoint must be of the same training; {path} has {', '.join(differing)}. Give another file, or the "
            "training it was made with."
        )
    if found["torch"] != str(torch.__version__) and found["step"] < steps:
        raise CheckpointError(
            f"an unfinished checkpoint must be of the same torch, {torch.__version__}, to go on to the same bits; "
            f"{path} is of {found['torch']}. Delete it to train anew."
        )
    return found


def damaged(path: Path, cause: Exception) -> CheckpointError:
    """The error of a checkpoint that cannot be read or gone on from."""
    return CheckpointError(
        f"a checkpoint must be a complete file of this package; {path} is not ({type(cause).__name__}: "
        f"{str(cause).splitlines()[0] if str(cause) else 'no details'}). Delete it to train anew."
    )


def _hash(content: Any) -> str:
    """A hash of nested mappings and sequences of tensors, numbers and text: equal for what torch saves and loads."""
    digest = hashlib.sha256(type(content).__name__.encode())
    if isinstance(content, Mapping):
        digest.update(repr([(repr(key), _hash(content[key])) for key in content]).encode())
    elif isinstance(content, Sequence) and not isinstance(content, str):
        digest.update(repr([_hash(value) for value in content]).encode())
    elif hasattr(content, "numpy"):
        digest.update(repr((content.dtype, tuple(content.shape))).encode() + content.numpy().tobytes())
    else:
        digest.update(repr(content).encode())
    return digest.hexdigest()


def _fingerprint(data: Digits) -> str:
    """A hash of all that is learned from."""
    digest = hashlib.sha256(repr(BLUR).encode())
    for array in (data.x, data.labels):
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]
