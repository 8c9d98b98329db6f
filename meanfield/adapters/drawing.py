"""Code that draws by torch itself, given the normals of a sampler instead, and left in the precision of its vectors.

Inside of `drawing(noise)` every draw of normals (torch.randn, randn_like, with them randn_tensor of diffusers) is
`noise()`, and every other draw is refused. Steps that cast the sample down to float32 keep it as it is: rounding, of
relative size 6e-8 a step, is not part of a law.

torch is not imported: where there is code that draws by it, it is there.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from meanfield.errors import ProblemError, short

OTHERS = (
    "rand rand_like randint randint_like randperm normal bernoulli multinomial poisson Tensor.normal_ Tensor.uniform_ "
    "Tensor.bernoulli_ Tensor.random_ Tensor.exponential_ Tensor.multinomial"
)


def torch_module() -> ModuleType:
    """torch, which has been imported by whoever made a torch object."""
    if "torch" not in sys.modules:
        raise ProblemError("objects of torch are needed; got none: torch has not been imported.")
    return sys.modules["torch"]


def drawing(noise: Callable[[], Any]) -> Any:
    """A context in which normals that torch draws are those of `noise()`; only in this thread."""
    return _mode(torch_module())(noise)


@functools.cache
def _mode(torch: Any) -> Any:
    special = {functools.reduce(getattr, name.split("."), torch): _refused for name in OTHERS.split()}
    special |= dict.fromkeys((torch.randn, torch.randn_like), _drawn)
    special |= dict.fromkeys((torch.Tensor.to, torch.Tensor.float), _kept)

    class Drawing(torch.overrides.TorchFunctionMode):
        """Calls of torch functions on their way: most of them pass. `met`: whether one was changed."""

        def __init__(self, noise: Callable[[], Any]) -> None:
            super().__init__()
            self.noise, self.met = noise, False

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function in special:
                return special[function](self, function, args, kwargs or {})
            return function(*args, **kwargs) if kwargs else function(*args)

    return Drawing


def _drawn(mode: Any, function: Any, args: Any, options: Any) -> Any:
    size = args[0] if args else options.get("size", options.get("input"))
    shape = tuple(args) if isinstance(size, int) else tuple(getattr(size, "shape", size))
    z, mode.met = mode.noise(), True
    if shape != tuple(z.shape):
        raise ProblemError(
            f"noise must have the shape of the sampler's vector, {tuple(z.shape)}; got a draw of {short(shape)}."
        )
    return z


def _refused(mode: Any, function: Any, args: Any, options: Any) -> Any:
    raise ProblemError(
        "all randomness of a sampler must be standard normals of its own shape, drawn by noise(); "
        f"got a draw by torch.{function.__name__}."
    )


def _kept(mode: Any, function: Any, args: Any, options: Any) -> Any:
    """A cast, but of float64 vectors to float32."""
    torch, x = torch_module(), args[0]
    if x.dtype is not torch.float64 or x.ndim < 2:
        return function(*args, **options)
    if function is torch.Tensor.float or any(x is torch.float32 for x in (*args[1:], *options.values())):
        mode.met = True
        return x
    return function(*args, **options)
