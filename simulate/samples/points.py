"""The exact score of a finite set of points, each blurred: what a network would learn that fits its data perfectly.

p_t(x) = (1/n) sum_i N(x; x_i, (blur + t) I), score = sum_i pi_i (x_i - x)/(blur + t), pi = softmax(-|x - x_i|^2 /
(2 (blur + t))). It is the minimiser of the training loss of a diffusion model on these points, which repeats
them; it stands between Gaussian fits of the classes and a learned score.
"""

import numpy as np

from meanfield.errors import ProblemError, checked
from meanfield.tools.door import Numbers, door
from simulate.samples.scored import checked_state, numbers


@door()
class PointScore:
    """Score of points of equal weight, for `simulate.sample_scores`.

    Parameters
    ----------
    points : (n, dim). blur : variance of each at t = 0, > 0.

    Examples
    --------
    >>> score = PointScore(np.array([[1.0], [-1.0]]), blur=0.5)
    >>> score(np.array([[0.0], [3.0]]), t=0.5).round(3)      # x = 3 sees the nearer point: -2/(blur + t)
    array([[ 0.   ], [-2.005]])
    """

    def __init__(self, points: Numbers, blur: float) -> None:
        self.points = numbers("points", points)
        if self.points.ndim != 2 or not len(self.points) or not np.all(np.isfinite(self.points)):
            raise ProblemError(f"points must be finite, of shape (points, dim); got shape {self.points.shape}.")
        self.blur = checked("blur", blur, low=0, open_low=True)
        self._centre = self.points.mean(axis=0)
        self._points = self.points - self._centre  # far from the origin squares would lose all digits
        self._half = 0.5 * np.sum(self._points**2, axis=1)

    def __call__(self, x: np.ndarray, t: float) -> np.ndarray:
        x, t = checked_state(x, t, self.points.shape[1])
        s, x = self.blur + t, x - self._centre
        logits = (x @ self._points.T - self._half) / s  # (samples, points)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights @ self._points - x) / s
