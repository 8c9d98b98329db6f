"""The page of the gallery: thumbnail and number of every figure, as docs/figures.md counts them, and its file."""

import json
import re
from pathlib import Path

from browser import document, in_a_browser

from validate.gallery import GALLERY

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gallery" / "README.md").read_text()


def test_thumbnails_headings_and_the_list_of_figures_have_the_same_numbers():
    names = {str(n): figure.name for n, figure in enumerate(GALLERY, start=1)}
    listed = dict(re.findall(r"^\| (\d+) \| `([\w-]+)` \|", (DOCS / "figures.md").read_text(), re.M))
    thumbnails = re.findall(r'<a href="#([\w-]+)"><img src="([\w-]+)\.png" [^>]*><span>(\d+)</span>', PAGE)
    headings = dict(re.findall(r'<a id="([\w-]+)"></a>\n\n## (\d+)\. ', PAGE))
    assert listed == names == {number: name for name, _, number in thumbnails}
    assert {number: name for name, number in headings.items()} == names
    assert all(name == picture and (DOCS / "gallery" / f"{picture}.png").exists() for name, picture, _ in thumbnails)


def test_no_picture_lies_there_that_no_page_shows():
    pages = [path.read_text() for path in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]]
    shown = {Path(link).name for text in pages for link in re.findall(r"\]\(([^)\s]+\.png)\)", text)}
    lying = {path.name for path in [*DOCS.glob("*.png"), *DOCS.glob("gallery/*.png")]}
    assert lying <= shown and "no-such-figure.png" not in shown


def test_enlarging_needs_nothing_from_elsewhere():
    script = (DOCS / "assets" / "enlarge.js").read_text()
    assert not re.search(r"https?:|import\(|fetch\(", script)
    assert "assets/enlarge.js" in (DOCS.parent / "mkdocs.yml").read_text()


@in_a_browser
def test_a_click_enlarges_a_figure(tmp_path):
    script = (DOCS / "assets" / "enlarge.js").as_uri()
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    body = f'<div class="md-typeset"><div class="thumbnails"><a href="#x"><img src="{pixel}" alt="One"><span>1</span>'
    probe = """<pre id="out"></pre><script>
    window.addEventListener("load", () => {
      const dialog = document.querySelector("dialog"), before = dialog.open;
      document.querySelector("img").click();
      const text = dialog.innerText.trim(), after = dialog.open;
      dialog.click();
      document.getElementById("out").textContent = JSON.stringify([before, after, dialog.open, text]);
    });</script>"""
    (tmp_path / "page.html").write_text(
        f"<!doctype html><body>{body}</a></div></div><script src={script}></script>{probe}"
    )
    shown = document(tmp_path / "page.html", "--allow-file-access-from-files")
    found = json.loads(re.search(r'<pre id="out">(.*?)</pre>', shown, re.DOTALL)[1])
    assert found == [False, True, False, "1. One: caption and data"]
