"""Mixtures in files: NumPy's .npz, written whole or not at all, and sealed."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from meanfield.errors import ProblemError
from meanfield.tools.files import write_whole
from meanfield.tools.seals import sealed, unsealed
from simulate.mixtures.components import Components
from simulate.mixtures.diagonal import Diagonal, Rotated
from simulate.mixtures.low_rank import LowRank
from simulate.mixtures.mixture import Mixture

FORMAT = "cfgfield mixture 1"
FORMS: dict[str, tuple[Any, Any]] = {  # name: (class, what makes one of its arrays)
    "diagonal": (Diagonal, Diagonal),
    "rotated": (Rotated, Rotated.along),
    "low-rank": (LowRank, LowRank),
}


def save(mixture: Mixture, path: str | Path, overwrite: bool) -> None:
    """See `Mixture.save`; NumPy reads the file too."""
    about = {"format": FORMAT, "form": _form(mixture.components), "labels": list(mixture.labels)}
    buffer = io.BytesIO()
    arrays = {**mixture.components.arrays(), "weights": mixture.weights, "about": np.array(json.dumps(about))}
    np.savez(buffer, allow_pickle=False, **arrays)
    write_whole(sealed(buffer.getvalue()), path, overwrite=overwrite, error=ProblemError)


def load(path: str | Path) -> Mixture:
    """See `Mixture.load`."""
    try:
        body, checked = unsealed(Path(path).read_bytes())
        if not checked:
            raise ValueError("it has no checksum")
        with np.load(io.BytesIO(body), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}, not {FORMAT!r}")
        weights = arrays.pop("weights")
        return Mixture.of_components(FORMS[about["form"]][1](**arrays), weights, about["labels"])
    except ProblemError:
        raise
    except Exception as cause:  # a damaged file shows in many ways
        raise ProblemError(
            f"a mixture is read from a file that Mixture.save wrote; {path} is not one, or is damaged "
            f"({type(cause).__name__}: {cause}). Save it again."
        ) from cause


def _form(components: Components) -> str:
    return next(name for name, (cls, _) in FORMS.items() if type(components) is cls)
