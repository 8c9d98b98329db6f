"""Finite-d theories of a sampler's own code: averaged classes (`reduced`), the nearest ones drawn (`quenched`)."""

import numpy as np
import pytest
from codes import DDIM, PROBLEM, adaptive, limit, rescaled, z_between

from meanfield import (
    Continuum,
    DensityRatio,
    Exponential,
    Fixed,
    PowerLaw,
    Problem,
    ProblemError,
    ScheduleError,
    Spectrum,
    reduced,
    solve_sampler,
)
from meanfield.sampler.levels import karras_sigmas
from meanfield.sampler.native import dpmpp_2m, dpmpp_2m_sde, euler, euler_ancestral, heun, unipc
from simulate import run_sampler

# m(0) and v(0)/sigma2 at alpha = 0.4, w = 2 in DDIM of 20 steps, from a program of its own in plain NumPy: 4000 samples
AVERAGED = {
    ("CFG", 24): ((1.3151, 0.0008), (0.4390, 0.0018)),
    ("CFG", 100): ((1.3135, 0.0005), (0.4542, 0.0013)),
    ("CFG", 400): ((1.3138, 0.0003), (0.4526, 0.0007)),
    ("rescaled", 24): ((1.3172, 0.0008), (0.5886, 0.0029)),
    ("rescaled", 100): ((1.3177, 0.0005), (0.6112, 0.0016)),
    ("rescaled", 400): ((1.3142, 0.0003), (0.6192, 0.0010)),
}
CODES = {"CFG": DDIM, "rescaled": rescaled}
GLASS = PROBLEM.replace(classes=Exponential(alpha=0.7), guidance=5.0)
NATIVE = [
    euler(karras_sigmas(10, 0.05, 15.0)),
    euler_ancestral(karras_sigmas(20, 0.05, 15.0)),
    heun(karras_sigmas(8, 0.05, 15.0)),
    dpmpp_2m(karras_sigmas(15, 0.05, 15.0)),
    dpmpp_2m_sde(karras_sigmas(15, 0.05, 15.0)),
    unipc(karras_sigmas(12, 0.05, 15.0)),
]


def quenched(problem=PROBLEM, sampler=DDIM, d=16, n_samples=40, n_draws=2, **options):
    return solve_sampler(problem, sampler, d=d, theory="quenched", n_samples=n_samples, n_draws=n_draws, **options)


def z(one, other):
    """z of m(0), v(0), q(0) between two ensembles."""
    return np.array([z_between(getattr(one.final, name), getattr(other.final, name)) for name in ("m", "v", "q")])


@pytest.mark.parametrize(("code", "d"), AVERAGED)
def test_averaged_classes(code, d):
    end = solve_sampler(PROBLEM, CODES[code], d=d, n_samples=2000, n_draws=20).final
    (m, m_error), (v, v_error) = AVERAGED[code, d]
    assert abs(float(end.m.mean) - m) < 3.0 * np.hypot(end.m.stderr, m_error)
    assert abs(float(end.v.mean) / 0.25 - v) < 3.0 * np.hypot(end.v.stderr / 0.25, v_error)


def test_averaged_classes_are_those_of_reduced_as_steps_grow():
    problem = PROBLEM.replace(sampler="ode", t_start=400.0)
    fine = solve_sampler(problem, heun(karras_sigmas(60, 0.01, 20.0)), d=24, n_samples=2000, n_draws=20)
    other, stronger = (reduced(problem.replace(guidance=w), 24, n_samples=20_000, n_draws=20) for w in (2.0, 2.1))

    def paired(data):
        return np.array([z_between(getattr(fine.final, x), getattr(data.final, x)) for x in ("m_paired", "v_paired")])

    assert np.all(np.abs(paired(other)) < limit(2, 20))
    assert np.any(np.abs(paired(stronger)) > limit(2, 20))


def test_nearest_classes_are_those_of_particles():
    """At equal d; in the glass averaged classes are told apart."""
    theory = quenched(GLASS, d=12, n_samples=800, n_draws=20)
    particles = run_sampler(GLASS, DDIM, d=12, n_samples=40, n_disorder=30, classes="explicit")
    averaged = solve_sampler(GLASS, DDIM, d=12, n_samples=3000, n_draws=20)
    threshold = limit(3, 20)
    assert np.all(np.abs(z(theory, particles)) < threshold)
    assert np.any(np.abs(z(theory, averaged)) > threshold)
    assert np.any(np.abs(z(particles, averaged)) > threshold)


def test_nearest_classes_of_a_spectrum_are_those_of_particles():
    """Groups of directions, 1097 classes, hidden at first; u of a group 20 % off is another problem."""
    grouped = Problem(classes=Exponential(alpha=0.5), spectrum=Spectrum(c=[0.2, 0.5], u=[1.2, 4.5]), guidance=2.0)
    other = grouped.replace(spectrum=Spectrum(c=[0.2, 0.5], u=[1.44, 4.5]))
    particles = run_sampler(grouped, DDIM, d=14, n_samples=20, n_disorder=40, classes="explicit")
    options = {"d": 14, "theory": "quenched", "n_samples": 600, "n_draws": 20}
    scores = []
    for problem in (grouped, other):
        theory = solve_sampler(problem, DDIM, **options)
        pairs = [(getattr(theory.final, x), getattr(particles.final, x)) for x in ("m_group_paired", "v_group_paired")]
        scores.append(np.abs([(a.mean - b.mean) / np.hypot(a.stderr, b.stderr) for a, b in pairs]).max())
    assert scores[0] < limit(4, 20) < scores[1]


@pytest.mark.slow
def test_nearest_classes_are_those_of_particles_in_all_samplers():
    """Many draws of few samples: in the glass a few classes near the target make v of a draw skew."""
    scores, control = [], []
    for alpha, w, d in ((0.4, 2.0, 16), (0.4, 2.0, 20), (0.7, 5.0, 16)):
        for sampler in NATIVE:
            problem = PROBLEM.replace(classes=Exponential(alpha=alpha), guidance=w)
            weaker = problem.replace(guidance=0.95 * w)
            options = {"d": d, "n_samples": 20, "n_disorder": 80, "classes": "explicit", "seed": 1000 + len(scores)}
            theory = quenched(problem, sampler, d, n_samples=1600, n_draws=40, seed=len(scores))
            scores += [*z(theory, run_sampler(problem, sampler, **options))[:2]]
            if alpha == 0.4:
                control += [*z(theory, run_sampler(weaker, sampler, **options))[:2]]
    n = len(scores)
    error = 1.0 / np.sqrt(2.0 * n / 2.0)  # of a root mean square; m and v of one run go together
    assert abs(np.sqrt(np.mean(np.square(scores))) - 1.0) < 2.6 * error
    assert np.max(np.abs(scores)) < limit(n, 40)
    assert np.sqrt(np.mean(np.square(control))) > 1.0 + 2.6 / np.sqrt(len(control))


def test_neither_threads_nor_batches_change_a_bit():
    for theory, n in (("reduced", 1200), ("quenched", 80)):
        one, more = (
            solve_sampler(PROBLEM, DDIM, d=16, theory=theory, n_samples=n, n_draws=2, threads=k) for k in (1, 3)
        )
        assert all(np.array_equal(one.draws[name], more.draws[name], equal_nan=True) for name in one.draws)


def test_a_sample_keeps_its_classes_through_a_run():
    """Asked again the model answers the same; and in one state every sample has classes of its own."""
    seen = []

    def asking(model, noise):
        x = 0.5 * (noise() + noise()[:1])
        alike = 0.0 * x + x[:1]
        first = model.uncond.denoised(alike, 0.6)
        model.uncond.denoised(noise(), 0.8)
        seen.append((first, model.uncond.denoised(alike, 0.6)))
        return first

    quenched(GLASS, asking, n_samples=8, n_draws=1)
    first, again = next(pair for pair in seen if len(pair[0]) == 8)
    between = np.std(first, axis=0).max()
    assert np.abs(again - first).max() < 0.1 * between
    assert between > 0.01


def test_any_number_of_classes():
    data = quenched(PROBLEM.replace(classes=Exponential(alpha=0.7)), d=400, n_samples=8)  # exp(280)
    assert 0.0 < data.info["classes_in_ball"] < 5000
    assert np.isfinite(data.final.v.mean)
    assert data.info["standing"] == "asymptotic"


def test_a_tolerance_that_is_not_kept_is_told():
    """Six steps at w = 12 lead some samples away from all classes, where too many would have to be drawn."""
    far = PROBLEM.replace(classes=Exponential(alpha=0.7), guidance=12.0)
    data = quenched(far, euler(karras_sigmas(6, 0.05, 15.0)), d=100, n_samples=8)
    assert data.info["excess"] > 2.0
    assert data.info["standing"] == "approximate"
    assert "tolerances" in repr(data)


@pytest.mark.parametrize("theory", ["reduced", "quenched"])
@pytest.mark.parametrize("classes", [Fixed(1), Continuum()])
def test_without_rivals_there_is_nothing_to_average(classes, theory):
    data = solve_sampler(PROBLEM.replace(classes=classes), DDIM, d=16, theory=theory, n_samples=40, n_draws=2)
    assert data.info["standing"] == "exact"
    assert np.isnan(data.log_odds.mean).all()
    assert data.info.get("balls", 0.0) == 0.0


def test_few_classes_are_all_drawn():
    data = quenched(PROBLEM.replace(classes=Fixed(3)))
    assert (data.info["standing"], data.info["balls"], data.info["classes_in_ball"]) == ("exact", 0.0, 2.0)


def test_the_tolerance_reckons_with_the_weight_of_code_that_guides_by_itself():
    def stated(model, noise):
        return rescaled(model, noise)

    stated.weight = 2.0
    assert quenched(sampler=DDIM).info["weight"] == 0.0  # that of the problem acts
    assert quenched(sampler=rescaled).info["weight"] == 10.0
    assert quenched(sampler=stated).info["weight"] == 2.0
    assert quenched(sampler=stated, weight=3.0).info["weight"] == 3.0


def test_a_weight_that_follows_the_norm():
    problem = PROBLEM.replace(guidance=PowerLaw(1.0, 0.5), t_start=100.0)
    theory = quenched(problem, d=12, n_samples=1000, n_draws=20)
    particles = run_sampler(problem, DDIM, d=12, n_samples=50, n_disorder=20)
    other = run_sampler(problem.replace(guidance=PowerLaw(1.3, 0.5)), DDIM, d=12, n_samples=50, n_disorder=20)
    assert np.all(np.abs(z(theory, particles)) < limit(3, 20))
    assert np.any(np.abs(z(theory, other)) > limit(3, 20))


def test_code_that_chooses_its_steps_has_its_end_alone():
    data = solve_sampler(PROBLEM, adaptive, d=16, n_samples=200, n_draws=4)
    assert np.array_equal(data.t, [0.0])
    assert "end" in data.info["calls"]
    assert np.isfinite(data.final.m_paired.mean)


def test_progress_counts_calls():
    seen = []
    quenched(n_samples=40, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 2 * 21) for n in range(1, 43)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"d": 3}, "d must be"),
        ({"d": 16, "shape": (3, 5)}, "16"),
        ({"d": 16, "tolerance": 0.0}, "tolerance"),
        ({"d": 16, "n_draws": 0}, "n_draws"),
        ({"d": 16, "threads": 0}, "threads"),
        ({"d": 16, "seed": -1}, "seed"),
        ({}, "finite d"),
    ],
)
def test_settings_are_checked(options, says):
    with pytest.raises(ProblemError, match=says):
        solve_sampler(PROBLEM, DDIM, theory="quenched", **options)


def test_what_the_theories_do_not_know_is_refused():
    with pytest.raises(ScheduleError, match="ratio"):
        solve_sampler(PROBLEM.replace(guidance=DensityRatio(0.5)), DDIM, d=16)


def test_memory_is_asked_first(monkeypatch):
    monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda: 2**20)
    with pytest.raises(ProblemError, match="GiB"):
        quenched(d=1000)
