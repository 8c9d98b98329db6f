"""The one thread loop: order, progress, the first error in the order of the items, interruption, few items ahead."""

import threading
import time

import pytest

from meanfield.tools.crew import Crew, Stopped

NET = 600.0  # seconds until what hangs is given up


def idle() -> bool:
    return not [t for t in threading.enumerate() if t.name.startswith("ThreadPool")]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    last = threading.Event()

    def work(n):
        if n == 0 and threads > 1:
            assert last.wait(NET)  # the first is done last
        if n == 4:
            last.set()
        return n

    assert Crew(threads).run(work, range(5)) == [0, 1, 2, 3, 4] and idle()
    assert Crew(threads).run(work, []) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_error_is_that_of_the_first_item_that_has_one(threads):
    done, later = [], threading.Event()

    def work(n):
        if n == 0:
            done.append(n)
            return
        if n == 3:
            later.set()
        if n == 1 and threads > 1:
            assert later.wait(NET)  # the first error is not the earliest
        raise ValueError(f"item {n}")

    with pytest.raises(ValueError, match="item 1"):
        Crew(threads).run(work, range(1000))
    assert done == [0] and idle()


def test_progress_is_shown_while_an_item_runs_and_at_the_end():
    crew, seen, shown = Crew(2), [], threading.Event()

    def work(n):
        crew.tick(2)
        assert shown.wait(NET)
        crew.tick(4)

    def show(done):
        seen.append(done)
        if done == 4:
            shown.set()

    crew.run(work, range(2), show)
    assert seen == sorted(seen) and 4 in seen and seen[-1] == 12


@pytest.mark.parametrize(("look", "shown"), [(-1.0, [2, 6, 6, 8, 12, 12]), (float("inf"), [6, 12])])
def test_a_crew_of_one_is_the_calling_thread_and_shows_what_its_items_tell(monkeypatch, look, shown):
    """After every tick if it looks all the time, after every item if never."""
    monkeypatch.setattr("meanfield.tools.crew.LOOK", look)
    crew, seen, threads = Crew(1), [], []

    def work(n):
        threads.append(threading.current_thread())
        crew.tick(2)
        crew.tick(4)

    crew.run(work, range(2), seen.append)
    assert seen == shown and threads == 2 * [threading.current_thread()]


def test_what_show_raises_ends_a_crew_of_one_within_its_item(monkeypatch):
    monkeypatch.setattr("meanfield.tools.crew.LOOK", -1.0)
    crew, begun, ended = Crew(1), [], []

    def work(n):
        begun.append(n)
        crew.tick()
        ended.append(n)

    def show(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.run(work, range(3), show)
    assert begun == [0] and not ended
    with pytest.raises(Stopped):
        crew.check()


def test_what_show_raises_stops_the_items_and_reaches_the_caller():
    """Items that never end by themselves."""
    crew, begun, stopped = Crew(2), [], []

    def work(n):
        begun.append(n)
        try:
            while True:
                time.sleep(0.01)
                crew.tick()
        except Stopped:
            stopped.append(n)
            raise

    def show(done):
        if len(begun) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.run(work, range(100), show)
    assert sorted(stopped) == [0, 1] and idle()


def test_few_items_are_begun_before_their_results_are_taken():
    begun: list[int] = []
    results = Crew(2).results(begun.append, iter(range(100)), ahead=3)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 3
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 4
    results.close()
    assert idle()
