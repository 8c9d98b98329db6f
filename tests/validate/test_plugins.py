"""Code of one's own: files and modules that are loaded, figures that are registered or offered by packages."""

import json
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from meanfield import Schedule
from validate import ConfigError
from validate.cli import app
from validate.gallery import GALLERY, GalleryFigure, make_figures, register, registry
from validate.plugins import load

SCHEDULE = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from meanfield import Schedule


@dataclass(frozen=True)
class Halved(Schedule):
    value: float
    name: ClassVar[str] = "halved, of a plugin"

    def w(self, t):
        return np.full(np.shape(t), 0.5 * self.value)[()]

    @property
    def constant_above(self):
        return 0.0
"""
CODE = """
import numpy as np

from meanfield import Exponential, Problem, phase_diagram
from validate.figures import phases
from validate.gallery import GalleryFigure, Part, register


def parts(profile):
    base = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0, sampler="ode")
    axes = {"x": ("alpha", np.linspace(0.1, 0.7, 5)), "y": ("w", np.linspace(0.0, 4.0, 5))}
    return {"map": Part(phase_diagram, {"problem": base, **axes})}


figure = GalleryFigure(
    "my-map", "A small map", parts, lambda data: phases.draw([("ODE", "v_ratio", data["map"])]), lambda data: "5 x 5"
)
"""


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    """What a test registers and imports is forgotten after it."""
    monkeypatch.setattr(registry, "_own", {})
    monkeypatch.setattr(Schedule, "_known", dict(Schedule._known))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


@pytest.fixture
def written(tmp_path):
    def write(name: str, code: str):
        (tmp_path / name).write_text(code)
        return tmp_path / name

    return write


def offer(monkeypatch, *points: EntryPoint):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [p for p in points if p.group == group])


def test_a_figure_of_ones_own_is_made_by_name(written, tmp_path):
    load([written("own_figures.py", SCHEDULE + CODE + "register(figure)\n")] * 2)  # twice is once
    assert make_figures(["my-map"], out=tmp_path / "out") == ["my-map"]
    about = json.loads((tmp_path / "out" / "my-map.json").read_text())
    recipe = about["data"]["map"]["recipe"]
    assert (recipe["figure"], recipe["part"], recipe["function"]) == ("my-map", "map", "phase_diagram")
    assert "A small map" in (tmp_path / "out" / "README.md").read_text()
    assert Schedule.from_dict({"schedule": "halved, of a plugin", "value": 2.0}).w(1.0) == 1.0
    make_figures(["my-map"], out=tmp_path / "out")  # from its data


def test_a_module_is_loaded_by_its_name(written, tmp_path):
    written("own_module.py", CODE + "register(figure)\n")
    sys.path.append(str(tmp_path))
    load(["own_module"])
    assert "my-map" in registry._own


def test_names_are_unique(written):
    path = written("own_twice.py", CODE)
    load([path])
    figure = sys.modules["own_twice"].figure
    assert register(figure) is register(figure)  # the same one
    again = replace(figure, title="once more")  # stated again by the same code, as in a notebook
    assert register(again) is again and registry.find_figures(["my-map"]) == (again,)
    other = replace(figure, parts=lambda profile: {})
    with pytest.raises(ConfigError, match=r"name of its own; there is a figure 'my-map' already. Choose another"):
        register(other)
    with pytest.raises(ConfigError, match=r"'phases' already"):
        load([written("own_phases.py", CODE.replace('"my-map"', '"phases"') + "register(figure)\n")])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1/0", "own_broken failed .ZeroDivisionError"),
        ("import no_such_module", "own_broken failed .ModuleNotFoundError: No module named 'no_such_module'"),
        ("from validate.gallery import register\nregister(3)", "must be a GalleryFigure; got 3"),
        (CODE.replace('"my-map"', '"my/map"') + "register(figure)", "is that of its files.*got 'my/map'"),
    ],
)
def test_a_plugin_that_fails_says_why(written, code, message):
    with pytest.raises(ConfigError, match=message):
        load([written("own_broken.py", code)])


@pytest.mark.parametrize("names", [3, "my.py", [3], [""], None])
def test_plugins_that_are_no_list_of_names_are_refused(names):
    with pytest.raises(ConfigError, match="plugins must be a list of files and modules; got"):
        load(names)


def test_a_figure_whose_name_is_no_word_is_refused():
    with pytest.raises(ConfigError, match=r"the name of a figure is that of its files.*got 3"):
        register(GalleryFigure(3, "t", lambda profile: {}, lambda data: None, lambda data: ""))


def test_a_plugin_that_is_not_there_or_hidden_is_refused(written):
    with pytest.raises(ConfigError, match=r"there is no nowhere.py. Check the path"):
        load(["nowhere.py"])
    with pytest.raises(ConfigError, match=r"there is no module 'no_such_plugin'. Give the path of its file"):
        load(["no_such_plugin"])
    with pytest.raises(ConfigError, match=r"hidden by another module 'json'. Rename it"):
        load([written("json.py", "")])
    with pytest.raises(ConfigError, match=r"Python can import; got 'my-figures.py'"):
        load([written("my-figures.py", "")])


def test_an_installed_package_offers_a_figure(written, tmp_path):
    written("own_package.py", CODE)
    about = tmp_path / "own_package-1.0.dist-info"  # what an installer leaves
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cfgfield.figures]\nmy-map = own_package:figure\n")
    sys.path.append(str(tmp_path))
    assert "own_package" not in sys.modules
    assert make_figures(["my-map"], out=tmp_path / "out") == ["my-map"]
    with pytest.raises(ConfigError, match=r"one of .*'plane'.*'my-map'\]; got \['my-mop'\]"):
        make_figures(["my-mop"], out=tmp_path / "out")


def test_what_an_installed_package_offers_is_checked(monkeypatch, written, tmp_path):
    written("own_offer.py", CODE)
    sys.path.append(str(tmp_path))

    def point(name, value="own_offer:figure"):
        return EntryPoint(name, value, "cfgfield.figures")

    offer(monkeypatch, point("my-map"), point("my-map", "own_other:figure"))
    with pytest.raises(ConfigError, match=r"'my-map' is own_offer:figure and own_other:figure. Uninstall one"):
        make_figures(["my-map"], out=tmp_path)
    offer(monkeypatch, point("another"))
    with pytest.raises(ConfigError, match=r"'another' leads to 'my-map'"):
        make_figures(["another"], out=tmp_path)
    offer(monkeypatch, point("my-map", "own_offer:parts"))
    with pytest.raises(ConfigError, match=r"must be a GalleryFigure; got <function parts"):
        make_figures(["my-map"], out=tmp_path)
    offer(monkeypatch, point("my-map", "own_nothing:figure"))
    with pytest.raises(ConfigError, match=r"own_nothing:figure failed .ModuleNotFoundError"):
        make_figures(["my-map"], out=tmp_path)
    written("own_phases.py", CODE.replace('"my-map"', '"phases"'))
    offer(monkeypatch, point("phases", "own_phases:figure"))
    with pytest.raises(ConfigError, match=r"'phases' is one here and one of own_phases:figure"):
        make_figures(["phases"], out=tmp_path)
    assert registry.find_figures() == GALLERY  # nobody is asked for by name


PROBLEM = """
sigma2 = 0.25
guidance = {schedule = "halved, of a plugin", value = 2.0}
classes = {growth = "exponential", alpha = 0.4}
"""


def call(*words: object):
    return CliRunner().invoke(app, [str(w) for w in words])


def test_a_schedule_of_ones_own_on_the_command_line(written):
    plugin, config = written("own_schedule.py", SCHEDULE), written("problem.toml", PROBLEM)
    refused = call("solve", "--config", config)
    assert refused.exit_code == 2 and "schedule must be one of" in refused.stderr
    solved = call("solve", "--config", config, "--plugin", plugin, "--json")
    plain = call("solve", "--alpha", 0.4, "--w", 1, "--json")
    assert json.loads(solved.stdout)["m"] == json.loads(plain.stdout)["m"]
    size = ("--d", 8, "--n-samples", 10, "--n-disorder", 3, "--n-steps", 10)
    assert "verdict:" in call("simulate", "--config", config, "--plugin", plugin, *size).stdout


def test_a_schedule_of_ones_own_is_exported(written):
    plugin = written("own_export.py", SCHEDULE)
    schedule = written("schedule.json", json.dumps({"schedule": "halved, of a plugin", "value": 2.0}))
    assert call("export", schedule, "--levels", "3,1").exit_code == 2
    exported = call("export", schedule, "--levels", "3,1", "--format", "json", "--plugin", plugin)
    assert json.loads(exported.stdout)["scales"] == [2.0, 2.0]


def test_a_figure_of_ones_own_on_the_command_line(written, tmp_path):
    plugin = written("own_drawing.py", CODE + "register(figure)\n")
    out = tmp_path / "out"
    assert call("figures", "--only", "my-map", "--out", out).exit_code == 2
    assert call("figures", "--only", "my-map", "--out", out, "--plugin", plugin).exit_code == 0
    assert (out / "my-map.pdf").exists()


def test_a_plugin_that_fails_ends_with_two_and_one_message(written):
    result = call("solve", "--alpha", 0.4, "--plugin", written("own_failing.py", "1/0"))
    assert result.exit_code == 2 and result.stderr.startswith("error: a plugin must be code that can be imported")
    assert result.stderr.count("\n") == 1
