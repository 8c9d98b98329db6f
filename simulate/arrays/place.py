"""Where the states of a run live: NumPy arrays on the host, or arrays of another library on one of its devices.

What a step does to a batch is written once (`simulate.steps.stepping`), in the names of the array API. A `Place` brings
numbers there and back. The state is float64 everywhere; `dtype` is that of the products of a score alone.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from meanfield.errors import ProblemError, one_of, require, short
from meanfield.problem.statement import Problem
from meanfield.sampler.arrays import namespace, on_host
from simulate.arrays.noise import ArrayNoise
from simulate.randomness.streams import NoiseReader
from simulate.scores.posterior import Posterior
from simulate.steps.integrators import Step

KINDS = ("float32", "float64", "bfloat16")
SEEN = ("log_odds", "weight", "participation", "nearest")  # what observables take of a posterior


@dataclass(frozen=True)
class Place:
    """The arrays of a library `xp` on a `device`; None is NumPy, where compiled kernels work.

    Examples
    --------
    >>> HOST.compiled, Place(np).compiled
    (True, False)
    >>> Place(np).put(np.ones(2, np.float32))
    array([1., 1.])
    """

    xp: Any = None
    device: Any = None

    @property
    def compiled(self) -> bool:
        """Whether compiled kernels do the work."""
        return self.xp is None

    @property
    def in_words(self) -> str:
        """Library and device."""
        name = self.xp.__name__.removeprefix("array_api_compat.")
        return name if self.device is None else f"{name} on {self.device}"

    def put(self, x: np.ndarray, kind: Any = None) -> Any:
        """A copy of NumPy numbers there, of the type `kind`, or float64."""
        if self.xp is None:
            return x
        return self.xp.astype(self.xp.asarray(x, device=self.device, copy=True), kind or self.xp.float64)

    def take(self, x: Any) -> np.ndarray:
        """The numbers of an array, as NumPy's."""
        return x if self.xp is None else on_host(x)

    def kind(self, dtype: str) -> Any:
        """The type of this name in the library.

        Raises
        ------
        ProblemError : the library has none.
        """
        rule = f"{self.xp.__name__} has no {dtype}"
        require(hasattr(self.xp, dtype), rule, f"dtype={dtype!r}", 'Use dtype="float32" or "float64".')
        return getattr(self.xp, dtype)

    def seen(self, posterior: Posterior) -> Posterior:
        """What observables take of a posterior, as NumPy arrays; the shift stays where it is."""
        if self.xp is None:
            return posterior
        return posterior._replace(**{name: self.take(getattr(posterior, name)) for name in SEEN})

    def step(self, step: Step) -> Step:
        """The coefficients of a step: numbers, or with a spectrum arrays there; the noise is weighted on the host."""
        if self.xp is None:
            return step
        there = {
            name: self.coefficient(getattr(step, name))
            for name in step._fields
            if name not in ("resolved", "answers", "mix", "parts")
        }
        return step._replace(**there)

    def coefficient(self, x: Any) -> Any:
        """A number, or an array there."""
        return self.put(x) if self.xp is not None and np.ndim(x) else x if self.xp is None else float(x)

    def reader(self, seed: int, draw: int, samples: range, dim: int) -> Any:
        """Normals of a batch of samples: the same numbers everywhere."""
        return NoiseReader(seed, draw, samples, dim) if self.xp is None else ArrayNoise(self, seed, draw, samples, dim)


HOST = Place()
DENSE = ("explicit", "span")  # ways to hold classes, all of them as one array


def require_dense(problem: Problem, classes: str) -> None:
    """Refuse what array libraries do not compute: classes that are not one array, weights that depend on the sample.

    Examples
    --------
    >>> from meanfield import Fixed
    >>> require_dense(Problem(classes=Fixed(10), sigma2=0.25, guidance=1.0, t_start=9.0), "lazy")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: with xp all classes are one array; got classes="lazy". Lower d or the growth of the
    classes for classes="explicit", or leave xp out.
    """
    endless = math.isinf(problem.classes.log_count(1.0))
    fewer = "Take a number of classes" if endless else "Lower d or the growth of the classes"
    remedy = f'{fewer} for classes="explicit", or leave xp out.'
    require(classes in DENSE, "with xp all classes are one array", f'classes="{classes}"', remedy)
    schedule = problem.schedule
    alike = not (schedule.by_rule or schedule.by_sample)
    require(alike, "with xp the weight of guidance depends on t alone", repr(problem.guidance), "Leave xp out.")


def make_place(xp: Any, device: Any, dtype: str) -> Place:
    """The place that a user asks for.

    Raises
    ------
    ProblemError : no array library, a device that it does not have, or one without float64; a `dtype` it has not.

    Examples
    --------
    >>> make_place(np, None, "float32").xp.__name__
    'array_api_compat.numpy'
    >>> make_place(None, "cuda", "float32")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: a device belongs to an array library; got device='cuda' without xp. Give xp=torch
    too.
    """
    one_of("dtype", dtype, KINDS if xp is not None else KINDS[:2])
    if xp is None:
        rule, value = "a device belongs to an array library", f"device={short(device)} without xp"
        require(device is None, rule, value, "Give xp=torch too.")
        return HOST
    try:
        probe = namespace(xp).asarray(np.ones(1), **({} if device is None else {"device": device}))
        found = array_namespace(probe)
        usable = probe.dtype == found.float64
    except ProblemError:
        raise
    except Exception as cause:  # libraries refuse in their own ways
        raise ProblemError(
            f"xp must be able to put float64 numbers on device={short(device)}; got {type(cause).__name__}: {cause}. "
            "Use a device that it has (torch.cuda.is_available()), or none."
        ) from cause
    rule, remedy = "the state of a run is float64", 'In JAX call jax.config.update("jax_enable_x64", True) first.'
    require(bool(usable), rule, f"{xp.__name__} made it {probe.dtype}", remedy)
    place = Place(found, device)
    place.kind(dtype)
    return place
