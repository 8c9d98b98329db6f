"""The gallery: recipes, what is computed and what is kept, bad input, and every drawing on small data."""

import importlib
import json
from dataclasses import replace
from importlib.util import find_spec
from inspect import signature

import numpy as np
import pytest
import xarray

import validate.gallery
from meanfield import Constant, Continuum, Exponential, Fixed, Problem
from meanfield.guidance.ramps import Ramp
from meanfield.theory.landscape import potential as landscape
from validate import ConfigError
from validate.figures import continuum, dimension, finite_size, guidance, order_parameters, potential, schedules
from validate.figures.plane import plane
from validate.gallery import GALLERY, make_figures
from validate.gallery.saved import Saved
from validate.recipe import PROFILES, GalleryFigure, Part
from validate.results.files import write_dataset

NAMES = [figure.name for figure in GALLERY]
BASE = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=2.0)
SMALL = {"n_samples": 8, "n_disorder": 4, "n_steps": 20, "progress": False}
computed: list[float] = []


def tiny(t: float):
    """A potential at one time; `computed` counts how often."""
    computed.append(t)
    return landscape(BASE, t=[t, 0.5], m=np.linspace(-1, 3, 41))


def _figure(t: float = 5.0) -> GalleryFigure:
    return GalleryFigure(
        "tiny", "A tiny figure", lambda profile: {"one": Part(tiny, {"t": t})},
        lambda data: potential.draw([("tiny", data["one"])]), lambda data: f"t = {float(data['one'].t[0])}",
    )  # fmt: skip


@pytest.fixture
def gallery(monkeypatch):
    computed.clear()
    monkeypatch.setattr(validate.gallery, "GALLERY", (_figure(),))
    return lambda t: monkeypatch.setattr(validate.gallery, "GALLERY", (_figure(t),))


def test_a_figure_is_written_with_its_data_and_where_they_come_from(gallery, tmp_path):
    assert make_figures(out=tmp_path) == ["tiny"]
    about = json.loads((tmp_path / "tiny.json").read_text())
    assert about["caption"] == "t = 5.0" and about["data"]["one"]["recipe"]["arguments"] == {"t": 5.0}
    assert {"revision", "finished", "command", "numpy", "profile"} <= set(about)
    assert (tmp_path / "tiny.pdf").read_bytes()[:4] == b"%PDF" and (tmp_path / "tiny.png").stat().st_size > 5000
    assert "A tiny figure" in (tmp_path / "README.md").read_text()


def test_a_star_of_a_caption_does_not_end_its_emphasis(monkeypatch, tmp_path):
    starred = replace(_figure(), caption=lambda data: "CFG-Zero* at $w_*$ by `a*b`")
    monkeypatch.setattr(validate.gallery, "GALLERY", (starred,))
    make_figures(out=tmp_path)
    assert r"*CFG-Zero\* at $w_*$ by `a*b`*" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "tiny.json").read_text())["caption"] == "CFG-Zero* at $w_*$ by `a*b`"


def test_data_are_computed_only_where_they_are_missing(gallery, tmp_path):
    make_figures(out=tmp_path)
    (tmp_path / "tiny.png").unlink()
    make_figures(out=tmp_path)
    assert computed == [5.0] and (tmp_path / "tiny.png").exists()
    (tmp_path / "data" / "tiny-one.nc").write_bytes(b"half a file")  # damaged: again
    make_figures(out=tmp_path)
    make_figures(out=tmp_path, force=True)
    assert computed == [5.0] * 3


def test_data_of_other_parameters_are_never_overwritten_unless_asked_for(gallery, tmp_path):
    make_figures(out=tmp_path)
    before = (tmp_path / "data" / "tiny-one.nc").read_bytes()
    gallery(6.0)
    with pytest.raises(ConfigError, match=r"never overwrite data of other parameters.*--out.*--force"):
        make_figures(out=tmp_path)
    assert (tmp_path / "data" / "tiny-one.nc").read_bytes() == before and computed == [5.0]
    make_figures(out=tmp_path, force=True)
    assert computed == [5.0, 6.0]


OLD = {  # part -> its recipe as it was written when recipes named modules
    "plane-samples": '{"arguments": {"n_samples": 1500}, "function": "validate.plane.plane"}',
    "finite-size-sizes": '{"arguments": {"n_disorder": 24, "n_samples": 24}, "function": "validate.finite_d.finite_d"}',
    "speciation-collapse": '{"arguments": {"n_draws": 8, "n_samples": 30, "n_steps": 80}, '
    '"function": "validate.speciation.collapse_curves"}',
    "design-time": '{"arguments": {"problem": {"classes": {"alpha": 0.6, "growth": "exponential"}, "guidance": '
    '{"schedule": "constant", "value": 0.0}, "sampler": "ode", "sigma2": 0.25, "t_start": 1000.0}, "w_max": 5.0, '
    '"w_min": -1.0}, "function": "validate.gallery.guidance_design.designed_in_time"}',
    "density-ratio-line": '{"arguments": {"beta": 0.3, "fitted": 24}, '
    '"function": "validate.fade_curves.objective_on_a_line"}',
    "one-dimension-paths": '{"arguments": {"classes": "TwoClasses(target=PiecewiseConstant(edges=(1.0, 2.0), '
    'weights=(1.0,)), other=PiecewiseConstant(edges=(-2.0, -1.0), weights=(1.0,)), prior=0.5)", "n_steps": 400, '
    '"w": 8.0}, "function": "validate.line.line_paths"}',
}


def _saved(out, part: str, recipe: str) -> Saved:
    """A file of the quick profile with this recipe."""
    figure = next(f for f in GALLERY if part.startswith(f"{f.name}-"))
    name = part.removeprefix(f"{figure.name}-")
    saved = Saved(out, figure, name, figure.parts("quick")[name])
    write_dataset(xarray.Dataset({"x": 1.0}, attrs={"recipe": recipe}), saved.path, overwrite=True)
    return saved


@pytest.mark.parametrize("part", OLD)
def test_data_saved_with_the_name_of_a_module_are_recognised(tmp_path, part):
    recipe = json.loads(OLD[part])
    saved = _saved(tmp_path, part, OLD[part])
    assert saved.is_wanted() and saved.found() == saved.recipe
    argument = next(iter(recipe["arguments"]))
    changed = {**recipe, "arguments": {**recipe["arguments"], argument: 17}}
    with pytest.raises(ConfigError, match=f"computed with other {argument}"):
        _saved(tmp_path, part, json.dumps(changed)).require_same()
    for function in ("elsewhere." + recipe["function"].rpartition(".")[2], recipe["function"] + "_2"):
        with pytest.raises(ConfigError, match="computed with other code"):
            _saved(tmp_path, part, json.dumps({**recipe, "function": function})).require_same()


def test_old_data_are_drawn_and_not_computed_again(tmp_path):
    data = plane(n_samples=40, n_steps=20).assign_attrs(recipe=OLD["plane-samples"], code="of old")
    path = tmp_path / "data" / "plane-samples.nc"
    write_dataset(data, path)
    before = path.read_bytes()
    assert make_figures(["plane"], out=tmp_path) == ["plane"] and path.read_bytes() == before


def test_a_recipe_outlives_a_move_of_its_code(gallery, tmp_path, monkeypatch):
    make_figures(out=tmp_path)
    monkeypatch.setattr(tiny, "__module__", "somewhere.else")
    make_figures(out=tmp_path)
    assert computed == [5.0]


def test_an_interrupted_run_keeps_what_is_done(monkeypatch, tmp_path):
    def stop():
        raise KeyboardInterrupt

    two = GalleryFigure(
        "two", "Two parts", lambda profile: {"a": Part(tiny, {"t": 5.0}), "b": Part(stop)},
        lambda data: potential.draw([("a", data["a"])]), lambda data: "",
    )  # fmt: skip
    computed.clear()
    monkeypatch.setattr(validate.gallery, "GALLERY", (two,))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make_figures(out=tmp_path)
    assert computed == [5.0] and not (tmp_path / "two.png").exists()


def counting(goal: int, checkpoint=None):
    """As a training does: counts to a goal, writes down how far it is, and goes on from there."""
    done = int(checkpoint.read_text()) if checkpoint is not None and checkpoint.exists() else 0
    for n in range(done, goal):
        computed.append(n)
        if checkpoint is not None:
            checkpoint.parent.mkdir(exist_ok=True)
            checkpoint.write_text(str(n + 1))
        if len(computed) == 3:
            raise KeyboardInterrupt
    return tiny(5.0)


def _long(goal: int, resumable: bool = True) -> GalleryFigure:
    return GalleryFigure(
        "long", "A long figure", lambda profile: {"a": Part(counting, {"goal": goal}, resumable)},
        lambda data: potential.draw([("a", data["a"])]), lambda data: "",
    )  # fmt: skip


@pytest.mark.parametrize("how, expected", [("resumed", 3), ("force", 0), ("other", 0), ("not resumable", 0)])
def test_an_interrupted_part_goes_on_from_its_checkpoint(monkeypatch, tmp_path, how, expected):
    computed.clear()
    figure = _long(5, how != "not resumable")
    monkeypatch.setattr(validate.gallery, "GALLERY", (figure,))
    with pytest.raises(KeyboardInterrupt):
        make_figures(out=tmp_path)
    if how == "other":  # another recipe has a checkpoint of its own
        monkeypatch.setattr(validate.gallery, "GALLERY", (_long(6),))
    make_figures(out=tmp_path, force=how == "force")
    assert computed[3] == expected and "checkpoint" not in json.loads((tmp_path / "long.json").read_text())["data"]["a"]
    left = {path.suffix for path in (tmp_path / "data").iterdir()}
    assert left == ({".nc", ".part"} if how == "other" else {".nc"})


@pytest.mark.parametrize("figure", GALLERY, ids=lambda f: f.name)
def test_whatever_can_go_on_from_a_checkpoint_is_given_one(figure):
    for profile in PROFILES:
        for name, part in figure.parts(profile).items():
            assert part.resumable == ("checkpoint" in signature(part.function).parameters), name


def test_unknown_names_and_profiles_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"a figure must be one of .*'plane'.*got \['plan'\]"):
        make_figures(["plan"], out=tmp_path)
    with pytest.raises(ConfigError, match="profile must be one of"):
        make_figures(["plane"], profile="fast", out=tmp_path)


def test_a_figure_whose_extra_is_missing_is_left_out_with_a_note_or_refused(gallery, monkeypatch, tmp_path, capsys):
    import dataclasses

    lacking = dataclasses.replace(_figure(), name="other", extra="learned", available=lambda: False)
    monkeypatch.setattr(validate.gallery, "GALLERY", (lacking, _figure()))
    assert make_figures(out=tmp_path) == ["tiny"] and not (tmp_path / "other.png").exists()
    note = "".join(capsys.readouterr().err.split())
    assert "leftout:thefigure'other'needstheextra'learned'" in note and note.count(".[learned]") == 1
    with pytest.raises(ConfigError, match=r"'other' needs the extra 'learned'.*pip install .*'\.\[learned\]'"):
        make_figures(["other"], out=tmp_path)
    monkeypatch.setattr(validate.gallery, "GALLERY", (dataclasses.replace(lacking, available=lambda: True),))
    make_figures(out=tmp_path)
    monkeypatch.setattr(validate.gallery, "GALLERY", (lacking,))
    assert make_figures(["other"], out=tmp_path) == ["other"]  # its data are there: nothing is lacking
    with pytest.raises(ConfigError, match="needs the extra"):
        make_figures(["other"], out=tmp_path, force=True)


def test_the_digits_name_their_extra():
    digits = GALLERY[NAMES.index("digits")]
    assert digits.extra == "learned" and digits.available() == all(map(find_spec, ("torch", "sklearn")))


def test_a_missing_latex_or_font_stops_nothing(gallery, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True, "font.family": ["No Such Font"]}):
        make_figures(out=tmp_path)
    assert (tmp_path / "tiny.pdf").exists()


def test_the_gallery_tells_the_story_in_order():
    assert NAMES == [
        "plane", "potential", "order-parameters", "guidance", "dimension", "phases", "continuum", "schedules",
        "negative-window", "design", "spectrum", "finite-size", "speciation", "one-dimension", "strong-guidance",
        "density-ratio", "samplers", "guidance-rules", "cfg-plus-plus", "which-guidance", "modes", "modes-kept",
        "digits", "rules-network",
    ]  # fmt: skip


@pytest.mark.parametrize("figure", GALLERY, ids=lambda f: f.name)
def test_the_name_of_a_figure_leads_to_its_room(figure):
    room = importlib.import_module(f"validate.figures.{figure.name.replace('-', '_')}")
    assert room.FIGURE is figure and room.draw.__doc__


@pytest.mark.parametrize("figure", GALLERY, ids=lambda f: f.name)
def test_every_recipe_is_plain_data_that_differs_between_profiles(figure):
    recipes = [
        json.dumps({name: part.recipe for name, part in figure.parts(profile).items()}, allow_nan=False)
        for profile in PROFILES
    ]
    assert recipes[0] != recipes[1] and "0x" not in recipes[0]  # no memory address of an object


def test_options_of_a_figure_may_be_numbers_of_numpy():
    """They are written with the data, after all is computed."""
    options = {name: np.int64(value) for name, value in SMALL.items() if name != "progress"}
    data = order_parameters.order_parameters(BASE, (8,), n_fine=20, progress=False, seed=np.int64(3), **options)
    assert json.loads(data.options) == {"n_samples": 8, "n_disorder": 4, "n_steps": 20, "seed": 3}


@pytest.mark.parametrize("form", ["order", "w", "d", "classes", "plane", "finite"])
def test_drawings_of_small_data(form):
    laws = [Exponential(0.4), Continuum()]
    families = {"constant": Constant, "window": lambda a: Ramp(a, -0.3 * a, 0.0, 5.0)}
    endless = Problem(classes=Continuum(), sigma2=0.25, guidance=0.0, sampler="ode")
    case = {"a": BASE.replace(guidance=0.5)}
    if form == "order":
        figure, axes = order_parameters.draw(order_parameters.order_parameters(BASE, (8,), n_fine=20, **SMALL))
    elif form == "w":
        figure, axes = guidance.draw(guidance.against_w(laws, [0.0, 1.0], [1.0], d=8, **SMALL))
    elif form == "d":
        figure, axes = dimension.draw(dimension.against_d([(Fixed(8), (50, 100)), (Exponential(0.4), (8, 9))], **SMALL))
    elif form == "classes":
        figure, axes = continuum.draw(continuum.against_classes((10, 100), (4,), **SMALL))
    elif form == "plane":
        data = schedules.schedule_plane(endless, [0.0, 0.5, 1.0], [1.0], d=8, families=families, **SMALL)
        assert data.negative.values.tolist() == [False, True] and float(data.line_v_ratio[0].max()) <= 1.0
        figure, axes = schedules.draw([("ODE", data)])
    else:
        small = {**SMALL, "n_steps": 40}
        figure, axes = finite_size.draw(finite_size.finite_d(case, (8,), (8, 10), **small))
    assert any(axis.get_xlabel() for axis in np.ravel(axes)) and any(axis.get_ylabel() for axis in np.ravel(axes))
    figure.savefig("/dev/null", format="png")  # all text can be drawn
