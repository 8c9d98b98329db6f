"""The one thread loop: order, progress, the first error in the order of the items, interruption, few items ahead."""

import threading
import time

import pytest

from meanfield.tools.crew import Crew, Stopped


def idle() -> bool:
    return not [t for t in threading.enumerate() if t.name.startswith("ThreadPool")]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    def work(n):
        time.sleep(0.01 * (5 - n))  # the last are done first
        return n

    assert Crew(threads).run(work, range(5)) == [0, 1, 2, 3, 4] and idle()
    assert Crew(threads).run(work, []) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_error_is_that_of_the_first_item_that_has_one(threads):
    done = []

    def work(n):
        time.sleep(0.02 * (4 - n) if n < 4 else 0.0)
        if n > 0:
            raise ValueError(f"item {n}")
        done.append(n)

    with pytest.raises(ValueError, match="item 1"):
        Crew(threads).run(work, range(1000))
    assert done == [0] and idle()


def test_progress_is_shown_while_an_item_runs_and_at_the_end():
    crew, seen = Crew(2), []

    def work(n):
        for _ in range(3):
            time.sleep(0.06)
            crew.tick(2)

    crew.run(work, range(2), seen.append)
    assert seen == sorted(seen) and seen[-1] == 12 and 0 < seen[0] < 12


def test_what_show_raises_stops_the_items_and_reaches_the_caller():
    crew, stopped = Crew(2), []

    def work(n):
        try:
            while True:
                time.sleep(0.01)
                crew.tick()
        except Stopped:
            stopped.append(n)
            raise

    def show(done):
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        crew.run(work, range(100), show)
    assert time.monotonic() - began < 2.0 and sorted(stopped) == [0, 1] and idle()


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
