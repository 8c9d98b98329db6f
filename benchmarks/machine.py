"""Where and with what a benchmark was run."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from benchmarks.timing import cpu_seconds, sgemm
from meanfield.tools.crew import available_threads
from validate.results.provenance import provenance

__all__ = ["machine"]


def machine() -> dict:
    """Processor, load, float32 matrix rate of one thread now, and versions of the package and of every peer."""
    n = 1024
    product = sgemm(n)
    product()
    return {
        "processor": _processor(),
        "processors": available_threads(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "sgemm_gflops": round(2 * n**3 / cpu_seconds(product, 10) / 1e9, 1),
        **provenance(),
        **{name: _version(name) for name in ("torch", "jax")},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            fields = {name.strip(): value for name, _, value in (line.strip().partition(":") for line in lines)}
    except OSError:
        return platform.processor() or platform.machine()
    vectors = [name for name in ("avx2", "fma", "avx512f") if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine()).strip()} ({', '.join(vectors)})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
