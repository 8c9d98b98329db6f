"""Data of the distortion spectrum: theory and particles by direction, ready for `validate.figures.spectrum`.

The theory's lines are drawn through many directions between the groups: *probes* (c, u) with so small a share of the
dimensions that they follow the trajectory without moving it.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from meanfield.errors import whole
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from meanfield.tools.progress import Progress
from validate.errors import ComparisonError

__all__ = ["distortion_spectrum", "with_probes"]

PROBE = 1e-12  # share of all probes together


def with_probes(problem: Problem, c: Sequence[float], u: Sequence[float]) -> Problem:
    """The problem with further groups (c, u) of vanishing share, after its own.

    Examples
    --------
    >>> from meanfield import Exponential, solve
    >>> p = Problem(classes=Exponential(0.4), spectrum=Spectrum(c=[0.25, 0.5], u=[1.25, 4.5]), guidance=1.0)
    >>> a, b = solve(p), solve(with_probes(p, c=[0.5, 1.0], u=[4.5, 3.0]))
    >>> bool(abs(a.t_speciation - b.t_speciation) < 1e-9 and abs(b.final.m_group[1] - b.final.m_group[2]) < 1e-9)
    True
    """
    s = problem.spectrum
    if s is None:
        raise ComparisonError("probes need a problem with a spectrum; this one has none. Give spectrum=Spectrum(...).")
    own = [(1.0 - PROBE) * r for r in s.share]  # type: ignore[union-attr]
    spectrum = Spectrum([*s.c, *c], [*s.u, *u], [*own, *([PROBE / len(c)] * len(c))])
    return problem.replace(spectrum=spectrum)


def distortion_spectrum(
    problem: Problem,
    sizes: Sequence[int],
    *,
    probes: tuple[Sequence[float], Sequence[float]],
    samplers: Sequence[str] = ("sde", "ode"),
    n_samples: int = 250,
    n_disorder: int = 24,
    n_steps: int = 100,
    seed: int = 0,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> Any:
    """Distortion by direction at t = 0: theory at d = infinity and particles at several d.

    Parameters
    ----------
    problem : with a spectrum; its sampler is replaced by each of `samplers`.
    sizes : dimensions of the particles. Each must realise the shares of the spectrum exactly.
    probes : (c, u) of the directions at which the theory is evaluated besides.
    n_samples, n_disorder, n_steps, seed, threads : of `simulate.run`.

    Returns
    -------
    xarray.Dataset : `m_shift` = m_i - 1 and `v_ratio` = v_i over its undistorted value, by (sampler, group) for theory,
        `*_particles` and `*_stderr` by (sampler, size, group), `*_probe` by (sampler, probe); c and u of all.

    Raises
    ------
    ComparisonError : a size does not realise the shares (theory and particles would be of two problems).
    """
    import xarray

    from meanfield import solve
    from simulate import run

    s, sizes = problem.spectrum, [whole("sizes", d, low=2) for d in sizes]
    line = with_probes(problem, *probes)
    assert s is not None
    for d in sizes:
        if s.at(d) != s:
            raise ComparisonError(
                f"every size must realise the shares {s.share} exactly; d={d} gives {s.at(d).share}. "
                "Choose other sizes, or the spectrum.at(d) of one."
            )
    n, shape = len(s), (len(samplers), len(sizes), len(s))
    out = {name: np.full(shape, math.nan) for name in ("m", "m_stderr", "v", "v_stderr")}
    theory: dict[str, list] = {"m_shift": [], "v_ratio": []}
    t_s = []
    with Progress(progress, len(samplers) * len(sizes), "distortion spectrum") as show:
        for i, sampler in enumerate(samplers):
            solution = cast(Any, solve(line.replace(sampler=sampler)))
            theory["m_shift"].append(solution.final.mean_shift_group)
            theory["v_ratio"].append(1.0 + solution.final.variance_excess_group)
            t_s.append(solution.t_speciation)
            for j, d in enumerate(sizes):
                options = {"n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed}
                data = run(problem.replace(sampler=sampler), d=d, threads=threads, progress=False, **options)  # type: ignore[arg-type]
                for q in ("m", "v"):
                    paired = getattr(data.final, f"{q}_group_paired")
                    out[q][i, j], out[f"{q}_stderr"][i, j] = paired.mean, paired.stderr
                show(i * len(sizes) + j + 1)
    D = s.D(0.0)
    by_size, by_group, by_probe = ("sampler", "size", "group"), ("sampler", "group"), ("sampler", "probe")
    both = {k: np.array(v) for k, v in theory.items()}
    return xarray.Dataset(
        {
            "m_shift": (by_group, both["m_shift"][:, :n]),
            "v_ratio": (by_group, both["v_ratio"][:, :n]),
            "m_shift_probe": (by_probe, both["m_shift"][:, n:]),
            "v_ratio_probe": (by_probe, both["v_ratio"][:, n:]),
            "m_shift_particles": (by_size, out["m"] - 1.0),
            "m_shift_stderr": (by_size, out["m_stderr"]),
            "v_ratio_particles": (by_size, out["v"] / D),
            "v_ratio_stderr": (by_size, out["v_stderr"] / D),
            "t_speciation": ("sampler", np.array(t_s)),
            "c": ("group", np.array(s.c)),
            "u": ("group", np.array(s.u)),
            "share": ("group", np.array(s.share)),
            "c_probe": ("probe", np.asarray(probes[0], float)),
            "u_probe": ("probe", np.asarray(probes[1], float)),
        },
        coords={"sampler": list(samplers), "size": list(sizes)},
        attrs={
            "problem": json.dumps(problem.to_dict()),
            "info": json.dumps({"n_samples": n_samples, "n_disorder": n_disorder, "n_steps": n_steps, "seed": seed}),
        },
    )
