"""All measurements of a benchmark in order: name -> function(quick, say) that gives plain data."""

import math
from collections.abc import Callable, Iterable, Iterator

from benchmarks import (
    device,
    equal_accuracy,
    libraries,
    mixtures,
    scaling,
    solvers,
    step_map,
    subprocesses,
    theory_speed,
)
from benchmarks.machine import machine
from benchmarks.peers import available

__all__ = ["SECTIONS", "Say", "measure"]

NO_TORCH = "left out: torch is not installed"
Say = Callable[[str], None]
QUICK_CASE = equal_accuracy.Case(1000, 16, samples=16, timed=128, converged=96, scripted=(24, 48))
QUICK_SIZES = ((2, 2, 1024), (2, 4000, 128), (100, 24, 1024), (1000, 256, 128), (10**4, 20, 256))


def measure(names: list[str], quick: bool, say: Say) -> Iterator[tuple[str, dict]]:
    """Run the named sections: name, and where and when it was measured, and the data. This goes to results.json."""
    for name in names:
        say(f"{name} ...")
        data = SECTIONS[name](quick, say)
        yield name, {"machine": machine() | {"quick": quick}, "data": data}  # in this order: it says when it finished


def score_map(quick: bool, say: Say) -> list[dict]:
    return _cells(step_map.score_cell, QUICK_SIZES if quick else step_map.sizes(), say)


def few_classes(quick: bool, say: Say) -> list[dict]:
    return _cells(step_map.score_cell, QUICK_SIZES[:2] if quick else step_map.few_sizes(), say)


def steps(quick: bool, say: Say) -> list[dict]:
    return _cells(step_map.step_cell, QUICK_SIZES if quick else step_map.sizes(), say)


def library_table(quick: bool, say: Say) -> list[dict]:
    rows = []
    for P, d, S in libraries.SIZES[: 2 if quick else None]:
        rows.append(libraries.compare_libraries(P, d, S))
        say(f"P = {P}, d = {d}: " + ", ".join(f"{name} {x:.2f}" for name, x in rows[-1]["ratio"].items()))
    return rows


def equal_accuracy_table(quick: bool, say: Say) -> list[dict]:
    if "torch attention" not in available():
        say(NO_TORCH)
        return []
    rows = []
    for case in [QUICK_CASE] if quick else equal_accuracy.CASES:
        for sampler in ("ode", "sde"):
            rows.append(equal_accuracy.whole_run(case, sampler, 1 if quick else 3))
            gains = ", ".join(f"{rule} {gain:.1f}" for rule, gain in rows[-1]["gain"].items())
            say(f"P = {case.P}, d = {case.d}, {sampler}: {gains}")
    return rows


def solver_table(quick: bool, say: Say) -> list[dict]:
    if "torch attention" not in available():
        say(NO_TORCH)
        return []
    found = []
    for case in [solvers.Case(100, 8, 8, 128)] if quick else solvers.CASES:
        for row in solvers.rows(case, 1 if quick else 3):
            name, gain = solvers.best_peer(row)
            best = "none got there" if math.isnan(gain) else f"{gain:.2f} times the CPU by {name}"
            say(f"P = {row['P']}, {row['sampler']}, {row['tolerance']:g}: {best}")
            found.append(row)
    return found


def growth(quick: bool, say: Say) -> list[dict]:
    axes = [(axis, sizes[:3] if quick else sizes, others) for axis, sizes, others in scaling.AXES]
    return [scaling.cost_growth(axis, sizes, repeats=1 if quick else 3, **others) for axis, sizes, others in axes]


def memory(quick: bool, say: Say) -> list[dict]:
    return [subprocesses.peak_memory(*size) for size in subprocesses.SIZES[: 1 if quick else None]]


def own_mixtures(quick: bool, say: Say) -> list[dict]:
    rows = []
    for K, d, S in [(100, 32, 200)] if quick else mixtures.SIZES:
        for form in mixtures.FORMS:
            if K * d * d * 8 > 4e9 and form == "full":  # its axes alone
                continue
            rows.append(mixtures.mixture_row(form, K, d, S))
            say("{form}, K = {K}, d = {d}, S = {S}: {cpu:.3g} CPU s a step".format(**rows[-1]))
    return rows


def theory(quick: bool, say: Say) -> dict:
    return {
        "solve": theory_speed.solve_milliseconds(*((1, 0.01) if quick else ())),
        "diagram": theory_speed.diagram_rate(10 if quick else 40),
    }


def start_up(quick: bool, say: Say) -> dict:
    return {
        "imports": {name: subprocesses.import_seconds(name) for name in ("meanfield", "simulate", "validate")},
        "first call": {dtype: subprocesses.first_call(dtype) for dtype in ("float32", "float64")},
        "processes": subprocesses.process_seconds(*((1,) if quick else ())),
    }


def on_a_device(quick: bool, say: Say) -> dict:
    if "torch attention" not in available():
        say(NO_TORCH)
        return {}
    rows = [row for name in list(device.CASES)[: 1 if quick else None] for row in device.accuracy(name)]
    found = device.device_name()
    say(f"device: {found or 'none is there (torch sees no CUDA device), so speed is left out'}")
    speed = [device.speed(*size) for size in device.SPEED[: 1 if quick else None]] if found else []
    return {"device": found, "accuracy": rows, "speed": speed}


def _cells(cell: Callable[..., dict], sizes: Iterable[tuple[int, int, int]], say: Say) -> list[dict]:
    if "torch attention" not in available():
        say(NO_TORCH)
        return []
    found = []
    for P, d, S in sizes:
        found.append(cell(P, d, S))
        say(f"P = {P}, d = {d}, S = {S}: {found[-1]['ratio']:.2f}")
    return found


SECTIONS: dict[str, Callable[[bool, Say], object]] = {
    "libraries": library_table,
    "score map": score_map,
    "few classes": few_classes,
    "step map": steps,
    "equal accuracy": equal_accuracy_table,
    "solvers": solver_table,
    "growth": growth,
    "memory": memory,
    "mixtures": own_mixtures,
    "device": on_a_device,
    "theory": theory,
    "start-up": start_up,
}
