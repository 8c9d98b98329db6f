"""Sweeps on a Dask cluster whose scheduler and workers are processes of their own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import xarray
from fault_cases import FEW, NET, OPTIONS, interrupt, script, stamps, strike_after, undisturbed, wait_for
from typer.testing import CliRunner
from validation_cases import PROBLEM

from validate import ExecutorError, atlas, sweep
from validate.cli import app
from validate.sweeps import executors

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture(autouse=True)
def schedulers_may_be_slow(monkeypatch):
    """One that lives answers in the end, on any machine."""
    monkeypatch.setattr(executors, "PATIENCE", NET)


@pytest.fixture(scope="module")
def whole() -> xarray.Dataset:
    return undisturbed(FEW)


BIN = Path(sys.executable).parent
NO_PACKAGE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("meanfield", "simulate", "validate"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
"""


class Cluster:
    """A scheduler and workers, each a process of its own, as on a cluster; `path` is put first on the workers'."""

    def __init__(self, workers: int, path: str = "") -> None:
        self._logs = tempfile.TemporaryDirectory()
        self._started: list[subprocess.Popen] = []
        try:
            self.address = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
            for _ in range(workers):
                self._start("worker", self.address, "--nthreads", "1", "--no-nanny", path=path)
        except BaseException:
            self.__exit__()
            raise
        self.scheduler, *self.workers = self._started

    def _start(self, *words: str, path: str = "") -> str:
        """Start a process and wait for the address that it registers."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, *sys.path]))}
        command = [sys.executable, str(BIN / "dask"), *words, "--no-dashboard"]
        log = Path(self._logs.name) / str(len(self._started))
        with log.open("w") as stream:
            self._started.append(subprocess.Popen(command, env=environment, stderr=stream))
        addresses = re.compile(r"(?:Scheduler at|Registered to): +(tcp://\S+)")
        wait_for(lambda: self._started[-1].poll() is not None or addresses.search(log.read_text()))
        assert self._started[-1].poll() is None, log.read_text()
        return addresses.search(log.read_text())[1]

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()
        self._logs.cleanup()


@pytest.fixture(scope="module")
def cluster():
    with Cluster(2) as found:
        yield found


@pytest.mark.parametrize("stored", [False, True])
def test_a_dask_cluster_gives_the_same_bits(tmp_path, whole, cluster, stored):
    with distributed.Client(cluster.address, set_as_default=False) as client:
        folder = tmp_path if stored else None
        data = sweep(PROBLEM, FEW, executor=client.get_executor(), folder=folder, **OPTIONS)
    xarray.testing.assert_identical(data, whole)


def test_the_command_runs_the_atlas_on_a_cluster(tmp_path, cluster):
    words = ["validate", "--only", "alpha=2 sigma2=8", "--out"]
    result = CliRunner().invoke(app, [*words, str(tmp_path / "far"), "--scheduler", cluster.address])
    assert result.exit_code == 0, result.output
    assert re.search(r"atlas: 2 cells to compute, about .* on 2 workers", result.stderr)
    here = atlas("quick", only="alpha=2 sigma2=8", progress=False)
    with xarray.open_dataset(tmp_path / "far" / "atlas.nc") as far:
        for name in ("m", "v", "quenched_v", "step_m", "theory_m"):
            xarray.testing.assert_identical(far[name].drop_attrs(), here[name].drop_attrs())


def test_a_killed_worker_of_a_cluster_costs_nothing(tmp_path, whole, monkeypatch):
    """Dask gives its cells to the others."""
    with Cluster(2) as cluster, distributed.Client(cluster.address, set_as_default=False) as client:
        strike_after(monkeypatch, 5, cluster.workers[0].kill)
        data = sweep(PROBLEM, FEW, executor=client.get_executor(), folder=tmp_path, **OPTIONS)
        assert cluster.workers[0].wait() == -signal.SIGKILL
    xarray.testing.assert_identical(data, whole)


INTERRUPTED = """
from validate.sweeps.executors import cluster
tell_when_inside()
try:
    with cluster(sys.argv[2]) as executor:
        sweep(PROBLEM, FEW, folder=sys.argv[1], executor=executor, **{**OPTIONS, "d": 20, **HOURS})
except KeyboardInterrupt as stopped:
    print(stopped, file=sys.stderr, flush=True)
    sys.exit(130)
"""


def test_an_interrupt_stops_cells_under_way(tmp_path, cluster):
    """Cells that take hours: the driver ends, none of them is finished, and the workers take other work."""
    with script(INTERRUPTED, tmp_path, cluster.address) as process:
        said = interrupt(process)
    assert said == "0 of 24 cells are done and kept; the same call goes on from there.\n"
    assert not list(tmp_path.rglob("*.tmp"))
    with distributed.Client(cluster.address, set_as_default=False) as client:
        for worker in client.nthreads():
            assert client.submit(abs, -1, workers=worker, allow_other_workers=False).result(timeout=NET) == 1
    assert not stamps(tmp_path)


def test_a_killed_scheduler_is_named_and_what_is_finished_is_kept(tmp_path, whole, monkeypatch):
    with Cluster(1) as cluster, distributed.Client(cluster.address, set_as_default=False) as client:
        strike_after(monkeypatch, 5, cluster.scheduler.kill)
        with pytest.raises(ExecutorError, match=r"ClientExecutor failed .*\d+ of 24 cells are finished and kept; run"):
            sweep(PROBLEM, FEW, executor=client.get_executor(), folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(sweep(PROBLEM, FEW, folder=tmp_path, **OPTIONS), whole)


def test_a_worker_without_the_package_is_named(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_PACKAGE)
    with Cluster(1, str(tmp_path)) as cluster, distributed.Client(cluster.address, set_as_default=False) as client:
        with pytest.raises(
            ExecutorError, match=r"must have cfgfield installed; 1 of 1 asked of ClientExecutor .* Install"
        ):
            sweep(PROBLEM, FEW, executor=client.get_executor(), **OPTIONS)


def test_a_cluster_that_is_slow_to_say_goodbye_costs_nothing(monkeypatch, cluster):
    close = distributed.Client.close

    def slow(client, timeout=None):
        close(client)
        if timeout == 1:  # not the clients of other tests, which are collected at any moment
            raise TimeoutError

    monkeypatch.setattr(distributed.Client, "close", slow)
    with executors.cluster(cluster.address) as executor:
        assert executor.submit(abs, -1).result(timeout=NET) == 1


def test_a_scheduler_without_workers_and_one_that_is_not_there():
    with Cluster(0) as cluster:
        result = CliRunner().invoke(app, ["validate", "--scheduler", cluster.address])
        assert result.exit_code == 3
        assert re.fullmatch(r"error: a cluster must have workers; tcp://\S+ has none\. Start some .*\n", result.stderr)
    for address in (cluster.address, "nonsense://x"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(executors, "PATIENCE", 1.5)
            result = CliRunner().invoke(app, ["validate", "--scheduler", address])
        assert result.exit_code == 3
        said = f"error: a scheduler must answer within 1.5 seconds; '{address}' does not "
        assert re.fullmatch(rf"{said}.*\n", result.stderr)
