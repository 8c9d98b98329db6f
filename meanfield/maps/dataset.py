"""Results over a grid of parameters as an `xarray.Dataset` whose variables and axes say what they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.maps.bulk import PHASES, STANDINGS
from meanfield.problem.varying import labels

if TYPE_CHECKING:
    import xarray

TIMES = ("t_speciation", "t_condensation", "t_capture")
MEANING = {  # of variables and axes: long name, units
    "m": ("overlap with the class mean m", "1"),
    "v": ("variance per direction v", "1"),
    "F": ("log-odds of the class per dimension F", "1"),
    "m_shift": ("shift of the mean m(0) - 1", "1"),
    "v_ratio": ("variance over that of the class v(0)/sigma2", "1"),
    "t_speciation": ("last speciation", "VE time"),
    "t_condensation": ("first condensation", "VE time"),
    "t_capture": ("first capture", "VE time"),
    "phase": ("phase", ""),
    **{f"passed_{phase}": (f"phase {phase} was passed", "") for phase in PHASES},
    "standing": ("standing of the theory", ""),
    "alpha": ("rate of the number of classes alpha", "1"),
    "gamma": ("exponent of the number of classes gamma", "1"),
    "n": ("number of classes", "1"),
    "prior": ("rate of the target's weight lambda", "1"),
    "factor": ("weight of the target over that of another class", "1"),
    "w": ("guidance w", "1"),
    "w0": ("guidance at t = 0", "1"),
    "omega": ("slope of the guidance", "1/time"),
    "sigma2": ("class variance sigma2", "1"),
    "eta": ("stochasticity eta", "1"),
    "d": ("dimension d", "1"),
    "t": ("time t", "VE time"),
    "t_start": ("start", "own time"),
}  # fmt: skip


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

    def of(name: str) -> dict[str, str]:
        return dict(zip(("long_name", "units"), MEANING.get(name, (name, "")), strict=True))

    sized = {name: values.reshape([len(axes[dim]) for dim in dims[name]]) for name, values in variables.items()}
    parts: dict[str, Any] = {name: (dims[name], values, of(name)) for name, values in sized.items()}
    coords: dict[str, Any] = {name: (name, np.asarray(labels(values)), of(name)) for name, values in axes.items()}
    return xarray.Dataset(parts, coords).transpose(*axes)
