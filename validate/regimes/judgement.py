"""Verdicts on an atlas: a pure function of its data. Every number says on what ground it is claimed, or that it is not.

Grounds (`Verdict.ground`):
- "exact":      the problem is solvable at this d; particles against that solution.
- "equal d":    particles against the quenched theory at the same d (its own sampling error is part of z's).
- "few classes": particles against `few_classes` at the same d (sub-exponential growth; its sampling error is part of
                z's).
- "many classes": particles against `many_classes` at the same d: the continuum, and its correction of order 1/P.
- "d = inf":    particles of a group extrapolated in 1/d against mean field. Error: statistics and fit order combined.
- "exponent":   how a distortion vanishes with log(P)/d, against (T12). Error: statistics and form of the power law.
No claim is made, but the numbers are shown:
- "too wide":   a group extrapolated to d = inf with an error above `RESOLUTION` (from the error alone, not from z).
- "too small":  a group whose smallest d is below `SMALLEST`: there the forms of a fit do not bound what is left out.
- "finite d":   beyond the sizes at which the quenched theory is computed; the group is judged at d = inf. The effect of
                the annealed theory is shown where it has one.
- "approximate": the mean field passes a glass with w < 0, where it is not settled (T7c).

All claimed z form one family (Sidak).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meanfield.errors import one_of
from meanfield.showing.table import html_table
from meanfield.tools.door import door
from validate.agreement.estimates import QUANTITIES
from validate.agreement.extrapolation import Extrapolation, fit_inverse_size
from validate.agreement.means import Mean, mean_of
from validate.agreement.statistics import family_threshold, normal_score, weighted_slope
from validate.errors import ExtrapolationError
from validate.regimes.spread import Spread, spread_of

if TYPE_CHECKING:
    import xarray

SMALLEST = 10  # dimension
RESOLUTION = 0.1  # in m and v/sigma2: an extrapolation that resolves less says nothing
EXPONENTS = {"sde": {"m": 1.0, "v": 2.0}, "ode": {"m": 0.5, "v": 1.0}}  # of alpha_d in the distortions, (T12)
CLAIMS = ("exact", "equal d", "few classes", "many classes", "d = inf", "exponent")
# theories at finite d, the best first, and the ground that each gives
FINITE = {"few": "few classes", "quenched": "equal d", "reduced": "finite d"}


class Verdict(NamedTuple):
    """One number of the atlas. `finite_size` is the predicted finite-d effect (nan: none known), `stderr` statistical,
    `fit_error` that of the form of a fit (0 without a fit), `step` the time-step error: stated, never used."""

    group: str
    d: float
    quantity: str
    ground: str
    theory: float
    finite_size: float
    particles: float
    stderr: float
    fit_error: float
    step: float
    z: float

    @property
    def claimed(self) -> bool:
        """Whether theory claims this number."""
        return self.ground in CLAIMS


@door(made_by="judge")
@dataclass(frozen=True, repr=False)
class Judgement:
    """All verdicts of an atlas; true if every claimed number agrees."""

    verdicts: tuple[Verdict, ...]
    level: float
    threshold: float

    def word(self, verdict: Verdict) -> str:
        """The verdict in words."""
        if not verdict.claimed:
            return _UNCLAIMED[verdict.ground]
        return "agrees" if abs(verdict.z) <= self.threshold else "DISAGREES"

    @property
    def claimed(self) -> tuple[Verdict, ...]:
        """The numbers for which a claim exists."""
        return tuple(v for v in self.verdicts if v.claimed)

    @property
    def disagreements(self) -> tuple[Verdict, ...]:
        """Claimed numbers beyond the threshold."""
        return tuple(v for v in self.claimed if not abs(v.z) <= self.threshold)

    def __bool__(self) -> bool:
        return not self.disagreements

    def __repr__(self) -> str:
        lines = [f"  {v.group}, {v.quantity} at d = {v.d:g}: z = {v.z:+.2f}" for v in self.disagreements]
        return "\n".join([self.summary, *lines])

    def _repr_html_(self) -> str:
        rows = [(v.group, v.quantity, f"{v.d:g}", f"{v.z:+.2f}") for v in self.disagreements]
        head = ("disagrees", "quantity", "d", "z") if rows else ()
        return html_table("Judgement", rows, head, [self.summary])

    def spread(self, ground: str = "equal d") -> Spread | None:
        """Mean and root mean square of the z of one ground, or None for fewer than two cells."""
        one_of("ground", ground, CLAIMS)
        cells: dict[tuple[str, float], list[float]] = {}
        for v in self.claimed:
            if v.ground == ground:
                cells.setdefault((v.group, v.d), []).append(v.z)
        return spread_of(list(cells.values())) if len(cells) > 1 else None

    @property
    def summary(self) -> str:
        """How much was tested, how much agrees, how much is shown without a claim."""
        tested, failed = len(self.claimed), len(self.disagreements)
        parts = [f"{sum(v.ground == g for v in self.claimed)} {_MEANING[g]}" for g in CLAIMS]
        beyond = sum(v.ground == "finite d" for v in self.verdicts)
        wide = sum(v.ground in ("too wide", "too small") for v in self.verdicts)
        approximate = sum(v.ground == "approximate" for v in self.verdicts)
        spreads = {g: self.spread(g) for g in CLAIMS[:4]}
        scatter = "".join(f"z {_MEANING[g]}: {spread}. " for g, spread in spreads.items() if spread)
        return (
            f"{tested} numbers tested ({'; '.join(parts)}): {tested - failed} agree, {failed} disagree "
            f"(|z| <= {self.threshold:.2f}: probability {self.level:g} of any false alarm). {scatter}"
            f"Shown without a claim: {beyond} at finite d without a theory at that d, {wide} extrapolations too wide "
            f"or from too small d, {approximate} where the mean field is approximate."
        )


_UNCLAIMED = {
    "finite d": "no theory at this d",
    "too wide": "inconclusive",
    "too small": "d too small",
    "approximate": "approximate theory",
}
_MEANING = {
    "exact": "exact at every d",
    "equal d": "against finite-d theory at equal d",
    "few classes": "against the theory of few classes at equal d",
    "many classes": "against the theory of many classes at equal d",
    "d = inf": "extrapolated to d = infinity",
    "exponent": "exponents",
}


@door()
def judge(data: "xarray.Dataset", level: float = 0.01) -> Judgement:
    """Judge an atlas.

    Parameters
    ----------
    data : result of `validate.atlas`, or a file of it read back.
    level : probability of any false alarm in the whole table.
    """
    verdicts: list[Verdict] = []
    names = data["group"].values
    for name in dict.fromkeys(names):
        group = data.isel(cell=names == name)
        for i in range(group.sizes["cell"]):
            verdicts += [_cell(group.isel(cell=i), q) for q in QUANTITIES]
        if bool(group["limit"][0]):
            verdicts += _exponents(group) if bool(group["vanishing"][0]) else _extrapolations(group)
    tested = sum(v.claimed for v in verdicts)
    return Judgement(tuple(verdicts), level, family_threshold(max(tested, 1), level))


def _cell(cell: "xarray.Dataset", q: str) -> Verdict:
    """Particles at one d against the best theory there is at that d."""
    particles = mean_of(cell[q].values[:, -1])
    theory = float(cell[f"theory_{q}"].values[-1])
    predicted, effect, ground = Mean(theory), math.nan, "finite d"
    finite_d = {name: mean_of(cell[f"{name}_{q}"].values[:, -1]) for name in FINITE if f"{name}_{q}" in cell}
    if bool(cell["exact"]):
        effect, ground = 0.0, "exact"
    elif f"many_{q}" in cell and math.isfinite(many := float(cell[f"many_{q}"])):
        predicted, effect, ground = Mean(many), many - theory, "many classes"
    elif usable := [name for name, mean in finite_d.items() if mean.dof >= 1.0]:
        predicted = finite_d[usable[0]]
        effect = predicted.value - theory
        ground = FINITE[usable[0]]
    away = particles.minus(predicted)
    step = float(cell[f"step_{q}"])
    name, d = str(cell["group"].values), float(cell["d"])
    return Verdict(name, d, q, ground, theory, effect, particles.value, away.stderr, 0.0, step, away.z)


def in_a_line(cell: "xarray.Dataset") -> str:
    """What a finished cell says, before the others are known and anything is judged."""
    texts = []
    for v in (_cell(cell, q) for q in QUANTITIES):
        against = f", theory {v.theory + v.finite_size:.5f}, z {v.z:+.2f}" if v.claimed else ""
        texts.append(f"{v.quantity} {v.particles:.5f} +- {v.stderr:.2g}{against}")
    return f"{cell['group'].item()}, d = {cell['d'].item():g}:  " + ";  ".join(texts)


def _extrapolations(group: "xarray.Dataset") -> Iterator[Verdict]:
    """The group at d = infinity against mean field."""
    if bool(group["exact"].all()):
        return  # the same at every d: nothing to extrapolate
    approximate = str(group["standing"].values[0]) == "approximate"
    for q in QUANTITIES:
        fewest = min(np.isfinite(group[q].values[:, :, -1]).sum(axis=1))
        theory = float(group[f"theory_{q}"].values[0, -1])
        try:
            fit = extrapolation(group, q)
        except ExtrapolationError:
            continue  # fewer than three sizes: nothing is claimed
        z = normal_score(fit.intercept - theory, fit.error, fewest - 1.0)
        scale = 1.0 if q == "m" else float(group["sigma2"].values[0])
        if approximate:
            ground = "approximate"
        elif fit.d.min() < SMALLEST:
            ground = "too small"
        else:
            ground = "too wide" if fit.error > RESOLUTION * scale else "d = inf"
        step = float(np.abs(group[f"step_{q}"]).max())
        name = str(group["group"].values[0])
        found = (fit.intercept, fit.intercept_stderr, fit.order_error)
        yield Verdict(name, math.inf, q, ground, theory, 0.0, *found, step, z)


def extrapolation(group: "xarray.Dataset", q: str) -> Extrapolation:
    """A group at d = infinity, with the finite-d effect of the annealed theory taken out where that theory exists."""
    means = [mean_of(draws) for draws in group[q].values[:, :, -1]]
    annealed = [mean_of(draws) for draws in group[f"reduced_{q}"].values[:, :, -1]]
    corrected = all(a.dof >= 1.0 for a in annealed)
    if corrected:
        theory = group[f"theory_{q}"].values[:, -1]
        means = [m.minus(a).minus(Mean(-x)) for m, a, x in zip(means, annealed, theory, strict=True)]
    values, stderr = [m.value for m in means], [m.stderr for m in means]
    return fit_inverse_size(group["d"], values, stderr, quantity=q, corrected=corrected)


def _exponents(group: "xarray.Dataset") -> Iterator[Verdict]:
    """Exponents of |m(0) - 1| and |v(0)/sigma2 - 1| in alpha_d = log(P)/d against (T12): (1, 2) SDE, (1/2, 1) ODE."""
    sampler, name = str(group["sampler"].values[0]), str(group["group"].values[0])
    predicted = EXPONENTS.get(sampler)
    if predicted is None:
        return
    for q in QUANTITIES:
        x, y, s, counts = distortions(group, q)
        if len(x) < 3:
            continue  # fewer than three sizes resolve the distortion: no exponent can be claimed
        slope, stderr, order = power_law(x, y, s, counts)
        z = normal_score(slope - predicted[q], math.hypot(stderr, order), group.sizes["draw"] - 1.0)
        yield Verdict(name, math.inf, f"{q} exponent", "exponent", predicted[q], 0.0, slope, stderr, order, 0.0, z)


def distortions(group: "xarray.Dataset", q: str, significance: float = 5.0) -> tuple[np.ndarray, ...]:
    """log alpha_d, log |distortion|, its error, and log P, for the sizes that resolve the distortion, d ascending.

    The distortion is m(0) - 1 or v(0)/sigma2 - 1; a size resolves it if it exceeds `significance` standard errors.
    """
    unit, zero = (1.0, 1.0) if q == "m" else (group["sigma2"].values, 1.0)
    means = [mean_of(draws) for draws in group[q].values[:, :, -1]]
    value = np.array([m.value for m in means]) / unit - zero
    error = np.array([m.stderr for m in means]) / unit
    use = np.abs(value) > significance * error
    by_size = [i for i in np.argsort(group["d"].values) if use[i]]
    value, error = value[by_size], error[by_size]
    rate, log_count = group["rate"].values[by_size], group["log_count"].values[by_size]
    return np.log(rate), np.log(np.abs(value)), error / np.abs(value), log_count


def power_law(x: np.ndarray, y: np.ndarray, s: np.ndarray, log_count: np.ndarray) -> tuple[float, float, float]:
    """Exponent of a power law, its statistical error, and the error of the form of the fit.

    The form is changed in two ways: without the smallest d; and, where P grows, with the correction c/log P that a
    finite number of classes causes: samples speciate one by one, over a window of relative width (log P)^{-1/2}, whose
    mean effect is of second order; there the exponent is not known better than that fit knows it. At fixed P there is
    no such drift, and the exponent is sharp.
    """
    slope, stderr = weighted_slope(x, y, s)
    moves = [abs(weighted_slope(x[1:], y[1:], s[1:])[0] - slope)]
    if len(x) >= 4 and np.ptp(log_count) > 0.5:
        terms = np.column_stack([np.ones_like(x), x, 1.0 / log_count]) / s[:, None]
        drifting = float(np.linalg.lstsq(terms, y / s, rcond=None)[0][1])
        moves += [abs(drifting - slope), float(np.sqrt(np.linalg.pinv(terms.T @ terms)[1, 1]))]
    return slope, stderr, max(moves)
