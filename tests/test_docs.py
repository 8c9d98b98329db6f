"""Every Python block of README.md and docs/ runs, in a fresh namespace."""

import re
import sys
from pathlib import Path

import pytest

from meanfield import Noise, Schedule
from validate.gallery import registry

ROOT = Path(__file__).parents[1]
# they need the extra `learned`: tests/extras/test_learned_pages.py runs their blocks
LEARNED = {"learned-score.md", "rules-network.md", "your-data.md", "your-model.md"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
# a block of code, and what it prints where the page shows that right below, as ```text
BLOCK = re.compile(r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(code, shown, id=f"{page.name}-{i}")
    for page in PAGES
    if page.name not in LEARNED
    for i, (code, shown) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize(("code", "shown"), BLOCKS)
def test_block_runs(code, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kind in (Noise, Schedule):  # what a page adds to the known names is forgotten after it
        monkeypatch.setattr(kind, "_known", dict(kind._known))
    monkeypatch.setattr(registry, "_own", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})
    if shown:
        assert lines(capsys.readouterr().out) == lines(shown)


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def test_tutorials_show_what_their_code_prints():
    tutorials = [
        param.values for param in BLOCKS if (ROOT / "docs" / "tutorials" / param.id.rpartition("-")[0]).exists()
    ]
    assert len(tutorials) > 10 and all(shown for code, shown in tutorials if "print(" in code)


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
