"""`python -m benchmarks`: measure, print, and write results.json and results.md."""

import argparse
import json
import os
import sys
from pathlib import Path

THREADS = {  # one thread for every library; read when a library is loaded, hence before any of them
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
    from benchmarks.report import render
    from benchmarks.suite import SECTIONS, measure

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute: few sizes, few turns")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="SECTION",
                        help=f"some of: {', '.join(SECTIONS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md (default: print only); "
                        "sections that are there and were not run are kept")  # fmt: skip
    chosen = parser.parse_args(arguments)

    results = {}
    try:
        for name, found in measure(chosen.only, chosen.quick, lambda text: print(text, file=sys.stderr, flush=True)):
            results[name] = found
            if chosen.out:  # at once: what ends a later section takes nothing from this one
                _keep(chosen.out, {name: found})
    finally:  # the page once: a section of an earlier program, which it may not know how to write, has been run by then
        if chosen.out and results:
            _write_page(chosen.out)
    print(render(results))
    return 0


def _keep(folder: Path, results: dict) -> None:
    """Write sections into results.json, in place of those of before."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.json"
    if kept.exists():
        results = json.loads(kept.read_text(encoding="utf-8")) | results
    kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _write_page(folder: Path) -> None:
    """results.md and the figure of the solvers, from results.json."""
    from benchmarks.report import render

    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (folder / "results.md").write_text(render(results), encoding="utf-8")
    if results.get("solvers", {}).get("data"):
        from benchmarks.solver_figure import draw

        rows = results["solvers"]["data"]
        draw(rows, sorted({row["P"] for row in rows})[len(rows) // 8])[0].savefig(folder / "solvers.png")


if __name__ == "__main__":
    sys.exit(main())
