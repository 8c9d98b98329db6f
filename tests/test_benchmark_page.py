"""The page of the benchmark: written from the data of all sections, those of before included."""

import json

import pytest

from benchmarks import suite
from benchmarks.__main__ import _keep, _write_page, main


def test_sections_that_were_not_run_again_are_kept(tmp_path):
    old = {"growth": {"machine": {"load": 1.0}, "data": []}, "memory": {"machine": {"load": 1.0}, "data": []}}
    _keep(tmp_path, old)
    _keep(tmp_path, {"memory": {"machine": {"load": 2.0}, "data": []}})
    _write_page(tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["growth"] == old["growth"] and kept["memory"]["machine"]["load"] == 2.0
    assert "| memory | 2 |" in (tmp_path / "results.md").read_text()


def test_the_page_is_written_when_no_section_of_an_earlier_program_is_left(monkeypatch, tmp_path):
    """Negative control: one that is left has no place on it."""
    monkeypatch.setitem(suite.SECTIONS, "growth", lambda quick, say: [])
    monkeypatch.setitem(
        suite.SECTIONS, "start-up", lambda quick, say: {"imports": {}, "first call": {}, "processes": {}}
    )
    _keep(tmp_path, {"start-up": {"machine": {}, "data": {"imports": {}, "first call": {}}}})
    with pytest.raises(KeyError, match="processes"):
        main(["--only", "growth", "--out", str(tmp_path)])
    assert main(["--only", "growth", "start-up", "--out", str(tmp_path)]) == 0
    assert "from its start to its end" in (tmp_path / "results.md").read_text()


def test_a_section_that_fails_takes_nothing_from_those_before(monkeypatch, tmp_path):
    def broken(quick, say):
        raise RuntimeError("broken")

    monkeypatch.setattr(suite, "SECTIONS", {"growth": lambda quick, say: [], "memory": broken})
    with pytest.raises(RuntimeError):
        main(["--only", "growth", "memory", "--out", str(tmp_path)])
    assert list(json.loads((tmp_path / "results.json").read_text())) == ["growth"]
