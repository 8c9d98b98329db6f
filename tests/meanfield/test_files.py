"""Files are written whole or not at all, replace only what may be replaced, and say whether they have changed."""

import errno
import json
import os
import socket

import pytest

from meanfield.errors import CfgfieldError
from meanfield.tools.files import OURS, check_output, remove_leftovers, temporary_name, write_whole
from meanfield.tools.seals import sealed, sealed_json, unsealed, unsealed_json


class Refused(CfgfieldError):
    pass


def write(path, content=b"new", **options):
    write_whole(content, path, error=Refused, **options)


def test_a_file_that_exists_is_replaced_only_if_asked_for(tmp_path):
    path = tmp_path / "deep" / "a.nc"
    write(path, b"old")
    with pytest.raises(Refused, match=r"must not exist yet; got .*a\.nc\. .*overwrite=True.*--force"):
        write(path)
    assert path.read_bytes() == b"old"
    write(path, overwrite=True)
    assert path.read_bytes() == b"new" and [p.name for p in path.parent.iterdir()] == ["a.nc"]


@pytest.mark.parametrize("check", [write, lambda path, **how: check_output(path, error=Refused, **how)])
def test_no_link_folder_or_device_is_ever_replaced(tmp_path, check):
    target, folder = tmp_path / "target", tmp_path / "folder"
    target.write_bytes(b"old")
    folder.mkdir()
    for name, goal in (("link", target), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(goal)
        with pytest.raises(Refused, match="must be no link"):
            check(tmp_path / name, overwrite=True)
        assert (tmp_path / name).is_symlink()
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((folder, "folder"), (tmp_path / "pipe", "device or pipe"), ("/dev/full", "device or pipe")):
        with pytest.raises(Refused, match=f"must be no {kind}"):
            check(path, overwrite=True)
    assert target.read_bytes() == b"old" and folder.is_dir() and not (tmp_path / "nowhere").exists()
    check(tmp_path / "plain", overwrite=True)  # negative control


def test_the_output_is_checked_before_anything_is_computed(tmp_path):
    check_output(tmp_path / "a.nc", error=Refused)
    assert not list(tmp_path.iterdir())  # the probe is gone
    for path in (tmp_path / "no" / "a.nc", "/proc/a.nc", "a\0b", tmp_path / ("long" * 100)):
        with pytest.raises(Refused, match=r"must lie in a folder that can be written|must go to a folder"):
            check_output(path, error=Refused)


@pytest.mark.parametrize("fails", ["space", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, fails):
    path = tmp_path / "a.nc"
    path.write_bytes(b"old")

    def full(*words):
        raise OSError(errno.ENOSPC, "No space left on device")

    if fails == "space":
        usage = __import__("shutil").disk_usage(tmp_path)
        monkeypatch.setattr("shutil.disk_usage", lambda folder: usage._replace(free=2))
    else:
        monkeypatch.setattr(os, fails, full)
    with pytest.raises(Refused, match=r"must go to a folder that can be written; .*(No space left|are free)"):
        write(path, overwrite=True)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def test_only_leftovers_of_this_package_are_removed(tmp_path):
    """Temporary files of other programs are never touched, however old, whatever they are called."""
    host, word = socket.gethostname(), 32 * "0"
    dead = 2**22 + 1  # above any process number of Linux
    ours = [f".cfgfield~{host}~{dead}~{word}~part.tmp", f".cfgfield~another~1~{word}~part.tmp"]
    kept = ["thesis.tmp", f"a.npz~{host}~{dead}~0.tmp", f"cfgfield~{host}~{dead}~{word}~part.tmp", temporary_name()]
    young = f".cfgfield~another~2~{word}~part.tmp"
    for name in (*ours, *kept, young):
        (tmp_path / name).write_bytes(b"precious")
        os.utime(tmp_path / name, (1e9, 1e9))
    os.utime(tmp_path / young)
    remove_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*kept, young])
    assert OURS.fullmatch(temporary_name())


def test_every_flipped_bit_of_what_is_sealed_is_noticed():
    content = bytes(range(200))
    whole = sealed(content)
    assert unsealed(whole) == (content, True)
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        try:
            body, checked = unsealed(bytes(damaged))
        except ValueError:
            continue
        assert not checked and body.startswith(content)  # the seal itself: nothing vouches for the file any more


def test_json_is_sealed_by_content_not_by_layout():
    data = {"w": [1.0, 0.1, -0.0], "n": {10: "ten", 9: "nine"}, "none": None, "many": 2**70}
    text = json.dumps(sealed_json(data))
    found, checked = unsealed_json(json.loads(text))
    assert checked and found == json.loads(json.dumps(data))
    assert unsealed_json(json.loads(json.dumps(json.loads(text), indent=4))) == (found, True)
    assert unsealed_json(found) == (found, False)
    with pytest.raises(ValueError, match=r"checksum \"sha256\" is wrong.*remove \"sha256\" if that was on purpose"):
        unsealed_json(json.loads(text.replace("0.1", "0.3")))
