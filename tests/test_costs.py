"""What costs.json calls long is there: a test that was renamed would come back into `make test` unseen."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
COSTS = json.loads((ROOT / "tests" / "costs.json").read_text(encoding="utf-8"))


def missing(node: str) -> bool:
    file, *_, test = node.partition("[")[0].split("::")
    path = ROOT / file
    return not path.exists() or (path.name.startswith("test_") and f"def {test}(" not in path.read_text("utf-8"))


def test_every_test_with_a_cost_exists():
    assert COSTS and not [node for node in COSTS if missing(node)], "measure again: make test-costs"
    assert missing("tests/test_costs.py::test_that_is_not_there[1]") and missing("tests/test_nowhere.py::test_x")
