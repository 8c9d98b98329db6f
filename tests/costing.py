"""`make test-costs`: the processor seconds of every test, into tests/costs.json, which `tests/conftest.py` reads.

A plugin of pytest. What a test costs is measured around its setup, call and teardown, with the programs that it has
started and seen end. Kernels are compiled in the first test that needs them: once the long ones are known, the others
are measured by themselves, since some of them compile then. What a run leaves out keeps its cost.
"""

import json
import os
from pathlib import Path

import pytest

COSTS = Path(__file__).with_name("costs.json")
LONG = 1.0  # CPU s from which on a test is written down
BEFORE = pytest.StashKey[float]()
_found: dict[str, float] = {}


def _seconds() -> float:
    return sum(os.times()[:4])  # of this process and of its children that have ended


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.stash[BEFORE] = _seconds()
    return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item):
    try:
        return (yield)
    finally:
        item.user_properties.append(("cpu", _seconds() - item.stash[BEFORE]))


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        _found[report.nodeid] = dict(report.user_properties).get("cpu", 0.0)


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):  # where all reports arrive
        costs = {k: cpu for k, cpu in json.loads(COSTS.read_text(encoding="utf-8")).items() if k not in _found}
        costs |= {name: round(cpu, 1) for name, cpu in _found.items() if cpu >= LONG}
        COSTS.write_text(json.dumps(dict(sorted(costs.items())), indent=0) + "\n", encoding="utf-8")
        print(f"\n{sum(_found.values()):.0f} CPU s of tests; {len(costs)} of at least {LONG:g} in {COSTS.name}")
