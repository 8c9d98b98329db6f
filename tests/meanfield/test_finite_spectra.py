"""Finite-d theory of spectra: one group is the isotropic code, laws of balls, exact limits, vectors in d directions."""

import math

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, Spectrum, quenched, reduced, solve_sampler
from meanfield.errors import ProblemError
from meanfield.finite import ball, drawing
from meanfield.sampler.continuous import Integrator

TWO = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
STEEP = Spectrum(c=[0.02, 0.3, 2.0], u=[0.5, 2.3, 30.0], share=[0.5, 0.25, 0.25])
SMALL = {"n_samples": 40, "n_draws": 4, "n_steps": 30}


def z(a, b, name):
    """z of every group between two ensembles at t = 0."""
    a, b = getattr(a.final, name), getattr(b.final, name)
    return np.abs(a.mean - b.mean) / np.hypot(a.stderr, b.stderr)


def exact_z(observable, truth):
    return np.abs((observable.mean - truth) / observable.stderr)


@pytest.mark.parametrize("theory", [reduced, quenched])
@pytest.mark.parametrize("fields", [{}, {"sampler": "ode", "t_start": 50.0}])
def test_one_group_is_the_isotropic_code(theory, fields):
    """Also in other units: variances and times twice as large."""
    fields = {"classes": Exponential(0.5), "guidance": 2.0, **fields}
    a = theory(Problem(sigma2=0.25, **fields), 12, **SMALL)
    twice = {**fields, "t_start": 2.0 * fields.get("t_start", math.inf)}
    for scale, changed in ((1.0, fields), (2.0, twice)):
        b = theory(Problem(spectrum=Spectrum([0.25 * scale], [1.25 * scale]), **changed), 12, **SMALL)
        for name in ("m", "v", "q", "m_twin", "v_twin", "weight", "log_odds", "participation", "accuracy"):
            units = scale if name[0] in "vq" else 1.0
            assert np.allclose(units * a.draws[name], b.draws[name], rtol=1e-9, atol=1e-9)
        assert np.allclose(a.m_paired.values, b.m_group_paired.values[..., 0], atol=1e-9)
        assert np.allclose(a.draws["v_twin"], b.draws["v_group_twin"][..., 0], rtol=1e-9)


@pytest.mark.parametrize("theory", [reduced, quenched])
def test_a_group_cut_in_two_is_one_group(theory):
    """Directions of equal (c, u), in two groups: the same law from other numbers; u of a half 20 % off is another."""
    whole = Problem(classes=Exponential(0.5), sigma2=0.25, guidance=2.0)
    n, options = {reduced: 20_000, quenched: 1500}[theory], {"n_draws": 20, "n_steps": 30, "n_times": 2}
    one = theory(whole, 8, n_samples=n, **options)
    half = theory(Problem(classes=Exponential(0.5), spectrum=Spectrum([0.25] * 2, [1.25] * 2), guidance=2.0), 8,
                  n_samples=n, seed=1, **options)  # fmt: skip
    other = theory(Problem(classes=Exponential(0.5), spectrum=Spectrum([0.25] * 2, [1.25, 1.7]), guidance=2.0), 8,
                   n_samples=n, seed=2, **options)  # fmt: skip
    for data, agrees in ((half, True), (other, False)):
        scores = [abs(m.mean - one.final.m_paired.mean) / np.hypot(m.stderr, one.final.m_paired.stderr)
                  for m in [data.final.m_group_paired]]  # fmt: skip
        assert bool(np.max(scores) < 4) is agrees


def region(d_groups, D, seed=0):
    """A centre, and the ball around it that is typical at noises 0.9 of those given."""
    centre = 0.5 + np.random.default_rng(seed).standard_normal(sum(d_groups))
    sizes, metric = np.array(d_groups), D[0] / D
    rho2 = ball.radius2(ball.squares(centre, sizes), 0.9 * D[0], metric, sizes)
    return sizes, ball.Ball(centre, metric, float(rho2))


def distances(mu, sizes, near):
    return ((mu - near.centre) ** 2) @ np.repeat(near.metric, sizes)


@pytest.mark.parametrize("inner", [0.7, 1.3])
def test_classes_in_a_ball_have_their_exact_number_whatever_noise_proposes_them(inner):
    """Against 10^6 means drawn one by one; a metric in which one group weighs a tenth more fails."""
    sizes, near = region((8, 4), np.array([0.8, 0.3]))
    log_rivals, rng = math.log(4000.0), np.random.default_rng(1)
    counts = []
    for _ in range(400):
        nothing = ball.Drawn(np.empty((8, 12)), 0, np.empty((2, 15)), 0)
        counts.append(drawing.draw(rng, near, inner, log_rivals, nothing, sizes).n_means)
    mu = rng.standard_normal((1_000_000, 12))
    wrong = near._replace(metric=near.metric * np.array([1.0, 1.1]))
    for used, agrees in ((near, True), (wrong, False)):
        share = np.mean(distances(mu, sizes, used) <= near.rho2)
        error = math.hypot(np.std(counts, ddof=1) / 20, 4000 * math.sqrt(share / 1e6))
        assert bool(abs(np.mean(counts) - 4000 * share) < 4 * error) is agrees
    assert np.var(counts, ddof=1) == pytest.approx(np.mean(counts), rel=0.35)  # Poisson


@pytest.mark.parametrize("later", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("d_groups", [(6, 2), (12, 4), (40, 20, 20)])
def test_share_and_mean_outside_a_ball(d_groups, later):
    """Of a sum of chi-squares, against sampled means, also when the noise has fallen since the ball was drawn."""
    g, c = np.array([1.0, 4.0, 0.3])[: len(d_groups)], np.array([0.25, 0.5, 0.2])[: len(d_groups)]
    sizes, near = region(d_groups, (c + 0.5) / g, seed=3)
    at = ball.Groups(sizes, (c + 0.5 * later) / g)
    x = near.centre + 0.1 * np.random.default_rng(4).standard_normal(sizes.sum())
    D = np.repeat(at.D, sizes)
    shrunk, s = x / (1 + D), np.sqrt(D / (1 + D))
    n = 100_000 if sizes.sum() < 50 else 20_000
    mu = shrunk + s * np.random.default_rng(5).standard_normal((n, len(x)))
    middle = np.median(distances(mu[:2000], sizes, near))
    for rho2 in (0.8 * middle, middle, 1.2 * middle):
        cut = near._replace(rho2=float(rho2))
        out = distances(mu, sizes, cut) > rho2
        found = math.exp(ball.outside(x, at, 1.0, cut))
        assert abs(out.mean() - found) < 4 * math.sqrt(0.25 / n) + 4e-3
        share = np.empty(len(sizes))
        ball.means_outside(x, at, cut, share)
        b = shrunk - near.centre
        along = (mu - near.centre) * b * out[:, None]
        for i, part in enumerate(np.split(np.arange(len(x)), np.cumsum(sizes)[:-1])):
            each = along[:, part].sum(axis=1)
            size = b[part] @ b[part]
            error = 4 * each.std() / math.sqrt(n) + 8e-3 * size
            assert abs(each.mean() - size * share[i] * found) < error


def continuum(spectrum, sampler, w=1.0):
    """m and v of every group in the continuum for w = 1, (T8a), (T9), exact at every d."""
    D = np.array(spectrum.c) / spectrum.g
    L = 1.0 + 1.0 / D
    if sampler == "sde":
        return 1 + D * (1 - L**-w), D**2 * (L - L ** (-2 * w)) / (1 + 2 * w)
    s = 1 / np.sqrt(D)
    return L**-0.5 * (np.sqrt(1 + s**2) + np.arcsinh(s) / s), D / L


@pytest.mark.parametrize("sampler", ["sde", "ode"])
@pytest.mark.parametrize("spectrum, d, n_samples", [(TWO, 8, 10_000), (STEEP, 12, 5000), (STEEP, 400, 1000)])
def test_continuum_is_exact_by_group(sampler, spectrum, d, n_samples):
    """Groups of 2, 3 and many directions; u of one group 10 % off is another law."""
    problem = Problem(classes=Continuum(), spectrum=spectrum, guidance=1.0, sampler=sampler)
    data = reduced(problem, d, n_samples=n_samples, n_draws=20, n_steps=400, n_times=2)
    for i in range(-1, len(spectrum)):
        u = [x * (1.1 if i == j else 1.0) for j, x in enumerate(spectrum.u)]
        m, v = continuum(Spectrum(spectrum.c, u), sampler)
        z = np.concatenate([exact_z(data.final.m_group_paired, m), exact_z(data.final.v_group, v)])
        assert bool(z.max() < 4.0) is (i < 0)
    assert data.info["standing"] == "exact"


@pytest.mark.parametrize("theory", [reduced, quenched])
@pytest.mark.parametrize("T", [math.inf, 3.0])
def test_without_guidance_every_group_has_its_exact_law(theory, T):
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=0.0, sampler=0.5, t_start=T)
    data = theory(p, 12, n_samples=4000, n_draws=40, n_steps=8, **({"n_explicit": 0} if theory is quenched else {}))
    assert np.array_equal(data.draws["m_group"], data.draws["m_group_twin"])
    for index in (4, 8):
        exact = [x[index] for x in data.unguided_by_group()]
        seen = data.at(index)
        assert max(exact_z(o, x).max() for o, x in zip((seen.m_group, seen.v_group), exact, strict=True)) < 4
    if T < math.inf:  # control: the law of a start at T = infinity is another
        assert exact_z(data.final.m_group, 1.0)[1] > 4


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_unconditional_energy_in_the_glass(sampler):
    """w = -1 samples the mixture: q(0) = sum_i r_i u_i at every d, with all classes and with the nearest ones."""
    p = Problem(classes=Exponential(0.6), spectrum=TWO, guidance=-1.0, sampler=sampler)
    for d, n, options in ((8, 480, {}), (24, 144, {"n_explicit": 0})):
        settings = {"n_samples": n, "n_draws": 24, "n_steps": 50, "n_times": 2, **options}
        data = quenched(p, d, **settings)
        truth = 0.75 * 1.25 + 0.25 * 4.5
        assert exact_z(data.final.q, truth) < 4
        wrong = quenched(p.replace(guidance=-0.7), d, **settings)
        assert exact_z(wrong.final.q, truth) > 4


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_reduction_is_that_of_vectors_in_all_directions(sampler):
    """`solve_sampler` averages the same classes on vectors, with other steps and other random numbers."""
    p = Problem(classes=Exponential(0.5), spectrum=TWO, guidance=2.0, sampler=sampler, t_start=100.0)
    vectors = solve_sampler(p, Integrator(p, 60), d=8, theory="reduced", n_samples=4000, n_draws=20)
    data, other = (
        reduced(q, 8, n_samples=20_000, n_draws=20, n_steps=120, n_times=2) for q in (p, p.replace(guidance=2.2))
    )
    names = ("m_group_paired", "v_group_paired")
    assert max(z(vectors, data, name).max() for name in names) < 4
    assert max(z(vectors, other, name).max() for name in names) > 4


def test_result_has_the_groups_that_d_realises():
    p = Problem(classes=Exponential(0.4), spectrum=TWO, guidance=1.0)
    for data in (reduced(p, 10, **SMALL), quenched(p, 10, **SMALL)):
        assert data.problem.spectrum.share == (0.8, 0.2)
        assert data.draws["m_group"].shape == (4, len(data.t), 2)
        g, r = TWO.g, np.array([0.8, 0.2])
        assert np.allclose(data.m.values, data.m_group.values @ (g * r) / (g @ r))
        assert np.allclose(data.v.values, data.v_group.values @ (g * r))
    with pytest.raises(ProblemError, match="at least 2 directions"):
        reduced(p, 5)
