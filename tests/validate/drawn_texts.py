"""What is wrong with the texts of a figure, as the renderer places them: too small, cut off, one on the other."""

from contextlib import contextmanager
from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

SMALLEST = 6.0  # points
SLACK = 1.5  # pixels beyond the canvas that only anti-aliasing needs
SHARE = 0.12  # of the smaller of two boxes: the boxes of two lines of letters touch where the letters do not


@contextmanager
def recorded():
    """The texts that are drawn inside the `with` block."""
    found, draw = [], Text.draw

    def record(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            found.append((self, self.get_window_extent(renderer)))
        return draw(self, renderer, *args, **kwargs)

    Text.draw = record
    try:
        yield found
    finally:
        Text.draw = draw


def faults(figure) -> list[str]:
    """Texts below 6 points, beyond the canvas, or on another text."""
    with recorded() as drawn:
        FigureCanvasAgg(figure).draw()  # the layout settles
        drawn.clear()
        figure.canvas.draw()
    width, height = figure.get_size_inches() * figure.dpi
    small = [f"{t.get_fontsize():.1f} pt: {t.get_text()!r}" for t, _ in drawn if t.get_fontsize() < SMALLEST]
    cut = [
        f"cut off: {t.get_text()!r}"
        for t, b in drawn
        if min(b.x0, b.y0) < -SLACK or b.x1 > width + SLACK or b.y1 > height + SLACK
    ]
    on = [
        f"one on the other: {s.get_text()!r}, {t.get_text()!r}"
        for (s, a), (t, b) in combinations(drawn, 2)
        if _shared(a, b) > SHARE * min(a.width * a.height, b.width * b.height)
    ]
    return small + cut + on


def _shared(a, b) -> float:
    """Area in which two boxes lie on each other."""
    wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(wide, 0.0) * max(high, 0.0)
