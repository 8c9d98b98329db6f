"""Cost of the package beside scripts that one would write with NumPy, torch or JAX: `python -m benchmarks`.

Absolute times mean little on a shared machine. Everything here is a ratio of CPU seconds of two methods that take turns
in one process, on one thread, or the growth of one cost with size. benchmarks/README.md tells how to read the results.
"""
