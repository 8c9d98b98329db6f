"""Classes made on the way: the same mixture as explicit ones, bit-identical for any threads, in memory without P."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from particle_checks import done_after_a_stop
from threadpoolctl import threadpool_limits

from meanfield.errors import ProblemError
from meanfield.problem.growth import Exponential, Fixed
from meanfield.problem.spectrum import Spectrum
from meanfield.problem.statement import Problem
from simulate import run
from simulate.scores.fast import FastScore
from simulate.scores.mixture import draw_direct
from simulate.scores.streamed import RANGE, StreamedScore, draw_streamed, n_ranges

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
TWO = Spectrum(c=(0.25, 0.5), u=(1.25, 4.5), share=(0.5, 0.5))
ROUNDING = {"float32": 5e-6, "float64": 1e-12}  # of the shift, whose numbers are of order 1


@pytest.fixture(autouse=True)
def one_blas_thread():
    with threadpool_limits(1, user_api="blas"):  # as in a run
        yield


def samples(target, D, n=24):
    """Points as the sampler meets them: between the centre of all classes and the target."""
    rng = np.random.default_rng(1)
    return np.sqrt(D) * rng.standard_normal((n, len(target))) - np.linspace(0, 1, n)[:, None] * target


def difference(a, b) -> float:
    """Largest of all deviations between two posteriors: absolute, of participation and log-odds relative where these
    are above 1. (Log-odds pass through 0, where rounding is not relative to them.)"""
    assert np.array_equal(a.nearest, b.nearest)
    pairs = (a.participation, b.participation), (a.log_odds, b.log_odds)
    relative = [(np.abs(x - y) / np.maximum(np.abs(y), 1.0)).max() for x, y in pairs]
    return max(np.abs(a.shift - b.shift).max(), np.abs(a.weight - b.weight).max(), *relative)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n_classes", "d"), [(2, 5), (10_000, 18), (RANGE + 1, 7), (RANGE + 2, 7), (200_000, 18)])
def test_streamed_equals_explicit(n_classes, d, dtype):
    held, streamed = draw_direct(d, n_classes, 3, 1), draw_streamed(d, n_classes, 3, 1, threads=2)
    for D in (0.5, 3.0, 1e3):
        y = samples(held.target, D)
        explicit = FastScore(held, len(y), dtype=dtype)(y, D, True)
        assert difference(StreamedScore(streamed, dtype=dtype)(y, D, True), explicit) < ROUNDING[dtype]
    assert np.allclose(streamed.mean_delta, held.mean_delta, rtol=0, atol=1e-12)
    assert np.allclose(streamed.covariance(y), held.covariance(y), rtol=0, atol=1e-12 * np.abs(y).max() * d)


@pytest.mark.parametrize("other", [{"seed": 4}, {"draw": 2}, {"n_classes": 49_000}])
def test_agreement_sees_other_classes(other):
    """Negative control: another seed, another draw, 2 % fewer classes."""
    same = {"d": 12, "n_classes": 50_000, "seed": 3, "draw": 1}
    held, streamed = draw_direct(**same), draw_streamed(**(same | other))
    y = samples(held.target, 3.0)
    assert difference(StreamedScore(streamed)(y, 3.0, True), FastScore(held, len(y))(y, 3.0, True)) > 100 * 5e-6


def test_streamed_equals_explicit_with_a_spectrum():
    counts, D = (5, 9), np.repeat([0.7, 3.0], (5, 9))
    held, streamed = draw_direct(14, 70_000, 0, 0, counts), draw_streamed(14, 70_000, 0, 0, counts)
    y = samples(held.target, 2.0)
    assert difference(StreamedScore(streamed)(y, D, True), FastScore(held, len(y))(y, D, True)) < ROUNDING["float32"]


def test_covariance_in_many_directions():
    """Beyond `WIDE` the matrix is not kept; nor may blocks of few classes matter."""
    held, streamed = draw_direct(1500, 300, 0, 0), draw_streamed(1500, 300, 0, 0)
    y = samples(held.target, 2.0, n=3)
    C = np.cov(np.vstack([np.zeros(1500), held.delta]), rowvar=False, bias=True)
    for mixture in (held, streamed):
        assert np.allclose(mixture.covariance(y), y @ C, rtol=0, atol=1e-9)


def test_threads_do_not_change_a_bit():
    y = samples(draw_streamed(9, 2, 0, 0).target, 2.0)
    first, *others = [StreamedScore(draw_streamed(9, 5 * RANGE, 0, 0, threads=n))(y, 2.0, True) for n in (1, 2, 3, 7)]
    means = [draw_streamed(9, 5 * RANGE, 0, 0, threads=n).mean_delta for n in (1, 2, 3)]
    assert all(np.array_equal(first.shift, other.shift) for other in others)
    assert all(np.array_equal(first.participation, other.participation) for other in others)
    assert all(np.array_equal(means[0], other) for other in means[1:])


@pytest.mark.parametrize(
    ("problem", "d"),
    [
        (PROBLEM, 24),
        (PROBLEM.replace(sampler="ode", classes=Fixed(40_000)), 10),
        (PROBLEM.replace(t_start=50.0, classes=Fixed(2)), 4),
        (PROBLEM.replace(classes=Fixed(1)), 4),
        (Problem(classes=Fixed(40_000), spectrum=TWO, guidance=1.0), 10),
    ],
)
def test_run_streamed_follows_run_explicit(problem, d):
    settings = {"d": d, "n_samples": 30, "n_disorder": 2, "n_steps": 12, "seed": 5}
    a, b, c = (run(problem, classes=way, **settings) for way in ("explicit", "streamed", "streamed"))
    again = run(problem, classes="streamed", threads=1, **settings)
    assert b.info["method"] == "particles (streamed)"
    for name in ("m", "v", "q", "weight"):
        assert np.allclose(a.draws[name], b.draws[name], rtol=0, atol=2e-4), name
        assert np.array_equal(b.draws[name], c.draws[name]) and np.array_equal(b.draws[name], again.draws[name])


def test_memory_does_not_grow_with_the_classes():
    """NumPy arrays alive at a time in one score; explicit means would be 24 MB and 96 MB."""

    def peak(n_classes: int) -> int:
        streamed, y = draw_streamed(20, n_classes, 0, 0, threads=2), np.ones((64, 20))
        StreamedScore(streamed)(y, 2.0)
        tracemalloc.start()
        StreamedScore(streamed)(y, 2.0)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    small, large = peak(300_000), peak(1_200_000)
    assert large < 1.1 * small < 8e6


def test_progress_counts_ranges_and_an_interrupt_stops():
    seen: list[tuple[int, int]] = []
    problem = PROBLEM.replace(classes=Fixed(3 * RANGE), guidance=0.5)
    run(
        problem, d=6, n_samples=4, n_disorder=1, n_steps=5, classes="streamed",
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    done = [n for n, _ in seen]
    assert seen[-1] == (15, 15) and done == sorted(done) and n_ranges(3 * RANGE) == 3

    effort = {"n_samples": 256, "n_disorder": 1, "n_steps": 50, "classes": "streamed"}
    assert done_after_a_stop(PROBLEM.replace(classes=Fixed(10**8)), least=20, d=24, **effort) < 0.1


def test_what_does_not_fit_is_refused_with_what_does():
    with pytest.raises(ProblemError, match=r'takes at most 1e\+08 classes; got 485165195 .* use classes="lazy"'):
        run(PROBLEM, d=50, n_samples=4, n_disorder=1, classes="streamed")
    with pytest.raises(ProblemError, match=r"GiB for the state of one batch on 2 threads, and .* use fewer threads"):
        run(PROBLEM.replace(classes=Fixed(9)), d=10**12, n_samples=1, n_disorder=1, classes="streamed", threads=2)


@pytest.mark.slow
def test_a_run_needs_no_more_memory_for_more_classes():
    """Peak of a whole process, in MiB. Control: explicit classes, 88 MiB of means more.

    (`ru_maxrss` would not do: it begins with the peak of the process that starts this one.)
    """

    def peak(way: str, n_classes: int) -> float:
        code = f"""
from meanfield import Fixed, Problem
from simulate import run
problem = Problem(classes=Fixed({n_classes}), sigma2=0.25, guidance=1.0)
run(problem, d=24, n_samples=64, n_disorder=1, n_steps=3, classes="{way}", threads=2)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
        return 1 / 1024 * float(subprocess.check_output([sys.executable, "-c", code], text=True))

    streamed, explicit = ([peak(way, n) for n in (100_000, 1_000_000)] for way in ("streamed", "explicit"))
    assert streamed[1] - streamed[0] < 10
    assert explicit[1] - explicit[0] > 80
