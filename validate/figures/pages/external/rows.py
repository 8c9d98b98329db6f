"""A number that others computed beside ours, whether they agree, and the table of such rows for a page."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from validate.agreement.statistics import family_threshold
from validate.data.batches import written

HEADS = ("source", "what", "at", "theirs", "this package", "difference", "agree")


@dataclass(frozen=True)
class Row:
    """Theirs and ours. Numbers with statistical errors are judged by z, others by the largest difference allowed.

    Attributes
    ----------
    source, what, at : where theirs is from, what it is, and where of it; formulas between dollars.
    theirs, ours : the two numbers; `theirs_error`, `ours_error` their standard errors, 0 if they have none.
    family : numbers judged together with this one, at a probability of 1 % of any false alarm.
    bound : largest difference allowed, where neither number is statistical: the accuracy that is claimed.

    Examples
    --------
    >>> row = Row("paper", "$m$", "$t = 0$", theirs=1.02, ours=1.0, theirs_error=0.01)
    >>> row.z, row.agree, Row("paper", "$m$", "$t = 0$", 1.02, 1.0, bound=0.01).agree
    (-2.0, True, False)
    """

    source: str
    what: str
    at: str
    theirs: float
    ours: float
    theirs_error: float = 0.0
    ours_error: float = 0.0
    family: int = 1
    bound: float | None = None

    @property
    def z(self) -> float:
        """(ours - theirs)/standard error; nan without errors."""
        error = math.hypot(self.theirs_error, self.ours_error)
        return round((self.ours - self.theirs) / error, 12) if error > 0.0 else math.nan

    @property
    def agree(self) -> bool:
        """Within the bound, or within the threshold of the family."""
        if self.bound is not None:
            return bool(abs(self.ours - self.theirs) <= self.bound)
        return bool(abs(self.z) <= family_threshold(self.family))


def markdown(rows: Iterable[Row]) -> str:
    """The table of a page: rows of the same source and kind are one line.

    Examples
    --------
    >>> pair = [Row("paper", "$m$", f"$t = {t}$", theirs=1.02, ours=1.0, theirs_error=0.012, family=2) for t in (0, 1)]
    >>> print(markdown(pair).splitlines()[-1])
    | paper | $m$ | $t = 0$; $t = 1$ | 1.02(1), 1.02(1) | 1, 1 | r.m.s. $z$ 1.67 | yes |
    """
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for (source, what), group in groupby(rows, lambda row: (row.source, row.what)):
        members = list(group)
        theirs = ", ".join(_number(row.theirs, row.theirs_error) for row in members)
        ours = ", ".join(_number(row.ours, row.ours_error) for row in members)
        agree = "yes" if all(row.agree for row in members) else "no"
        cells = [source, what, "; ".join(row.at for row in members), theirs, ours, _judged(members), agree]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _judged(rows: list[Row]) -> str:
    bounds = [row.bound for row in rows if row.bound is not None]
    if not bounds:
        return f"r.m.s. $z$ {math.sqrt(sum(row.z**2 for row in rows) / len(rows)):.2f}"
    return f"off by {max(abs(row.ours - row.theirs) for row in rows):.0e}, allowed {max(bounds):.0e}"


def _number(value: float, error: float) -> str:
    if error > 0.0:
        return written(value, error)
    return f"{value:.5g}" if abs(value) >= 1e-3 else f"{value:.1g}"
