"""Ctrl-C in the middle of cells: it ends, says what is done and how to go on, and leaves nothing half written."""

import re

import pytest
from fault_cases import interrupt, script, stamps

INTERRUPTED = """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import multiprocessing
if __name__ == "__main__":
    kind = sys.argv[2]
    executor = None
    if kind == "threads":
        executor = ThreadPoolExecutor(2)
    if kind == "processes":
        executor = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    tell_when_inside()
    try:
        sweep(PROBLEM, FEW, folder=sys.argv[1], executor=executor, **{**OPTIONS, "d": 22, **HOURS})
    except KeyboardInterrupt as stopped:
        print(stopped, file=sys.stderr, flush=True)
        sys.exit(130)
"""


@pytest.mark.parametrize("kind", ["default", "threads", "processes"])
def test_an_interrupt_stops_cells_under_way(tmp_path, kind):
    """With any executor, in the middle of cells that take hours: it ends, and none of them is finished."""
    with script(INTERRUPTED, tmp_path, kind) as process:
        said = interrupt(process)
    assert said == "0 of 24 cells are done and kept; the same call goes on from there.\n"
    assert not stamps(tmp_path) and not list(tmp_path.rglob("*.tmp"))


COMMAND = """
from validate.cli import main
from validate.regimes import measurement
measurement.FIRST = int(sys.argv[2])
tell_when_inside()
sys.argv[1:] = ["validate", "--profile", "standard", "--only", "alpha=0.7", "--out", sys.argv[1]]
main()
"""


@pytest.mark.parametrize("first", [0, 2], ids=["all at once", "the smallest cells before"])
def test_an_interrupted_command_says_so(tmp_path, first):
    with script(COMMAND, tmp_path, str(first)) as process:
        if not first:
            assert re.match(r"atlas: the cost of \d+ cells is estimated", process.stderr.readline())
            announcement = process.stderr.readline()
            assert re.match(r"atlas: \d+ cells to compute, about .* on \d+ workers? \(.* of processor\)", announcement)
        said = interrupt(process)
    if not first:
        assert re.match(r"atlas: \d+ of \d+ cells", said)
    done = re.search(
        r"(?:^|\n)interrupted; (\d+) of (\d+) cells are done and kept; the same call goes on from there\.\n$", said
    )
    assert done and int(done[1]) < int(done[2]) and int(done[2]) > 10
    assert not list(tmp_path.rglob("*.tmp"))
