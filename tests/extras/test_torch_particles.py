"""Particles on torch arrays against the compiled ones; their precision by the type of the products."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from meanfield import Fixed, Problem, ProblemError
from simulate import run
from simulate.arrays.noise import array_normals
from simulate.arrays.place import make_place
from simulate.randomness.normals import make_key, normals

sys.path.append(str(Path(__file__).resolve().parents[1] / "simulate"))
from array_checks import CASES, PROBLEM, SIZE, difference, off

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_run_on_torch_arrays_is_the_compiled_run(case, device):
    assert off(torch, case, device=device) < 1e-10


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_wrong_by_little_is_seen(device):
    """Negative controls: guidance 1 % off, other class means, a variance 1 % off."""
    assert off(torch, "sde", {"guidance": 1.01}, device=torch.device(device)) > 1e-4
    assert off(torch, "ode", {"guidance": 1.01}, device=device) > 1e-4
    assert off(torch, "sde", seed=1, device=device) > 1e-2
    assert off(torch, "sde", {"sigma2": 0.2525}, device=device) > 1e-4


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_drawn_on_a_device_are_those_of_the_host(device):
    place, key = make_place(torch, device, "float64"), make_key(3, 1, 2)
    for indices, dim, step in ((range(3000), 70, 4), (range(2**32 - 4, 2**32 - 1), 9, 2**33 + 5)):
        there = place.take(array_normals(place, key, indices, dim, step))
        assert np.array_equal(there, normals(key, indices, dim, step))
        assert not np.array_equal(there, normals(key, indices, dim, step + 1))  # negative control


def test_single_precision_is_enough_and_16_bits_are_up_to_a_thousandth():
    """Errors of m and v/sigma2 against float64 on the same numbers: the less precise the type, the larger. Control: a
    guidance 1 % off is not within these bounds."""
    problem = Problem(classes=Fixed(400), sigma2=0.25, guidance=1.0, sampler="ode", t_start=100.0)
    settings = {"d": 48, "n_samples": 16, "n_disorder": 4, "n_steps": 40, "n_times": 2, "progress": False, "xp": torch}
    exact = run(problem, dtype="float64", **settings)

    def errors(dtype, problem=problem):
        data = run(problem, dtype=dtype, **settings)
        sizes = {"m": 1.0, "v": problem.sigma2}
        return np.array([np.abs(data.draws[n][:, -1] - exact.draws[n][:, -1]).max() / sizes[n] for n in sizes])

    single, half, wrong = errors("float32"), errors("bfloat16"), errors("float64", problem.replace(guidance=1.01))
    assert (single < 1e-5).all() and (half < 1e-3).all() and (single < 0.1 * half).all() and (half < 0.5 * wrong).all()


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ProblemError, match="put float64 numbers on device"):
        run(PROBLEM, xp=torch, device="nowhere", **SIZE)
    if not torch.cuda.is_available():
        with pytest.raises(ProblemError, match=r"torch\.cuda\.is_available"):
            run(PROBLEM, xp=torch, device="cuda", **SIZE)


def test_the_default_type_of_torch_does_not_matter():
    one = run(PROBLEM, xp=torch, **SIZE)
    torch.set_default_dtype(torch.float64)
    try:
        two = run(PROBLEM, xp=torch, **SIZE)
    finally:
        torch.set_default_dtype(torch.float32)
    assert difference(one, two) == 0.0
