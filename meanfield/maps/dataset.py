"""Results over a grid of parameters as an `xarray.Dataset` whose variables and axes say what they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.maps.bulk import PHASES, STANDINGS
from meanfield.problem.varying import labels
from meanfield.showing.meaning import described

if TYPE_CHECKING:
    import xarray

TIMES = ("t_speciation", "t_condensation", "t_capture")


def ended(rows: np.ndarray, sigma2: Any) -> dict[str, np.ndarray]:
    """Records (`bulk.RECORD`) of trajectories as variables; blank ones are nan, of phase and standing "failed"."""
    solved = rows["done"]
    standing = np.where(solved, rows["standing"], len(STANDINGS)).astype(int)
    return {
        "m": 1.0 + rows["shift"],
        "v": rows["ratio"] * sigma2,
        "m_shift": rows["shift"],
        "v_ratio": rows["ratio"],
        **{name: rows[name] for name in TIMES},
        "phase": np.where(solved, np.array(PHASES)[rows["last"]], "failed"),
        **{f"passed_{phase}": rows["passed"][:, i] == 1 for i, phase in enumerate(PHASES)},
        "standing": np.array([*STANDINGS, "failed"])[standing],
    }


def dataset(
    variables: Mapping[str, np.ndarray], dims: Mapping[str, tuple[str, ...]], axes: Mapping[str, Any]
) -> "xarray.Dataset":
    """Flat variables, each over its dims, as a dataset over the axes in their order."""
    import xarray

    sized = {name: values.reshape([len(axes[dim]) for dim in dims[name]]) for name, values in variables.items()}
    parts: dict[str, Any] = {name: (dims[name], values) for name, values in sized.items()}
    coords: dict[str, Any] = {name: (name, np.asarray(labels(values))) for name, values in axes.items()}
    return described(xarray.Dataset(parts, coords)).transpose(*axes)
