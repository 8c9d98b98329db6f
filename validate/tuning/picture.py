"""The trade-off of a design: what the mean gains, what the variance keeps; nothing is computed."""

from typing import TYPE_CHECKING, Any

from validate.drawing import LEVEL, SCHEDULE, canvas

if TYPE_CHECKING:
    from validate.tuning.result import MixtureDesign

LOOKS = {  # candidate -> its look
    "window": SCHEDULE["designed"], "constant": SCHEDULE["constant"], "early only": SCHEDULE["early"],
    "late unconditional": SCHEDULE["late unconditional"], "interval": SCHEDULE["interval"],
    "mean field": LEVEL["annealed"]._replace(marker="X"),
}  # fmt: skip


def draw(found: "MixtureDesign", axes: Any) -> Any:
    """See `MixtureDesign.plot`."""
    about = found.dataset.attrs
    with canvas(axes, (4.8, 3.4), 1) as (figure, grid):
        panel = grid.ravel()[0]
        keep, tolerance = about["keep"], about["tolerance"]
        panel.axhspan(keep - tolerance, keep + tolerance, color="0.88", zorder=0, label=f"kept within {tolerance:.2g}")
        for name in found.candidates:
            size = 11 if name == "window" else 5
            shift, ratio = found.estimate("shift", name), found.estimate("trace_ratio", name)
            panel.errorbar(
                shift.value,
                ratio.value,
                ratio.stderr,
                shift.stderr,
                ms=size,
                capsize=2,
                label=name,
                **LOOKS[name].points,
            )
        panel.set(
            xlabel="shift of the mean / its distance from the centre",
            ylabel="trace of the covariance,\nguided / unguided",
        )
        panel.set_title(f"class {found.target}")
        panel.margins(0.12)
        panel.locator_params(axis="x", nbins=5)
        panel.legend()
    return figure, grid
