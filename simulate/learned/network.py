"""A small denoiser of 8 x 8 images, preconditioned direction by direction.

The network estimates the image behind x = x_0 + s^(1/2) z at total noise s = BLUR + t. In the principal directions of
the training images, of variance u_i,

    x_0,i ~ u_i/(u_i + s) x_i + (u_i s/(u_i + s))^(1/2) F_i(x_i/(u_i + s)^(1/2), log s, label),

so that input and output of F have variance 1 at every noise and in every direction: EDM's preconditioning
(arXiv:2206.00364, sec. 5), once for each direction instead of once for all. F = 0 is the score of one Gaussian with the
covariance of all images, the same for every label: an untrained network knows nothing of classes, and guidance does
nothing. Tweedie's formula gives the score, (x_0 estimate - x)/s = -x_i/(u_i + s) + (u_i/(s (u_i + s)))^(1/2) F_i.

F is a multilayer perceptron with residual blocks; noise and label shift and scale each block. Label 10 is "no label".
"""

from typing import Any

import numpy as np

from simulate.learned.extra import library

NO_LABEL = 10
FREQUENCIES = 16  # of the embedding of log s, up to one turn per unit


def principal_directions(x: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Variances (dim,), at least `floor`, and directions (dim, dim) as columns, of images around the origin."""
    u, basis = np.linalg.eigh(np.cov(x.T, bias=True))
    return np.maximum(u, floor), basis


def make_network(u: np.ndarray, basis: np.ndarray, width: int, depth: int, dropout: float) -> Any:
    """A torch module: (x (n, dim), s (n,), labels (n,)) -> F (n, dim) in the principal directions.

    `coefficients(s)` gives the factors (skip, out, into), (n, dim) each, of the formula above.
    """
    torch = library("torch")
    nn = torch.nn
    Module: Any = nn.Module

    class Block(Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(width, elementwise_affine=False)
            self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)
            self.shift = nn.Linear(width, 2 * width)
            self.drop = nn.Dropout(dropout)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

        def forward(self, h, embedded):
            scale, shift = self.shift(embedded).chunk(2, dim=1)
            inner = nn.functional.silu(self.first(self.norm(h) * (1.0 + scale) + shift))
            return h + self.last(self.drop(inner))

    class Denoiser(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("u", torch.as_tensor(u, dtype=torch.float32))
            self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
            self.register_buffer("turns", torch.pi * torch.linspace(0.05, 1.0, FREQUENCIES))
            self.label = nn.Embedding(NO_LABEL + 1, width)
            self.noise = nn.Linear(2 * FREQUENCIES, width)
            self.into = nn.Linear(len(u), width)
            self.blocks = nn.ModuleList(Block() for _ in range(depth))
            self.out = nn.Linear(width, len(u))
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

        def coefficients(self, s):
            total = self.u + s[:, None]
            return self.u / total, torch.sqrt(self.u * s[:, None] / total), torch.rsqrt(total)

        def forward(self, x, s, labels):
            phase = torch.log(s)[:, None] * self.turns
            embedded = self.noise(torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)) + self.label(labels)
            embedded = nn.functional.silu(embedded)
            h = self.into((x @ self.basis) * self.coefficients(s)[2])
            for block in self.blocks:
                h = block(h, embedded)
            return self.out(nn.functional.silu(h))

    return Denoiser()
