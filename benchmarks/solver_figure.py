"""The error of every solver over its scores: a drawing of the rows of `benchmarks.solvers`."""

from collections.abc import Iterable
from typing import Any

from benchmarks.solvers import TOLERANCES
from validate.drawing import COLOURS, canvas

__all__ = ["draw"]

MARKS = "osD^v<>PX*h"


def draw(rows: list[dict], P: int, axes: Any = None) -> Any:
    """Larger error of m and v at t = 0 over scores, ODE and SDE; returns (figure, axes).

    diffusers' own schedulers are drawn where no script has the same solver: the curves would be the same.
    """
    with canvas(axes, (7.0, 3.4), 2) as (figure, both):
        for ax, sampler in zip(both, ("ode", "sde"), strict=True):
            chosen = [r for r in rows if r["sampler"] == sampler and r["P"] == P]
            for i, name in enumerate(_told_apart(dict.fromkeys(name for r in chosen for name in r["errors"]))):
                turn, at = divmod(i - 1, len(COLOURS) - 1)  # ours has the first colour alone
                colour, width, line = (COLOURS[1 + at], 0.8, "-:"[turn]) if i else (COLOURS[0], 2.2, "-")
                for n, row in enumerate(chosen):  # of every tolerance: its levels are others
                    points = [point for point in row["errors"].get(name, []) if 0 < point[1] < 1]
                    if points:
                        x, error = zip(*points, strict=True)
                        look = {"color": colour, "marker": MARKS[i % len(MARKS)], "ms": 3, "lw": width, "ls": line}
                        ax.loglog(x, error, **look, label=None if n else name)
            for tolerance in TOLERANCES:
                ax.axhline(tolerance, color="0.7", lw=0.6, ls=":")
            ax.set(title=f"{sampler.upper()}" + (f", P = {P}" if sampler == "ode" else ", continuum"),
                   xlabel="scores", ylabel="error of m, v")  # fmt: skip
            ax.legend(fontsize=6)
    return figure, both


def _told_apart(names: Iterable[str]) -> list[str]:
    """Names of solvers, without those of diffusers that are there as scripts, too."""
    kinds = [name.removesuffix(", diffusers") for name in names]
    return [name for name, kind in zip(names, kinds, strict=True) if kinds.count(kind) == 1 or name == kind]
