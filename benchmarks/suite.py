"""All measurements of a benchmark in order: name -> function(quick, say) that gives plain data."""

from collections.abc import Callable

from benchmarks import libraries, step_map
from benchmarks.machine import machine
from benchmarks.peers import available

__all__ = ["SECTIONS", "Say", "measure"]

Say = Callable[[str], None]
QUICK_SIZES = ((2, 2, 1024), (2, 4000, 128), (100, 24, 1024), (1000, 256, 128), (10**4, 20, 256))


def measure(names: list[str], quick: bool, say: Say) -> dict:
    """Run the named sections; the result is what goes to results.json."""
    results: dict = {"machine": machine() | {"quick": quick}}
    for name in names:
        say(f"{name} ...")
        results[name] = SECTIONS[name](quick, say)
    return results


def score_map(quick: bool, say: Say) -> list[dict]:
    return _cells(step_map.score_cell, quick, say)


def steps(quick: bool, say: Say) -> list[dict]:
    return _cells(step_map.step_cell, quick, say)


def library_table(quick: bool, say: Say) -> list[dict]:
    rows = []
    for P, d, S in libraries.SIZES[: 2 if quick else None]:
        rows.append(libraries.compare_libraries(P, d, S))
        say(f"P = {P}, d = {d}: " + ", ".join(f"{name} {x:.2f}" for name, x in rows[-1]["ratio"].items()))
    return rows


def _cells(cell: Callable[..., dict], quick: bool, say: Say) -> list[dict]:
    if "torch attention" not in available():
        say("left out: torch is not installed")
        return []
    found = []
    for P, d, S in QUICK_SIZES if quick else step_map.sizes():
        found.append(cell(P, d, S))
        say(f"P = {P}, d = {d}, S = {S}: {found[-1]['ratio']:.2f}")
    return found


SECTIONS: dict[str, Callable[[bool, Say], object]] = {
    "libraries": library_table,
    "score map": score_map,
    "step map": steps,
}
