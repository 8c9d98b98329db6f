"""Any executor gives the same bits; one that dies is named, and what it finished is kept."""

import multiprocessing
import re
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import xarray
from fault_cases import FEW, OPTIONS, alive, script, stamps, strike_after, undisturbed, wait_for
from validation_cases import PROBLEM

from meanfield import ProblemError
from validate import ConfigError, ExecutorError, sweep


@pytest.fixture(scope="module")
def whole() -> xarray.Dataset:
    return undisturbed(FEW)


class Inline(Executor):
    """The least that the protocol asks for: submit, and futures. As an executor that runs where it is called."""

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("stored", [False, True])
def test_processes_give_the_same_bits(tmp_path, whole, pool, stored):
    data = sweep(PROBLEM, FEW, executor=pool, folder=tmp_path if stored else None, **OPTIONS)
    xarray.testing.assert_identical(data, whole)


def test_threads_and_a_minimal_executor_give_the_same_bits(whole):
    with ThreadPoolExecutor(3) as executor:
        xarray.testing.assert_identical(sweep(PROBLEM, FEW, executor=executor, **OPTIONS), whole)
    xarray.testing.assert_identical(sweep(PROBLEM, FEW, executor=Inline(), threads=2, **OPTIONS), whole)


def test_errors_of_cells_are_not_errors_of_the_executor(pool):
    with pytest.raises(ProblemError, match=r"exp\(80\) classes.* use classes=\"lazy\" .*\(in the cell w=1\.0\)"):
        sweep(PROBLEM, {"w": [1.0]}, executor=pool, **{**OPTIONS, "classes": "explicit", "d": 200})


@pytest.mark.parametrize("executor", [3, "dask", ProcessPoolExecutor])
def test_what_is_no_executor_is_refused(executor):
    if isinstance(executor, type):
        executor = executor.__name__
    with pytest.raises(ConfigError, match=r"executor must be a concurrent.futures.Executor; got .*Give ProcessPool"):
        sweep(PROBLEM, {"w": [1.0]}, executor=executor, **OPTIONS)


def test_an_executor_that_was_shut_down():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ExecutorError, match=r"ThreadPoolExecutor failed \(RuntimeError: .*0 of 2 .* not kept: run"):
        sweep(PROBLEM, {"w": [1.0, 2.0]}, executor=executor, **OPTIONS)


def test_a_killed_worker_of_a_pool(tmp_path, whole, monkeypatch):
    """SIGKILL of a worker breaks a process pool: named, finished cells kept, a new pool goes on from there."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        before = set(multiprocessing.active_children())
        strike_after(monkeypatch, 5, lambda: (set(multiprocessing.active_children()) - before).pop().kill())
        with pytest.raises(ExecutorError) as error:
            sweep(PROBLEM, FEW, executor=executor, folder=tmp_path, **OPTIONS)
    monkeypatch.undo()
    assert re.match(
        r"workers must live until the sweep ends; ProcessPoolExecutor failed \(BrokenProcessPool: .*"
        r"\d+ of 24 cells are finished and kept; run the same again with new workers, and the rest is computed\.",
        str(error.value),
    )
    kept = stamps(tmp_path)
    assert 5 <= len(kept) < 24
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        data = sweep(PROBLEM, FEW, executor=executor, folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(data, whole)
    assert {name: stamps(tmp_path)[name] for name in kept} == kept


ORPHANS = """
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
if __name__ == "__main__":
    executor = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    executor.map(abs, range(2))
    print(*(p.pid for p in multiprocessing.active_children()), file=sys.stderr, flush=True)
    sweep(PROBLEM, {**GRID, "w": [1.0 * i for i in range(1000)]}, folder=sys.argv[1], executor=executor, **OPTIONS)
"""


def test_workers_end_with_a_killed_driver(tmp_path):
    """Otherwise the processes of a pool would wait for their driver for ever."""
    with script(ORPHANS, tmp_path) as process:
        workers = [int(n) for n in process.stderr.readline().split()]
        wait_for(lambda: len(stamps(tmp_path)) >= 10)
        assert len(workers) == 2 and all(map(alive, workers))
        process.kill()
        wait_for(lambda: not any(map(alive, workers)))
