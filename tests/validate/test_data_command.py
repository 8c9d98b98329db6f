"""`cfgfield data`: from a table of features to a report, the same as in Python; bad files and options."""

import json
import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from simulate import Mixture
from validate import Prediction, Predictions, predict, read_dataset
from validate.cli import app
from validate.commands.tables import label_of, read_table
from validate.errors import ConfigError

RNG = np.random.default_rng(8)
X = np.concatenate([RNG.normal(size=(60, 3)), 3.0 + 0.5 * RNG.normal(size=(40, 3))])
Y = np.repeat([3, 7], [60, 40])
FEW = ["--covariance", "diag", "--n-samples", "40", "--n-batches", "4", "--n-steps", "30"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("both.npz", X=X, y=Y)
    np.save("X.npy", X)
    np.save("y.npy", Y)
    pandas.DataFrame(X, columns=["one", "two", "three"]).assign(kind=np.where(Y == 7, "b", "a")).to_csv(
        "table.csv", index=False
    )


def call(*words):
    found = CliRunner().invoke(app, ["data", *map(str, words)])
    return found.exit_code, found.stdout, found.stderr


def test_the_command_is_predict():
    code, out, _ = call("both.npz", "--target", 7, "--w", 2.0, *FEW, "--out", "report")
    mixture = Mixture.fit(X, Y, covariance="diag")
    found = predict(mixture, 7, 2.0, n_samples=40, n_batches=4, n_steps=30, progress=False)
    assert code == 0 and out == f"{mixture!r}\n{found!r}\n"
    assert sorted(os.listdir("report")) == ["mixture.npz", "prediction.nc", "report.html"]
    assert repr(Prediction(read_dataset("report/prediction.nc"))) == repr(found)
    assert repr(Mixture.load("report/mixture.npz")) == repr(mixture)
    weaker = predict(mixture, 7, 1.0, n_samples=40, n_batches=4, n_steps=30, progress=False)
    assert repr(weaker) not in out  # control
    code, _, err = call("both.npz", "--target", 7, *FEW, "--out", "report")
    assert code == 2 and "must not exist yet" in err
    assert call("both.npz", "--target", 7, *FEW, "--out", "report", "--force")[0] == 0


def test_every_class_and_json():
    code, out, _ = call("X.npy", "y.npy", *FEW, "--json", "--out", "all")
    data = json.loads(out)
    assert code == 0 and data["coords"]["class"]["data"] is not None
    assert Predictions(read_dataset("all/prediction.nc")).targets == (3, 7)


@pytest.mark.parametrize("sampler", ["sde", "0.5", "heun"])
def test_samplers(sampler):
    code, out, _ = call("table.csv", "--label", "kind", "--target", "b", "--sampler", sampler, *FEW)
    assert code == 0 and "class 'b'" in out


def test_rules_and_constant_features():
    code, out, _ = call("both.npz", "--target", 3, "--rule", "rescale,phi=0.5", *FEW)
    assert code == 0 and "phi=0.5" in out
    np.savez("flat.npz", X=np.column_stack([X, np.ones(100)]), y=Y)
    code, out, _ = call("flat.npz", "--target", 3, "--drop-constant", *FEW)
    assert code == 0 and "3 dimensions" in out


BAD = {
    "no file": (["none.npz"], "can be read"),
    "kind": (["table.txt"], "must be a .npz, .npy or .csv file"),
    "one array": (["X.npy"], "need a second file"),
    "labels of a table": (["both.npz", "y.npy"], "goes with features in a .npy"),
    "column": (["table.csv", "--label", "none"], "--label must name a column"),
    "no column": (["table.csv"], "--label must name a column"),
    "words": (["table.csv", "--label", "one"], "must be numbers"),
    "target": (["both.npz", "--target", "cat"], "--target must be one of the classes"),
    "w": (["both.npz", "--w", "nan"], "--w must be a number"),
    "sampler": (["both.npz", "--sampler", "foo"], "--sampler must be one of"),
    "covariance": (["both.npz", "--covariance", "round"], "covariance must be one of"),
    "rule": (["both.npz", "--rule", "nothing"], "nothing"),
    "samples": (["both.npz", "--n-samples", "3", "--covariance", "diag"], "n_samples"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_in_words(name):
    arguments, words = BAD[name]
    more = [] if "--covariance" in arguments else ["--covariance", "diag"]
    code, out, err = call(*arguments, *more)
    assert code == 2 and out == "" and words in err


def test_a_zip_without_labels_and_a_damaged_one():
    np.savez("only.npz", X=X)
    assert "must hold X and y" in call("only.npz")[2]
    with open("both.npz", "r+b") as file:
        file.truncate(200)
    assert "can be read" in call("both.npz")[2]


def test_words_name_classes():
    assert [label_of(w, (1, 2.5, "2")) for w in ("1", "2.5", "2")] == [1, 2.5, "2"]
    with pytest.raises(ConfigError, match="got '4'"):
        label_of("4", (1, 2))
    features, labels = read_table(Path("table.csv"), None, "kind")
    assert np.array_equal(features, X) and labels.tolist() == ["a"] * 60 + ["b"] * 40
