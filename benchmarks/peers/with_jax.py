"""JAX: one jitted step, softmax and products left to XLA."""

from functools import partial

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

    def posterior_mean(self, x: jax.Array, D: float) -> jax.Array:
        return _posterior_mean(self.means, self.half, x, D).block_until_ready()

    def euler(self, x: jax.Array, D: np.ndarray, w: float, eta: float, seed: int = 0) -> jax.Array:
        keys = jax.random.split(jax.random.key(seed), len(D) - 1)
        for key, now, then in zip(keys, D[:-1], D[1:], strict=True):
            x = _step(self.means, self.half, x, now, then, w, eta, key)
        return x.block_until_ready()


@jax.jit
def _posterior_mean(means, half, x, D):
    return jax.nn.softmax((x @ means.T - half) / D, axis=1) @ means  # (samples, dim)


@partial(jax.jit, static_argnames="eta")
def _step(means, half, x, now, then, w, eta, key):
    dt = now - then
    score = ((1 + w) * (means[0] - x) - w * (_posterior_mean(means, half, x, now) - x)) / now
    x = x + 0.5 * (1 + eta**2) * dt * score
    return x + eta * jnp.sqrt(dt) * jax.random.normal(key, x.shape) if eta else x
