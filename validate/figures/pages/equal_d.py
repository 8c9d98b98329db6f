"""All comparisons of the quenched theory with particles at equal d, of an atlas."""

import math

import numpy as np
from scipy.stats import norm

from validate.drawing import QUIET, canvas


def draw(verdict, axes=None):
    """All z of the quenched theory against particles, and against the normal law.

    Parameters
    ----------
    verdict : `validate.judge(data)` of an atlas, as from `validate.atlas("finite")`.
    axes : two axes; made if None.

    Returns
    -------
    (fig, axes)
    """
    rows = [v for v in verdict.verdicts if v.ground == "equal d"]
    with canvas(axes, (7.0, 3.2), 2, width_ratios=(1.5, 1)) as (figure, axes):
        for q, colour, shift in (("m", "black", -0.25), ("v", QUIET, 0.25)):
            mine = [v for v in rows if v.quantity == q]
            axes[0].plot([v.d + shift for v in mine], [v.z for v in mine], "o", ms=3, mfc="none", color=colour, label=q)
            z = np.sort([v.z for v in mine])
            quantiles = norm.ppf((np.arange(len(z)) + 0.5) / len(z))
            spread = math.sqrt(float(np.mean(z**2)))
            axes[1].plot(quantiles, z, "o", ms=3, mfc="none", color=colour, label=f"{q}(0): r.m.s. {spread:.2f}")
        for side in (-verdict.threshold, verdict.threshold):
            axes[0].axhline(side, color="0.6", lw=0.8, ls=":")
        axes[0].axhspan(-1, 1, color="0.92", lw=0, zorder=0)
        sizes = sorted({v.d for v in rows})
        title, top = f"{len(rows)} numbers in {len({v.group for v in rows})} regimes", 1.25 * verdict.threshold
        axes[0].set(title=title, xticks=sizes, ylim=(-top, top))
        axes[0].set(xlabel="dimension d", ylabel="z = (particles - theory)/error")
        axes[0].legend(loc="upper right", ncols=2)
        axes[1].axline((0, 0), slope=1.0, color="0.5", lw=0.8)
        axes[1].set(title="against the normal law", xlabel="normal quantile", ylabel="z, sorted")
        axes[1].legend(loc="upper left")
    return figure, axes
