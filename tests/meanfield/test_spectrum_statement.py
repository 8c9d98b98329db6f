"""The statement of a spectrum: what is refused, what is derived, and how it is written."""

import json
import math
import tomllib

import numpy as np
import pytest

from meanfield import (
    Continuum,
    Exponential,
    Problem,
    ProblemError,
    Spectrum,
    power_law,
)
from meanfield.exact.closedform import closed_form
from meanfield.exact.theorems import final_from_dose

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
WIDE = Spectrum(c=[0.02, 0.3, 2.0], u=[0.05, 2.3, 30.0], share=[0.5, 0.3, 0.2])


# -- the statement --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"c": [0.2], "u": [0.2]}, "must exceed the class variance"),
        ({"c": [0.0], "u": [0.2]}, r"c\[0\] must be a number > 0"),
        ({"c": [0.2], "u": [math.inf]}, r"u\[0\] must be"),
        ({"c": [0.2, 0.3], "u": [1.2]}, "one entry per group"),
        ({"c": [0.2, 0.3], "u": [1, 1], "share": [0.5, 0.4]}, "must sum to 1"),
        ({"c": [0.2, 0.3], "u": [1, 1], "share": [1.5, -0.5]}, r"share\[1\] must be"),
        ({"c": [], "u": []}, "at least one entry"),
        ({"c": 0.2, "u": [1.0]}, "must be a list"),
    ],
)
def test_bad_spectra_are_refused(fields, words):
    with pytest.raises(ProblemError, match=words):
        Spectrum(**fields)


def test_problem_with_a_spectrum_derives_its_class_variance_and_makes_the_round_trip():
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0)
    assert p.sigma2 == pytest.approx(0.75 * 0.25 + 0.25 * 0.5) and p.least_variance == 0.25
    assert Problem.from_dict(json.loads(json.dumps(p.to_dict()))) == p
    text = 'classes = {growth = "exponential", alpha = 0.4}\n[spectrum.power_law]\nn_groups = 4\nmodes = 16'
    assert Problem.from_dict(tomllib.loads(text)).spectrum == power_law(4, modes=16)
    assert p.replace(guidance=2.0).spectrum == TWO and p.replace(spectrum=WIDE).sigma2 == pytest.approx(0.5)
    assert Problem(classes=Exponential(0.4), sigma2=p.sigma2, spectrum=TWO, guidance=1.0) == p
    with pytest.raises(ProblemError, match="Leave sigma2 out"):
        Problem(classes=Exponential(0.4), sigma2=0.25, spectrum=TWO)
    with pytest.raises(ProblemError, match="needs its class variance"):
        Problem(classes=Exponential(0.4))
    with pytest.raises(ProblemError, match="must be a Spectrum"):
        Problem(classes=Exponential(0.4), spectrum=[1.0])  # type: ignore[arg-type]


def test_directions_are_whole_and_at_least_two():
    assert TWO.counts(16) == (12, 4) and TWO.at(16) == TWO and TWO.at(math.inf) is TWO
    assert TWO.counts(13) == (10, 3) and sum(WIDE.counts(17)) == 17
    assert TWO.at(13).share == (10 / 13, 3 / 13)
    with pytest.raises(ProblemError, match="at least 2 directions"):
        TWO.counts(5)


@pytest.mark.parametrize("bins", ["log", "equal"])
def test_power_law_keeps_total_variances(bins):
    s = power_law(7, modes=100, exponent=1.3, ratio=0.3, class_exponent=1.8, bins=bins)
    k = np.arange(1, 101)
    assert np.dot(s.share, s.u) == pytest.approx(((100 / k) ** 1.3).mean())
    assert np.dot(s.share, s.c) == pytest.approx((0.3 * 100**1.3 * k**-1.8).mean())
    assert np.all(np.diff(s.u) < 0) and len(s) == 7
    with pytest.raises(ProblemError, match="class_exponent"):
        power_law(4, exponent=1.0, class_exponent=0.5)
    with pytest.raises(ProblemError, match="bins"):
        power_law(4, bins="linear")


def test_what_knows_isotropic_classes_only_says_so():
    p = Problem(classes=Continuum(), spectrum=TWO, guidance=1.0)
    for call in (lambda: closed_form(p), lambda: final_from_dose(p)):
        with pytest.raises(ProblemError, match="isotropic classes only"):
            call()
