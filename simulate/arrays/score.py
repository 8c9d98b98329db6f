"""The exact score on the arrays of any library: attention over blocks of classes, with running sums.

With u = y/D and the differences delta_k of the classes from the target, for one block of classes after the other
    l = u delta^T - h,   h_k = |delta_k|^2/(2D) - log-weight             (samples, block)
    top' = max(top, max_k l),   e = exp(l - top'),   r = exp(top - top'),
    total <- r total + sum_k e,   square <- r^2 square + sum_k e^2,   shift <- r shift + e delta,
so a samples x classes array never exists. Nothing is left out. It is `simulate.scores.products` without a compiler.

Precision. Products and h are of the size |delta|^2/(2D) ~ d/D and cancel: where a class counts beside the target, l is
of order 1. In a type of rounding error eps a weight is off by up to eps d/D. Classes mostly count where d/D ~ log P and
not below, so what m and v feel is eps log P, at random: a millionth in float32; some per cent of a weight in bfloat16
(eps = 2^-8), of which averages over classes, directions and samples leave little (docs/particles.md has it measured).
Logits and weights have at least float32; sums over blocks and the state are float64.
"""

from typing import Any

import numpy as np

from simulate.arrays.place import Place
from simulate.scores.mixture import Held
from simulate.scores.posterior import Posterior, Sums


class ArrayScore:
    """Posterior of batches of samples that live at `place`; `block` classes at a time, products in `dtype`.

    Examples
    --------
    >>> from simulate.arrays.place import make_place
    >>> from simulate.scores.mixture import draw_direct
    >>> from simulate.scores.reference import ReferenceScore
    >>> mixture, y = draw_direct(d=8, n_classes=100, seed=0, draw=0), np.ones((3, 8))
    >>> score = ArrayScore(mixture, make_place(np, None, "float64"), block=7, dtype="float64")
    >>> bool(np.allclose(score(y, D=2.0).shift, ReferenceScore(mixture)(y, D=2.0).shift, atol=1e-12))
    True
    """

    def __init__(self, mixture: Held, place: Place, block: int = 512, dtype: str = "float32") -> None:
        xp, self._place, self._block = place.xp, place, block
        self._products = place.kind(dtype)
        self._kind = place.kind("float32" if dtype == "bfloat16" else dtype)  # of logits and weights
        self._delta = place.put(mixture.delta, self._products)  # (wrong classes, dim)
        self._half = place.put(mixture.half_norms if mixture.counts is None else mixture.half_norms_by_group)
        self._first = None if mixture.counts is None else xp.asarray(mixture.first, device=place.device)
        weight = mixture.log_weight
        self._log_weight = place.put(weight) if isinstance(weight, np.ndarray) else float(weight)

    def __call__(self, y: Any, D: Any, full: bool = False) -> Posterior:
        return self._sums(y, D, full).posterior(y.shape[1], full)

    def _sums(self, y: Any, D: Any, full: bool) -> Sums:
        """The sums that give the posterior, with logits to base e."""
        xp, double = self._place.xp, self._place.xp.float64
        query = xp.astype(y / D, self._products)  # (samples, dim)
        offsets = self._offsets(D)
        shift = xp.zeros_like(y)
        total = square = xp.zeros_like(y[:, 0])
        top = xp.full_like(total, -1e300)
        for k in range(0, self._delta.shape[0], self._block):
            part = slice(k, min(k + self._block, self._delta.shape[0]))
            delta = self._delta[part, :]
            logits = xp.astype(query @ xp.matrix_transpose(delta), self._kind, copy=False)  # (samples, block)
            logits -= offsets[part]
            now = xp.maximum(top, xp.astype(xp.max(logits, axis=1), double))
            down, top = xp.exp(top - now), now
            logits -= xp.astype(top, self._kind)[:, None]
            weights = xp.exp(logits)
            total = total * down + xp.sum(weights, axis=1, dtype=double)
            if full:
                square = square * down**2 + xp.sum(weights * weights, axis=1, dtype=double)
            average = xp.astype(weights, self._products, copy=False) @ delta
            shift = shift * down[:, None] + xp.astype(average, double)
        return Sums(top, total, square, shift)

    def _offsets(self, D: Any) -> Any:
        """|delta_k|^2/(2D) less the log-weight, (wrong classes,)."""
        xp = self._place.xp
        half = self._half / D if self._first is None else self._half @ (1.0 / xp.take(D, self._first))
        return xp.astype(half - self._log_weight, self._kind)
