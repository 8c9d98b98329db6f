"""What `Mixture.design` found: a schedule, what it does, and what others do at the same shift; all of it verified."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meanfield.errors import require, short
from meanfield.guidance.schedules import Schedule
from meanfield.tools.door import door
from validate.data.batches import written
from validate.data.measures import Estimate
from validate.data.prediction import ABOUT, doubt_of_twins
from validate.errors import ComparisonError

if TYPE_CHECKING:
    import xarray

COLUMNS = ("shift", "trace_ratio", "accuracy", "energy", "w2")
OWN, THEORY = "window", "mean field"
SURE = 2.0  # standard errors
MISSED = 0.02  # of a shift that was asked for


@door(ComparisonError, made_by="Mixture.design")
@dataclass(frozen=True, repr=False)
class MixtureDesign:
    """A schedule tuned by particles of a class, and its rivals: print it, `plot()` it, write a `report`, sample with
    its `schedule`.

    Every number is of random numbers that were not used to tune: nothing is selected by it.

    Attributes
    ----------
    dataset : xarray.Dataset over "candidate", every number with its error, units and long name; `write_dataset` keeps
        it, `MixtureDesign(read_dataset(path))` is it again.
    """

    dataset: "xarray.Dataset"

    def __post_init__(self) -> None:
        has = set(getattr(self.dataset, "data_vars", ()))
        rule, remedy = "dataset must be that of a MixtureDesign", "Mixture.design makes it."
        fits = {*COLUMNS, "schedule"} <= has and "window" in self.dataset.attrs
        require(fits, rule, f"{type(self.dataset).__name__} with {short(sorted(has))}", remedy, error=ComparisonError)

    @property
    def target(self) -> Hashable:
        """The class."""
        return json.loads(self.dataset.attrs["target"])

    @property
    def schedule(self) -> Schedule:
        """The tuned guidance w(t); of a rule its amplitude. `for_timesteps` carries it into a sampler."""
        return self.of(OWN)

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names, the best first: those that lose no samples, then those that keep the trace, then by energy distance.
        What the mean field designed comes last, as its shift is not the same."""
        return tuple(sorted(self.dataset.candidate.values.tolist(), key=self._rank))

    def of(self, candidate: str) -> Schedule:
        """The schedule of a candidate."""
        return Schedule.from_dict(json.loads(str(self._row(candidate).schedule.values)))

    def estimate(self, name: str, candidate: str = OWN) -> Estimate:
        """A number of a candidate and its standard error."""
        require(name in ABOUT and name in self.dataset, "name must be a column", short(name), error=ComparisonError)
        row = self._row(candidate)
        return Estimate(float(row[name]), float(row[f"{name}_stderr"]))

    def text(self, name: str, candidate: str = OWN) -> str:
        """A number of a candidate with its error in brackets."""
        return written(*self.estimate(name, candidate))

    @property
    def left_out(self) -> dict[str, str]:
        """Schedules that do not reach what all have in common, and why: name -> reason."""
        return json.loads(self.dataset.attrs.get("left_out", "{}"))

    @property
    def kept(self) -> bool:
        """Whether the tuned schedule keeps the trace within the tolerance, on fresh random numbers, and its class."""
        return self._off(OWN) <= self.dataset.attrs["tolerance"] and not self._leaks(OWN)

    def lost(self, candidate: str = OWN) -> tuple[int, ...]:
        """Components of the class that a candidate has lost: below a tenth of their weight."""
        row = self._row(candidate)
        return tuple(row.component.values[row.lost.values.astype(bool)].tolist())

    def plot(self, axes: Any = None) -> Any:
        """Shift of the mean against the trace that is kept, one mark a schedule. Returns (fig, axes)."""
        from validate.tuning.picture import draw

        return draw(self, axes)

    def report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write one HTML file that needs no network; an existing one is left alone unless `overwrite`."""
        from validate.tuning.page import write

        write(self, path, overwrite)

    @property
    def warnings(self) -> tuple[str, ...]:
        """In words: a trace that is not kept, a shift that is missed, modes and samples that are lost, rivals that are
        left out, a mean field that promises too much."""
        about, (ratio, error), found = self.dataset.attrs, self.estimate("trace_ratio"), []
        w_max, _, _ = json.loads(about["window"])
        if self._off(OWN) > about["tolerance"]:
            found.append(
                f"The trace is not kept within {about['tolerance']:.2g}: the nearest that was found, with w = "
                f"{w_max:.3g} early, is x {written(ratio, error)}. Lower w_max, or w_min."
            )
        found += self._missed()
        if self._leaks(OWN):
            found.append(
                f"Samples are carried over to other classes: accuracy {self.text('accuracy', OWN)}, unguided "
                f"{self.text('accuracy_unguided', OWN)}. Lower w_max."
            )
        equal = about["equal"]
        found += [
            f"{name} is left out, it does not reach the same {equal}: {why}." for name, why in self.left_out.items()
        ]
        for name in self.candidates:
            if self.lost(name):
                found.append(f"{name} loses modes: components {short(list(self.lost(name)), 60)}.")
        if THEORY in self.candidates and self._off(THEORY) > about["tolerance"]:
            found.append(
                f"What the mean field designs for the spectrum of this class does not keep the trace: x "
                f"{self.text('trace_ratio', THEORY)}, for {about['keep']:g} promised."
            )
        return (*found, *doubt_of_twins(self.estimate("trace_unguided")))

    def _missed(self) -> list[str]:
        """A shift that was asked for, and is not had."""
        asked, (value, error) = json.loads(self.dataset.attrs.get("shift", "null")), self.estimate("shift")
        if asked is None or abs(value - asked) <= MISSED * asked + SURE * error:
            return []
        return [
            f"The shift of {asked:.3g} that was asked for is missed: the nearest window that was found has "
            f"{written(value, error)}. Ask for that, take more n_samples, or another w_min or w_max."
        ]

    @property
    def head(self) -> str:
        """What was tuned, and what it does, in two lines."""
        about = self.dataset.attrs
        w, t, late = json.loads(about["window"])
        window = f"w = {w:.3g} above t = {t:.3g}, {late:.3g} below" if t > 0.0 else f"constant w = {w:.3g}"
        state = "kept" if self.kept else "NOT KEPT"
        return (
            f"class {self.target!r}, {about['sampler'].upper()}: {window}\n"
            f"  shifts the mean by {self.text('shift')} of its distance from the centre; trace x "
            f"{self.text('trace_ratio')}: {state} within {about['tolerance']:.2g} of {about['keep']:g}"
        )

    def __repr__(self) -> str:
        lines = [
            self.head,
            f"  at equal {self.dataset.attrs['equal']}, on fresh random numbers:",
            f"  {'':20s}" + "".join(f" {x.replace('_', ' '):>12s}" for x in COLUMNS),
        ]
        for name in self.candidates:
            cells = "".join(f" {self.text(x, name):>12s}" for x in COLUMNS)
            lines.append(f"  {name:20s}{cells}" + ("  (its own shift)" if name == THEORY else ""))
        return "\n".join([*lines, *(f"  ! {x}" for x in self.warnings)])

    def _row(self, candidate: str) -> Any:
        known = self.dataset.candidate.values.tolist()
        require(candidate in known, f"candidate must be one of {known}", short(candidate), error=ComparisonError)
        return self.dataset.sel(candidate=candidate)

    def _off(self, candidate: str) -> float:
        """How far the trace is from what was to be kept."""
        return abs(self.estimate("trace_ratio", candidate).value - self.dataset.attrs["keep"])

    def _leaks(self, candidate: str) -> bool:
        """Whether more samples than the tolerance are lost to other classes, for sure."""
        (guided, error), free = self.estimate("accuracy", candidate), self.estimate("accuracy_unguided", candidate)
        return free.value - guided > self.dataset.attrs["tolerance"] + SURE * float(np.hypot(error, free.stderr))

    def _rank(self, candidate: str) -> Any:
        off = max(self._off(candidate), self.dataset.attrs["tolerance"])
        return candidate == THEORY, self._leaks(candidate), off, self.estimate("energy", candidate).value
