"""Where the families of schedules lie in the plane of mean shift and variance: no non-negative one keeps the variance.

Each family of `validate.schedule_table` is followed in its amplitude A from 0; the curve it draws in the plane of
(m(0) - 1, v(0)/sigma2) starts at (0, 1) and, for w >= 0, stays below v = sigma2 (T17, T18).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.guidance.schedules import Schedule
from meanfield.problem.statement import Problem
from meanfield.tools.progress import Progress
from validate.distortion_curves import final_values, marks_over
from validate.results.provenance import versions
from validate.schedule_table import FAMILIES

if TYPE_CHECKING:
    import xarray

__all__ = ["schedule_plane"]


def schedule_plane(
    problem: Problem,
    amplitudes: Sequence[float],
    points: Sequence[float],
    *,
    d: int,
    families: Mapping[str, Callable[[float], Schedule]] | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
    **options: Any,
) -> "xarray.Dataset":
    """Theory along each family's amplitude, particles at some amplitudes.

    Parameters
    ----------
    problem : everything but the guidance.
    amplitudes, points : amplitudes of the theory's curve, and of the particles.
    d : dimension of the particles.
    families : name -> schedule of an amplitude; by default all of `validate.schedule_table`.
    options : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : `line_shift`, `line_v_ratio`, `keeps_class` (F > 0 at t = 0) over (family, amplitude); `shift`,
        `v_ratio` with `_error` over (family, point); `negative` (family): whether w < 0 occurs.

    Examples
    --------
    >>> from meanfield import Constant, Continuum
    >>> base = Problem(classes=Continuum(), sigma2=0.25)
    >>> sizes = {"d": 8, "n_samples": 20, "n_disorder": 4, "n_steps": 20}
    >>> data = schedule_plane(base, [0.0, 1.0], [1.0], families={"constant": Constant}, progress=False, **sizes)
    >>> data.line_v_ratio.values.round(4)
    array([[1.    , 0.4133]])
    """
    import xarray

    from meanfield import solve
    from simulate import run

    families = FAMILIES if families is None else families
    lines, marks, negative = [], [], []
    times = np.geomspace(1e-6, 1e3, 200)
    with Progress(progress, len(families) * len(points), "plane of schedules") as show:
        for make in families.values():
            finals = [solve(problem.replace(guidance=make(float(a)))).final for a in amplitudes]
            lines.append([(f.m - 1.0, f.v / problem.sigma2, float(f.F > 0)) for f in finals])
            negative.append(bool(np.min(problem.replace(guidance=make(float(amplitudes[-1]))).amplitude(times)) < 0))
            for a in points:
                data = run(problem.replace(guidance=make(float(a))), d=d, progress=False, **options)
                marks.append(final_values(data))
                show(len(marks))
    line, mark = np.array(lines), np.reshape(marks, (len(families), len(points), 4))
    over = ("family", "amplitude")
    return xarray.Dataset(
        {
            "line_shift": (over, line[..., 0]), "line_v_ratio": (over, line[..., 1]),
            "keeps_class": (over, line[..., 2] > 0), "negative": ("family", negative),
            **marks_over(("family", "point"), mark),
        },
        coords={"family": list(families), "amplitude": list(amplitudes), "point": list(points)},
        attrs={
            "problem": json.dumps(problem.to_dict()), "sampler": str(problem.sampler), "options": json.dumps(options),
            "d": d, **versions(),
        },
    )  # fmt: skip
