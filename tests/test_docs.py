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
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    pytest.param(code, id=f"{page.name}-{i}")
    for page in PAGES
    if page.name not in LEARNED
    for i, code in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_block_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in (Noise, Schedule):  # what a page adds to the known names is forgotten after it
        monkeypatch.setattr(kind, "_known", dict(kind._known))
    monkeypatch.setattr(registry, "_own", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
