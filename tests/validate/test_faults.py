"""Nothing is lost: whatever is killed, interrupted or full, finished cells stay, and the rest is computed the same."""

import errno
import json
import os
import re
import signal
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray
from fault_cases import GRID, OPTIONS, counted_calls, script, server, stamps, undisturbed, wait_for
from validation_cases import PROBLEM

from meanfield.tools.seals import sealed, unsealed
from validate import StoreError, sweep
from validate.errors import StoreWarning
from validate.results import store as store_module
from validate.results.store import Store

CELLS = len(GRID["w"]) * len(GRID["sampler"])


@pytest.fixture(scope="module")
def whole() -> xarray.Dataset:
    return undisturbed()


@pytest.fixture(scope="module")
def length(whole) -> int:
    """Function calls of an undisturbed sweep."""
    with counted_calls() as count:
        undisturbed()
    return next(count)


def strike(folder: Path, moments) -> int:
    """Kill a sweep into `folder` at each of some moments after its start; how many were still under way."""
    hits, finished = 0, {}
    with server() as process:
        for calls in moments:
            print(calls, folder, file=process.stdin, flush=True)
            status = int(process.stdout.readline())
            assert status in (0, -signal.SIGKILL)
            hits += status != 0
            now = stamps(folder)
            assert {name: now.get(name) for name in finished} == finished, "a finished cell was lost or computed again"
            finished = now
    return hits


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path, whole, length, rounds):
    """SIGKILL of the driver, ten random moments a round, writes included: every finished cell stays as it is, and the
    end is bit-identical."""
    for i in range(rounds):
        folder = tmp_path / str(i)
        rng = np.random.default_rng([20260101, i + (rounds > 1)])
        assert strike(folder, rng.integers(1, int(0.14 * length), 10)) >= 8
        before = stamps(folder)
        assert 0 < len(before) < CELLS
        resumed = sweep(PROBLEM, GRID, folder=folder, **OPTIONS)
        xarray.testing.assert_identical(resumed, whole)
        after = stamps(folder)
        assert len(after) == CELLS and {name: after[name] for name in before} == before
        assert not list(folder.rglob("*.tmp")), "what killed writers left is cleared away"


TOGETHER = """
sweep(PROBLEM, GRID, folder=sys.argv[1], threads=1, **OPTIONS)
"""


def test_several_drivers_share_a_folder(tmp_path, whole):
    """Three processes at once, each opening the folder while the others write, one of them killed."""
    with script(TOGETHER, tmp_path) as first, script(TOGETHER, tmp_path) as second:
        wait_for(lambda: len(stamps(tmp_path)) > 10)
        second.kill()
        xarray.testing.assert_identical(sweep(PROBLEM, GRID, folder=tmp_path, threads=1, **OPTIONS), whole)
        assert first.wait() == 0, first.stderr.read()
    xarray.testing.assert_identical(sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS), whole)
    assert not list(tmp_path.rglob("*.tmp"))


FATAL = """
die_at(sys.argv[2], sys.argv[3], 1)
sweep(PROBLEM, GRID, folder=sys.argv[1], threads=1, **OPTIONS)
"""


@pytest.mark.parametrize(("function", "part", "left"), [("fsync", "", 1), ("replace", ".npz", 1)])
def test_killed_between_writing_and_renaming(tmp_path, function, part, left):
    """What is not yet renamed is no cell; it is cleared away once its writer is dead, not before."""
    with script(FATAL, tmp_path, function, part) as process:
        assert process.wait() == -signal.SIGKILL
    assert len(list(tmp_path.rglob(".cfgfield~*~part.tmp"))) == left
    assert not stamps(tmp_path)
    word = 32 * "0"
    living = tmp_path / "cells" / f".cfgfield~{socket.gethostname()}~{os.getppid()}~{word}~part.tmp"
    elsewhere = tmp_path / "cells" / f".cfgfield~another-host~1~{word}~part.tmp"
    old = tmp_path / "cells" / f".cfgfield~another-host~2~{word}~part.tmp"
    for path in (living, elsewhere, old):
        path.write_bytes(b"half")
    os.utime(old, (1e9, 1e9))
    Store(tmp_path, _manifest(tmp_path))
    assert sorted(tmp_path.rglob("*.tmp")) == sorted([living, elsewhere])


def _manifest(folder: Path) -> dict:
    path = folder / "manifest.json"
    return json.loads(path.read_text())["manifest"] if path.exists() else {}


def _damages(content: bytes):
    yield "half", content[: len(content) // 2]
    yield "without its end", content[:-1]
    yield "empty", b""
    yield "zeros", bytes(len(content))
    yield "one bit", content[:900] + bytes([content[900] ^ 1]) + content[901:]
    yield "other bytes", b"<html>quota exceeded</html>"


@pytest.fixture
def small(tmp_path):
    """A finished sweep of two cells: call it to sweep again into the same folder."""

    def again(**changes):
        return sweep(PROBLEM, {"w": [1.0, 2.0]}, folder=tmp_path, threads=1, **{**OPTIONS, **changes})

    again()
    return again


def test_damaged_cells_are_found_and_computed_again(tmp_path, small):
    whole, path = small(), min((tmp_path / "cells").glob("*.npz"))
    content = path.read_bytes()
    for name, damaged in _damages(content):
        path.write_bytes(damaged)
        with pytest.warns(StoreWarning, match=rf"must be a whole file; .*{path.name} is damaged \(.*computed again"):
            again = small()
        xarray.testing.assert_identical(again, whole), name
        assert path.read_bytes() == content


def test_every_flipped_bit_is_found(tmp_path, small):
    """No bit of a cell's file can change and the cell be read at all: not even a date, or the mark of encryption."""
    store = Store(tmp_path, _manifest(tmp_path))
    path = min((tmp_path / "cells").glob("*.npz"))
    content = path.read_bytes()
    for i in range(0, len(content), 7):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :])
        with pytest.warns(StoreWarning, match="is damaged"):
            assert store.read(path.stem) is None


def test_swapped_cells_are_found_and_computed_again(tmp_path, small):
    """Two whole files under each other's names, and one of a sweep with another seed."""
    whole, (first, second) = small(), sorted((tmp_path / "cells").glob("*.npz"))
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    with pytest.warns(StoreWarning, match=r"of another cell, .*computed again"):
        xarray.testing.assert_identical(small(), whole)
    assert (first.read_bytes(), second.read_bytes()) == contents
    sweep(PROBLEM, {"w": [1.0, 2.0]}, folder=tmp_path / "other", threads=1, **{**OPTIONS, "seed": 4})
    first.write_bytes((tmp_path / "other" / "cells" / first.name).read_bytes())
    with pytest.warns(StoreWarning, match="of another manifest"):
        xarray.testing.assert_identical(small(), whole)


def test_a_member_marked_encrypted_is_a_damaged_cell(tmp_path, small):
    """Sealed or not: what the zip library raises then (RuntimeError) must not end a sweep."""
    whole, path = small(), min((tmp_path / "cells").glob("*.npz"))
    body, _ = unsealed(path.read_bytes())
    marked = body
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.index(sign) + place
        marked = marked[:at] + bytes([marked[at] | 1]) + marked[at + 1 :]
    for content in (marked, sealed(marked)):
        path.write_bytes(content)
        with pytest.warns(StoreWarning, match=r"is damaged.*computed again"):
            xarray.testing.assert_identical(small(), whole)


def test_negative_control_a_trusting_store_is_caught(tmp_path, small, monkeypatch):
    """Without the checksums, a cell whose last bytes were never written is read with wrong numbers."""
    whole, path = small(), min((tmp_path / "cells").glob("*.npz"))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("m.npy")
        end = member.header_offset + 30 + len("m.npy") + 20 + member.file_size  # zip64 field of 20 bytes
    content[end - 16 : end] = bytes(16)
    path.write_bytes(content)
    monkeypatch.setattr(store_module, "unsealed", lambda content: (content, True))
    monkeypatch.setattr(zipfile.ZipExtFile, "_update_crc", lambda self, data: None)
    assert not small().identical(whole), "the damage is real: a store that trusts it hands it on"
    monkeypatch.undo()
    with pytest.warns(StoreWarning):
        xarray.testing.assert_identical(small(), whole)


def test_a_full_disk_keeps_finished_cells(tmp_path, whole, monkeypatch):
    """The write of the third file fails: the manifest and one cell are there, and go on from there."""
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.*Free space .*finished stay readable"):
        sweep(PROBLEM, GRID, folder=tmp_path, threads=1, **OPTIONS)
    monkeypatch.undo()
    (kept,) = (tmp_path / "cells").iterdir()  # no half file is left behind
    stamp = kept.stat().st_mtime_ns
    xarray.testing.assert_identical(sweep(PROBLEM, GRID, folder=tmp_path, **OPTIONS), whole)
    assert kept.stat().st_mtime_ns == stamp


LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    sweep(PROBLEM, GRID, folder=sys.argv[1], threads=2, **OPTIONS)
except StoreError as error:
    sys.exit(f"error: {error}")
"""


def test_a_write_that_the_system_cuts_short(tmp_path):
    """A file-size limit cuts each cell after 5000 bytes, as a full disk does: one message, no half cell."""
    with script(LIMITED, tmp_path) as process:
        err = process.stderr.read()
        assert process.wait() == 1
    assert re.search(r"^error: results must go to a folder that can be written; .*File too large", err), err
    assert not list((tmp_path / "cells").iterdir()) and not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("folder", ["/proc/cfgfield", "/dev/null/cfgfield"])
def test_a_folder_that_cannot_be_written(folder):
    with pytest.raises(
        StoreError, match=rf"must go to a folder that can be written; {folder} cannot \(.*Free space or"
    ):
        sweep(PROBLEM, {"w": [1.0]}, folder=folder, **OPTIONS)
