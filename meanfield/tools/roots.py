"""`scipy.optimize.brentq`, loaded when a root is asked for: the optimisers take most of an import that needs them.

The rest of the theory imports `brentq` from here, so that `import meanfield` (the help of a command, the first cell of
a notebook) waits for no optimiser.
"""

from collections.abc import Callable


def brentq(f: Callable[[float], float], low: float, high: float, **tolerances: float) -> float:
    """The root of f between low and high, where f changes sign; see `scipy.optimize.brentq`.

    Examples
    --------
    >>> round(brentq(lambda x: x**2 - 2.0, 0.0, 2.0), 9)
    1.414213562
    """
    from scipy.optimize import brentq as find

    return find(f, low, high, **tolerances)
