"""The problems on which a sampler's code is checked, with the theory that is right there at the d of the particles.

- *One class*: guidance does nothing. What the discretisation does is the law of the twin, exact at every d.
- *Continuum*, isotropic and with a spectrum: classes do not compete. The law is exact at every d for code that is
  linear in its vectors; for any other code the annealed theory at the d of the particles is ("reduced").
- *alpha*: exponentially many classes compete, at a d where particles can hold all; the nearest ones drawn ("quenched").
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from meanfield import Continuum, Exponential, Fixed, Problem, Spectrum

SIGMA2 = 0.25
LARGE = 400  # dimension where classes do not compete: samples self-average, and errors are small
SMALL = 20  # largest dimension where they do
DRAWS = 32
NUMBERS = 25_600  # samples x d of one draw


class Bench(NamedTuple):
    """A problem, the shape of one sample of its particles, samples of each draw, and whether classes compete."""

    name: str
    problem: Problem
    shape: tuple[int, ...]
    n_samples: int
    compete: bool

    @property
    def d(self) -> int:
        """Dimension of the particles."""
        return math.prod(self.shape)


def benches(guidance: Any, noise: Any, shape: Sequence[int] | None) -> tuple[Bench, ...]:
    """The problems, with a guidance and a noise process; `shape` of one sample, reduced where classes compete.

    Examples
    --------
    >>> [(b.name, b.d, b.compete) for b in benches(1.0, "ve", None)]
    [('one class', 400, False), ('continuum', 400, False), ('spectrum', 400, False), ('alpha = 0.4', 20, True),
     ('alpha = 0.7', 16, True)]
    """
    large = (LARGE,) if shape is None else tuple(shape)
    few = min(max(NUMBERS // math.prod(large), 2), 64)
    stated = {"sigma2": SIGMA2, "guidance": guidance, "noise": noise}
    free: dict[str, Any] = {"classes": Continuum()}
    groups = Spectrum([0.1, 0.5], [1.1, 3.0], [0.5, 0.5])
    found = [
        Bench("one class", Problem(classes=Fixed(1), **stated), large, few, False),
        Bench("continuum", Problem(**free, **stated), large, few, False),
        Bench("spectrum", Problem(**free, spectrum=groups, guidance=guidance, noise=noise), large, few, False),
    ]
    for alpha, d in ((0.4, SMALL), (0.7, 16)):
        small = (d,) if shape is None else reduced_shape(large, d)
        found.append(Bench(f"alpha = {alpha}", Problem(classes=Exponential(alpha), **stated), small, DRAWS, True))
    return tuple(found)


def reduced_shape(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """A shape with as many axes and at most `most` entries: its longest axis, the last of them, halved again and again.

    Examples
    --------
    >>> reduced_shape((4, 64, 64), 20), reduced_shape((3, 32, 32), 20)
    ((4, 2, 2), (3, 2, 2))
    """
    axes = list(shape)
    while math.prod(axes) > most:
        axes[max(range(len(axes)), key=lambda i: (axes[i], i))] //= 2
    return tuple(axes)
