"""Datasets on disk: what is read is what was written, or an error says what has happened; no full disk loses a file."""

import fcntl
import json
import re
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest
import xarray
from typer.testing import CliRunner
from validation_cases import PROBLEM

from meanfield import ExportError, Linear, for_timesteps, solve
from meanfield.export.scales import Scales
from validate import StoreError, StoreWarning, read_dataset, write_dataset
from validate.cli import app
from validate.errors import DamageError
from validate.results.files import read_json, write_json

SEALED = "changed since it was written"


@pytest.fixture
def saved(tmp_path):
    """A solution on disk: its dataset and its file."""
    data, path = solve(PROBLEM).to_dataset(), tmp_path / "solution.nc"
    write_dataset(data, path)
    return data, path


def flipped(content: bytes, n: int):
    """The content with one bit flipped, at n places spread over all of it."""
    for i, place in enumerate(np.linspace(0, len(content) - 1, n).astype(int)):
        yield place, content[:place] + bytes([content[place] ^ 1 << i % 8]) + content[place + 1 :]


def test_what_is_written_is_read_and_other_programs_read_it_too(saved):
    data, path = saved
    xarray.testing.assert_identical(read_dataset(path), data)
    with xarray.open_dataset(path, engine="h5netcdf") as other:
        xarray.testing.assert_identical(other.load(), data)
    with h5py.File(path) as other:
        np.testing.assert_array_equal(other["m"][:], data.m.values)


def test_no_flipped_bit_is_read_as_other_numbers(saved):
    """Every change before the seal is refused before the HDF5 library sees it; one of the seal costs a warning."""
    data, path = saved
    content = path.read_bytes()
    seal = content.rindex(b"\ncfgfield sha256 ")
    refused = 0
    for place, damaged in flipped(content, 600):
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StoreWarning)
                found = read_dataset(path)
        except DamageError as error:
            assert SEALED in str(error)
            refused += 1
            continue
        assert place >= seal
        xarray.testing.assert_identical(found, data)
    assert refused > 500


def test_negative_control_without_a_seal_other_numbers_are_read(saved):
    """What a file without a checksum hides: flip one bit of its numbers."""
    data, path = saved
    content = path.read_bytes()
    content = content[: content.rindex(b"\ncfgfield sha256 ")]
    path.write_bytes(content)
    with pytest.warns(StoreWarning, match="has no checksum: another program or an older version wrote it"):
        xarray.testing.assert_identical(read_dataset(path), data)
    place = content.index(data.m.values[-4:].tobytes())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.warns(StoreWarning):
        assert not read_dataset(path).identical(data)


def test_a_locked_file_is_no_damaged_file(saved, monkeypatch):
    data, path = saved
    with open(path, "rb+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match=r"locked by another program\. .*HDF5_USE_FILE_LOCKING=FALSE") as found:
            read_dataset(path)
        assert not isinstance(found.value, DamageError) and "Delete" not in str(found.value)
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
        xarray.testing.assert_identical(read_dataset(path), data)


def test_a_disk_without_locks_is_no_hindrance(saved, monkeypatch):
    data, path = saved

    def unsupported(*words):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    xarray.testing.assert_identical(read_dataset(path), data)


@pytest.mark.parametrize("path", ["/dev/full", "/dev/zero", "/", "no/such.nc", "a\0b"])
def test_what_is_no_file_is_said_to_be_none(path):
    with pytest.raises(StoreError, match=r"a results file must (be a regular file|exist|be readable)"):
        read_dataset(path)


def test_json_files_are_checked(tmp_path):
    path, data = tmp_path / "a.json", {"m": 1.25, "names": ["a", "b"]}
    write_json(data, path)
    content = path.read_bytes()
    for _, damaged in flipped(content, len(content)):
        path.write_bytes(damaged)
        try:
            found = read_json(path)
        except DamageError:
            continue
        assert {name: found[name] for name in data} == data
    scales = for_timesteps(Linear(-0.5, 2.0), sigmas=[8.0, 2.0, 0.5])
    text = scales.to_json(tmp_path / "scales.json")
    assert list(Scales.from_json(tmp_path / "scales.json")) == list(scales)
    first = json.loads(text)["scales"][0]
    with pytest.raises(ExportError, match=SEALED):
        Scales.from_json(text.replace(f"{first!r}", f"{first + 1.0!r}", 1))


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from validate.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
main()
"""


@pytest.mark.parametrize(("kind", "words"), [("--output", ["solve", "--alpha", "0.4", "--w", "1"])])
def test_a_file_cut_short_by_the_system_leaves_the_old_one(tmp_path, kind, words):
    """A limit on the size of files acts as a full disk: one message, what was printed, and the old file."""
    path = tmp_path / "a.nc"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", LIMITED, *words, kind, str(path), "--force"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode in (2, 3), found
    assert re.match(r"error: results must go to a folder that can be written; .*\(File too large\)", found.stderr)
    assert "m(0)" in found.stdout or "m =" in found.stdout, found.stdout  # the result is not lost
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def export_words(tmp_path):
    schedule = tmp_path / "w.json"
    schedule.write_text(json.dumps(Linear(-0.5, 2.0).to_dict()))
    return "export", str(schedule), "--levels", "8,2"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("solve", "--alpha", "0.4"), "--output"),
        (("simulate", "--alpha", "0.4", "--d", "6", "--n-samples", "10", "--n-steps", "8"), "--output"),
        (("design", "--continuum", "--sampler", "ode", "--t-start", "100"), "--schedule"),
        (("design", "--continuum", "--sampler", "ode", "--t-start", "100"), "--picture"),
        (export_words, "--output"),
    ],
)
def test_commands_replace_a_file_only_by_force(tmp_path, words, option):
    """Refused at once: before the problem is read or anything is printed."""
    path = tmp_path / ("out.png" if option == "--picture" else "out")
    path.write_bytes(b"old")
    words = words(tmp_path) if callable(words) else words
    refused = CliRunner().invoke(app, [*words, option, str(path)])
    assert refused.exit_code == 2 and refused.stdout == "", refused.output
    assert re.match(rf"error: {option} must not exist yet; got .* --force\.\n$", refused.stderr), refused.stderr
    assert path.read_bytes() == b"old"
    assert CliRunner().invoke(app, [*words, option, str(path), "--force"]).exit_code == 0
    assert path.read_bytes() != b"old"
