"""`scipy.optimize.brentq`, loaded when a root is asked for: the optimisers take most of an import that needs them.

The rest of the theory imports `brentq` from here, so that `import meanfield` (the help of a command, the first cell of
a notebook) waits for no optimiser.
"""

from collections.abc import Callable

from meanfield.errors import ConvergenceError


def brentq(f: Callable[[float], float], low: float, high: float, **tolerances: float) -> float:
    """The root of f between low and high, where f changes sign; see `scipy.optimize.brentq`.

    Raises
    ------
    ConvergenceError : f does not change sign there, as where its numbers are too large or too small for doubles.

    Examples
    --------
    >>> round(brentq(lambda x: x**2 - 2.0, 0.0, 2.0), 9)
    1.414213562
    """
    from scipy.optimize import brentq as find

    try:
        return find(f, low, high, **tolerances)
    except (ValueError, RuntimeError) as cause:
        raise ConvergenceError(
            f"a root must lie between {low:g} and {high:g}; the search reports: {cause}. Less extreme numbers help."
        ) from cause
