"""`cfgfield data`: from a table of features to a report, the same as in Python; bad files and options."""

import json
import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from meanfield import Schedule
from meanfield.tools.seals import unsealed_json
from simulate import Mixture
from validate import MixtureDesign, Prediction, Predictions, predict, read_dataset
from validate.cli import app
from validate.commands.own_data.tables import label_of, read_table
from validate.errors import ConfigError

RNG = np.random.default_rng(8)
X = np.concatenate([RNG.normal(size=(60, 3)), 3.0 + 0.5 * RNG.normal(size=(40, 3))])
Y = np.repeat([3, 7], [60, 40])
DESIGN = ["--covariance", "diag", "--design", "--no-theory", "--w-max", "3", "--n-samples", "160", "--n-steps", "30"]
DESIGN += ["--tolerance", "0.05"]  # else more samples are taken
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


def test_a_design_is_that_of_python_and_its_schedule_is_exported():
    code, out, _ = call("both.npz", "--target", 7, *DESIGN, "--out", "design")
    mixture = Mixture.fit(X, Y, covariance="diag")
    made = mixture.design(7, 3.0, tolerance=0.05, theory=False, n_samples=160, n_steps=30, progress=False)
    assert code == 0 and out == f"{mixture!r}\n{made!r}\n"
    names = ["design.nc", "design.png", "mixture.npz", "ranking.csv", "report.html", "schedule.json"]
    assert sorted(os.listdir("design")) == names
    assert repr(MixtureDesign(read_dataset("design/design.nc"))) == repr(made)
    plain, sealed = unsealed_json(json.loads(Path("design/schedule.json").read_text()))
    assert sealed and Schedule.from_dict(plain) == made.schedule
    printed = CliRunner().invoke(app, ["export", "design/schedule.json", "--levels", "20,3,0.1"])
    scales = [float(line.split(",")[-1]) for line in printed.stdout.split()[1:]]
    assert scales == pytest.approx(made.schedule.for_timesteps(sigmas=[20.0, 3.0, 0.1]).scales)
    assert scales != pytest.approx(made.of("constant").for_timesteps(sigmas=[20.0, 3.0, 0.1]).scales)  # control
    table = pandas.read_csv("design/ranking.csv", index_col="candidate")
    assert tuple(table.index) == made.candidates
    for name in made.candidates:
        assert tuple(table.loc[name, ["shift", "shift_stderr"]]) == pytest.approx(made.estimate("shift", name))
    page = Path("design/report.html").read_text()
    assert page.count("<img") == 1 and '="http' not in page and all(x in page for x in made.candidates)
    before = {name: Path("design", name).read_bytes() for name in names}
    code, _, err = call("both.npz", "--target", 3, *DESIGN, "--out", "design")
    assert code == 2 and "must not exist yet" in err
    assert before == {name: Path("design", name).read_bytes() for name in names}
    assert call("both.npz", "--target", 3, *DESIGN, "--out", "design", "--force")[0] == 0
    assert before["schedule.json"] != Path("design/schedule.json").read_bytes()


def test_options_of_a_design_are_those_of_python():
    words = ["--w-min", "-0.5", "--keep", "0.9", "--tolerance", "0.04", "--equal", "accuracy", "--sampler", "sde"]
    code, out, _ = call("both.npz", "--target", 7, *DESIGN, *words, "--seed", 3, "--json")
    made = Mixture.fit(X, Y, covariance="diag").design(
        7, 3.0, w_min=-0.5, keep=0.9, tolerance=0.04, equal="accuracy", sampler="sde", theory=False, n_samples=160,
        n_steps=30, seed=3, progress=False,
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0 and found["attrs"]["window"] == made.dataset.attrs["window"]
    assert found["data_vars"]["shift"]["data"] == made.dataset["shift"].values.tolist()
    code, out, _ = call("both.npz", "--target", 7, *DESIGN, "--rule", "rescale,phi=0.3", "--shift", "0.1")
    assert code == 0 and "class 7" in out


BAD = {
    "design without": (["both.npz", "--w-max", "3"], "--w-max"),
    "no theory without": (["both.npz", "--no-theory"], "go with --design"),
    "design of all": (["both.npz", "--design"], "no --target"),
    "design and weight": (["both.npz", "--design", "--target", "3", "--w", "2"], "give --w-max instead"),
    "design and code": (["both.npz", "--design", "--target", "3", "--sampler", "heun"], "--design takes the sampler"),
    "design too far": (["both.npz", "--target", "3", "--shift", "50", *DESIGN], "the largest shift"),
    "design by what": (["both.npz", "--target", "3", "--design", "--equal", "beauty"], "equal must be one of"),
    "design of none": (["both.npz", "--target", "3", "--design", "--w-max", "0"], "w_max must be a number > 0"),
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
