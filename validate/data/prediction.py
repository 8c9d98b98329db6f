"""What `predict` found: numbers with errors, the mean field beside them, doubts in words."""

import json
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import require, short
from meanfield.tools.door import door
from validate.data.batches import written
from validate.data.measures import Estimate
from validate.errors import ComparisonError

if TYPE_CHECKING:
    import xarray

UNITS = "units of the data"
ABOUT = {  # name: (long name, units); each with its error, NAME_stderr
    "shift": ("shift of the mean along the class, over its distance from the mean of the mixture", "1"),
    "shift_norm": ("norm of the shift of the mean", UNITS),
    "trace_ratio": ("trace of the covariance, guided over unguided", "1"),
    "trace_unguided": ("trace of the covariance, unguided over exact: 1 but for the steps", "1"),
    "w2": ("Wasserstein-2 distance of Gaussian fits, guided from unguided", UNITS),
    "kl": ("Kullback-Leibler divergence of Gaussian fits, guided from unguided", "nat"),
    "energy": ("energy distance, guided from unguided", UNITS),
    "vendi": ("Vendi score, guided", "1"),
    "vendi_unguided": ("Vendi score, unguided", "1"),
    "accuracy": ("share of samples that the mixture takes for the class, guided", "1"),
    "accuracy_unguided": ("share of samples that the mixture takes for the class, unguided", "1"),
    "log_posterior": ("mean log posterior of the class, guided", "nat"),
    "log_posterior_unguided": ("mean log posterior of the class, unguided", "nat"),
    "t_decided": ("time at which the mean posterior of the class passes 1/2, guided", "VE time"),
    "t_decided_unguided": ("time at which the mean posterior of the class passes 1/2, unguided", "VE time"),
}
LINES = {  # over a dimension
    "shift_feature": ("feature", "shift of the mean", UNITS),
    "variance_ratio": ("direction", "variance along an eigenvector of the class, guided over unguided", "1"),
    "share": ("component", "share of the samples of the class, guided", "1"),
    "share_unguided": ("component", "share of the samples of the class, unguided", "1"),
    "posterior": ("step", "mean posterior of the class, guided", "1"),
    "posterior_unguided": ("step", "mean posterior of the class, unguided", "1"),
}
THEORY = ("shift", "trace_ratio", "t_decided", "t_decided_unguided")
SHOWN = 12  # classes in a table that is printed
OPPOSITE = 3.0  # standard errors by which the trace must be off 1 for its sign to be known


class Found:
    """What one class and all have in common: a dataset, its scalars by name, and its doubts."""

    dataset: "xarray.Dataset"

    def estimate(self, name: str) -> Estimate:
        """A number and its standard error; of all classes their average."""
        self._check(name, ABOUT)
        values, errors = (np.atleast_1d(self.dataset[n].values) for n in (name, f"{name}_stderr"))
        return Estimate(float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(errors)))

    def theory(self, name: str) -> float:
        """The same number by the mean field; nan where there is none."""
        self._check(name, THEORY)
        return float(np.mean(self.dataset[f"theory_{name}"].values))

    @property
    def warnings(self) -> tuple[str, ...]:
        """In words: a contradiction of theory and particles, steps that are too few, assumptions that do not hold."""
        return (*self._measured(), *json.loads(self.dataset.attrs["doubts"]), *self._own_doubts())

    def text(self, name: str) -> str:
        """A number with its error in brackets."""
        return written(*self.estimate(name))

    def _own_doubts(self) -> list[str]:
        return []

    def _measured(self) -> list[str]:
        """What the numbers themselves say against the theory, and against the run."""
        found, (value, error) = [], self.estimate("trace_ratio")
        theory = self.theory("trace_ratio")
        if (value - 1.0) * (theory - 1.0) < 0.0 and abs(value - 1.0) > OPPOSITE * error:
            words = ("shrinks", "grows") if value > 1.0 else ("grows", "shrinks")
            found.append(
                f"The mean field has the sign of the change of variance wrong: by it the class {words[0]} (trace x "
                f"{theory:.3g}), with the exact score of this mixture it {words[1]} (x {written(value, error)})."
            )
        found += doubt_of_twins(self.estimate("trace_unguided"))
        dim, n = self.dataset.sizes["feature"], self.dataset.attrs["n_samples"]
        if n <= 2 * dim:
            found.append(f"W2 and KL of Gaussian fits need n_samples > {2 * dim}, twice the dimension; there are {n}.")
        elif math.isnan(self.estimate("kl").value):
            found.append("Samples do not vary in some direction: KL of Gaussian fits is left out. Are they clipped?")
        if math.isnan(self.estimate("shift").value):
            found.append("A class with the mean of the mixture has no direction: its shift is left out.")
        return found

    def _check(self, name: str, known: Any) -> None:
        require(name in known, f"name must be one of {list(known)}", short(name), error=ComparisonError)

    @property
    def head(self) -> str:
        """What was run, in a line."""
        about = self.dataset.attrs
        return (
            f"{about['guidance']}, {about['sampler']}, {about['n_samples']} samples in {about['n_batches']} batches, "
            f"{about['n_steps']} steps, against unguided twins"
        )


@door(ComparisonError, made_by="predict")
@dataclass(frozen=True, repr=False)
class Prediction(Found):
    """What guidance does to one class of a mixture: print it, `plot()` it, or write a `report`.

    Attributes
    ----------
    dataset : xarray.Dataset, every number with its error, units and long name. `write_dataset` keeps it;
        `Prediction(read_dataset(path))` is it again.
    warnings : in words, what speaks against the mean field, and against the run.
    """

    dataset: "xarray.Dataset"

    def __post_init__(self) -> None:
        _require_form(self.dataset, many=False)

    @property
    def target(self) -> Hashable:
        """The class."""
        return json.loads(self.dataset.attrs["target"])

    @property
    def standing(self) -> str:
        """Of the mean field, as of `solve`; "none" where there is none."""
        return str(self.dataset.attrs["standing"])

    @property
    def lost(self) -> tuple[int, ...]:
        """Components of the class that guidance has lost: below a tenth of their weight."""
        return tuple(self.dataset.component.values[self.dataset.lost.values.astype(bool)].tolist())

    def plot(self, axes: Any = None, columns: int = 3) -> Any:
        """Variances, modes or shift, posterior on the way. `columns` = 1 is for a phone. Returns (fig, axes)."""
        from validate.data.picture import draw

        return draw(self, axes, columns)

    def report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write one HTML file that needs no network; an existing one is left alone unless `overwrite`."""
        from validate.data.page import write

        write(self, path, overwrite)

    def _own_doubts(self) -> list[str]:
        return json.loads(self.dataset.attrs["own_doubts"])

    def rows(self) -> list[tuple[str, str, str]]:
        """What is printed: (what, in words and numbers, the mean field)."""
        e, text, theory = self.estimate, self.text, self.theory
        ratio = self.dataset.variance_ratio.values
        return [
            ("mean", f"shifts by {text('shift')} of its distance from the centre; {text('shift_norm')} in data units",
             plain(theory("shift"), "+.3g")),
            ("variance", f"trace x {text('trace_ratio')}; leading directions x {ratio.min():.2f} to {ratio.max():.2f}",
             plain(theory("trace_ratio"), ".3g", "x ")),
            ("modes", self._modes(), ""),
            ("distance", f"W2 {text('w2')}, KL {text('kl')} nats, energy {text('energy')}", ""),
            ("diversity", f"Vendi score {text('vendi')}, unguided {text('vendi_unguided')}", ""),
            ("class", f"accuracy {text('accuracy')}, unguided {text('accuracy_unguided')}; log posterior "
             f"{e('log_posterior').value:.2g}, unguided {e('log_posterior_unguided').value:.2g}", ""),
            ("decided", f"at t = {text('t_decided')}, unguided {text('t_decided_unguided')}",
             " / ".join(plain(theory(name), ".3g") or "-" for name in THEORY[2:])),
        ]  # fmt: skip

    def _modes(self) -> str:
        """The mode whose share changes most, and those that are lost."""
        data = self.dataset
        if data.sizes["component"] < 2:
            return "one component"
        most = data.isel(component=int(np.argmax(np.abs(data.share.values - data.share_unguided.values))))
        shares = [written(float(most[x]), float(most[f"{x}_stderr"])) for x in ("share_unguided", "share")]
        change = f"component {int(most.component)} from {shares[0]} to {shares[1]} of the samples"
        return f"{change}; lost: {short(list(self.lost), 60) if self.lost else 'none'}"

    def __repr__(self) -> str:
        lines = [f"class {self.target!r}: {self.head}"]
        lines += [f"  {a:10s}{b}" + (f"   [mean field {c}]" if c else "") for a, b, c in self.rows()]
        lines.append(f"  mean field: {self.standing}; {len(self.warnings)} warnings" + ":" * bool(self.warnings))
        return "\n".join([*lines, *(f"  ! {x}" for x in self.warnings)])


@door(ComparisonError, made_by="predict")
@dataclass(frozen=True, repr=False)
class Predictions(Found):
    """What guidance does to every class of a mixture, and on the average: `predictions[label]` is that of one.

    Attributes
    ----------
    dataset : as of `Prediction`, over the dimension "class"; components keep their class in `component_class`.
    warnings : in words, of the average class and of the mixture.
    """

    dataset: "xarray.Dataset"

    def __post_init__(self) -> None:
        _require_form(self.dataset, many=True)

    @property
    def targets(self) -> tuple[Hashable, ...]:
        """The classes."""
        return tuple(json.loads(self.dataset.attrs["targets"]))

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[Prediction]:
        return (self[label] for label in self.targets)

    def __getitem__(self, target: Hashable) -> Prediction:
        known = self.targets
        require(target in known, f"target must be one of {short(list(known))}", short(target), error=ComparisonError)
        k, data = known.index(target), self.dataset
        one = data.isel({"class": k}, drop=True)
        one = one.isel(component=data["component_class"].values == k).drop_vars(
            ["component_class", "standing", "own_doubts"]
        )
        about = {name: str(data[name].values[k]) for name in ("standing", "own_doubts")}
        one.attrs = {name: value for name, value in data.attrs.items() if name != "targets"}
        return Prediction(one.assign_attrs(target=json.dumps(target), **about))

    def _own_doubts(self) -> list[str]:
        doubted = [
            label for label, own in zip(self.targets, self.dataset.own_doubts.values, strict=True) if own != "[]"
        ]
        if not doubted:
            return []
        return [
            f"The mean field is in doubt for other reasons, too: predictions[label].warnings of {short(doubted, 60)}."
        ]

    def plot(self, axes: Any = None, columns: int = 3) -> Any:
        """Variances, shifts, and the posterior on the way; `columns` = 1 is for a phone. Returns (fig, axes)."""
        from validate.data.picture import draw_all

        return draw_all(self, axes, columns)

    def report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write one HTML file that needs no network; an existing one is left alone unless `overwrite`."""
        from validate.data.page import write

        write(self, path, overwrite)

    def __repr__(self) -> str:
        columns = ("shift", "trace_ratio", "energy", "vendi", "accuracy", "t_decided")
        heads = (*columns, "mf shift", "mf trace")
        lines = [f"{len(self)} classes: {self.head}", f"  {'class':12s}" + "".join(f" {x:>11s}" for x in heads)]
        shown = self.targets[:SHOWN]
        for label, found in [*((str(x), self[x]) for x in shown), ("average", self)]:
            if label == "average" and len(self) > SHOWN:
                lines.append(f"  ... {len(self) - SHOWN} more: predictions[label]")
            cells = [found.text(x) for x in columns] + [plain(found.theory(x), ".3g") for x in THEORY[:2]]
            lines.append(f"  {label[:11]:12s}" + "".join(f" {x:>11s}" for x in cells))
        return "\n".join([*lines, *(f"  ! {x}" for x in self.warnings)])


def doubt_of_twins(trace: Estimate) -> list[str]:
    """Whether samples without guidance are as wide as the class, by `trace_unguided`.

    Examples
    --------
    >>> doubt_of_twins(Estimate(1.01, 0.001)), len(doubt_of_twins(Estimate(1.1, 0.001)))
    ([], 1)
    """
    if abs(trace.value - 1.0) <= max(OPPOSITE * trace.stderr, 0.02):
        return []
    return [
        f"Without guidance the trace is {written(*trace)} of that of the class: take more steps, and a start that "
        "covers the data."
    ]


def plain(value: float, form: str, before: str = "") -> str:
    """A number without an error; nothing for nan."""
    return "" if math.isnan(value) else f"{before}{value:{form}}"


def _require_form(dataset: Any, many: bool) -> None:
    needed = {f"{name}_stderr" for name in ABOUT} | {"theory_shift", "variance_ratio", "posterior"}
    has = set(getattr(dataset, "data_vars", ()))
    fits = needed <= has and ("class" in dataset.sizes) == many and ("targets" in dataset.attrs) == many
    rule = "dataset must be that of " + ("Predictions" if many else "a Prediction")
    require(
        fits, rule, f"{type(dataset).__name__} with {short(sorted(has))}", "predict makes it.", error=ComparisonError
    )
