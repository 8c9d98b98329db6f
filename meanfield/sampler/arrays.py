"""Arrays of any library (NumPy, torch, JAX, ...) in and out: the sampler's code keeps its own, the physics is NumPy.

A library is named by its namespace, `numpy` or `torch`; what an array belongs to is asked of `array_api_compat`.
Numbers are float64 or float32: in float16 the sums of a sampler lose what guidance does.
"""

from types import ModuleType
from typing import Any

import numpy as np

from meanfield.errors import ProblemError, require, short

KINDS = (np.float64, np.float32)


def taken(x: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """An array of a sampler as float64 NumPy (samples, directions), checked: shape, kind of numbers, no gradient.

    Examples
    --------
    >>> taken(np.ones((2, 2, 2), np.float32), (2, 2, 2), "x").shape
    (2, 4)
    >>> taken(np.ones(3), (1, 2), "x")
    Traceback (most recent call last):
    ...
    meanfield.errors.ProblemError: x must have the shape of noise(), (1, 2); got (3,).
    """
    if getattr(x, "requires_grad", False):
        raise ProblemError(
            f"{what} must not ask for a gradient: predictions here are formulas outside of any graph; got a tensor "
            "with requires_grad. Samplers that differentiate the model have no law here; use torch.no_grad()."
        )
    if not (hasattr(x, "dtype") and hasattr(x, "shape")):
        require(False, f"{what} must be an array", short(x))  # words only when needed: this is every call of the model
    try:
        values = x if isinstance(x, np.ndarray) else on_host(x)
    except Exception as cause:  # arrays of other libraries refuse in their own ways
        raise ProblemError(
            f"{what} must be an array of numbers; got {short(x)} ({type(cause).__name__}). The model is called outside "
            "of jit, grad and vmap, where arrays have values."
        ) from cause
    require(values.shape == shape, f"{what} must have the shape of noise(), {shape}", values.shape)
    if values.dtype not in KINDS:
        raise ProblemError(
            f"{what} must be float64 or float32; got {values.dtype}. In 16 bits rounding exceeds what guidance does."
        )
    return values.astype(np.float64).reshape(shape[0], -1)


def given(values: np.ndarray, shape: tuple[int, ...], like: Any = None, xp: Any = np) -> Any:
    """NumPy values (samples, directions) as an array of the sampler: of the library, kind and device of `like`, or
    float64 of `xp`."""
    values = values.reshape(shape)
    if isinstance(like, np.ndarray):
        return values.astype(like.dtype)
    if like is None:
        return values.copy() if xp is np else namespace(xp).asarray(values.copy())
    from array_api_compat import array_namespace, device

    return array_namespace(like).asarray(values.copy(), dtype=like.dtype, device=device(like))


def namespace(xp: Any) -> Any:
    """A namespace with the names of the array API: NumPy's own, or that of another library.

    Examples
    --------
    >>> namespace(np) is np
    True
    """
    rule = "xp must be an array library, such as numpy or torch"
    require(isinstance(xp, ModuleType) and hasattr(xp, "asarray"), rule, short(xp))
    return xp


def on_host(x: Any) -> np.ndarray:
    """The numbers of an array of any library, as a NumPy array."""
    for method in ("detach", "cpu", "numpy"):
        if hasattr(x, method):
            x = getattr(x, method)()
    return x if isinstance(x, np.ndarray) else np.from_dlpack(x) if hasattr(x, "__dlpack__") else np.asarray(x)
