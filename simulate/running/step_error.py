"""The time-step error of a run, measured: the same samples with n_steps and with 2 n_steps, on the same noise.

The integrator has order p (2 for the SDE, 3 for the ODE), so with F(n) the mean at n steps, F(n) - F(2n) is the share
1 - 2^{-p} of the error of F(n) to leading order: error(n) = (F(n) - F(2n))/(1 - 2^{-p})  (Richardson). Sharing means,
start and noise, the difference has a far smaller statistical error than either mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meanfield.ensemble import Observable
from meanfield.errors import whole
from meanfield.problem.statement import Problem
from meanfield.tools.door import door
from simulate.running.lazy import require_own_noise
from simulate.running.plan import Settings, make_plan
from simulate.running.workers import follow
from simulate.steps.integrators import order


@door(made_by="timestep_error")
@dataclass(frozen=True)
class TimestepError:
    """Differences at t = 0 between runs with `n_steps` and 2 `n_steps`, paired sample by sample, by draw.

    Attributes
    ----------
    order : of the integrator.
    difference_m, difference_v : Observable, value at n_steps minus value at 2 n_steps.
    m, v : Richardson estimate of the error at n_steps (mean over draws).
    m_stderr, v_stderr : their statistical errors.
    """

    n_steps: int
    order: int
    difference_m: Observable
    difference_v: Observable

    @property
    def m(self) -> float:
        return float(self._factor * self.difference_m.mean)

    @property
    def v(self) -> float:
        return float(self._factor * self.difference_v.mean)

    @property
    def m_stderr(self) -> float:
        return float(self._factor * self.difference_m.stderr)

    @property
    def v_stderr(self) -> float:
        return float(self._factor * self.difference_v.stderr)

    @property
    def _factor(self) -> float:
        return 1.0 / (1.0 - 0.5**self.order)

    def __repr__(self) -> str:
        return (
            f"TimestepError at {self.n_steps} steps: m {self.m:+.2g} +- {self.m_stderr:.1g}, "
            f"v {self.v:+.2g} +- {self.v_stderr:.1g}"
        )


@door()
def timestep_error(
    problem: Problem,
    *,
    d: int,
    n_samples: int,
    n_disorder: int,
    n_steps: int = 100,
    seed: int = 0,
    classes: str = "auto",
    dtype: str = "float32",
    block: int = 512,
    batch: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] | None = None,
) -> TimestepError:
    """Measure the time-step error of `run(problem, d=d, n_steps=n_steps, ...)`. Costs three times that run.

    Parameters and errors raised are those of `run`; lazy classes are refused, as they cannot share their noise.

    Examples
    --------
    >>> from meanfield import Exponential, Problem
    >>> problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0, sampler="ode")
    >>> error = timestep_error(problem, d=8, n_samples=32, n_disorder=2, n_steps=20)
    >>> abs(error.m) < 0.01
    True
    """
    plan = make_plan(problem, Settings(d, n_samples, n_disorder, seed, classes, dtype, block, batch, threads))
    require_own_noise(plan, "timestep_error")
    n_steps = whole("n_steps", n_steps, low=1, high=1e7)
    coarse, fine = (follow(plan, steps, progress) for steps in plan.paired_steps(n_steps))
    differences = (Observable(coarse.draws[name][:, -1] - fine.draws[name][:, -1]) for name in ("m", "v"))
    return TimestepError(n_steps, order(problem.eta), *differences)
