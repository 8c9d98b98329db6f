"""What a folder of cells holds: what is done, what failed and why, what it cost."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from validate.errors import StoreError
from validate.results.files import read_json
from validate.results.store import Store
from validate.sweeps.division import MARK, Held, held


class Listed(NamedTuple):
    """One cell. `state` is "done", "part" (draws of a long cell that is not finished), "failed" or "damaged"."""

    state: str
    label: str
    seconds: float  # of one processor; nan if nobody wrote it down
    reason: str
    key: str
    draws: int | None = None  # None of a cell that is not kept by its draws


def listed(folder: Path) -> list[Listed]:
    """All cells in a folder of `sweep` or of the atlas, failed ones first. Nothing in it is changed.

    Raises
    ------
    StoreError : it is no such folder.
    """
    inside = sorted(path.parent for path in folder.glob("*/manifest.json"))
    if not (folder / "manifest.json").is_file() and len(inside) == 1:
        folder = inside[0]  # of an atlas, beside its report
    if not (folder / "manifest.json").is_file():
        raise StoreError(
            f"cells are listed of a folder that a sweep or an atlas has kept; {folder} has no manifest.json. Give the "
            "folder= of the sweep, or the folder of cfgfield validate."
        )
    read_json(folder / "manifest.json")
    store = Store.existing(folder)
    keys = store.keys()
    wholes = [entry for entry in map(held, keys) if entry is not None and entry.whole]
    failed = {key: note for key, note in store.failures().items() if not _overtaken(held(key), wholes)}
    found = [_entry("failed", key, note, note["reason"]) for key, note in failed.items()]
    found += [_finished(store, key) for key in keys]
    order = ("failed", "damaged", "part", "done")
    return sorted(found, key=lambda cell: (order.index(cell.state), cell.label, cell.key))


def _finished(store: Store, key: str) -> Listed:
    note = store.note(key)
    if damage := store.damage(key):
        return _entry("damaged", key, note, f"{damage}; it is computed again")
    return _entry("part" if MARK in key else "done", key, note)


def _overtaken(failure: Held | None, wholes: Sequence[Held]) -> bool:
    """Whether draws that failed once are in a finished cell."""
    return failure is not None and any(
        entry.name == failure.name and entry.draws.stop >= failure.draws.stop for entry in wholes
    )


def _entry(state: str, key: str, note: dict, reason: str = "") -> Listed:
    said = held(key)
    draws = None if said is None else len(said.draws)
    return Listed(state, note.get("label", ""), note.get("seconds", math.nan), reason, key, draws)
