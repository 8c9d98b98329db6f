"""JAX: one jitted step, softmax and products left to XLA."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np


class JaxSoftmax:
    """Guided sampling by a jitted Euler step, float32."""

    def __init__(self, means: np.ndarray) -> None:
        self.means = jnp.asarray(means, jnp.float32)  # (classes, dim)
        self.half = 0.5 * jnp.sum(self.means**2, axis=1)  # (classes,)

    def samples(self, x: np.ndarray) -> jax.Array:
        return jnp.asarray(x, jnp.float32)

    def normals(self, shape: tuple[int, ...]) -> Callable[[], jax.Array]:
        return partial(next, _normals(shape))

    def posterior_mean(self, x: jax.Array, D: float) -> jax.Array:
        return _posterior_mean(self.means, self.half, x, D).block_until_ready()

    def euler(self, x: jax.Array, D: np.ndarray, w: float, eta: float, normals: Callable) -> jax.Array:
        for now, then in pairwise(D):
            x = _step(self.means, self.half, x, now, then, w, eta)
            if eta:
                x = x + eta * np.sqrt(now - then) * normals()
        return x.block_until_ready()


def _normals(shape: tuple[int, ...]) -> Iterator[jax.Array]:
    key = jax.random.key(0)
    while True:
        key, used = jax.random.split(key)
        yield jax.random.normal(used, shape)


@jax.jit
def _posterior_mean(means, half, x, D):
    return jax.nn.softmax((x @ means.T - half) / D, axis=1) @ means  # (samples, dim)


@jax.jit
def _step(means, half, x, now, then, w, eta):
    score = ((1 + w) * (means[0] - x) - w * (_posterior_mean(means, half, x, now) - x)) / now
    return x + 0.5 * (1 + eta**2) * (now - then) * score
