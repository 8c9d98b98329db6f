"""What saved data say of themselves: the recipe they were computed by, and whether it is the one that is wanted.

A recipe names the figure, its part, the function and its arguments, and no module, so that code may move. What takes
long writes a checkpoint beside its file to be, and goes on from it when it is asked for again.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.errors import ConfigError, DamageError
from validate.recipe import GalleryFigure, Part
from validate.results.files import read_dataset, write_dataset
from validate.results.provenance import code_fingerprint

if TYPE_CHECKING:
    import xarray

# modules that older recipes name the functions of parts by
FORMERLY = """
    meanfield.diagrams meanfield.landscape validate.designs validate.digit_levels validate.distortion_curves
    validate.fade_curves validate.finite_d validate.gallery.guidance_design validate.line validate.line_tails
    validate.pareto validate.plane validate.speciation validate.spectra
""".split()


class Saved:
    """The file of one part of a figure, in the folder of data of `out`."""

    def __init__(self, out: Path, figure: GalleryFigure, name: str, part: Part) -> None:
        self.path = out / "data" / f"{figure.name}-{name}.nc"
        self.part = part
        self.recipe = {"figure": figure.name, "part": name, **part.recipe}
        self.checkpoint = self.path.with_name(f"{self.path.stem}.{self._mark()}.part")  # of no other recipe

    def found(self) -> dict[str, Any] | None:
        """The recipe that the file carries; None if there is no file, or a damaged one."""
        try:
            return self._read(json.loads(read_dataset(self.path).attrs["recipe"])) if self.path.exists() else None
        except (DamageError, KeyError, ValueError):
            return None

    def is_wanted(self) -> bool:
        return self.found() == self.recipe

    def require_same(self) -> None:
        """Refuse to overwrite data of another recipe."""
        found = self.found()
        if found is not None and found != self.recipe:
            raise ConfigError(
                f"figures never overwrite data of other parameters; {self.path} was computed with other "
                f"{self._differing(found)}. Give another --out, or --force to compute it again."
            )

    def obtained(self, anew: bool) -> "xarray.Dataset":
        """The data, computed now and saved with their recipe; `anew` : not from what an interrupted run has left."""
        if anew:
            self.checkpoint.unlink(missing_ok=True)
        data = self.part.compute(self.checkpoint).assign_attrs(recipe=json.dumps(self.recipe, sort_keys=True))
        data.attrs.setdefault("code", code_fingerprint())
        write_dataset(data, self.path, overwrite=True)
        self.checkpoint.unlink(missing_ok=True)
        return data

    def _mark(self) -> str:
        """A few digits that tell recipes apart."""
        return hashlib.sha256(json.dumps(self.recipe, sort_keys=True).encode()).hexdigest()[:8]

    def _read(self, recipe: dict[str, Any]) -> dict[str, Any]:
        """A recipe as it is written now. Older ones name the function by its module, which no longer exists."""
        module, _, function = str(recipe["function"]).rpartition(".")
        if "figure" in recipe or module not in FORMERLY:
            return recipe
        return {"figure": self.recipe["figure"], "part": self.recipe["part"], **recipe, "function": function}

    def _differing(self, found: dict[str, Any]) -> str:
        """The names of the arguments in which two recipes differ."""
        if any(found.get(name) != self.recipe[name] for name in ("figure", "part", "function")):
            return f"code ({found.get('function')})"
        there, here = found["arguments"], self.recipe["arguments"]
        return ", ".join(name for name in sorted({*there, *here}) if there.get(name) != here.get(name))
