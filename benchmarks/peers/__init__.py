"""The other side of the comparison: short scripts, float32, as someone at home in each library would write them.

All sample the guided mixture by Euler steps of the reverse process (sec. 1 of docs/theory.md, VE time, D = sigma2 + t),
    x' = x + e s_w dt + eta sqrt(dt) xi,    s_w = ((1 + w)(mu_1 - x) - w (b - x))/D,    e = (1 + eta^2)/2,
with b = sum_k pi_k mu_k the posterior mean, where all the time goes:
    pi = softmax(x mu^T/D - |mu|^2/(2D)).
Each class has the same methods: `samples` brings an array into the library, `normals` is a source of random numbers,
`posterior_mean`, and `euler` down a grid of D.
A library that is not installed is reported and left out.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["LIBRARIES", "available", "peer"]

LIBRARIES = {  # name: (module that must be there, class)
    "NumPy": ("numpy", "benchmarks.peers.with_numpy:NumpySoftmax"),
    "torch attention": ("torch", "benchmarks.peers.with_torch:TorchAttention"),
    "JAX": ("jax", "benchmarks.peers.with_jax:JaxSoftmax"),
}


def available() -> list[str]:
    """Peers whose library is installed."""
    return [name for name, (library, _) in LIBRARIES.items() if find_spec(library)]


def peer(name: str) -> Any:
    """The class of one peer; its constructor takes the class means (classes, dim), target first."""
    module, cls = LIBRARIES[name][1].split(":")
    return getattr(import_module(module), cls)
