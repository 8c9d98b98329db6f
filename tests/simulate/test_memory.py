"""What a computation may hold: the least of what the machine, its control groups and the limit of the process leave."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, ProblemError, phase_diagram, power_law, quenched, solve
from meanfield.line import TwoClasses, Uniform
from meanfield.maps.bulk import Responses
from meanfield.tools import memory
from simulate import run, sample_line, sample_scores
from simulate.scores.mixture import COORDINATES, draw_direct

GIB = 2**30
# A thread that gets no memory never starts, and its results are waited for without end.
CREW = """
import resource
from meanfield.tools.crew import THREAD_BYTES, Crew
from meanfield.tools.memory import address_space_left
_, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (2**34, hard))
used = 2**34 - address_space_left()
resource.setrlimit(resource.RLIMIT_AS, (used + 3 * THREAD_BYTES, hard))
print(Crew(2).run(abs, [-1, -2]))
try:
    Crew(64).run(abs, range(64))
except ValueError as error:
    print(error)
"""
LIMITED = """
import resource
from meanfield.tools.memory import available_bytes
_, hard = resource.getrlimit(resource.RLIMIT_AS)
free = available_bytes()
limit = 2**33
resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
print(free, limit, available_bytes())
"""


def test_the_limit_of_the_process_is_honoured():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    free, limit, left = map(int, done.stdout.split())
    assert 0 < left < limit and left <= free


def test_threads_that_cannot_start_are_refused():
    done = subprocess.run([sys.executable, "-c", CREW], capture_output=True, text=True, check=True, timeout=600)
    first, second = done.stdout.splitlines()
    assert first == "[1, 2]" and "64 threads need 5120 MiB of address space" in second and "ulimit -v" in second


@pytest.mark.parametrize(
    ("line", "place", "names"),
    [
        ("0::/job/step", "job/step", memory.V2),
        ("4:memory:/job/step", "memory/job/step", memory.V1),
    ],
)
def test_the_least_of_the_control_groups_counts_and_cached_files_are_free(tmp_path, line, place, names):
    own, inner = tmp_path / "own", tmp_path / "mount" / place
    inner.mkdir(parents=True)
    own.write_text(f"7:cpu:/elsewhere\n{line}\n")

    def left(folder: Path, most: object, used: int, cached: int) -> int:
        for name, number in zip(names, (most, used), strict=False):
            (folder / name).write_text(f"{number}\n")
        (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {cached}\n")
        return memory._of_the_groups(tmp_path / "mount", own)

    assert memory._of_the_groups(tmp_path / "mount", own) == sys.maxsize
    assert left(inner, 4 * GIB, 2 * GIB, GIB) == 3 * GIB
    assert left(inner.parent, 2 * GIB, GIB, 0) == GIB  # that of the group above is less
    assert left(inner.parent, "max", GIB, 0) == 3 * GIB


def test_the_least_of_all_counts(monkeypatch):
    for name, number in (("_of_the_machine", 3), ("_of_the_groups", 2), ("address_space_left", 1)):
        monkeypatch.setattr(memory, name, lambda number=number: number)
        assert memory.available_bytes() == number


def test_the_state_of_a_continuum_is_counted_too(monkeypatch):
    """It holds no classes, but the samples of a batch: 20 TB at d = 1e9."""
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    with pytest.raises(ProblemError, match=r"d=1000000000 needs .* GiB for the states of a batch .*, and .* available"):
        run(problem, d=10**9, n_samples=1000, n_disorder=2)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**20)
    run(problem, d=8, n_samples=4, n_disorder=2, n_steps=10, threads=1)
    with pytest.raises(ProblemError, match=r"needs .* on each of 1 threads, and 0.000977 GiB"):
        run(problem, d=2000, n_samples=64, n_disorder=2, n_steps=10, threads=1)


def test_a_run_that_fits_is_not_refused():
    assert run(Problem(classes=Exponential(0.4), sigma2=0.25), d=4, n_samples=4, n_disorder=2, n_steps=10).n_draws == 2


MANY = power_law(n_groups=2000, modes=2000)
FINITE = Problem(classes=Continuum(), sigma2=0.25, t_start=10.0)
ASKED = {
    "averages of a run": lambda: run(FINITE, d=8, n_samples=10**9, n_disorder=10**6),
    "its many times": lambda: run(FINITE, d=8, n_samples=1, n_disorder=10**6, n_steps=10**5, n_times=10**5),
    "draws of a theory": lambda: quenched(
        Problem(classes=Exponential(0.4), sigma2=0.25), 16, n_samples=10**6, n_draws=10**6, n_steps=10**6, n_times=10**6
    ),
    "samples": lambda: sample_scores(FINITE, lambda x, t: -x, lambda x, t: -x, 10**6, n_samples=10**9),
    "samples on the line": lambda: sample_line(
        TwoClasses(Uniform(1, 2), Uniform(-2, -1)), 8.0, n_samples=10**9, t=np.geomspace(10.0, 0.1, 10**4)
    ),
    "a diagram": lambda: phase_diagram(
        Problem(classes=Exponential(0.4), sigma2=0.25),
        ("alpha", np.linspace(0.1, 1.0, 10**6)),
        ("w", np.linspace(-1.0, 1.0, 10**6)),
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_no_machine_holds_is_refused_before_it_is_begun(name):
    with pytest.raises(ProblemError, match=r"needs? .* GiB.* GiB of memory are available; use "):
        ASKED[name]()


def test_groups_of_directions_are_counted_in_solutions_and_designs(monkeypatch):
    """25 to 50 kB of a solution, and a record of every schedule that a design tries, for each."""
    problem = Problem(classes=Continuum(), spectrum=MANY, sampler="ode", t_start=100.0)
    respond, weights = Responses(problem), np.linspace(0.0, 1.0, 50)
    solve(problem), respond.constants(weights)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**23)
    for call in (lambda: solve(problem), lambda: respond.constants(weights)):
        with pytest.raises(ProblemError, match=r"2000 groups of directions need .* GiB of memory are available"):
            call()
    few = problem.replace(spectrum=power_law(n_groups=20, modes=2000))
    solve(few), Responses(few).constants(weights)


def test_norms_of_wide_classes_take_no_second_copy_of_them():
    """d = 20,000: blocks of a fixed number of coordinates, not of classes. Negative control: one block of all."""
    mixture = draw_direct(d=20_000, n_classes=700, seed=0, draw=0)

    def peak():
        tracemalloc.start()
        norms = replace(mixture).half_norms
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return norms, top

    norms, needed = peak()
    assert needed < 2.2 * 8 * COORDINATES < 8 * mixture.delta.size  # two blocks: the next is made before one goes
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("simulate.scores.mixture.COORDINATES", 2**30)
        again, all_at_once = peak()
    assert all_at_once > 8 * mixture.delta.size and np.array_equal(norms, again)
