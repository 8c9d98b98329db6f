"""The statement of a guided-diffusion problem: what both the theory and the particles are given. No solutions here.

Setting (sec. 1 of docs/theory.md). P classes in d dimensions; class k is N(mu_k, sigma2 I_d), mu_k ~ N(0, I_d), of
equal weights unless `classes` say otherwise; class 1 is the target, with |mu_1|^2 = d. Variance-exploding (VE) noise
x_t = x_0 + sqrt(t) z; D = sigma2 + t. Other noise processes, stated in their own time (`meanfield.problem.noise`), are
mapped onto it: `T` and `schedule` are in VE time, which is the time of every solution and run; their m and v are those
of y = x/a.

The reverse step over dt is dx = e s_w dt + eta dB with e = (1 + eta^2)/2: eta = 1 is the reverse SDE, eta = 0 the
probability-flow ODE.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, ScheduleError, build, checked, require, settle, short
from meanfield.guidance.evaluating import amplitude_of
from meanfield.guidance.schedules import Constant, Schedule, as_schedule
from meanfield.guidance.stated import require_same, stated
from meanfield.problem.growth import Growth
from meanfield.problem.noise import VE, as_noise
from meanfield.problem.owntime import in_ve_time
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.start import Start, start_law
from meanfield.problem.varying import PARAMETERS, fields_of, with_weight
from meanfield.showing.table import html_table
from meanfield.tools.door import Numbers, door

SAMPLERS = {"sde": 1.0, "ode": 0.0}
VARIANCES = 1e-100, 1e100  # of a class: their squares and quotients are floats
LARGEST_W = 1e20  # m and v are those of w = infinity to all digits
LARGEST_ETA = 100.0  # the rates grow as eta^2: steps beyond any use, and the solution changes as 1/eta^2


@door()
@dataclass(frozen=True, kw_only=True, repr=False)
class Problem:
    """One guided-diffusion problem.

    Parameters
    ----------
    classes : growth law of the number of classes.
    sigma2 : class variance, > 0 (the class means have unit variance per direction). With a spectrum it is derived:
        the mean class variance per direction.
    guidance : a schedule, a number for constant guidance, or a function; of the own time of `noise`.
    sampler : "sde" (eta = 1), "ode" (eta = 0), or any stochasticity eta from 0 to 100.
    t_start : own time > 0 at which samplers start, for VE from N(0, t_start I) (otherwise see
        `Noise.terminal_variance`); infinite by default: the exact infinite start, for every process.
    spectrum : class and aggregate variances by direction, instead of sigma2 (see docs/spectra.md).
    noise : the noise process, or its name (see docs/noise.md); VE by default, whose own time is VE time.

    Raises
    ------
    ProblemError, ScheduleError : a parameter out of range; the message states rule, value and remedy.

    Examples
    --------
    >>> from meanfield import Exponential
    >>> p = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
    >>> p.replace(sampler="ode").eta
    0.0
    >>> Problem.from_dict(p.to_dict()) == p
    True
    """

    classes: Growth
    sigma2: float = None  # type: ignore[assignment]  # always a number after
    guidance: Any = field(default_factory=lambda: Constant(0.0))  # number or function in, always a Schedule after
    sampler: str | float = "sde"
    t_start: float = math.inf
    spectrum: Spectrum | None = None
    noise: Any = field(default_factory=VE)  # name in, always a Noise after

    def __post_init__(self) -> None:
        if not isinstance(self.classes, Growth):
            raise ProblemError(f"classes must be a growth law such as Exponential(alpha=0.4); got {self.classes!r}.")
        settle(
            self,
            sigma2=_class_variance(self.sigma2, self.spectrum),
            guidance=as_schedule(self.guidance),
            sampler=_sampler(self.sampler),
            t_start=checked("t_start", self.t_start, low=0, open_low=True, infinite=True),
            noise=as_noise(self.noise),
        )
        for variance in (self.least_variance, self.largest_variance):
            checked("a class variance", variance, low=VARIANCES[0], high=VARIANCES[1], remedy="Scale the data.")
        if not math.isinf(self.T):
            remedy = "t_start is too small or too large; t_start=inf is the exact infinite start."
            checked("VE time of t_start", self.T, low=1e-12 * self.largest_variance, high=1e100, remedy=remedy)
        if not self.schedule.by_rule:  # a sampler's code says itself how it starts
            self.require_start()
        rule = "guidance that depends on the sample knows isotropic classes only"
        general = not self.schedule.by_sample or self.schedule.by_rule
        require(general or self.spectrum is None, rule, self.guidance, error=ScheduleError)
        groups, factors = 1 if self.spectrum is None else len(self.spectrum), self.schedule.factors
        rule = f"a rule by groups needs a factor for each of the {groups} groups of directions"
        require(factors is None or len(factors) == groups, rule, factors, error=ScheduleError)
        checked("the largest |w|", self.largest_weight)
        self.require_second(1e300)

    def require_start(self) -> None:
        """Raise ScheduleError for a start at infinity where guidance is not constant at large t."""
        if math.isinf(self.T) and math.isinf(self.schedule.settled_above(1.0)):
            named = "" if self.noise == VE() else f"{self.noise!r}: "
            raise ScheduleError(
                f"a start at t = infinity needs guidance that is constant at large t; got {self.guidance!r}. "
                f"Give a finite t_start, e.g. {named}t_start={self.noise.own_time(1000.0):.4g}."
            )

    @cached_property
    def T(self) -> float:
        """VE time of the start: infinite if `t_start` is, or where the process keeps nothing of the data (a = 0)."""
        return math.inf if math.isinf(self.t_start) else float(self.noise.ve_time(self.t_start))

    @cached_property
    def v_T(self) -> float:
        """Variance of the law N(0, v_T I) of y = x/a at a finite start: T, or T + 1 for variance-preserving noise."""
        if math.isinf(self.T):
            return math.inf
        return float(self.noise.terminal_variance(self.t_start) / self.noise.a(self.t_start) ** 2)

    @cached_property
    def schedule(self) -> Schedule:
        """The guidance as a schedule of VE time."""
        return in_ve_time(self.guidance, self.noise)

    @property
    def eta(self) -> float:
        """Stochasticity: 1 for the reverse SDE, 0 for the probability-flow ODE."""
        return SAMPLERS.get(self.sampler, self.sampler)  # type: ignore[arg-type, return-value]

    @property
    def e(self) -> float:
        """Strength (1 + eta^2)/2 of the score in the reverse step."""
        return 0.5 * (1.0 + self.eta**2)

    def weight(self, t: Numbers):
        """w at VE time t, checked: finite, real, of the shape of t. Raises ScheduleError otherwise."""
        if self.schedule.by_sample:
            remedy = "solve, reduced, quenched or simulate.run from a finite t_start"
            if self.schedule.by_ratio:  # a finite start is where log r is not that of the class
                remedy = "fade(problem, d).schedule, the function of t with the same mean effect, or simulate.run"
            raise ScheduleError(
                f"this method needs a weight that is a function of t; the weight of {self.guidance!r} depends on the "
                f"sample. Use {remedy}."
            )
        return self.amplitude(t)

    def amplitude(self, t: Numbers):
        """The factor of w at VE time t that is a function of t alone (`Schedule.amplitude`), checked as `weight`."""
        return amplitude_of(self.schedule, t, self.guidance)

    def start(self, rate: float, count: float = math.inf, d: float = math.inf, prior: float = 0.0) -> Start:
        """The start law, for classes of rate log(P)/d; see `meanfield.problem.start.start_law`."""
        self.require_start()
        return start_law(self, rate, count, d, prior)

    @property
    def least_variance(self) -> float:
        """Smallest class variance of any direction: sigma2 without a spectrum."""
        return self.sigma2 if self.spectrum is None else min(self.spectrum.c)

    @property
    def largest_variance(self) -> float:
        """Largest class variance of any direction: sigma2 without a spectrum."""
        return self.sigma2 if self.spectrum is None else max(self.spectrum.c)

    @cached_property
    def largest_weight(self) -> float:
        """Largest |w|, or |factor of w| that is a function of t, at some times from the start to t = 0."""
        times = np.geomspace(1e-9, 1e9, 19) if math.isinf(self.T) else self.T * np.linspace(0, 1, 17)
        return float(np.abs(self.amplitude(times)).max())

    def require_usual_weight(self) -> None:
        """Raise ProblemError if |w| exceeds 1e20: no double tells such a weight from an infinite one."""
        remedy = "As large a weight is infinite to all digits."
        checked("the largest |w|", self.largest_weight, high=LARGEST_W, remedy=remedy)

    def require_isotropic(self, who: str, remedy: str = "Use solve, or simulate.run.") -> None:
        """Raise ProblemError if there is a spectrum: `who` knows isotropic classes only."""
        require(self.spectrum is None, f"{who} knows isotropic classes only", repr(self.spectrum), remedy)

    def require_second(self, d: float) -> None:
        """Raise ProblemError if guidance takes a second condition, and at dimension d there is no second class."""
        rule = "guidance with a second condition needs a second class"
        enough = not self.schedule.second or self.classes.log_count(d) > 0.0
        require(enough, rule, short(self.classes), "Use Fixed(2) or more, a larger d, or Continuum().")
        if self.schedule.second:
            self.require_equal_weights("guidance with a second condition", "Leave out the prior or factor.")

    def require_equal_weights(self, who: str, remedy: str = "Use solve, quenched or simulate.run.") -> None:
        """Raise ProblemError if classes have weights of their own: `who` does not know them."""
        require(self.classes.equal, f"{who} knows classes of equal weight only", repr(self.classes), remedy)

    def require_one_weight(self, who: str) -> None:
        """Raise ProblemError if the classes other than the target have several weights: `who` knows one alone."""
        remedy = "Use solve, potential, phase_diagram, reduced, quenched or simulate.run."
        one = len(self.classes.rates()) == 1
        require(one, f"{who} knows one weight of all classes but the target", repr(self.classes), remedy)

    def require_no_ratio(self, who: str, remedy: str = "Use fade, or simulate.run with classes that are held.") -> None:
        """Raise ScheduleError if guidance follows a ratio of densities: `who` does not know it."""
        if self.guidance.by_ratio:
            raise ScheduleError(f"{who} knows no guidance by a ratio of densities; got {self.guidance!r}. {remedy}")

    def replace(self, **changes: Any) -> "Problem":
        """A variant of this problem, checked anew. A new spectrum brings its own sigma2, and leaves it.

        Changes are of fields, or of the parameters inside of them by which `sweep` and `curves` vary a problem: alpha,
        gamma or n, prior, factor (of `classes`), w, or w0 and omega (of `guidance`; w is the amplitude of a rule), eta.

        Examples
        --------
        >>> from meanfield import Fixed
        >>> Problem(classes=Fixed(5), sigma2=0.25).replace(alpha=0.7, w=2.0).guidance
        Constant(value=2.0)
        """
        known = [*self.__dataclass_fields__, *PARAMETERS]
        unknown = sorted(set(changes) - set(known))
        require(not unknown, f"a problem has the fields and parameters {known}", unknown)
        if changes.get("spectrum") is not None:
            changes = {"sigma2": None, **changes}
        return replace(self, **fields_of(self, changes))

    def with_amplitude(self, schedule: Any) -> "Problem":
        """The same with another weight w(t) or, where the guidance is a rule, another amplitude of that rule."""
        return self.replace(guidance=with_weight(self.guidance, schedule))

    def __repr__(self) -> str:
        return f"Problem({', '.join(f'{name}={value!r}' for name, value in self._said.items())})"

    def _repr_html_(self) -> str:
        return html_table("Problem", self._said.items())

    @property
    def _said(self) -> dict[str, Any]:
        """Its fields but those of a default that goes without saying."""
        silent = {"t_start": math.inf, "spectrum": None, "noise": VE()} | (
            {"sigma2": self.sigma2} if self.spectrum else {}
        )
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if name not in silent or value != silent[name]}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or TOML; `Problem.from_dict` is the inverse. Functions are stated by their values."""
        variances = {"sigma2": self.sigma2} if self.spectrum is None else {"spectrum": self.spectrum.to_dict()}
        return {
            "classes": self.classes.to_dict(),
            **variances,
            "guidance": stated(self.guidance, self.t_start),
            "sampler": self.sampler,
            "t_start": self.t_start if math.isfinite(self.t_start) else "inf",
            **({} if self.noise == VE() else {"noise": self.noise.to_dict()}),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any], guidance: Any = None) -> "Problem":
        """Build a problem from `to_dict` data. Its `guidance` may also be a plain number, `t_start` the word "inf".

        guidance : what the problem had, where that holds a function, which no data hold; it must have the same values.
        """
        fields = dict(data)
        if guidance is not None:
            problem = Problem.from_dict({**fields, "guidance": as_schedule(guidance)})
            require_same(problem.to_dict()["guidance"], fields.get("guidance", 0.0))
            return problem
        for name, read in (("classes", Growth.from_dict), ("spectrum", Spectrum.from_dict)):
            if isinstance(fields.get(name), Mapping):
                fields[name] = read(fields[name])
        if fields.get("t_start") == "inf":
            fields["t_start"] = math.inf
        return build(Problem, fields)


def _sampler(sampler: object) -> str | float:
    if isinstance(sampler, str):
        require(sampler in SAMPLERS, 'sampler must be "sde", "ode" or a stochasticity eta >= 0', repr(sampler))
        return sampler
    remedy = f'"sde" is eta = 1, "ode" is eta = 0; eta = {LARGEST_ETA:g} is the limit of large eta to 1e-3.'
    eta = checked("eta (the sampler)", sampler, low=0, high=LARGEST_ETA, remedy=remedy)
    return {1.0: "sde", 0.0: "ode"}.get(eta, eta)


def _class_variance(sigma2: object, spectrum: object) -> float:
    """sigma2, given or derived from a spectrum; both only if they agree."""
    if spectrum is None:
        require(sigma2 is not None, "a problem needs its class variance", "none", "Give sigma2=0.25, or a spectrum.")
        return checked("sigma2", sigma2, low=0, open_low=True)
    if not isinstance(spectrum, Spectrum):
        raise ProblemError(f"spectrum must be a Spectrum, such as Spectrum(c=[0.25], u=[1.25]); got {spectrum!r}.")
    if sigma2 is not None and not math.isclose(checked("sigma2", sigma2), spectrum.sigma2, rel_tol=1e-9):
        raise ProblemError(
            f"with a spectrum sigma2 is the mean class variance {spectrum.sigma2:.9g}; got {sigma2}. Leave sigma2 out."
        )
    return spectrum.sigma2
