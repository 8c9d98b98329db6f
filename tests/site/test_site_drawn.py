"""The pages as a browser draws them: every formula is one, and no page is wider than its window, wide or on a phone."""

import html
import json
import re

from browser import document, in_a_browser

WIDTHS = (1400, 400)
# each page in a frame of each width: [page, width, width of its content, formulas, formulas that are none]
PROBE = """<!doctype html><meta charset="utf-8"><pre id="out"></pre><script>
(async () => {
  const found = [];
  for (const page of PAGES) for (const width of WIDTHS) {
    const frame = document.createElement("iframe");
    frame.width = width; frame.height = 800; frame.src = page;
    await new Promise(loaded => { frame.onload = loaded; document.body.append(frame); });
    await new Promise(drawn => setTimeout(drawn, 50));
    const all = frame.contentDocument;
    found.push([page, width, all.documentElement.scrollWidth, all.querySelectorAll(".arithmatex").length,
                all.querySelectorAll(".arithmatex:not(:has(.katex)), .katex-error").length]);
    frame.remove();
  }
  document.getElementById("out").textContent = JSON.stringify(found);
})();
</script>"""
BAD = {
    "wide": '<div style="width: 3000px">far too wide</div>',
    "broken": '<span class="arithmatex"><span class="katex-error">\\frac{1</span></span>',
}

pytestmark = in_a_browser


def drawn(folder, pages):
    """What the browser finds on `pages` of `folder` (see PROBE)."""
    probe = PROBE.replace("PAGES", json.dumps(pages), 1).replace("WIDTHS", json.dumps(WIDTHS), 1)
    (folder / "probe.html").write_text(probe)
    shown = document(folder / "probe.html", "--allow-file-access-from-files", "--virtual-time-budget=600000")
    return json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', shown, re.DOTALL)[1]))


def faults(rows):
    wide = [f"{page} at {width} px is {content} px wide" for page, width, content, _, _ in rows if content > width]
    return wide + [f"{page}: {bad} formulas that KaTeX cannot read" for page, _, _, _, bad in rows if bad]


def test_every_page_fits_and_every_formula_is_drawn(site):
    rows = drawn(site, [str(page.relative_to(site)) for page in sorted(site.rglob("index.html"))])
    assert sum(formulas for _, _, _, formulas, _ in rows) > 100
    assert not faults(rows)


def test_a_wide_page_and_a_broken_formula_are_found(tmp_path):
    """Negative control of the test above."""
    for name, body in BAD.items():
        (tmp_path / f"{name}.html").write_text(f"<!doctype html><body>{body}</body>")
    found = faults(drawn(tmp_path, ["wide.html", "broken.html"]))
    assert len([fault for fault in found if fault.startswith("wide.html")]) == 2
    assert len([fault for fault in found if fault.startswith("broken.html")]) == 2
