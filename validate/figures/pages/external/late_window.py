"""A prediction for an experiment that cannot be compared yet: guidance that turns unconditional in its last part.

arXiv:2602.00716 v4 runs Stable Diffusion 1.5 by 30 steps of Euler ancestral at a positive w, then w = -1 in the last 30
to 50 % of them. Here the same with exact scores, classes of variance 0.25 and the levels that Euler ancestral of
diffusers takes by default: in continuous time (`solve`), and by the code of the sampler (`solve_sampler`).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from meanfield import (
    Continuum,
    Exponential,
    Problem,
    SamplerLaw,
    euler_ancestral,
    late_unconditional,
    sd_sigmas,
    solve,
    solve_sampler,
)

SIGMA2 = 0.25
REGIMES = {"infinitely many classes": Continuum(), r"$\alpha = 0.4$": Exponential(0.4)}
HEADS = ("classes", "unconditional in the last", "continuous time: $m(0)$, $v(0)/\\sigma^2$", "30 steps: the same")


class Window(NamedTuple):
    """Predicted m(0) and v(0)/sigma2: `limit` in continuous time, `steps` by the sampler. `share` 0 is no window."""

    classes: str
    share: float
    limit: tuple[float, float]
    steps: tuple[float, float]


def late_windows(shares: Sequence[float] = (0.0, 0.3, 0.4, 0.5), *, scale: float = 7.5, n: int = 30) -> list[Window]:
    """What w = -1 in the last `share` of n steps of Euler ancestral makes of a class, after a guidance scale 1 + w.

    Examples
    --------
    >>> constant, window = late_windows([0.0, 0.4])[:2]
    >>> constant.limit[1] < 0.1, window.limit[1] > 2.0, window.steps[1] > 2.0
    (True, True, True)
    """
    sigmas = sd_sigmas(n, "linspace")
    found = []
    for name, classes in REGIMES.items():
        for share in shares:
            first = n - round(share * n)  # the first step that is unconditional
            switch = float(sigmas[first]) ** 2 * (1.0 + 1e-9)  # just before its level
            guidance = late_unconditional(scale - 1.0, switch) if share else scale - 1.0
            start = float(sigmas[0]) ** 2
            problem = Problem(classes=classes, sigma2=SIGMA2, guidance=guidance, sampler="sde", t_start=start)
            limit, law = solve(problem).final, solve_sampler(problem, euler_ancestral(sigmas))
            assert isinstance(law, SamplerLaw)  # d is infinite
            steps = law.final
            ends = ((float(limit.m), float(limit.v) / SIGMA2), (float(steps.m), float(steps.v) / SIGMA2))
            found.append(Window(name, share, *ends))
    return found


def markdown(windows: Iterable[Window]) -> str:
    """The table of a page.

    Examples
    --------
    >>> print(markdown([Window("a", 0.3, (1.0, 2.0), (1.1, 2.1))]).splitlines()[-1])
    | a | 30 % | 1.000, 2.000 | 1.100, 2.100 |
    """
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for window in windows:
        last = f"{100.0 * window.share:.0f} %" if window.share else "never"
        ends = (f"{m:.3f}, {v:.3f}" for m, v in (window.limit, window.steps))
        lines.append(f"| {window.classes} | {last} | {' | '.join(ends)} |")
    return "\n".join(lines)
