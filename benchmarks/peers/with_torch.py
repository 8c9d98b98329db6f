"""torch: the posterior mean is attention with the class means as keys and values, so its fused kernel does the work."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention


class TorchAttention:
    """Guided sampling by `scaled_dot_product_attention` on the CPU, float32; -|mu|^2/(2D) goes in as the mask."""

    def __init__(self, means: np.ndarray | torch.Tensor) -> None:
        self.means = torch.as_tensor(means, dtype=torch.float32)  # (classes, dim)
        self.half = 0.5 * (self.means**2).sum(1)  # (classes,)

    @classmethod
    def drawn(cls, P: int, d: int) -> "TorchAttention":
        """Class means by torch's generator, the target rescaled to |mu_1|^2 = d: what a script without ours does."""
        means = torch.randn(P, d)
        means[0] *= d**0.5 / means[0].norm()
        return cls(means)

    def samples(self, x: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(x, dtype=torch.float32)

    def normals(self, shape: tuple[int, ...]) -> Callable[[], torch.Tensor]:
        return lambda: torch.randn(shape)

    def posterior_mean(self, x: torch.Tensor, D: float) -> torch.Tensor:
        keys = self.means[None, None]  # (1, 1, classes, dim)
        bias = (-self.half / D).expand(1, 1, len(x), -1)  # (1, 1, samples, classes): a view, not a copy
        return scaled_dot_product_attention(x[None, None], keys, keys, attn_mask=bias, scale=1.0 / D)[0, 0]

    @torch.no_grad()
    def euler(self, x: torch.Tensor, D: np.ndarray, w: float, eta: float, normals: Callable) -> torch.Tensor:
        e = 0.5 * (1 + eta**2)
        for now, then in pairwise(D.tolist()):
            score = ((1 + w) * (self.means[0] - x) - w * (self.posterior_mean(x, now) - x)) / now
            x = x + e * (now - then) * score
            if eta:
                x += eta * (now - then) ** 0.5 * normals()
        return x

    @torch.no_grad()
    def exponential_euler(self, x: torch.Tensor, D: np.ndarray, w: float, eta: float, normals: Callable):
        """The same, exact for the linear part of the score (as DDIM is): fewer steps for users who know of it."""
        e = 0.5 * (1 + eta**2)
        for now, then in pairwise(D.tolist()):
            aim = self.means[0] + w * (self.means[0] - self.posterior_mean(x, now))  # s_w = (aim - x)/D
            x = aim + (then / now) ** e * (x - aim)
            if eta:
                x += (then * (1 - (then / now) ** eta**2)) ** 0.5 * normals()
        return x
