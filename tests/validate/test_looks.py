"""The dictionary of looks: colours that differ for every reader, looks that differ, one place where they are written.

Colours are compared by their distance in CIELAB, as seen with each of the three kinds of dichromacy (matrices of
Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB) and in grey.
"""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from validate.drawing import COLOURS, PHASE, shades
from validate.drawing.looks import BLUE, FAMILIES, SAMPLER, VERMILION

ROOT = Path(__file__).parents[2]
APART, APART_IN_GREY, CONTRAST = 15.0, 7.0, 3.0
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
SEEN_BY = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    x = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    f = (np.clip(rgb, 0.0, 1.0) @ TO_XYZ.T) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(f > 216 / 24389, np.cbrt(f), (24389 / 27 * f + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distances(a, b):
    """Of two colours, by reader."""
    one, other = linear(a), linear(b)
    found = {
        who: float(np.linalg.norm(lab(np.array(M) @ one) - lab(np.array(M) @ other))) for who, M in SEEN_BY.items()
    }
    return found | {"grey": abs(lab(one)[0] - lab(other)[0])}


def told_apart(a, b):
    found = distances(a, b)
    return found.pop("grey") >= APART_IN_GREY and min(found.values()) >= APART


def contrast(colour):
    return 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05)


@pytest.mark.parametrize("a, b", list(combinations(COLOURS, 2)), ids=lambda c: c.lstrip("#"))
def test_two_colours_differ_for_every_reader(a, b):
    assert told_apart(a, b), distances(a, b)


def test_shades_differ_for_every_reader():
    for n in (2, 3, 4):
        assert all(told_apart(a, b) for a, b in combinations(shades(n), 2)), n


def test_red_and_green_do_not():
    """Negative control: the first two colours of many plots, which deuteranopes and a printer confuse."""
    found = distances("#d62728", "#2ca02c")
    assert found["all cones"] > 5 * APART > 0.0 and found["deuteranopia"] < APART
    assert not told_apart("#d62728", "#2ca02c")


def test_the_simulation_keeps_grey_and_white():
    """White is white to all; a distance of a colour to itself is none."""
    for matrix in SEEN_BY.values():
        np.testing.assert_allclose(np.array(matrix) @ np.ones(3), 1.0, atol=1e-5)
    assert max(distances("#808080", "#808080").values()) == 0.0
    np.testing.assert_allclose(lab(linear("#ffffff")), [100.0, 0.0, 0.0], atol=1e-3)


def test_all_colours_stand_out_from_the_page():
    assert min(map(contrast, [*COLOURS, *shades(5)])) >= CONTRAST
    assert contrast("#ffd92f") < CONTRAST, "negative control: yellow"
    assert all(contrast(tint) < 1.5 for tint in PHASE.values()), "black text is read on the tints of phases"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_things_of_a_family_differ_in_colour_or_in_line_and_in_symbol(name):
    family = FAMILIES[name]
    for a, b in combinations(family.values(), 2):
        beside = name == "method" and a.marker == b.marker  # SDE samplers have panels of their own
        assert beside or a.colour != b.colour or (a.line != b.line and a.marker != b.marker), (a, b)
    if name != "sampler":
        assert not {look.colour for look in family.values()} & {BLUE, VERMILION}, "those are the samplers'"


def test_the_two_samplers_have_one_look_each():
    sde, ode = SAMPLER["sde"], SAMPLER["ode"]
    assert sde.colour != ode.colour and sde.line != ode.line and sde.marker != ode.marker


def written_colours(text):
    """Colours by number or by palette, which belong into the dictionary; greys, and tints beyond it, are free."""
    return re.findall(r"#[0-9a-fA-F]{6}|COLOURS\b|\"(?:red|green|blue|orange|tab:\w+|C\d)\"", text)


def test_colours_are_written_in_the_dictionary_alone():
    files = [p for p in (ROOT / "validate").rglob("*.py") if "from validate.drawing import" in p.read_text()]
    files = [p for p in files if p.parent.name != "drawing"]
    assert len(files) > 30
    assert not {p.name: found for p in files if (found := written_colours(p.read_text()))}
    assert written_colours('axis.plot(x, color="#0072B2")') and written_colours('axis.plot(x, color="red")')
