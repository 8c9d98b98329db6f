"""Clones of classes with a spectrum: phi and the overlaps by group against closed forms, and what is refused."""

import numpy as np
import pytest

from meanfield import Exponential, Fixed, Problem, Spectrum, phi_two
from meanfield.errors import ProblemError
from meanfield.exact.directions import class_overlap, unguided_speciation
from simulate import clones

SPECTRUM = Spectrum(c=[0.25, 1.0], u=[1.25, 9.0], share=[0.5, 0.5])
PROBLEM = Problem(classes=Fixed(2), spectrum=SPECTRUM, guidance=-1.0)
RUN = {"threads": 1, "progress": False}
ALLOWED = 4.5  # standard errors, of 18 numbers


def two_drawn_classes(spectrum: Spectrum, d: int, t: float) -> tuple[float, np.ndarray]:
    """phi and the overlaps of two drawn classes. With s, m = mu_1 +- mu_2, independent, h = sum_i |m_i|^2/(4 (c_i + t))
    and sum_k pi_k mu_k = s/2 + (pi_1 - pi_2) m/2: o_i = 1/2 + E[(2 phi(h) - 1) |m_i|^2]/(4 n_i g_i)."""
    n, rng = np.array(spectrum.counts(d)), np.random.default_rng(0)
    chi2 = rng.chisquare(n, (200_000, len(n)))  # |m_i|^2/(2 g_i)
    h = chi2 @ (spectrum.g / (2.0 * (np.array(spectrum.c) + t)))
    nodes = np.geomspace(1e-6, h.max() * 1.01, 2000)
    phi = np.interp(h, nodes, [phi_two(1.0, x) for x in nodes])
    return float(phi.mean()), 0.5 + 0.5 * ((2.0 * phi - 1.0)[:, None] * chi2 / n).mean(axis=0)


def scores(data, names: list[str], expected: list) -> np.ndarray:
    return np.concatenate(
        [np.ravel((data[n].values - e) / data[f"{n}_stderr"]) for n, e in zip(names, expected, strict=True)]
    )


def test_two_classes_against_exact_overlaps_of_every_group():
    """Dynamics and posterior, three times. A spectrum of one group is refused."""
    data = clones(PROBLEM, [20.0, 60.0, 150.0], d=24, n_samples=20, n_draws=300, n_steps=30, seed=5, **RUN)
    names = ["phi", "posterior", "overlap", "overlap_posterior"]

    def of(spectrum):
        exact = [two_drawn_classes(spectrum, 24, t) for t in data["t"].values]
        phi, overlap = np.array([x for x, _ in exact]), np.array([x for _, x in exact])
        return [phi, phi, overlap, overlap]

    assert np.abs(scores(data, names, of(SPECTRUM))).max() < ALLOWED
    wrong = of(Spectrum(c=[0.25] * 2, u=[1.25] * 2))  # the first group's numbers for all directions
    for i in range(4):
        assert np.abs(scores(data, names[i : i + 1], wrong[i : i + 1])).max() > 2 * ALLOWED


def test_many_classes_before_speciation():
    """(S14) far above t_s, with the share phi of clones in one class: o_i = 1/(1 + D_i) + phi D_i/(1 + D_i). The
    numbers of the other group are refused."""
    problem = PROBLEM.replace(classes=Exponential(alpha=0.8))
    assert unguided_speciation(SPECTRUM, 0.8) < 1.0
    data = clones(problem, [60.0], d=6, n_samples=60, n_draws=16, n_steps=8, seed=3, **RUN)
    crowd, phi = class_overlap(SPECTRUM, 0.8, data["t"].values), data["posterior"].values[:, None]
    assert np.abs(scores(data, ["overlap_posterior"], [crowd + phi * (1.0 - crowd)])).max() < ALLOWED
    assert np.abs(scores(data, ["overlap_posterior"], [crowd[:, ::-1]])).min() > 2 * ALLOWED


def test_isotropic_clones_have_no_overlaps_and_one_group_has_their_phi():
    """The same problem in both forms, whose draws of the means differ."""
    one = Problem(classes=Fixed(4), spectrum=Spectrum(c=[0.25], u=[1.25]), guidance=-1.0)
    arguments = {"d": 4, "n_samples": 100, "n_draws": 32, "n_steps": 30, **RUN}
    left = clones(one, [1.0], seed=1, **arguments)
    right = clones(one.replace(spectrum=None, sigma2=0.25), [1.0], seed=2, **arguments)
    assert "overlap" not in right and left["overlap"].dims == ("t", "group")
    error = np.hypot(left["posterior_stderr"], right["posterior_stderr"])
    assert abs(left["posterior"] - right["posterior"]).item() < 4 * error.item() < 0.2


@pytest.mark.parametrize(
    ("problem", "arguments", "message"),
    [
        (PROBLEM, {}, "need a dimension"),
        (PROBLEM, {"d": 1}, "at least 1 direction"),
        (PROBLEM, {"d": 6, "sigma2": 0.3}, "brings sigma2"),
        (PROBLEM.replace(guidance=0.0), {"d": 6}, "w = -1"),
        (PROBLEM.replace(classes=Fixed(1)), {"d": 6}, "at least two classes"),
    ],
)
def test_bad_input(problem, arguments, message):
    with pytest.raises(ProblemError, match=message):
        clones(problem, 1.0, **arguments, **RUN)
