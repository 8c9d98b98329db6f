"""Results as a page of tables, from the data alone: a kept results.json can be rendered again."""

import math
from collections.abc import Callable

from benchmarks.solvers import best_peer

__all__ = ["render"]


def render(results: dict) -> str:
    """The page (Markdown) of `benchmarks.suite.measure`."""
    parts = ["# Benchmark results", "How to read them: [README.md](README.md).", _machines(results)]
    parts += [page(results[name]["data"]) for name, page in PAGES.items() if name in results]
    return "\n\n".join(parts) + "\n"


def table(head: list[str], rows: list[list]) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(table(["P", "ratio"], [[2, 1.234]]))
    | P | ratio |
    |---|---|
    | 2 | 1.23 |
    """
    lines = [head, ["---"] * len(head), *([_cell(x) for x in row] for row in rows)]
    return "\n".join("|" + "|".join(line) + "|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines)


def _cell(x: object) -> str:
    if isinstance(x, float):
        return "-" if math.isnan(x) else f"{x:.3g}"
    return str(x)


def _machines(results: dict) -> str:
    """What is the same for all sections as a sentence each, what differs as a table."""
    abouts = {name: section["machine"] for name, section in results.items()}
    first = next(iter(abouts.values()))
    same = [key for key in first if all(about.get(key) == first[key] for about in abouts.values())]
    rest = [key for key in first if key not in same]
    shared = ", ".join(f"{key} {first[key]}" for key in same)
    if not rest:
        return f"{shared}."
    return f"{shared}.\n\n" + table(["section", *rest], [[n, *(a.get(k) for k in rest)] for n, a in abouts.items()])


def _libraries(rows: list[dict]) -> str:
    names = [name for name in rows[0]["milliseconds"] if name != "ours"]
    head = ["P", "d", "samples", "ours, ms", *(f"{n} / ours" for n in names), "sgemm, Gflop/s", "share of it: ours",
            *(f"share: {n}" for n in names)]  # fmt: skip
    body = [
        [r["P"], r["d"], r["S"], r["milliseconds"]["ours"], *(r["ratio"][n] for n in names), r["sgemm_gflops"],
         r["share"]["ours"], *(r["share"][n] for n in names)]
        for r in rows
    ]  # fmt: skip
    return "## One score: CPU seconds of each library over ours\n\n" + table(head, body)


def _map(title: str) -> Callable[[list[dict]], str]:
    def page(cells: list[dict]) -> str:
        if not cells:
            return f"## {title}\n\nLeft out: torch is not installed."
        P, d = (sorted({c[name] for c in cells}) for name in ("P", "d"))
        ratio = {(c["P"], c["d"]): c["ratio"] for c in cells}
        body = [[p, *(ratio.get((p, k), "") for k in d)] for p in P]
        slower = [f"P = {c['P']}, d = {c['d']} ({c['ratio']:.2f})" for c in cells if c["ratio"] < 1]
        verdict = f"Slower than torch attention at {len(slower)} of {len(cells)} sizes" + (
            ": " + ", ".join(slower) + "." if slower else "."
        )
        return "\n\n".join([f"## {title}", table(["P \\ d", *map(str, d)], body), verdict, *_worst_errors(cells)])

    return page


def _few(cells: list[dict]) -> str:
    title = "One score among few classes: CPU seconds of torch attention over ours"
    if not cells:
        return _map(title)([])
    counts = sorted({c["S"] for c in cells})
    return "\n\n".join(_map(f"{title}, {S} samples")([c for c in cells if c["S"] == S]) for S in counts)


def _worst_errors(cells: list[dict]) -> list[str]:
    """A sentence on the largest errors against float64, where they were measured."""
    known = [c for c in cells if c.get("errors")]
    if not known:
        return []
    parts = []
    for side, name in (("ours", "ours"), ("theirs", "torch attention")):
        worst = max(known, key=lambda c: c["errors"][side])
        parts.append(f"{name} {worst['errors'][side]:.1e} (P = {worst['P']}, d = {worst['d']})")
    return [f"Largest error of the posterior mean against float64: {', '.join(parts)}."]


def _equal_accuracy(rows: list[dict]) -> str:
    title = "## Whole runs at equal accuracy: m and v within 1e-3 of the converged answer"
    if not rows:
        return f"{title}\n\nLeft out: torch is not installed."
    parts = [title]
    for rule, name in RULES.items():
        head = ["P", "d", "samples", "sampler", "steps: ours", "steps: script", "script's steps / ours",
                "a step: CPU of script / ours", "whole run: CPU of script / ours", "ours, CPU s"]  # fmt: skip
        body = [
            [r["P"], r["d"], r["S"], r["sampler"], r["steps"]["ours"], r["steps"][rule],
             r["steps"][rule] / r["steps"]["ours"], r["step"][rule] / r["step"]["ours"], r["gain"][rule],
             r["seconds"]["ours"]]
            for r in rows
        ]  # fmt: skip
        parts.append(f"Torch attention with {name} steps:\n\n{table(head, body)}")
    below = [f"P = {r['P']}, d = {r['d']}, {r['sampler']} ({r['gain']['euler']:.1f})" for r in rows
             if r["gain"]["euler"] < BAR]  # fmt: skip
    parts.append(f"Below {BAR} times less CPU than Euler steps: {', '.join(below) or 'nowhere'}.")
    head = ["P", "d", "sampler", "method", "steps", "error of m", "stderr", "error of v", "stderr"]
    body = [
        [r["P"], r["d"], r["sampler"], method, n, e["error"][0], e["stderr"][0], e["error"][1], e["stderr"][1]]
        for r in rows
        for method, by_steps in r["errors"].items()
        for n, e in by_steps.items()
    ]
    return "\n\n".join([*parts, "What the steps rest on:", table(head, body)])


def _solvers(rows: list[dict]) -> str:
    title = "## The solvers that people use: scores and CPU until m and v are within the tolerance"
    if not rows:
        return f"{title}\n\nLeft out: torch is not installed."
    names = dict.fromkeys(name for r in rows for name in r["scores"] if name != "ours")
    said = (
        "Scores, and in brackets CPU seconds over ours; a dash: not within the scores tried. Both sides draw class "
        "means and starts; in the last two columns the best of them, also with class means and start for nothing."
    )
    parts = [title, said]
    for sampler in ("ode", "sde"):
        chosen = [r for r in rows if r["sampler"] == sampler]
        used = [name for name in names if any(name in r["scores"] for r in chosen)]
        head = ["P", "d", "samples", "tolerance", "ours", "ours, CPU s", *used, "best / ours", "nothing drawn"]
        body = [
            [r["P"], r["d"], r["S"], r["tolerance"], r["scores"]["ours"], r["seconds"]["ours"],
             *(_of_peer(r, name) for name in used), best_peer(r)[1], best_peer(r, drawn=False)[1]]
            for r in chosen
        ]  # fmt: skip
        parts.append(f"{sampler.upper()}:\n\n{table(head, body)}")
    gains = [(r, *best_peer(r)) for r in rows]
    short = [f"P = {r['P']}, {r['sampler']}, {r['tolerance']:g} ({gain:.2f}, {name})" for r, name, gain in gains
             if gain < LEAST_GAIN]  # fmt: skip
    return "\n\n".join(
        [*parts, f"Below {LEAST_GAIN} times less CPU than the best of them: {', '.join(short) or 'nowhere'}."]
    )


def _of_peer(row: dict, name: str) -> str:
    scores, seconds = row["scores"].get(name), row["seconds"].get(name)
    if scores is None or seconds is None:
        return "-"
    return f"{scores} ({(seconds + row['drawing']) / row['seconds']['ours']:.3g})"


def _growth(rows: list[dict]) -> str:
    head = ["size", "from", "to", "exponent", "stderr", "between the two largest"]
    body = [[r["axis"], r["sizes"][0], r["sizes"][-1], r["exponent"], r["stderr"], r["last"]] for r in rows]
    return "## Growth of the CPU seconds of a run\n\n" + table(head, body)


def _memory(rows: list[dict]) -> str:
    head = ["P", "d", "samples", "method", "class means, MiB", "peak beyond them, MiB"]
    body = [[r["P"], r["d"], r["S"], r["method"], r["means"] / 2**20, r["beyond"] / 2**20] for r in rows]
    return "## Peak memory of a run\n\n" + table(head, body)


def _mixtures(rows: list[dict]) -> str:
    head = [
        "covariances",
        "K",
        "d",
        "samples",
        "a step: CPU s",
        "wall s",
        "mixture and package, MiB",
        "peak beyond, MiB",
    ]
    body = [[r["form"], r["K"], r["d"], r["S"], r["cpu"], r["wall"], r["held"] / 2**20, r["beyond"] / 2**20]
            for r in rows]  # fmt: skip
    return "## Guided samples of a mixture of one's own\n\n" + table(head, body)


def _device(data: dict) -> str:
    title = "## On torch arrays: accuracy by type of the products, and a step on a device"
    if not data:
        return f"{title}\n\nLeft out: torch is not installed."
    head = ["case", "P", "d", "products", "m: off float64 by", "stderr", "v/sigma2: off float64 by", "stderr"]
    body = [[r["case"], r["P"], r["d"], r["dtype"], *(r[of][key] for key in "mv" for of in ("off", "stderr"))]
            for r in data["accuracy"]]  # fmt: skip
    parts = [title, table(head, body)]
    if not data["device"]:
        return "\n\n".join([*parts, "Speed: not measured. No device is there: torch sees no CUDA device."])
    ways = list(data["speed"][0]["milliseconds"])
    head = ["P", "d", "samples", *(f"{way}, ms a step" for way in ways), *(f"compiled / {way}" for way in ways[1:])]
    body = [[r["P"], r["d"], r["S"], *(ms := list(r["milliseconds"].values())), *(ms[0] / x for x in ms[1:])]
            for r in data["speed"]]  # fmt: skip
    return "\n\n".join([*parts, f"Seconds of the clock, on {data['device']}:", table(head, body)])


def _theory(data: dict) -> str:
    body = [[r["problem"], r["kind"], r["ms"], 1e3 / r["ms"]] for r in data["solve"]]
    rate = data["diagram"]
    return (
        "## Theory\n\n"
        + table(["solve", "kind", "CPU ms", "calls a CPU second"], body)
        + f"\n\nPhase diagram of {rate['points']} points: {rate['points_per_second']:.0f} points a second on all "
        f"processors, {rate['cpu_ms_per_point']:.2f} ms of CPU each."
    )


def _start_up(data: dict) -> str:
    imports = table(["import, after NumPy", "CPU s"], [[name, s] for name, s in data["imports"].items()])
    calls = table(
        ["first run", "compiled, CPU s", "from the cache, CPU s"],
        [[dtype, s["compiled"], s["cached"]] for dtype, s in data["first call"].items()],
    )
    processes = table(["a process, from its start to its end", "CPU s"], [*map(list, data["processes"].items())])
    return f"## Start\n\n{imports}\n\n{calls}\n\n{processes}"


RULES = {"euler": "Euler", "exponential_euler": "exponential Euler (DDIM-like)"}
LEAST_GAIN = 3  # times less CPU than the best solver that people use
BAR = 20  # times less CPU than torch attention with Euler steps

PAGES: dict[str, Callable] = {
    "libraries": _libraries,
    "score map": _map("One score: CPU seconds of torch attention over ours"),
    "few classes": _few,
    "step map": _map("One step of a run: CPU seconds of a torch attention script over ours"),
    "equal accuracy": _equal_accuracy,
    "solvers": _solvers,
    "growth": _growth,
    "memory": _memory,
    "mixtures": _mixtures,
    "device": _device,
    "theory": _theory,
    "start-up": _start_up,
}
