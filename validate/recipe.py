"""What a figure of the gallery is: parts of data, each a function and its arguments, and a drawing of them.

A `Part` states a computation without doing it, so that its recipe can be compared with that of saved data.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield import Noise, Problem, Schedule

if TYPE_CHECKING:
    import xarray

PROFILES = ("quick", "standard", "full")
Data = Mapping[str, "xarray.Dataset"]
Effort = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """One dataset of a figure: `function(**arguments)`.

    Attributes
    ----------
    function, arguments : the computation, and its recipe.
    resumable : whether the function takes a `checkpoint`, the name of a file to go on from; no part of the recipe, as
        what it computes does not depend on it.

    Examples
    --------
    >>> from validate.figures.plane import plane
    >>> Part(plane, {"n_samples": 100}).recipe
    {'function': 'plane', 'arguments': {'n_samples': 100}}
    """

    function: Callable[..., "xarray.Dataset"]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    resumable: bool = False

    @property
    def recipe(self) -> dict[str, Any]:
        """Function and arguments as plain data; the function by its own name, so that it may move."""
        return {"function": self.function.__qualname__, "arguments": _plain(dict(self.arguments))}

    def compute(self, checkpoint: Path) -> "xarray.Dataset":
        """Do it; from a checkpoint on, if it can be interrupted and there is one."""
        return self.function(**self.arguments, **({"checkpoint": checkpoint} if self.resumable else {}))


@dataclass(frozen=True)
class GalleryFigure:
    """One figure of the paper.

    Attributes
    ----------
    name : of its files, and on the command line.
    title : one line.
    parts : profile -> its data by name.
    draw : data -> (fig, axes).
    caption : data -> what is shown, with parameters and errors; formulas between dollars.
    extra : name of the optional extra that its data need; none by default.
    available : whether that extra is installed.
    """

    name: str
    title: str
    parts: Callable[[str], Mapping[str, Part]]
    draw: Callable[[Data], tuple[Any, Any]]
    caption: Callable[[Data], str]
    extra: str = ""
    available: Callable[[], bool] = lambda: True


def in_order(draw: Callable[..., tuple[Any, Any]]) -> Callable[[Data], tuple[Any, Any]]:
    """The drawing of a figure whose parts are, in their order, the arguments of `draw`."""
    return lambda data: draw(*data.values())


def effort(profile: str, quick: Effort, standard: Effort, full: Effort) -> dict[str, int]:
    """The samples a draw, draws and steps of a profile, as options of `simulate.run`.

    Examples
    --------
    >>> effort("quick", (64, 16, 80), (500, 32, 150), (1000, 64, 200))
    {'n_samples': 64, 'n_disorder': 16, 'n_steps': 80}
    """
    size = dict(zip(PROFILES, (quick, standard, full), strict=True))[profile]
    return dict(zip(("n_samples", "n_disorder", "n_steps"), size, strict=True))


def effort_in_words(data: "xarray.Dataset") -> str:
    """What stands behind the points of a dataset that carries its options of `simulate.run`."""
    options = json.loads(data.attrs["options"])
    return f"{options['n_disorder']} draws of {options['n_samples']} samples, {options['n_steps']} steps"


def _plain(value: Any) -> Any:
    """JSON of an argument: problems and schedules by their own form, arrays as lists, all else by its repr."""
    if isinstance(value, Problem | Schedule):
        return value.to_dict()
    if isinstance(value, Noise):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
