"""`check_sampler`: a sampler's code on problems whose answers are known.

Theory and particles run the same code. So what the check finds is code for which the theory does not hold: that leaves
the span of mu_1 and its noise draws, draws noise of its own, keeps state from run to run, or, given a family of
samplers, does not tend to the continuous sampler. A coefficient that is wrong is wrong in both: to find it, hold the
particles of the code against the law of another that is right (`against`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from meanfield import Continuum, Ensemble, Problem
from meanfield.errors import CfgfieldError, checked
from meanfield.sampler.code import Sampler, name_of
from meanfield.sampler.embedding import checked_shape
from meanfield.tools.door import door
from meanfield.tools.progress import Progress
from meanfield.vector.law import SamplerLaw
from meanfield.vector.order import Order, order_of
from meanfield.vector.solver import INSIDE, solve_sampler
from validate.agreement.comparison import compare
from validate.agreement.sampled import sampler_of
from validate.errors import ComparisonError
from validate.samplers.benches import DRAWS, SIGMA2, Bench, benches
from validate.samplers.outcome import BenchResult, SamplerCheck

FINER = 2  # samples of a finite-d theory for each of the particles


@door(ComparisonError)
def check_sampler(
    sampler: Callable,
    *,
    against: Callable | None = None,
    guidance: Any = 1.0,
    noise: Any = "ve",
    shape: Sequence[int] | None = None,
    family: Callable | None = None,
    eta: float = 0.0,
    level: float = 0.01,
    seed: int = 0,
    threads: int | None = None,
    xp: Any = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> SamplerCheck:
    """Check a sampler's code on problems whose answers are known: one class, continuum, spectrum, competing classes.

    It finds code that leaves the span of mu_1 and its noise, draws noise of its own, keeps state from run to run, is
    not consistent in the limit of many steps (with `family`), or for which the theory fails otherwise. Theory and
    particles share the code: a wrong coefficient is found by `against` alone.

    Parameters
    ----------
    sampler : a function of (model, noise), as `solve_sampler` takes.
    against : the code whose law the particles are held against; by default `sampler` itself.
    guidance : of the problems, for code that asks model.eps: a number w or a schedule.
    noise : noise process of the problems, in whose own time the code states its levels.
    shape : of one sample, for code that looks at single entries. Where classes compete the particles have at most 20
        dimensions: its axes are halved.
    family : family(n) is the sampler of n steps; its law must tend to `solve` of the continuum
        (`meanfield.vector.order`).
    eta : stochasticity of the continuous sampler that it is to tend to: 0 for ODE samplers, 1 for SDE ones.
    level : probability of a false alarm of the whole check.
    seed, threads, xp : as in `run_sampler`.
    progress : False is silent, True shows a bar after two seconds, None does so on a terminal.

    Returns
    -------
    SamplerCheck : true if it passed; print it to see every number.

    Raises
    ------
    ComparisonError : an argument of the wrong kind. What the rules of samplers forbid is no error here but a finding.

    Examples
    --------
    >>> from meanfield.sampler.levels import sd_sigmas
    >>> from meanfield.sampler.native import euler
    >>> bool(check_sampler(euler(sd_sigmas(4)), progress=False))
    True
    """
    level = checked("level", level, low=1e-300, high=0.5, error=ComparisonError)
    shape = None if shape is None else checked_shape(shape)  # type: ignore[arg-type]
    other, run = against or sampler, {"seed": seed, "threads": threads, "xp": xp, "progress": False}
    results, findings = [], []
    problems = benches(guidance, noise, shape)
    with Progress(progress, len(problems) + (family is not None), "checking a sampler") as show:
        for i, bench in enumerate(problems):
            result, found = _checked(bench, sampler, other, shape, run)
            results.append(result)
            findings += found
            show(i + 1)
        order, found = (None, []) if family is None else _order(family, guidance, noise, eta)
    findings = list(dict.fromkeys(findings + found))  # each once
    return SamplerCheck(name_of(sampler), name_of(other), tuple(results), tuple(findings), order, level)


def _checked(
    bench: Bench, sampler: Sampler, other: Sampler, shape: Sequence[int] | None, run: dict[str, Any]
) -> tuple[BenchResult, list[str]]:
    """The comparison on one problem, and what was found besides."""
    from simulate.sampled.runner import run_sampler

    theory, findings = "quenched" if bench.compete else "mean-field", []
    try:
        answer, theory = _theory(bench, other, shape, run)
        size = {"d": bench.d} if len(bench.shape) == 1 else {"shape": bench.shape}
        data = run_sampler(bench.problem, sampler, **size, n_samples=bench.n_samples, n_disorder=DRAWS, **run)
        claimed = replace(data, info={**data.info, "sampler": sampler_of(answer)})
        if isinstance(answer, SamplerLaw) and answer.left > INSIDE:
            findings.append(answer.why)
        estimator = "paired" if bench.compete else "plain"  # few steps of strong guidance leave little of the twin
        comparison = compare(answer, claimed, times=[0.0], estimator=estimator)
        return BenchResult(bench.name, bench.d, theory, comparison), findings
    except CfgfieldError as refusal:
        return BenchResult(bench.name, bench.d, theory, None, str(refusal)), [str(refusal)]


def _theory(
    bench: Bench, sampler: Sampler, shape: Sequence[int] | None, run: dict[str, Any]
) -> tuple[SamplerLaw | Ensemble, str]:
    """The theory that is right at the d of the particles, and its name."""
    law: Any = None
    if not bench.compete:
        law = solve_sampler(bench.problem, sampler, shape=shape, xp=run["xp"])  # type: ignore[arg-type]
        if law.every_d or law.left > INSIDE:
            return law, "mean-field"
    name = "quenched" if bench.compete else "reduced"
    n_samples = FINER * DRAWS * bench.n_samples
    sizes = {"n_samples": n_samples, "n_draws": DRAWS, "shape": bench.shape, **run}
    return solve_sampler(bench.problem, sampler, d=bench.d, theory=name, **sizes), name


def _order(family: Callable, guidance: Any, noise: Any, eta: float) -> tuple[Order | None, list[str]]:
    """How a family approaches continuous time, and what is wrong with that."""
    problem = Problem(classes=Continuum(), sigma2=SIGMA2, guidance=guidance, noise=noise)
    try:
        order = order_of(family, problem, eta)
    except CfgfieldError as refusal:
        return None, [str(refusal)]
    return order, [] if order.consistent else [
        f"{order.sampler} does not tend to the continuous sampler, eta = {eta:g}"
    ]
