"""Spectra in comparisons and figures, and the limits (S11), (S12) by direction."""

import numpy as np
import pytest

from meanfield import Continuum, Exponential, Problem, Spectrum, solve
from meanfield.errors import ProblemError
from meanfield.exact.directions import small_rate_by_group, strong_guidance_by_group
from simulate import run
from validate import compare
from validate.errors import ComparisonError
from validate.figures import spectrum as figure
from validate.figures.spectrum import distortion_spectrum

SPECTRUM = Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
CONTINUUM = Problem(classes=Continuum(), spectrum=SPECTRUM, guidance=1.0)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
@pytest.mark.parametrize("w", [0.5, 3.0])
def test_few_classes_by_direction(sampler, w):
    """(S11): relative errors fall like alpha; at alpha = 1e-6 below 1e-4. Without the factor 1 + 2w it fails."""
    theory = solve(Problem(classes=Exponential(1e-6), spectrum=SPECTRUM, guidance=w, sampler=sampler))
    limit = small_rate_by_group(SPECTRUM, 1e-6, w, sampler)
    assert theory.t_speciation == pytest.approx(limit.t_speciation, rel=1e-4)
    np.testing.assert_allclose(theory.final.mean_shift_group, limit.shift, rtol=1e-4)
    np.testing.assert_allclose(theory.final.variance_excess_group, limit.excess, rtol=1e-4)
    wrong = small_rate_by_group(SPECTRUM, 1e-6 * (1 + 2 * w), w, sampler)
    assert abs(wrong.t_speciation / theory.t_speciation - 1) > 0.1


@pytest.mark.parametrize("alpha", [0.3, 0.7])
def test_strong_guidance_by_direction(alpha):
    """(S12) on both sides of alpha = 1/2: the error falls like 1/w; the other side's formula is far off."""
    errors = []
    for w in (1e3, 1e4):
        theory = solve(Problem(classes=Exponential(alpha), spectrum=SPECTRUM, guidance=w))
        limit = strong_guidance_by_group(SPECTRUM, alpha, w)
        errors.append(np.abs(theory.final.mean_shift_group - limit.shift).max())
        errors.append(np.abs(theory.final.variance_excess_group - limit.excess).max())
    rounding = 1e-13  # above alpha = 1/2 the shift is at its limit already
    assert errors[2] < 0.2 * errors[0] + rounding and errors[3] < 0.2 * errors[1] and max(errors[2:]) < 2e-3
    other = strong_guidance_by_group(SPECTRUM, 1.0 - alpha, 1e4)
    assert np.abs(other.excess - theory.final.variance_excess_group).max() > 0.05


def test_comparison_by_group():
    """Theory and particles of a continuum agree group by group; a spectrum 5 % off in one u does not."""
    data = run(CONTINUUM, d=16, n_samples=400, n_disorder=24, n_steps=60, seed=3, progress=False)
    result = compare(solve(data.problem), data)
    assert {row.quantity for row in result.rows} == {"m[0]", "v[0]", "m[1]", "v[1]"}
    assert result, str(result)
    off = CONTINUUM.replace(spectrum=Spectrum(c=SPECTRUM.c, u=[1.25, 4.5 * 1.05], share=SPECTRUM.share))
    theory = solve(off)
    at = theory.final
    score = (at.m_group[1] - data.final.m_group_paired.mean[1]) / data.final.m_group_paired.stderr[1]
    assert abs(score) > 4


def test_data_and_figure_of_the_distortion_spectrum(tmp_path):
    probes = ([0.3, 0.4], [2.0, 3.0])
    options = {"n_samples": 50, "n_disorder": 6, "n_steps": 20, "progress": False}
    data = distortion_spectrum(CONTINUUM, [8, 16], probes=probes, **options)
    r = SPECTRUM.g / SPECTRUM.c
    np.testing.assert_allclose(data["m_shift"].sel(sampler="sde"), (1 - (1 + r) ** -1.0) / r, rtol=1e-7)
    score = (data["m_shift_particles"] - data["m_shift"]) / data["m_shift_stderr"]
    assert float(np.abs(score).max()) < 6.9  # Student's t with 5 degrees of freedom, 8 scores: 1 %
    fig, axes = figure.draw(data)
    fig.savefig(tmp_path / "spectrum.png")
    assert axes.shape == (1, 3)


def test_refusals():
    with pytest.raises(ComparisonError, match="realise"):
        distortion_spectrum(CONTINUUM, [10], probes=([0.3], [2.0]), progress=False)
    with pytest.raises(ComparisonError, match="no"):
        distortion_spectrum(Problem(classes=Continuum(), sigma2=0.2), [10], probes=([0.3], [2.0]), progress=False)
    with pytest.raises(ProblemError, match="w >= 0"):
        small_rate_by_group(SPECTRUM, 0.1, -0.2, "sde")
    with pytest.raises(ProblemError, match="capacity"):
        strong_guidance_by_group(SPECTRUM, 3.0, 10.0)
