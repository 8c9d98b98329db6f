"""Who computes the cells of a sweep: threads of this machine, any executor, a Dask cluster; and what a failure means.

An executor is anything that follows `concurrent.futures.Executor`: thread and process pools, `Client.get_executor()` of
dask.distributed, `MPIPoolExecutor` of mpi4py. It must only `submit` and return `concurrent.futures.Future`s.
"""

import pydoc
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

from meanfield.errors import short
from validate.errors import ConfigError, ExecutorError

PATIENCE = 5.0  # seconds in which a scheduler must answer
PROBE = "validate.sweeps.tasks.LOOK"  # a name that only this package has
RETRIES = 2  # times that Dask starts a cell again whose worker raised; dead workers' cells it starts again by itself


def check_executor(executor: Any) -> None:
    """Refuse what cannot take work."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ConfigError(
            f"executor must be a concurrent.futures.Executor; got {short(executor)}. "
            "Give ProcessPoolExecutor(4), or Client(...).get_executor() of dask.distributed, or leave it out."
        )


def check_workers(executor: Any) -> None:
    """Refuse workers that cannot import this package: of a Dask cluster all, of others the first one that answers.

    They are asked by a function of the standard library, which every worker has. Without this a Dask worker that
    cannot import what it receives never answers.
    """
    client = _dask(executor)
    found = (
        [executor.submit(pydoc.locate, PROBE).result()] if client is None else client.run(pydoc.locate, PROBE).values()
    )
    if None in found:
        raise ExecutorError(
            f"workers must have cfgfield installed; {list(found).count(None)} of {len(found)} asked of "
            f"{type(executor).__name__} cannot import it. Install it in their environment, and restart them."
        )


def count_workers(executor: Any) -> int | None:
    """How many cells an executor computes at a time, if it tells."""
    if (client := _dask(executor)) is not None:
        return sum(client.nthreads().values())
    for name in ("_max_workers", "num_workers"):  # concurrent.futures, mpi4py.futures
        if isinstance(count := getattr(executor, name, None), int):
            return count
    return None


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The executor of an existing Dask cluster, for the time of a `with` block.

    Raises
    ------
    ConfigError : dask.distributed is not installed. ExecutorError : no scheduler answers, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as cause:
        raise ConfigError(
            f"a Dask cluster needs the package distributed; it cannot be imported ({cause}). "
            "Install it from the source tree: pip install -c constraints.txt -e '.[cluster]'."
        ) from cause
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as cause:
        raise ExecutorError(
            f"a scheduler must answer within {PATIENCE:g} seconds; {address!r} does not ({_brief(cause)}). "
            "Check the address, which `dask scheduler` prints when it starts (tcp://host:8786), and the network."
        ) from cause
    try:
        if not client.nthreads():
            raise ExecutorError(
                f"a cluster must have workers; {address} has none. Start some with: dask worker {address} --nthreads 1."
            )
        yield client.get_executor(pure=False, retries=RETRIES)
    finally:
        with suppress(TimeoutError):  # a busy machine, and nothing is lost
            client.close(timeout=1)


def broken(executor: Any, cause: BaseException, finished: int, total: int, kept: bool) -> ExecutorError:
    """The error of an executor that failed: why, what is kept, and what to do."""
    name = type(executor).__name__
    state = f"{finished} of {total} cells are finished"
    remedy = (
        f"{state} and kept; run the same again with new workers, and the rest is computed."
        if kept
        else f"{state} but not kept: run again with a folder, and a failure costs only the cells it meets."
    )
    return ExecutorError(
        f"workers must live until the sweep ends; {name} failed ({type(cause).__name__}: {_brief(cause)}); "
        f"a worker or scheduler was killed, perhaps for want of memory, or shut down. {remedy}"
    )


def _dask(executor: Any) -> Any:
    """The client of a dask.distributed executor."""
    client = getattr(executor, "_client", None)
    return client if hasattr(client, "nthreads") else None


def _brief(cause: BaseException) -> str:
    text = str(cause).strip().split("\n")[0]
    return text[:200] if text else type(cause).__name__
