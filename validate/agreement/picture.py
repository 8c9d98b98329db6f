"""Figure of one comparison: theory as lines, particles as points, z below."""

from textwrap import wrap

import numpy as np

from meanfield import Ensemble
from validate.agreement.stated import Stated
from validate.drawing import QUIET, canvas


def draw(comparison, axes=None):
    """Draw a `Comparison`.

    Parameters
    ----------
    axes : three axes (m, v, z) to draw into; made if None.

    Returns
    -------
    (fig, axes)
    """
    with canvas(axes, (5.0, 5.5), (3, 1), sharex=True, height_ratios=(2, 2, 1)) as (figure, column):
        axes = column[:, 0]
        data = comparison.data
        for axis, q, colour in zip(axes[:2], ("m", "v"), ("black", QUIET), strict=True):
            axis.plot(*_curve(comparison, q), color=colour, label="theory")
            rows = [(data.problem.sigma2 + r.t, r.particles, r.stderr, r.z) for r in comparison.rows if r.quantity == q]
            x, y, error, z = np.transpose(rows)
            axis.errorbar(x, y, error, fmt="o", color="black", capsize=2, label="particles")
            axes[2].plot(x, z, "o", color=colour, label=q)
            axis.set_ylabel(f"{q}(t)")
            axis.legend()
        axes[0].set_title(_headline(comparison), fontsize="small", weight="normal")
        axes[1].set_yscale("log")
        axes[2].axhspan(-comparison.threshold, comparison.threshold, color="0.9", lw=0, zorder=0)
        axes[2].set(ylabel="z", xlabel="D = sigma2 + t (sampling runs to the left)", xscale="log")
        axes[2].set_xlim(data.D[-1] * 0.9, data.D[0])
    return figure, axes


def _headline(comparison) -> str:
    """What is compared, and of which other problem the theory is."""
    words = [comparison.title, f"theory of {comparison.other}" if comparison.differs else ""]
    return "\n".join(wrap(". ".join(filter(None, words)), 72))


def _curve(comparison, quantity: str):
    """The theory's curve where the particles are recorded."""
    theory, data, rows = comparison.theory, comparison.data, comparison.rows
    if isinstance(theory, Stated):  # between the times that were compared, where a function is known to answer
        t = np.array([r.t for r in rows if r.quantity == quantity])
        t = t if theory.t is not None else data.t[(data.t <= t[0]) & (data.t >= t[-1])]
        return data.problem.sigma2 + t, getattr(theory.at(t), quantity)
    if hasattr(theory, "at") and hasattr(theory, "pieces"):
        t = theory.t[theory.t <= data.t[0]]
        return data.problem.sigma2 + t, getattr(theory.at(t), quantity)
    value = getattr(theory, quantity)
    return data.problem.sigma2 + theory.t, value.mean if isinstance(theory, Ensemble) else value
