"""Time steps that do not resolve the guidance are refused, whoever integrates; those that do are left alone."""

import pytest

from meanfield import Continuum, Exponential, Problem, quenched, reduced
from meanfield.errors import ConvergenceError, ProblemError
from simulate import run

STRONG = Problem(classes=Continuum(), sigma2=0.25, guidance=50.0)


def test_unresolved_guidance_is_refused_with_a_number_of_steps_that_works():
    """Continuum, w = 50: with 100 steps v would be a tenth of its value; with the number that is named it is there."""
    exact = 0.25**2 * (5.0 - 5.0**-100.0) / 101.0  # (T8a)
    with pytest.raises(ConvergenceError, match="n_steps=") as refusal:
        reduced(STRONG, 24, n_samples=200, n_draws=4, n_steps=100, progress=False)
    needed = int(str(refusal.value).split("n_steps=")[1].split()[0])
    data = reduced(STRONG, 24, n_samples=400, n_draws=8, n_steps=2 * needed, progress=False)
    assert data.final.v.mean == pytest.approx(exact, rel=0.25)
    with pytest.raises(ConvergenceError, match="resolve"):
        run(STRONG, d=8, n_samples=20, n_disorder=4, n_steps=60, progress=False)
    with pytest.raises(ConvergenceError, match="resolve"):
        dense = Problem(classes=Exponential(1.0), sigma2=0.25, guidance=100.0)
        quenched(dense, 12, n_samples=20, n_draws=4, n_steps=40, progress=False)


def test_starts_that_are_no_starts_are_refused():
    for t_start in (1e-200, 1e200):
        with pytest.raises(ProblemError, match="t_start"):
            Problem(classes=Exponential(0.4), sigma2=0.25, t_start=t_start)
