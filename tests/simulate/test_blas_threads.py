"""Particles and laws hold BLAS to one thread, however many it has outside: a product must not depend on how many."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from meanfield import Exponential, Problem, euler, sd_sigmas, solve_sampler
from simulate import clones, run, run_sampler

PROBLEM = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0)
SMALL = {"n_samples": 8, "n_disorder": 2}
CODE = euler(sd_sigmas(4), start="vp")
CALLS = {
    "run": lambda look: run(PROBLEM, d=6, n_steps=10, progress=look, **SMALL),
    "run_sampler": lambda look: run_sampler(PROBLEM, CODE, d=6, progress=look, **SMALL),
    "clones": lambda look: clones(1.0, [1.0, 2.0], sigma2=0.25, n_samples=8, n_draws=2, progress=look),
    "law": lambda look: solve_sampler(PROBLEM, CODE, d=6, theory="reduced", n_samples=8, n_draws=2, progress=look),
}


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_blas_has_one_thread_within_and_its_own_outside(call):
    within = []
    with threadpool_limits(2, user_api="blas"):
        assert threads() == {2}  # negative control: what would be seen of a call that limits nothing
        call(lambda done, total: within.append(threads()))
        assert threads() == {2}
    assert within and all(found == {1} for found in within)
