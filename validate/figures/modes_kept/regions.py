"""Which of the two transitions comes first, over the rates of labels and of modes."""

import numpy as np
import xarray

from meanfield import Hierarchy, Problem, phase_diagram
from validate.drawing import SAMPLER
from validate.figures.modes_kept.prices import SIGMA2
from validate.results.tables import Show

RHO, WEIGHT = 0.5, 1.0
LABELS, MODES = (0.02, 1.2), (0.03, 1.5)  # ranges of the rates


def regions(n: int = 12, *, points: int = 201, progress: Show = None) -> xarray.Dataset:
    """The order of the transitions: its line unguided, in closed form (M16), and under constant guidance, by `solve`.

    Parameters
    ----------
    n : rates of labels, and of modes, of the grid under guidance.
    points : of the unguided line.

    Returns
    -------
    xarray.Dataset : `unguided` (alpha_1 at which the order changes) over alpha_2; `sde` and `ode`, lines (point,
        coordinate) under guidance; the largest alpha_2 of modes that are apart at t = 0, `apart`; the alpha_1 above
        which there is no crowd of labels that loses to one, `alone`.

    Examples
    --------
    >>> data = regions(4, points=5, progress=False)
    >>> round(data.attrs["apart"], 4), round(data.attrs["alone"], 4)
    (1.1989, 0.3466)
    """
    tau = 1.0 - RHO
    rates = np.linspace(*MODES, points)
    problem = Problem(classes=Hierarchy((0.1, 0.3), rho=RHO), sigma2=SIGMA2, guidance=WEIGHT)
    axes = ("alpha_1", np.linspace(*LABELS, n)), ("alpha_2", np.linspace(*MODES, n))
    apart, alone = 0.5 * np.log1p(tau / SIGMA2), -0.5 * np.log(tau)
    data = xarray.Dataset(
        {"unguided": ("alpha_2", 0.5 * np.log((1.0 - RHO * np.exp(-2.0 * rates)) / tau))},
        coords={"alpha_2": rates, "coordinate": ["alpha_1", "alpha_2"]},
        attrs={"apart": float(apart), "alone": float(alone), "rho": RHO, "w": WEIGHT},
    )
    for sampler in SAMPLER:
        found = phase_diagram(problem.replace(sampler=sampler), *axes, progress=progress)
        line = found.line_order.values
        data[sampler] = ((f"point_{sampler}", "coordinate"), line[line[:, 1] <= apart])
    return data
