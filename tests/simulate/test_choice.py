"""How a run holds its classes: chosen by fixed rules, shown in the result, and forced where asked."""

import pytest

from meanfield.errors import ProblemError
from meanfield.problem.growth import Continuum, Exponential, Fixed, Polynomial
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from simulate import run
from simulate.running.holding import WAYS, choose

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
TWO = Spectrum(c=(0.25, 0.25), u=(1.25, 4.25), share=(0.5, 0.5))
ROUGH = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0)
SMALL = {"n_samples": 4, "n_disorder": 2, "n_steps": 40, "progress": False}


@pytest.mark.parametrize(
    "problem, d, classes",
    [
        (PROBLEM, 2, "explicit"),
        (PROBLEM, 38, "explicit"),  # 0.57 GiB of means
        (PROBLEM, 40, "lazy"),  # 1.32 GiB
        (PROBLEM, 2500, "lazy"),  # P = e^1000
        (PROBLEM.replace(classes=Exponential(10.0)), 3, "none"),  # e^30 classes in three dimensions
        (PROBLEM.replace(classes=Exponential(0.4)), 10**6, "none"),
        (PROBLEM.replace(classes=Fixed(17)), 17, "explicit"),
        (PROBLEM.replace(classes=Fixed(17)), 18, "span"),
        (PROBLEM.replace(classes=Polynomial(0.5)), 10**8, "span"),
        (PROBLEM.replace(classes=Polynomial(1.0)), 10**5, "lazy"),
        (PROBLEM.replace(classes=Fixed(10**6)), 10**6, "streamed"),  # too many dimensions for lazy
        (PROBLEM.replace(classes=Continuum()), 10, "continuum"),
        (ROUGH.replace(classes=Fixed(17)), 18, "explicit"),
        (ROUGH, 44, "streamed"),
        (ROUGH, 60, "none"),
    ],
)
def test_rules(problem, d, classes, monkeypatch):
    """The choice looks at the problem and d alone: neither at free memory nor at processors."""
    for free in (2**10, 2**50):
        monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda free=free: free)
        if classes == "none":
            with pytest.raises(ProblemError, match=r"more than can be held, or streamed .* lower d"):
                choose(problem, d)
        else:
            assert choose(problem, d).classes == classes


def test_the_result_shows_the_choice_and_its_reason():
    data = run(PROBLEM, d=200, **SMALL)
    assert data.info["method"] == "particles (lazy)" and data.info["n_classes"] == "exp(80)"
    assert "exp(80) classes" in data.info["why"] and data.info["why"] in repr(data)
    assert run(PROBLEM, d=8, **SMALL).info["why"] == "25 classes, 7.45e-07 GiB of means: all are held"
    assert "fewer than d = 30" in repr(run(PROBLEM.replace(classes=Fixed(3)), d=30, **SMALL))


@pytest.mark.parametrize("classes", WAYS[1:])
def test_it_can_be_forced(classes):
    data = run(PROBLEM.replace(classes=Fixed(9)), d=10, classes=classes, **SMALL)
    assert data.info["method"] == f"particles ({classes})"
    assert data.info["why"] == f'asked for by classes="{classes}"'
    assert data.info["n_classes"] == 9


def test_streamed_classes_are_chosen_where_neither_explicit_nor_lazy_ones_fit(monkeypatch):
    monkeypatch.setattr("simulate.running.holding.EXPLICIT_BYTES", 2**10)
    data = run(ROUGH, d=12, **SMALL)
    assert data.info["method"] == "particles (streamed)" and "made again where they are needed" in repr(data)
    assert run(PROBLEM, d=12, **SMALL).info["method"] == "particles (lazy)"


def test_forced_ways_that_do_not_fit():
    with pytest.raises(ProblemError, match=r'"lazy" knows isotropic classes only.*Use classes="explicit"'):
        run(ROUGH, d=12, classes="lazy", **SMALL)
    with pytest.raises(ProblemError, match=r'"streamed" takes at most 1e\+08 classes; got exp\(80\).*"lazy"'):
        run(PROBLEM, d=200, classes="streamed", **SMALL)
