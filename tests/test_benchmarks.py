"""The benchmarks run, their peers compute what the package computes, and the page shows what was measured."""

import doctest
import json
from importlib.util import find_spec

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmarks import (
    device,
    equal_accuracy,
    libraries,
    mixtures,
    ours,
    report,
    scaling,
    solvers,
    step_map,
    subprocesses,
    suite,
    theory_speed,
    timing,
)
from benchmarks.peers import LIBRARIES, available, peer
from meanfield import ConvergenceError, Fixed, Problem
from simulate import run
from simulate.scores.reference import ReferenceScore

TINY = {"P": 10, "d": 3, "S": 128}


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of BLAS and OpenMP that wait for each other would cost more than all that is computed here."""
    with threadpool_limits(1):
        yield


@pytest.fixture(params=LIBRARIES)
def script(request):
    if request.param not in available():
        pytest.skip(f"{request.param}: library not installed (make test-extras, make bench)")
    return peer(request.param)


def rendered(sections):
    """The page of sections, after a way through JSON."""
    return report.render(
        json.loads(json.dumps({n: {"machine": {"processor": "any"}, "data": x} for n, x in sections.items()}))
    )


@pytest.mark.parametrize("module", [report, solvers, timing])
def test_examples_of_docstrings(module):
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_a_peer_sees_the_same_posterior_mean(script):
    mixture = ours.classes(200, 6)
    y = np.random.default_rng(1).standard_normal((50, 6))
    exact = ReferenceScore(mixture)(y, 1.5).shift + mixture.target
    means = ours.means(mixture)
    found = script(means)
    assert np.abs(np.asarray(found.posterior_mean(found.samples(y + mixture.target), 1.5)) - exact).max() < 1e-4
    # negative control: other classes give another mean
    other = script(ours.means(ours.classes(200, 6, seed=1)))
    assert np.abs(np.asarray(other.posterior_mean(other.samples(y + mixture.target), 1.5)) - exact).max() > 1e-2


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_peer_samples_the_class_without_guidance(script, eta):
    """w = 0: N(mu_1, D I) stays that down to D = sigma2, to the error of 200 Euler steps."""
    means = ours.means(ours.classes(10, 4))
    found = script(means)
    x = found.samples(means[0] + np.sqrt(100.25) * np.random.default_rng(2).standard_normal((2000, 4)))
    x = np.asarray(found.euler(x, np.geomspace(100.25, 0.25, 201), 0.0, eta, found.normals((2000, 4))))
    x = x - means[0]
    assert np.abs(x.mean(axis=0)).max() < 0.06
    assert abs(x.var() / 0.25 - 1) < 0.1


def test_a_turn_is_as_long_whatever_the_first_call_compiles(monkeypatch):
    """On a clock that the calls drive. Control: a call that is slow at all times has turns of one."""
    now, calls = [0.0], {"compiles": [], "slow": []}
    monkeypatch.setattr(timing.time, "process_time", lambda: now[0])

    def takes(name, first, later):
        def call():
            now[0] += later if calls[name] else first
            calls[name].append(now[0])

        return call

    found = timing.alternate({"compiles": takes("compiles", 3.0, 0.002), "slow": takes("slow", 3.0, 3.0)}, repeats=4)
    assert len(calls["compiles"]) == 2 + 4 * 10 and len(calls["slow"]) == 2 + 4
    assert found["compiles"] == pytest.approx([0.002] * 4) and found["slow"] == pytest.approx([3.0] * 4)


def test_cells_of_the_maps_and_the_table_of_libraries():
    cells = [step_map.score_cell(**TINY, library="NumPy", repeats=1), step_map.step_cell(**TINY, library="NumPy")]
    assert max(cells[0]["errors"].values()) < 1e-5 and all(cell["ratio"] > 0 for cell in cells)
    table = [libraries.compare_libraries(**TINY, repeats=1)]
    assert 0 < table[0]["share"]["ours"] < 1
    page = rendered({"libraries": table, "score map": cells[:1], "step map": cells[1:]})
    assert f"{cells[0]['ratio']:.3g}" in page and f"{table[0]['ratio']['NumPy']:.3g}" in page


def test_scripts_and_package_converge_to_one_answer():
    """Same classes, start and noise: the errors of torch's Euler steps fall like 1/n towards the package's answer."""
    if "torch attention" not in available():
        pytest.skip("torch is not installed (make test-extras, make bench)")
    case = equal_accuracy.Case(50, 6, samples=32, timed=32, converged=192, scripted=(48, 96))
    for sampler in ("ode", "sde"):
        found = equal_accuracy.whole_run(case, sampler, repeats=1)
        errors = found["errors"]["euler"]
        for i in (0, 1):
            coarse, fine = (errors[n]["error"][i] for n in case.scripted)
            assert abs(fine - coarse / 2) < 0.15 * abs(coarse) + 3 * errors[case.scripted[0]]["stderr"][i]
        assert found["steps"]["ours"] < found["steps"]["exponential_euler"] < found["steps"]["euler"]
        page = rendered({"equal accuracy": [found]})
        assert f"{found['gain']['euler']:.3g}" in page


def test_steps_that_a_script_needs_are_extrapolated_from_its_errors():
    """error = 2/n + 3/n^2 in m, half of it in v: 1e-3 is reached at n = 2001.5."""
    errors = {n: {"error": [2 / n + 3 / n**2, 1 / n]} for n in (50, 100)}
    assert equal_accuracy.extrapolated(errors, (50, 100)) == 2002
    errors[100]["error"][0] *= 1.1  # negative control
    assert equal_accuracy.extrapolated(errors, (50, 100)) != 2002


def test_one_good_rung_before_a_bad_one_does_not_count():
    good, bad = {"error": [1e-4, 0.0], "stderr": [1e-5, 0.0]}, {"error": [0.0, 9e-4], "stderr": [0.0, 2e-4]}
    assert equal_accuracy.first_good({8: good, 12: bad, 16: good, 24: good}) == 16
    assert equal_accuracy.first_good({8: bad, 12: bad}) == 24


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of diffusers
def test_every_solver_converges_to_the_answer_of_the_package(monkeypatch):
    """ODE: on the same starts. SDE: laws of the continuum, whose exact one is m = 1.2. Negative control: another w."""
    if "torch attention" not in available():
        pytest.skip("torch is not installed (make test-extras, make bench)")
    monkeypatch.setattr(solvers, "LADDERS", {1e-3: (64, 96), 1e-5: (64, 80)})
    case = solvers.Case(30, 6, 16, 16)
    curves = {"ode": solvers.error_curves(case), "sde": solvers.sde_curves.__wrapped__()}
    for sampler, by_tolerance in curves.items():
        for name, errors in by_tolerance[1e-3].items():
            assert errors[-1][1] < (3e-3 if name == "Heun" else 1e-3), (sampler, name)
        assert curves["ode"][1e-5]["ours"][-1][1] < 1e-5
    assert abs(solvers.law(400)[0] - 1.2) < 1e-3 < abs(solvers.law(400, w=1.1)[0] - 1.2)
    row = {"P": 30, "d": 6, "S": 16, "sampler": "ode", "tolerance": 1e-3, "errors": curves["ode"][1e-3]}
    row |= {"scores": {"ours": 9, "Heun": 30}, "seconds": {"ours": 1.0, "Heun": 2.25}, "drawing": 0.25}
    page = rendered({"solvers": [row]})
    assert "30 (2.5)" in page and "| 2.5 | 2.25 |" in page  # with all that is drawn, and without
    assert "Below 3 times less CPU than the best of them: P = 30, ode, 0.001 (2.50, Heun)." in page


def test_a_peer_draws_classes_of_the_same_law():
    if "torch attention" not in available():
        pytest.skip("torch is not installed (make test-extras, make bench)")
    means = np.asarray(peer("torch attention").drawn(4000, 16).means)
    assert means.shape == (4000, 16) and abs(means[0] @ means[0] / 16 - 1) < 1e-5
    assert abs(means[1:].var() - 1) < 5 * np.sqrt(2 / means[1:].size) < abs(1.1 * means[1:].var() - 1)  # control: 10 %


def test_the_line_of_a_mixture_says_the_samples_that_it_took(monkeypatch):
    """Full covariances take fewer than they are asked for."""
    monkeypatch.setattr(mixtures, "fresh", lambda program: {"cpu": 1.0, "wall": 1.0, "held": 0, "beyond": 0})
    monkeypatch.setattr(mixtures, "SIZES", ((10, 4, 2000),))
    said: list[str] = []
    suite.own_mixtures(False, said.append)
    assert (
        "full, K = 10, d = 4, S = 100: 1 CPU s a step" in said
        and "diag, K = 10, d = 4, S = 2000: 1 CPU s a step" in said
    )


def test_precision_on_torch_arrays_and_speed_on_a_device():
    """The device here is torch on the processor. Control: fewer bits are further off."""
    if "torch attention" not in available():
        pytest.skip("torch is not installed (make test-extras, make bench)")
    single, half = device.accuracy("two classes", n_samples=8, n_draws=2, n_steps=20)
    assert all(0 < single["off"][key] < 1e-3 * half["off"][key] < 1e-5 for key in "mv")
    cell = device.speed(8, 6, 32, device="cpu", repeats=1)
    page = rendered({"device": {"device": "a processor", "accuracy": [single, half], "speed": [cell]}})
    assert f"{half['off']['m']:.3g}" in page and f"{cell['milliseconds']['compiled']:.3g}" in page
    page = rendered({"device": {"device": None, "accuracy": [single], "speed": []}})
    assert "No device is there" in page and f"{single['off']['v']:.3g}" in page


def test_growth_memory_and_speed_of_the_theory():
    growth = scaling.cost_growth("n_steps", (10, 100, 1000), repeats=1, P=400, d=6)
    assert 0.3 < growth["exponent"] < 1.3
    memory = subprocesses.peak_memory(10**5, 20, 64)
    assert 0 < memory["beyond"] < 2**30 and memory["peak"] > memory["before"] + memory["means"]
    solves = theory_speed.solve_milliseconds(repeats=1, least=1e-4)
    assert {row["kind"] for row in solves} == {"closed form", "general"} and all(row["ms"] > 0 for row in solves)
    data = {
        "growth": [growth],
        "memory": [memory],
        "theory": {"solve": solves, "diagram": theory_speed.diagram_rate(3)},
    }
    page = rendered({**data})
    assert f"{growth['exponent']:.3g}" in page and f"{memory['beyond'] / 2**20:.3g}" in page


def test_a_mixture_of_every_form_is_timed():
    rows = [mixtures.mixture_row(form, 6, 5, 10, steps=8) for form in mixtures.FORMS]
    assert all(row["cpu"] > 0 and row["held"] > 2**20 and row["beyond"] >= 0 for row in rows)
    page = rendered({"mixtures": rows})
    assert all(f"{row['cpu']:.3g}" in page for row in rows)


def test_an_import_is_timed_in_a_process_of_its_own():
    """What has been imported before takes no time against what has not."""
    again, first = (subprocesses.import_seconds("meanfield", x, repeats=1) for x in ("import meanfield", ""))
    assert 0 <= again < 0.1 * first


@pytest.mark.slow
def test_the_first_call_is_longer_where_it_has_to_compile():
    call = subprocesses.first_call()
    assert 0 <= call["cached"] < call["compiled"]
    page = rendered({"start-up": {"imports": {}, "first call": {"float32": call}, "processes": {}}})
    assert f"{call['compiled']:.3g}" in page


def test_a_process_is_timed_from_its_start_to_its_end():
    spent = subprocesses.process_seconds(repeats=1)
    loaded, run = list(spent)[-2:]
    assert 0 < spent["Python"] < spent["NumPy"] < spent["`cfgfield --help`"] and spent[loaded] < spent[run]
    page = rendered({"start-up": {"imports": {}, "first call": {}, "processes": spent}})
    assert all(f"| {name} | {seconds:.3g} |" in page for name, seconds in spent.items())


def test_the_map_covers_what_it_claims():
    sizes = list(step_map.sizes())
    assert {P for P, _, _ in sizes} >= {2, 10**6} and {d for _, d, _ in sizes} >= {2, 4000}
    assert all(4 * P * d <= 2**30 and S % 128 == 0 for P, d, S in sizes)


def test_a_slower_cell_is_named():
    cell = {"P": 7, "d": 5, "S": 128, "ratio": 0.5, "spread": 0.0, "ours": 2.0, "theirs": 1.0}
    page = rendered({"score map": [cell, cell | {"P": 8, "ratio": 2.0}]})
    assert "Slower than torch attention at 1 of 2 sizes: P = 7, d = 5 (0.50)." in page
    page = rendered({"few classes": [cell, cell | {"S": 64, "ratio": 2.0}]})
    assert "over ours, 64 samples" in page and "at 1 of 1 sizes: P = 7, d = 5 (0.50)." in page


def test_an_absent_library_is_said():
    assert ("torch attention" in available()) == (find_spec("torch") is not None)
    assert all(
        "torch is not installed" in rendered(empty)
        for empty in ({"score map": []}, {"few classes": []}, {"device": {}})
    )


def test_the_longest_cells_of_the_step_map_resolve_their_guidance(monkeypatch):
    """Their runs are so short that few steps must do: those of a size with as much guidance, in the same numbers."""
    monkeypatch.setattr(step_map, "SLOW", 0)
    assert step_map.step_cell(2000, 24, 16, library="NumPy")["ratio"] > 0.0
    problem = Problem(classes=Fixed(2000), sigma2=0.25, guidance=1.0, sampler="sde", t_start=100.0)
    with pytest.raises(ConvergenceError):  # negative control
        run(problem, d=24, n_samples=16, n_disorder=1, n_steps=2, progress=False)
