"""Sweeps over samplers' code: particles and law at the end, cell by cell, kept in a folder."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import xarray

from meanfield import (
    Continuum,
    Exponential,
    Problem,
    ProblemError,
    dpmpp_2m,
    euler,
    euler_ancestral,
    sd_sigmas,
    solve_sampler,
)
from validate import sweep
from validate.agreement.statistics import family_threshold

BASE = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SAMPLERS = [euler(sd_sigmas(10), start="vp"), dpmpp_2m(sd_sigmas(12), start="vp"), euler_ancestral(sd_sigmas(10))]
GRID = {"sampler": SAMPLERS, "w": [0.5, 1.0]}
OPTIONS = {"d": 32, "n_samples": 20, "n_disorder": 12, "progress": False}


def scores(data):
    """(theory - particles)/stderr of m and v, over the grid."""
    found = []
    for name in ("m", "v"):
        mean, error = data[name].mean("draw"), data[name].std("draw", ddof=1) / np.sqrt(data.sizes["draw"])
        found.append(((data[f"theory_{name}"] - mean) / error).values.ravel())
    return np.concatenate(found)


@pytest.fixture(scope="module")
def swept():
    return sweep(BASE, GRID, **OPTIONS)


def test_every_cell_has_the_law_of_its_sampler(swept):
    assert swept.m.dims == ("sampler", "w", "draw", "time")
    assert swept.sizes["time"] == 1
    assert list(swept.sampler.values) == [sampler.name for sampler in SAMPLERS]
    law = solve_sampler(BASE, SAMPLERS[1])
    assert swept.theory_m.sel(sampler=law.sampler, w=1.0).item() == law.final.m
    assert np.all(np.abs(scores(swept)) < family_threshold(len(scores(swept))))


def test_the_law_of_another_sampler_is_refused(swept):
    moved = swept.assign({name: swept[name].roll(sampler=1) for name in ("theory_m", "theory_v")})
    assert np.abs(scores(moved)).max() > family_threshold(len(scores(moved)))


def test_processes_in_parts_and_a_folder_give_the_same_bits(tmp_path, swept):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        kept = sweep(BASE, GRID, executor=pool, folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(kept, swept)
    again = sweep(BASE, GRID, folder=tmp_path, **OPTIONS)
    xarray.testing.assert_identical(again, swept)


def test_other_code_of_the_same_name_is_computed_anew(tmp_path):
    def code(factor):
        def sampler(model, noise):
            x = 10.0 * noise()
            return x - factor * model.eps(x, 10.0)

        return sampler

    grid, options = {"w": [1.0]}, {**OPTIONS, "n_disorder": 2, "folder": tmp_path}
    first, second = (sweep(BASE, {"sampler": [code(f)], **grid}, **options) for f in (10.0, 9.0))
    assert first.sampler.item() == second.sampler.item() == "sampler"
    assert first.theory_v.item() != second.theory_v.item()
    assert not np.array_equal(first.v, second.v)


def test_classes_that_compete():
    data = sweep(BASE.replace(classes=Exponential(0.4)), {"sampler": SAMPLERS[:1]}, **{**OPTIONS, "d": 10})
    law = solve_sampler(BASE.replace(classes=Exponential(0.4)), SAMPLERS[0])
    assert data.t_speciation.item() == law.t[np.argmax(law.phase == "target")]
    assert data.standing.item() == "exact"
    assert np.all(data.accuracy > 0.3)


@pytest.mark.parametrize(
    ("samplers", "says"),
    [
        ([SAMPLERS[0], "ode"], "must be all code, or all continuous"),
        ([SAMPLERS[0], SAMPLERS[0]], "all different"),
        ([lambda model, noise: noise()], "must call its model"),
    ],
)
def test_bad_samplers_of_a_grid(samplers, says):
    with pytest.raises(ProblemError, match=says):
        sweep(BASE, {"sampler": samplers}, **OPTIONS)
