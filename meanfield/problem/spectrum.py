"""Spectra of anisotropic classes: the statement only, no solutions (sec. 6 of docs/theory.md, docs/spectra.md).

All covariances commute. Along a direction the classes have variance c, the aggregate of all classes has u > c, and the
class means, N(0, g), make up the difference g = u - c. In *whitened* coordinates x/sqrt(g) the means are N(0, 1), and
each direction is the isotropic problem with a clock of its own,

    D(t) = (c + t)/g,      L = 1 + 1/D = (u + t)/(c + t),      dD = dt/g.

Directions with equal (c, u) form a *group*; a spectrum is a finite list of groups with their shares of the dimensions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, build, checked, one_of, require, settle, whole
from meanfield.tools.door import Numbers, door

LEAST = 2  # directions in a group at finite d: v has one degree of freedom less than directions


@door()
@dataclass(frozen=True)
class Spectrum:
    """Class and aggregate variances of groups of directions.

    Parameters
    ----------
    c : class variance of each group, > 0.
    u : aggregate variance of each group, > c.
    share : share of the dimensions in each group, positive, summing to 1 (equal shares by default).

    Raises
    ------
    ProblemError : lists of different lengths, or a number out of range.

    Examples
    --------
    >>> s = Spectrum(c=[0.2, 0.5], u=[1.2, 4.5], share=[0.75, 0.25])
    >>> s.g, s.D(0.3), round(s.sigma2, 3), s.counts(16)
    (array([1., 4.]), array([0.5, 0.2]), 0.275, (12, 4))
    """

    c: Sequence[float]
    u: Sequence[float]
    share: Sequence[float] | None = None

    def __post_init__(self) -> None:
        c, u = _numbers("c", self.c), _numbers("u", self.u)
        share = (1.0 / len(c),) * len(c) if self.share is None else _numbers("share", self.share)
        rule = "c, u and share must have one entry per group"
        require(len(c) == len(u) == len(share), rule, f"{len(c)}, {len(u)} and {len(share)}")
        for i, (low, high) in enumerate(zip(c, u, strict=True)):
            if high <= low:
                raise ProblemError(
                    f"the aggregate variance must exceed the class variance in every group; got c[{i}]={low}, "
                    f"u[{i}]={high}. Directions in which classes do not differ feel no guidance: leave them out."
                )
        total = math.fsum(share)
        require(abs(total - 1.0) <= 1e-9, "share must sum to 1", f"{total:.12g}", "Divide by the sum.")
        if abs(total - 1.0) > 1e-14:  # so that what is stored stays as it is when it is read again
            share = tuple(s / total for s in share)
        settle(self, c=c, u=u, share=share)

    def __len__(self) -> int:
        return len(self.c)

    @property
    def g(self) -> np.ndarray:
        """Variance u - c of the class means, shape (groups,)."""
        return np.subtract(self.u, self.c)

    @property
    def sigma2(self) -> float:
        """Class variance per direction, averaged over the directions."""
        return math.fsum(r * c for r, c in zip(self.share, self.c, strict=True))  # type: ignore[arg-type]

    def D(self, t: Numbers) -> np.ndarray:
        """(c + t)/g, the noised class variance in whitened coordinates: shape of t and (groups,)."""
        return (np.asarray(self.c) + np.asarray(t, float)[..., None]) / self.g

    def counts(self, d: int, least: int = LEAST) -> tuple[int, ...]:
        """Whole numbers of directions per group at dimension d, by largest remainders.

        Raises
        ------
        ProblemError : a group would have fewer than `least` directions; with one, v of particles cannot be measured.
        """
        d = whole("d", d, low=1, high=1e15)
        exact = np.asarray(self.share) * d
        counts = np.floor(exact + 1e-9).astype(int)
        remainder = exact - counts
        for i in np.argsort(-remainder, kind="stable")[: d - int(counts.sum())]:
            counts[i] += 1
        if counts.min() < least:
            i, smallest = int(np.argmin(counts)), float(np.min(self.share))  # type: ignore[arg-type]
            directions = f"{least} direction{'s' if least > 1 else ''}"
            raise ProblemError(
                f"every group needs at least {directions}; d={d} gives {counts[i]} to the group with share "
                f"{self.share[i]:.3g}. "  # type: ignore[index]
                f"Take d >= {math.ceil(least / smallest - 1e-9)}, or fewer groups."
            )
        return tuple(int(n) for n in counts)

    def at(self, d: float) -> "Spectrum":
        """This spectrum with the shares that dimension d realises; itself at d = infinity.

        One direction is enough for a group: theory does not measure.

        Examples
        --------
        >>> Spectrum(c=[0.2, 0.5], u=[1.2, 4.5], share=[0.7, 0.3]).at(12).share
        (0.6666666666666666, 0.3333333333333333)
        """
        if math.isinf(d):
            return self
        d = whole("d", d, low=1)
        return Spectrum(self.c, self.u, tuple(n / d for n in self.counts(d, least=1)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or TOML."""
        return {"c": list(self.c), "u": list(self.u), "share": list(self.share)}  # type: ignore[arg-type]

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "Spectrum":
        """From `to_dict` data, or from the arguments of `power_law` under the key "power_law".

        Examples
        --------
        >>> Spectrum.from_dict({"power_law": {"n_groups": 4, "modes": 16}}) == power_law(4, modes=16)
        True
        """
        if set(data) == {"power_law"} and isinstance(data["power_law"], Mapping):
            try:
                return power_law(**data["power_law"])
            except TypeError as cause:
                raise ProblemError(
                    f"power_law takes n_groups, modes, exponent, ratio, class_exponent, bins; {cause}."
                ) from cause
        return build(Spectrum, data)


@door()
def power_law(
    n_groups: int = 8,
    *,
    modes: int = 1024,
    exponent: float = 1.0,
    ratio: float = 0.2,
    class_exponent: float | None = None,
    bins: str = "log",
) -> Spectrum:
    """Spectrum with aggregate variance u_k = (modes/k)^exponent for the modes k = 1 ... modes, in groups.

    Natural images have power spectra near 1/f^2. In two dimensions about f^2 modes have a frequency below f, so their
    sorted variances fall like k^-1: exponent 1. The smallest aggregate variance is 1.

    Parameters
    ----------
    n_groups : number of groups, from 1 to `modes`.
    modes : number of modes; the groups keep their shares at any dimension.
    exponent : a >= 0 in u_k ~ k^-a.
    ratio, class_exponent : c_k = ratio * u_1 * k^-class_exponent, 0 < ratio < 1; by default the class exponent is
        `exponent`, so that c = ratio * u in all directions. It must not be smaller: c would exceed u.
    bins : "log" (equal widths in log k: few directions of large variance are resolved) or "equal" (equal shares).

    Returns
    -------
    Spectrum : c and u of a group are means over its modes, so that total variances are kept.

    Examples
    --------
    >>> s = power_law(3, modes=12, bins="equal")
    >>> [round(x, 3) for x in s.u], s.counts(12)
    ([6.25, 1.904, 1.156], (4, 4, 4))
    """
    modes = whole("modes", modes, low=1, high=10**7)
    n_groups = whole("n_groups", n_groups, low=1, high=modes)
    a = checked("exponent", exponent, low=0, high=10)
    b = a if class_exponent is None else checked("class_exponent", class_exponent, low=a, high=20)
    ratio = checked("ratio", ratio, low=0, high=1, open_low=True)
    one_of("bins", bins, ("log", "equal"))
    k = np.arange(1.0, modes + 1.0)
    u = (modes / k) ** a
    c = ratio * modes**a * k**-b
    edges = np.geomspace(1, modes, n_groups + 1) if bins == "log" else np.linspace(0, modes, n_groups + 1)
    ends = np.round(edges).astype(int)
    ends[0] = 0
    for i in range(1, n_groups + 1):  # at least one mode in a group
        ends[i] = min(max(ends[i], ends[i - 1] + 1), modes - (n_groups - i))
    sizes = np.diff(ends)
    mean = lambda x: np.add.reduceat(x, ends[:-1]) / sizes  # noqa: E731
    return Spectrum(tuple(mean(c).tolist()), tuple(mean(u).tolist()), tuple((sizes / modes).tolist()))


def _numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    try:
        items = list(values)
    except TypeError:
        raise ProblemError(f"{name} must be a list of numbers; got {values!r}.") from None
    require(items, f"{name} must have at least one entry", "none")
    numbers = (x.item() if isinstance(x, np.generic) else x for x in items)
    return tuple(checked(f"{name}[{i}]", x, low=0, open_low=True) for i, x in enumerate(numbers))
