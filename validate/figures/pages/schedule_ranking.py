"""Every family of schedules at one mean shift, ranked by the variance that it keeps.

Data are rows of a table, as `rows_of` makes them of `tabulate_schedules` and as docs/equal-shift.csv holds them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from validate.drawing import LEVEL, QUIET, SCHEDULE, Look, canvas, lettered, noted

if TYPE_CHECKING:
    import pandas

COLUMNS = {  # of the table -> variable of `tabulate_schedules`
    "A": "amplitude", "mean_shift": "mean_shift", "v_ratio": "variance_ratio", "F": "separation", "KL": "kl",
    "W2": "w2", "v_ratio_particles": "particle_variance_ratio", "v_ratio_stderr": "particle_variance_ratio_stderr",
    "accuracy": "particle_accuracy", "reached": "reached", "standing": "standing",
}  # fmt: skip
KINDS = {  # word in the name of a family -> its look
    "rising": "rising ramp", "falling": "falling ramp", "window": "negative window", "power law": "exponential",
}  # fmt: skip


def rows_of(data: xarray.Dataset) -> "pandas.DataFrame":
    """A row for each alpha, sampler and family.

    Examples
    --------
    >>> from meanfield import Constant
    >>> from validate.figures.pages.schedule_table import tabulate_schedules
    >>> data = tabulate_schedules((0.4,), ("sde",), families={"constant": Constant}, dimensions=(8,), n_samples=0)
    >>> rows_of(data)[["alpha", "sampler", "schedule", "A"]].round(9).values.tolist()
    [[0.4, 'sde', 'constant', 1.0]]
    """
    table = data[[*COLUMNS.values()]].to_dataframe().reset_index()
    kept = table[["alpha", "sampler", "schedule", *COLUMNS.values()]]
    return kept.rename(columns={old: new for new, old in COLUMNS.items()})


def draw(rows: "pandas.DataFrame", axes=None):
    """A panel for each alpha and sampler, a line for each family, ranked by its mean over panels: bars are theory.

    Parameters
    ----------
    rows : as from `rows_of`.
    axes : one for each alpha and sampler; made if None.

    Returns
    -------
    (fig, axes)
    """
    keeps = rows.assign(kept=np.where((rows.F > 0) & rows.reached, rows.v_ratio, np.nan))
    mean = keeps.groupby("schedule").kept.agg(lambda v: np.nan if v.isna().any() else v.mean())
    names = mean.sort_values(ascending=False, na_position="last").index.tolist()
    blocks = list(rows.groupby(["alpha", "sampler"], sort=False))
    with canvas(axes, (7.0, 0.19 * len(names) + 1.0), len(blocks), sharey=True) as (figure, axes):
        for axis, (_, block) in zip(axes.flat, blocks, strict=True):
            _panel(axis, block.set_index("schedule").loc[names])
            axis.set(xlim=(0.25, 1.06), xlabel=r"variance kept, $v(0)/\sigma^2$")
        axes.flat[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))
        lettered(axes.flat, *(f"α = {alpha:g}, {str(sampler).upper()}" for (alpha, sampler), _ in blocks))
    return figure, axes


def _panel(axis: Any, block: "pandas.DataFrame") -> None:
    for y, (name, row) in enumerate(block.iterrows()):
        look = look_of(str(name))
        axis.axhline(y, color="0.92", lw=0.8, zorder=0)
        if row.F <= 0:
            noted(axis, "loses its class", (0.5, y), xycoords=("axes fraction", "data"), ha="center", va="center")
            continue
        if not row.reached:
            noted(axis, "misses the shift", (0.5, y), xycoords=("axes fraction", "data"), ha="center", va="center")
            continue
        axis.plot(row.v_ratio, y, "|", color=look.colour, ms=9, mew=2.0)
        if row.v_ratio_particles <= 1.05:
            points: Any = {**LEVEL["particles"].points, "color": look.colour, "ms": 3.0, "mfc": "white", "lw": 0.8}
            axis.errorbar(row.v_ratio_particles, y, xerr=row.v_ratio_stderr, **points)
        elif np.isfinite(row.v_ratio_particles):
            noted(axis, f"particles {row.v_ratio_particles:.1f}", (0.03, y), xycoords=("axes fraction", "data"),
                  va="center")  # fmt: skip
    axis.axvline(1.0, color=QUIET, lw=0.8, ls=":", zorder=0)


def look_of(family: str) -> Look:
    """The look of a family by the kind of schedule it is.

    Examples
    --------
    >>> look_of("cosine rising").label, look_of("early high, t > 2").label
    ('rising ramp', 'early')
    """
    kind = next((kind for word, kind in KINDS.items() if word in family), None)
    return SCHEDULE[kind or next((name for name in SCHEDULE if family.startswith(name)), "constant")]
