"""Speciation and collapse of the unconditional sampler: cloned particles beside closed forms.

The curves of arXiv:2402.18491: phi(t), the probability that two clones split at t end in the same class, for two
classes +-mu with |mu|^2 = d (speciation), and for training sets of n points (collapse). See docs/speciation.md.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray

from meanfield import Fixed, collapse_time, information_drawn, phi_drawn, phi_orthogonal, phi_two
from meanfield.errors import checked
from simulate import clones
from validate.errors import ComparisonError
from validate.figures.curves import stated
from validate.results.tables import tabulate

SIZES = (256, 1024, 4096, 16384)
TRAINING_SETS = ((16, 16384), (256, 16384), (256, 256), (8103, 20))  # (n, d): the last is e^{0.45 d}
DEFAULTS: dict[str, Any] = {"n_samples": 100, "n_draws": 16, "n_steps": 200, "seed": 0}  # of `simulate.clones`


def speciation_curves(
    sizes: Sequence[int] = SIZES,
    *,
    sigma2: float = 0.25,
    ratios: Sequence[float] | None = None,
    **options: Any,
) -> xarray.Dataset:
    """phi of two classes +-mu, |mu|^2 = d, at OU times s = ratio s_S, s_S = (1/2) log Lambda, Lambda = d + sigma2.

    Parameters
    ----------
    sizes : dimensions d.
    ratios : s/s_S of the splits, > 0.
    sigma2, options : as in `simulate.clones`, by default 1000 samples and `DEFAULTS`.

    Returns
    -------
    xarray.Dataset : `phi`, `same`, `posterior`, each with `_stderr`, closed form `theory`, `t`, `D` over (d, ratio);
        `line` and `line_D`, the closed form on a fine grid, over (d, fine).

    Examples
    --------
    >>> data = speciation_curves((256,), ratios=(0.8, 1.2), n_samples=100, n_draws=2, n_steps=20, progress=False)
    >>> data["phi"].dims
    ('d', 'ratio')
    """
    x = np.sort(np.linspace(0.6, 1.5, 13) if ratios is None else np.asarray(ratios, float))[::-1]
    fine = np.linspace(min(0.55, x[-1]), max(1.55, x[0]), 201)
    options = {**DEFAULTS, "n_samples": 1000, **options}

    def measure(size):
        i, d = size
        half = 0.5 * math.log(d + sigma2)
        t, line_t = (np.expm1(2.0 * half * r) for r in (x, fine))
        data = clones(math.sqrt(d), t, d=d, sigma2=sigma2, **options | {"seed": options["seed"] + i})
        found = _columns(data, phi_two(sigma2 + t, float(d)))
        return found | {"line": ("fine", phi_two(sigma2 + line_t, float(d))), "line_D": ("fine", sigma2 + line_t)}

    columns = tabulate({"d": [*enumerate(sizes)]}, measure)
    seconds = columns.pop("seconds")[1].sum()
    attrs = {"sigma2": sigma2, "seconds": seconds, **stated(options, DEFAULTS)}
    return xarray.Dataset(columns, {"d": list(sizes), "ratio": x, "fine": fine}, attrs)


def collapse_curves(
    cases: Sequence[tuple[int, int]] = TRAINING_SETS,
    *,
    ratios: Sequence[float] | None = None,
    limit: float = 100.0,
    **options: Any,
) -> xarray.Dataset:
    """phi of training sets of n points drawn from N(0, I_d), sigma2 = 0, at times t = ratio t_C.

    Parameters
    ----------
    cases : (n, d) of each training set.
    ratios : t/t_C of the splits, > 0.
    limit : log n of a very large training set whose closed form is added (d = infinity).
    options : of `simulate.clones`, by default `DEFAULTS`; each draw has its own training set.

    Returns
    -------
    xarray.Dataset : `phi`, `same`, `posterior`, each with `_stderr`, closed form `theory`, `t` over (case, ratio);
        `excess`, the excess entropy in units of log(n)/d, with `_stderr`, and its closed form `excess_theory`; `n`,
        `d`, `t_C` over case; on a fine grid of t/t_C, closed forms `line`, `excess_line` over (case, fine), and for
        d = infinity `limit` (phi at log n = `limit`) and `excess_limit` (C5) over fine.

    Examples
    --------
    >>> data = collapse_curves(((16, 64),), ratios=(0.5, 2.0), n_samples=20, n_draws=2, n_steps=20, progress=False)
    >>> data["theory"].dims
    ('case', 'ratio')
    """
    x = np.sort(np.geomspace(0.25, 4.0, 9) if ratios is None else np.asarray(ratios, float))[::-1]
    fine = np.geomspace(min(0.2, x[-1]), max(5.0, x[0]), 61)
    options = {**DEFAULTS, **options}

    def measure(case):
        i, (n, d) = case
        unit, t_C = math.log(n), collapse_time(math.log(n), d)

        def excess(information, t):  # (C7), in units of log(n)/d
            return (information - 0.5 * d * np.log1p(1.0 / t)) / unit

        data = clones(Fixed(n), t_C * x, d=d, sigma2=0.0, **options | {"seed": options["seed"] + i})
        found = _columns(data, phi_drawn(t_C * x, n, d)) | {"n": n, "d": d, "t_C": t_C}
        found["excess"] = "ratio", excess(data["information"].values, data["t"].values)
        found["excess_stderr"] = "ratio", data["information_stderr"].values / unit
        found["line"] = "fine", phi_drawn(t_C * fine, n, d)
        for name, axis, points in (("excess_theory", "ratio", x), ("excess_line", "fine", fine)):
            found[name] = axis, excess(information_drawn(t_C * points, n, d), t_C * points)
        return found

    far = phi_orthogonal(fine / (2.0 * limit), 1.0, math.exp(limit))  # t_C = |mu|^2/(2 log n) at d = infinity
    return xarray.Dataset(
        {
            **tabulate({"case": [*enumerate(cases)]}, measure),
            "excess_limit": ("fine", np.minimum(0.0, 1.0 - 1.0 / fine)),
            "limit": ("fine", far),
        },
        coords={"ratio": x, "fine": fine},
        attrs={"log_n_limit": limit, **stated(options, DEFAULTS)},
    )


def measured_time(data: xarray.Dataset, level: float, name: str = "phi") -> tuple[float, float]:
    """VE time at which phi falls through `level`, and its standard error, from the result of `simulate.clones`.

    The logit of (phi - c)/(1 - c), c = sum_k p_k^2 (1/P for equal weights), is interpolated in log t between the two
    split times around the level; the error is a jackknife over draws.

    Parameters
    ----------
    data : at least two split times, on both sides of the level.
    level : between c and 1.
    name : "phi", "same" or "posterior".

    Raises
    ------
    ComparisonError : the level is not crossed between split times.

    Examples
    --------
    >>> from simulate import clones
    >>> data = clones(16.0, 256 * np.geomspace(0.5, 2, 5), sigma2=0.25, n_samples=100, n_draws=8, n_steps=50)
    >>> t, error = measured_time(data, level=0.7752)
    >>> bool(abs(t / 255.75 - 1) < 0.5)
    True
    """
    draws, t, least = data[f"{name}_draws"].values, data["t"].values, data.attrs["chance"]
    level = checked("level", level, low=least, high=1.0, open_low=True, error=ComparisonError)

    def crossing(phi: np.ndarray) -> float:
        above = phi >= level  # t falls along the axis: False, ..., True
        j = int(np.argmax(above))
        if j == 0 or not above.any():
            raise ComparisonError(
                f"phi must cross the level {level} between split times; got {phi.min():.3g} to {phi.max():.3g} for t = "
                f"{t[0]:.3g} to {t[-1]:.3g}. Move the split times."
            )
        share = np.clip((np.array([phi[j - 1], phi[j], level]) - least) / (1.0 - least), 1e-6, 1.0 - 1e-6)
        a, b, c = np.log(share / (1.0 - share))
        return math.log(t[j - 1]) + (c - a) / (b - a) * math.log(t[j] / t[j - 1])

    n = len(draws)
    middle = crossing(draws.mean(axis=0))
    others = [crossing(np.delete(draws, i, axis=0).mean(axis=0)) for i in range(n)]
    error = math.sqrt((n - 1) / n * float(np.sum((np.array(others) - np.mean(others)) ** 2)))
    return math.exp(middle), math.exp(middle) * error


def _columns(data: xarray.Dataset, theory: np.ndarray) -> dict[str, Any]:
    """Averages over draws by split time, with the closed form beside, and the time it took."""
    names = [f"{name}{error}" for name in ("phi", "same", "posterior", "information") for error in ("", "_stderr")]
    columns = {name: data[name].values for name in (*names, "t", "D")} | {"theory": theory}
    return {name: ("ratio", values) for name, values in columns.items()} | {"seconds": data.attrs["seconds"]}
