"""Order parameters of sec. 1 of docs/theory.md, summed over a batch of samples on the fly: states are never kept.

With y = x - mu_1 and |mu_1|^2 = d:  m = x.mu_1/d = 1 + y.mu_1/d,  q = |x|^2/d = (|y|^2 + 2 y.mu_1)/d + 1,
v = |x - m mu_1|^2/(d - 1) = (|y|^2 - d (m - 1)^2)/(d - 1). `outside` is |y|^2 in directions that are not simulated.
"""

import numpy as np

from simulate.score import Posterior

__all__ = ["NAMES", "observe"]

NAMES = ("m", "v", "q", "m_twin", "v_twin", "weight", "log_odds", "participation", "accuracy")


def observe(
    y: np.ndarray, twin: np.ndarray, outside: np.ndarray, target: np.ndarray, d: int, posterior: Posterior
) -> np.ndarray:
    """Sums over the batch of each observable in `NAMES`, shape (observables,)."""
    m, v, q = _order_parameters(y, outside, target, d)
    m_twin, v_twin, _ = _order_parameters(twin, outside, target, d)
    each = (m, v, q, m_twin, v_twin, posterior.weight, posterior.log_odds, posterior.participation, posterior.nearest)
    return np.array([np.sum(values, dtype=np.float64) for values in each])


def _order_parameters(y: np.ndarray, outside: np.ndarray, target: np.ndarray, d: int):
    along = y @ target / d  # (samples,): m - 1
    square = np.einsum("sd,sd->s", y, y) + outside
    v = (square - d * along**2) / (d - 1)
    return 1.0 + along, v, square / d + 2.0 * along + 1.0
