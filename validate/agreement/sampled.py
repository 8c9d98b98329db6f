"""The law of a sampler's own code against its particles: matched call by call, and where the law is not to be trusted.

Calls of the model are matched by their number, not by their time: Heun's method calls twice at one level. So both must
be of the same code, with the same calls. At d = infinity all samples change sides (F = 0) at the same call; at finite d
they spread over several, and where F is within three of its standard deviations the law is reached slowly. Of code that
chooses its steps batch by batch particles have the end alone.
"""

from typing import Any

import numpy as np

from meanfield import Ensemble
from meanfield.errors import short
from meanfield.vector.law import FAR, SamplerLaw
from validate.errors import ComparisonError

LEVELS = 1e-4  # relative difference of VE times that is rounding: libraries keep their levels in float32


def is_sampled(result: Any) -> bool:
    """Whether a result is that of a sampler's own code."""
    return isinstance(result, SamplerLaw) or (isinstance(result, Ensemble) and "sampler" in result.info)


def sampler_of(result: Any) -> str:
    """The name of a sampler's code; of anything else, that of its continuous sampler."""
    if isinstance(result, SamplerLaw):
        return result.sampler
    name = result.info.get("sampler") if isinstance(result, Ensemble) else None
    return f"{result.problem.sampler!r} in continuous time" if name is None else str(name)


def require_same_sampler(theory: Any, data: Ensemble, finite_size: Any = None) -> None:
    """ComparisonError unless theory and particles are of one sampler's code, with the same calls of the model."""
    names = sampler_of(theory), sampler_of(data)
    if names[0] != names[1]:
        raise ComparisonError(
            f"theory and particles must be of one sampler; got {short(names[0])} and {short(names[1])}. Give both the "
            "same code: solve_sampler and run_sampler."
        )
    if finite_size is not None:
        raise ComparisonError(
            f"finite_size is for theories in continuous time; got the sampler {short(names[0])}. Its finite-d theory "
            f'is a theory of its own: compare(solve_sampler(problem, sampler, d={data.d}, theory="reduced"), data).'
        )
    if len(data.t) == 1:  # the end alone
        return
    if len(theory.t) != len(data.t):
        raise ComparisonError(
            f"theory and particles must call the model equally often; got {len(theory.t) - 1} and {len(data.t) - 1} "
            "calls. Give both the same code, with the same steps."
        )
    away = np.abs(theory.t - data.t) > LEVELS * np.abs(data.t)
    if away.any():
        i = int(np.argmax(away))
        raise ComparisonError(
            f"theory and particles must call the model at the same levels; call {i} is at t = {theory.t[i]:.6g} and "
            f"{data.t[i]:.6g}. Give both the same code, with the same levels."
        )


def law_notes(theory: Any, data: Ensemble) -> list[str]:
    """Where the law at d = infinity is not that of the particles' d."""
    if not isinstance(theory, SamplerLaw):
        return []
    other = f'theory="quenched" or "reduced" of solve_sampler(..., d={data.d})'
    notes = []
    if data.d < theory.d_trusted:
        far = theory.distance(data.d)[:-1]
        i = int(np.nanargmin(far))
        notes.append(
            f"warning: samples change sides at call {i} (t = {theory.t[i]:.3g}): |F| is {far[i]:.2g} of its standard "
            f"deviations at d = {data.d} ({FAR:g} are safe, from d = {theory.d_trusted:.2g} on); use {other}"
        )
    if np.isinf(theory.alpha) and not theory.every_d:
        notes.append(f"the code is not linear in its vectors: corrections of order 1/d, which {other} has")
    if theory.standing == "approximate":
        notes.append(f"approximate theory: {theory.why}")
    return notes
