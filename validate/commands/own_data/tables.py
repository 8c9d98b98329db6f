"""Features and labels from files: .npz, a pair of .npy, or .csv with a column of labels."""

from pathlib import Path
from typing import Any

import numpy as np

from meanfield.errors import short
from validate.errors import ConfigError

NAMES = (("X", "y"), ("x", "y"), ("features", "labels"), ("data", "target"))  # of arrays in a .npz


def read_table(features: Path, labels: Path | None, column: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Features (samples, features) and labels (samples,).

    Parameters
    ----------
    labels : a .npy beside one of features. column : of the labels in a .csv; by default "label", "class", "target" or
        "y", whichever is there.
    """
    kind = features.suffix.lower()
    if labels is not None and kind != ".npy":
        raise ConfigError(f"a file of labels goes with features in a .npy; got {features}. {_known()}")
    readers: dict[str, Any] = {
        ".npz": lambda: _npz(features),
        ".npy": lambda: _npy(features, labels),
        ".csv": lambda: _csv(features, column),
    }
    if kind not in readers:
        raise ConfigError(f"data must be a .npz, .npy or .csv file; got {features}. {_known()}")
    try:
        return readers[kind]()
    except ConfigError:
        raise
    except Exception as cause:  # a damaged file shows in many ways
        raise ConfigError(f"data must be a file that can be read; {features}: {cause}.") from cause


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
        for X, y in NAMES:
            if X in found.files and y in found.files:
                return found[X], found[y]
        raise ConfigError(f"a .npz must hold X and y; {path} has {short(found.files)}. {_known()}")


def _npy(path: Path, labels: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if labels is None:
        raise ConfigError(f"features in a .npy need a second file, of labels; got {path} alone. {_known()}")
    return np.load(path, allow_pickle=False), np.load(labels, allow_pickle=False)


def _csv(path: Path, column: str | None) -> tuple[np.ndarray, np.ndarray]:
    import pandas

    table = pandas.read_csv(path)
    usual = [name for name in ("label", "class", "target", "y") if name in table.columns]
    chosen = column or (usual[0] if usual else None)
    if chosen not in table.columns:
        got = f"{column!r}" if column else "none"
        raise ConfigError(f"--label must name a column of {path}, one of {short(list(table.columns))}; got {got}.")
    features = table.drop(columns=chosen)
    words = [name for name in features.columns if not pandas.api.types.is_numeric_dtype(features[name])]
    if words:
        raise ConfigError(f"all columns but the labels must be numbers; {short(words)} of {path} are not. Drop them.")
    return features.to_numpy(float), table[chosen].to_numpy()


def _known() -> str:
    return "Give data.npz with X and y, X.npy y.npy, or data.csv --label COLUMN."


def label_of(word: str, classes: tuple) -> Any:
    """The class that a word of the command line names: as it is, or the number that it is.

    Examples
    --------
    >>> label_of("3", (1, 2, 3)), label_of("3", ("1", "3")), label_of("cat", ("cat",))
    (3, '3', 'cat')
    """
    for label in classes:
        if label == word or (not isinstance(label, str) and str(label) == word):
            return label
    for label in classes:
        try:
            if not isinstance(label, str) and float(word) == float(label):
                return label
        except ValueError:
            continue
    raise ConfigError(f"--target must be one of the classes {short(list(classes))}; got {word!r}.")
