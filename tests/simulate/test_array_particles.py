"""Particles on the arrays of another library, here the strictest, against the compiled ones."""

from functools import partial

import array_api_strict
import numpy as np
import pytest
from array_checks import CASES, PROBLEM, SIZE, off

from meanfield import Continuum, DensityRatio, Exponential, PowerLaw, Problem, ProblemError
from meanfield.rules.projected import Projected
from simulate import run
from simulate.arrays.noise import ArrayNoise, array_normals
from simulate.arrays.place import HOST, Place, make_place
from simulate.arrays.score import ArrayScore
from simulate.randomness.normals import make_key, normals
from simulate.randomness.streams import NoiseReader
from simulate.scores.mixture import draw_direct
from simulate.scores.reference import ReferenceScore

STRICT = make_place(array_api_strict, None, "float64")


@pytest.mark.parametrize("case", CASES)
def test_a_run_on_other_arrays_is_the_compiled_run(case):
    assert off(array_api_strict, case) < 1e-10


def test_what_is_wrong_by_little_is_seen():
    """Negative controls: guidance 1 % off; class means other than those of the run, by their seed or their variance."""
    assert off(array_api_strict, "sde", {"guidance": 1.01}) > 1e-4
    assert off(array_api_strict, "ode", {"guidance": 1.01}) > 1e-4
    assert off(array_api_strict, "sde", seed=1) > 1e-2
    assert off(array_api_strict, "sde", {"sigma2": 0.2525}) > 1e-4


def test_blocks_of_classes_and_batches_of_samples_do_not_matter():
    assert off(array_api_strict, "sde", block=7, batch=5) < 1e-10


def test_class_means_that_are_shifted_are_seen(monkeypatch):
    """Negative control of the score alone."""
    true = ArrayScore.__init__

    def shifted(self, mixture, place, block, dtype):
        true(self, mixture, place, block, dtype)
        self._delta = self._delta + 0.01

    monkeypatch.setattr(ArrayScore, "__init__", shifted)
    assert off(array_api_strict, "sde") > 1e-4


def test_numbers_drawn_on_a_device_are_those_of_the_host(monkeypatch):
    """Bit by bit, at any address; the same run, if no number comes from the host but those of the start."""
    key = make_key(3, 1, 2)
    draw = partial(array_normals, STRICT)
    for indices, dim, step in ((range(300), 7, 0), (range(2**32 - 4, 2**32 - 1), 9, 2**33 + 5), (range(1), 1, 1)):
        there = STRICT.take(draw(key, indices, dim, step))
        assert there.dtype == np.float32 and np.array_equal(there, normals(key, indices, dim, step))
    assert not np.array_equal(STRICT.take(draw(key, range(9), 4, 1)), normals(key, range(9), 4, 2))  # negative control
    near = ArrayNoise.__init__

    def far(self, *arguments):
        near(self, *arguments)
        self._near = False

    monkeypatch.setattr(ArrayNoise, "__init__", far)
    assert off(array_api_strict, "spectrum") < 1e-10
    noise, host = ArrayNoise(STRICT, 0, 0, range(5), 6), NoiseReader(0, 0, range(5), 6)
    weights = np.array([0.6, 0.8])
    for _ in range(2):  # steps that follow each other have other numbers
        assert np.array_equal(STRICT.take(noise.step(weights)), host.step(weights))


@pytest.mark.parametrize("D", [0.02, 0.5, 30.0])
def test_rounding_of_a_score_is_that_of_logits_of_the_size_of_d_over_D(D):
    """float32 weights are off by about eps d/D: the bound of `simulate.arrays.score`; float64 by less than a millionth
    of it. Control: the bound is not so wide that states in half precision would pass."""
    d = 64
    mixture = draw_direct(d=d, n_classes=200, seed=0, draw=0)
    y, rival = np.sqrt(D) * np.random.default_rng(1).standard_normal((200, d)), mixture.delta[0].astype(float)
    square = rival @ rival
    y += np.outer(
        0.5 + (np.linspace(-2, 2, 200) * D - y @ rival) / square, rival
    )  # undecided between it and the target
    exact, size, eps = ReferenceScore(mixture)(y, D).shift, np.abs(mixture.delta).max(), np.finfo(np.float32).eps

    def error(y, dtype):
        score = ArrayScore(mixture, STRICT, 64, dtype)
        return np.abs(STRICT.take(score(STRICT.put(y), D).shift) - exact).max() / size

    bound = eps * (1.0 + d / D)
    assert error(y, "float32") < bound
    assert error(y, "float64") < 1e-6 * bound
    assert error(y.astype(np.float16).astype(float), "float64") > bound


def test_what_array_libraries_do_not_compute_is_refused():
    base = {"d": 12, "n_samples": 4, "n_disorder": 1, "n_steps": 4, "progress": False}
    strict = {"xp": array_api_strict}
    many = PROBLEM.replace(classes=Exponential(0.4))
    finite = Problem(classes=Exponential(0.4), sigma2=0.25, t_start=20.0)
    for problem, options, words in (
        (many, strict | {"classes": "lazy"}, 'all classes are one array; got classes="lazy"'),
        (many, strict | {"classes": "streamed"}, "all classes are one array"),
        (many, strict | {"classes": "reference"}, "all classes are one array"),
        (many, strict | {"d": 200}, 'got classes="lazy".*leave xp out'),
        (PROBLEM.replace(classes=Continuum()), strict, 'got classes="continuum"'),
        (finite.replace(guidance=PowerLaw(1.0, 0.5)), strict, "depends on t alone"),
        (finite.replace(guidance=DensityRatio(0.5)), strict, "depends on t alone"),
        (finite.replace(guidance=Projected(1.0, 0.0)), strict, "depends on t alone"),
        (PROBLEM, strict | {"dtype": "bfloat16"}, 'has no bfloat16; got dtype=.bfloat16.. Use dtype="float32"'),
        (PROBLEM, {"dtype": "bfloat16"}, "dtype must be one of"),
        (PROBLEM, {"device": "cuda"}, "without xp. Give xp=torch too"),
        (PROBLEM, {"xp": "torch"}, "xp must be an array library"),
        (PROBLEM, strict | {"device": "cuda"}, "put float64 numbers on device='cuda'"),
    ):
        with pytest.raises(ProblemError, match=words):
            run(problem, **base | options)


def test_the_result_says_where_it_was_computed():
    data = run(PROBLEM, xp=array_api_strict, **SIZE)
    assert (data.info["arrays"], data.info["threads"], data.info["negligible"]) == ("array_api_strict", 1, 0.0)
    assert "arrays" not in run(PROBLEM, **SIZE).info
    assert HOST.put(y := np.ones(2)) is y and Place(STRICT.xp, "x").in_words == "array_api_strict on x"


def test_tol_chooses_steps_on_other_arrays_too():
    settings = {k: v for k, v in SIZE.items() if k != "n_steps"} | {"tol": 0.05}
    there, here = run(PROBLEM, xp=array_api_strict, **settings), run(PROBLEM, **settings)
    assert there.info["n_steps"] == here.info["n_steps"]
    assert np.allclose(there.draws["m"], here.draws["m"], rtol=0, atol=1e-10)
