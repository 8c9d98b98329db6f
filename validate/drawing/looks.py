"""The dictionary of looks: which colour, line and symbol each thing has, in every figure.

Seven colours, found by a search: whatever two of them one takes, they differ for a reader with any of the common kinds
of colour blindness, and in grey, and all stand out from a white page. Blue and vermilion are the two samplers and
nothing else; black is what others are compared with: the mean field, constant guidance, plain CFG.

A figure colours by one family. What it shows besides is told by line and symbol: with schedules, rules or numbers in
colour, SDE is a full line and a filled disc, ODE a dashed line and an open square. Numbers (of classes, dimensions,
weights) have no colour of their own, but `shades` of one scale, dark to light.
"""

from typing import Any, NamedTuple

COLOURS = ("#1f69cc", "#d5571f", "#006551", "#c77aa9", "#871033", "#2f1d7e", "#000000")
BLUE, VERMILION, GREEN, PINK, WINE, INDIGO, BLACK = COLOURS
QUIET = "0.45"  # what is no data: levels to compare with, boundaries of regions, remarks


class Look(NamedTuple):
    """How one thing is drawn: `curve` as theory, `points` as particles."""

    label: str
    colour: str
    line: Any
    marker: str

    @property
    def curve(self) -> dict[str, Any]:
        return {"color": self.colour, "ls": self.line}

    @property
    def points(self) -> dict[str, Any]:
        return {"color": self.colour, "marker": self.marker, "ls": ""}


_SHORT, _DOTS = (0, (3, 1.2)), (0, (1, 1.2))
SAMPLER = {"sde": Look("SDE", BLUE, "-", "o"), "ode": Look("ODE", VERMILION, "--", "s")}
LEVEL = {  # of the theory, and what it is compared with
    "mean field": Look("mean field", BLACK, "-", "_"),
    "quenched": Look("quenched", GREEN, "-", "D"),
    "annealed": Look("annealed", PINK, "--", "x"),
    "few classes": Look("few classes", INDIGO, "-.", "^"),
    "unguided": Look("unguided", QUIET, _DOTS, "."),
    "particles": Look("particles", "0.2", "", "o"),
}
SCHEDULE = {
    "constant": Look("constant", BLACK, "-", "o"),
    "interval": Look("interval", PINK, "-", "s"),
    "triangular": Look("triangular", PINK, _SHORT, "P"),
    "rising ramp": Look("rising ramp", GREEN, _SHORT, "^"),
    "falling ramp": Look("falling ramp", GREEN, "-", "v"),
    "exponential": Look("exponential", GREEN, "-.", ">"),
    "early": Look("early", INDIGO, "-", "D"),
    "late unconditional": Look("late unconditional", INDIGO, _SHORT, "d"),
    "negative window": Look("negative window", WINE, _SHORT, "h"),
    "designed": Look("designed", WINE, "-", "*"),
}
RULE = {
    "CFG": Look("CFG", BLACK, "-", "o"),
    "rescale": Look("rescale", GREEN, "-", "s"),
    "rescale x0": Look("rescale x0", GREEN, _SHORT, "p"),
    "APG": Look("APG", INDIGO, "-", "D"),
    "APG, momentum": Look("APG, momentum", INDIGO, _SHORT, "d"),
    "CFG-Zero*": Look("CFG-Zero*", PINK, "-", "^"),
    "TCFG": Look("TCFG", WINE, "-", "v"),
    "free": Look("free", WINE, _SHORT, "h"),
    "autoguidance": Look("autoguidance", PINK, _SHORT, "P"),
    "two bands": Look("two bands", BLACK, _SHORT, "X"),
}
METHOD = {  # codes of samplers; those of the SDE beside those of the ODE, in panels of their own
    "euler": Look("DDIM (Euler)", BLACK, "-", "o"),
    "heun": Look("Heun", GREEN, "-", "s"),
    "dpmpp-2m": Look("DPM++ 2M", INDIGO, "-", "^"),
    "unipc": Look("UniPC", PINK, "-", "D"),
    "euler-ancestral": Look("Euler ancestral", BLACK, "-", "o"),
    "dpmpp-2m-sde": Look("DPM++ 2M SDE", INDIGO, "-", "^"),
}
FAMILIES = {"sampler": SAMPLER, "level": LEVEL, "schedule": SCHEDULE, "rule": RULE, "method": METHOD}
PHASE = {  # areas, behind black text
    "crowd": "#dfe9f3", "glass": "#f6d9c4", "target": "#d5ecdf", "captured": "#f0d5e6", "sliding": "#fbf3c8",
    "second": "#e3dff3",
}  # fmt: skip


def shades(n: int) -> list[str]:
    """n colours of one scale, dark to light, for an ordered number such as d or alpha.

    Examples
    --------
    >>> shades(1), len(set(shades(5)))
    (['#440154'], 5)
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    scale = colormaps["viridis"]  # up to 0.58, where it still stands out from white
    return [to_hex(scale(0.58 * k / max(n - 1, 1))) for k in range(n)]


def face_of(sampler: str, colour: str) -> str:
    """The inside of a sampler's symbol where colour tells something else: full for the SDE, open for the ODE."""
    return colour if sampler == "sde" else "white"
