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
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md (default: print only)")
    chosen = parser.parse_args(arguments)

    results = measure(chosen.only, chosen.quick, lambda text: print(text, file=sys.stderr, flush=True))
    page = render(results)
    print(page)
    if chosen.out:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (chosen.out / "results.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
