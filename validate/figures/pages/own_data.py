"""The table and the figure of docs/design-your-data.md: schedules designed for classes of scikit-learn's data.

    table = designs()               # minutes; designs({name: CASES[name]}) for some
    print(to_markdown(table))
    draw(table["digits 0, ODE"])[0].savefig("design-your-data.png", dpi=160)

Features that never vary are left out and the rest is centred; pixels are divided by 16, other features by their width.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from meanfield.tools.progress import Progress
from simulate.mixtures.fitting import sklearn_module
from simulate.mixtures.mixture import Mixture
from validate.results.tables import Show
from validate.tuning.page import said
from validate.tuning.result import THEORY, MixtureDesign

PIXEL = 16.0  # the largest value of a pixel of the digits
HEADS = ("class", "window", "shift", "trace, window", "constant", "early only", "mean field", "best")


class Case(NamedTuple):
    """A mixture, made when it is needed, and what is designed for one of its classes."""

    make: Callable[[], Mixture]
    target: Any
    sampler: str = "ode"
    theory: bool = False


def fitted(name: str) -> Mixture:
    """One Gaussian for every class of scikit-learn's "digits", "wine" or "breast_cancer"."""
    X, y = getattr(sklearn_module("sklearn.datasets"), f"load_{name}")(return_X_y=True)
    X = X[:, X.std(axis=0) > 0]
    return Mixture.fit((X - X.mean(axis=0)) / (PIXEL if name == "digits" else X.std(axis=0)), y)


CASES = {
    f"{name.replace('_', ' ')} {target}, {sampler.upper()}": Case(
        lambda name=name: fitted(name), target, sampler, name == "digits"  # type: ignore[misc]
    )
    for name, target, sampler in (
        ("digits", 0, "ode"), ("digits", 1, "ode"), ("wine", 0, "ode"), ("wine", 0, "sde"), ("wine", 1, "ode"),
        ("wine", 1, "sde"), ("breast_cancer", 0, "ode"), ("breast_cancer", 0, "sde"),
    )
}  # fmt: skip


def designs(
    cases: Mapping[str, Case] | None = None, *, progress: Show = None, **options: Any
) -> dict[str, MixtureDesign]:
    """A design for every case, with options of `Mixture.design`."""
    chosen, made = CASES if cases is None else cases, {}
    with Progress(progress, len(chosen), "designing for classes of data") as show:
        for n, (name, case) in enumerate(chosen.items()):
            made[name] = case.make().design(
                case.target, sampler=case.sampler, theory=case.theory, progress=False, **options
            )
            show(n + 1)
    return made


def to_markdown(table: Mapping[str, MixtureDesign]) -> str:
    """A row for each design: trace, guided over unguided, of the window and of others; the best of the ranking."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for name, made in table.items():
        others = [_trace(made, other) for other in ("constant", "early only", THEORY)]
        kept = made.text("trace_ratio") + ("" if made.kept else " (not kept)")
        cells = [name, _typeset(said(made.schedule)), made.text("shift"), kept, *others, made.candidates[0]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(made: MixtureDesign) -> Any:
    """The schedules at equal shift, without that of the mean field, which is far from them. Returns (fig, axes)."""
    near = [name for name in made.dataset.candidate.values if name != THEORY]
    return MixtureDesign(made.dataset.sel(candidate=near)).plot()


def _trace(made: MixtureDesign, name: str) -> str:
    return made.text("trace_ratio", name) if name in made.candidates else "left out" if name in made.left_out else ""


def _typeset(words: str) -> str:
    """The formulas of a schedule in words between dollars.

    >>> _typeset("w = 6 above t = 2, -0.25 below")
    '$w = 6$ above $t = 2$, $-0.25$ below'
    """
    return re.sub(r"[wt] = -?[\d.e+-]*\d|-[\d.e+-]*\d(?= below)", r"$\g<0>$", words)
