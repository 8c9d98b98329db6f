"""Results as a page of tables, from the data alone: a kept results.json can be rendered again."""

from collections.abc import Callable

__all__ = ["render"]


def render(results: dict) -> str:
    """The page (Markdown) of `benchmarks.suite.measure`."""
    parts = [_machine(results["machine"])]
    parts += [PAGES[name](data) for name, data in results.items() if name in PAGES]
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
    return f"{x:.3g}" if isinstance(x, float) else str(x)


def _machine(about: dict) -> str:
    rows = [[name, value] for name, value in about.items()]
    return "# Benchmark results\n\nHow to read them: [README.md](README.md).\n\n" + table(["machine", ""], rows)


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
        return f"## {title}\n\n" + table(["P \\ d", *map(str, d)], body) + f"\n\n{verdict}"

    return page


PAGES: dict[str, Callable] = {
    "libraries": _libraries,
    "score map": _map("One score: CPU seconds of torch attention over ours"),
    "step map": _map("One step of a run: CPU seconds of a torch attention script over ours"),
}
