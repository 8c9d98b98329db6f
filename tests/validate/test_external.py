"""External agreement: every case agrees with what others computed, and does not with something 10 % off."""

import math

import numpy as np
import pytest

from meanfield import phi_two
from validate.figures.pages.external import clouds, clusters, late_window, planes, trained
from validate.figures.pages.external.cases import CASES, external_agreement
from validate.figures.pages.external.rows import Row, markdown


def small_tree(off=1.0):
    return planes.branching([2.0], off, depth=3, n_samples=8)


def few_samples(off=1.0):
    return clusters.strong_guidance(off, n_samples=3000, n_steps=150)


# case -> what multiplies ours in the control: |mu|^2, w; guidance left out where theirs has 200 samples
CHEAP = {
    clouds.clones_of_two: 1.1,
    clouds.the_integral: 1.001,
    clusters.sampler_laws: 1.1,
    clusters.ode_moments: 1.1,
    clusters.path_integrals: 1.1,
    few_samples: 0.0,
    planes.weak_model: 1.1,
    planes.non_commuting: 1.1,
    small_tree: 1.1,
}


@pytest.mark.parametrize("case", CHEAP, ids=lambda case: case.__name__)
def test_ours_is_theirs(case):
    rows = case()
    assert all(row.agree for row in rows), markdown(rows)


@pytest.mark.parametrize(("case", "off"), CHEAP.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_another_number_is_refused(case, off):
    """All rows that know of w; most of phi, where |mu|^2 10 % off is within the errors of some."""
    refused = [not row.agree for row in case(off=off) if not row.at.startswith("$w = 0$")]
    assert np.mean(refused) > 0.7, refused


@pytest.mark.slow
@pytest.mark.parametrize(("case", "off"), [(clusters.power_law, 1.1), (clouds.collapse, 0.5)])
def test_by_many_particles(case, off):
    rows = case()
    assert all(row.agree for row in rows), markdown(rows)
    assert not all(row.agree for row in case(off=off))


@pytest.mark.slow
def test_the_whole_tree():
    assert all(row.agree for row in planes.branching())


def test_the_chain_of_theirs_has_the_moments_of_a_gaussian():
    """Without another class (a = 0, weight 0 in both) nothing moves; one step of the kernel adds its variance."""
    assert clusters.chain_shift(0.0, 0.0, 5.0, 40) == 0.0
    x = np.linspace(-4.0, 4.0, 161)
    width = 0.15
    law = clusters._kernel(x, 0.9 * x, width) @ (np.exp(-0.5 * (x / 0.3) ** 2) / np.exp(-0.5 * (x / 0.3) ** 2).sum())
    assert law.sum() == pytest.approx(1.0, abs=1e-12) and law @ x == pytest.approx(0.0, abs=1e-12)
    assert law @ x**2 == pytest.approx(0.81 * 0.09 + width**2, rel=1e-6)


def test_a_published_folder_is_read(tmp_path):
    """Files in their form: exact curves have z = 0, curves of clusters 10 % larger do not; 0 and 1 are left out."""
    s = np.linspace(1.0, 6.0, 11)
    for scale, agrees in ((1.0, True), (1.1, False)):
        for d in (256, 1024, 4096, 16384):
            phi = phi_two(np.exp(2.0 * s), scale * d)
            np.save(tmp_path / f"phi_num_d{d}_n10000.npy", np.stack([s, np.where(s < 1.2, 1.0, phi)]))
        number, rms, far = clouds.all_clones(tmp_path)
        assert 30 <= number < 44 and (rms < 1e-6 and far < 1e-9) == agrees
    assert rms > 2.0
    with pytest.raises(FileNotFoundError):
        clouds.all_clones(tmp_path / "nowhere")


def test_a_row_is_judged_by_its_errors_or_its_bound():
    statistical = Row("a", "b", "c", theirs=1.0, ours=1.1, theirs_error=0.03, ours_error=0.04)
    assert statistical.z == pytest.approx(2.0) and statistical.agree
    assert not Row("a", "b", "c", theirs=1.0, ours=1.2, theirs_error=0.03, ours_error=0.04).agree
    assert Row("a", "b", "c", theirs=1.0, ours=1.2, theirs_error=0.03, ours_error=0.04, family=1000).agree
    assert (
        math.isnan(Row("a", "b", "c", 1.0, 1.0).z) and not Row("a", "b", "c", 1.0, 1.0).agree
    )  # no error: nothing to judge by
    assert Row("a", "b", "c", 1.0, 1.1, bound=0.11).agree and not Row("a", "b", "c", 1.0, 1.1, bound=0.09).agree


def test_the_table_has_a_line_for_every_kind():
    rows = external_agreement(["integral"])
    lines = markdown([*rows, Row("a", "$b$", "c", 1.0, 2.0, bound=0.1)]).splitlines()
    assert len(rows) == 3 and len(lines) == 2 + 1 + 1 and lines[-1].endswith("| no |") and lines[2].endswith("| yes |")
    assert len(CASES) == 11


def test_trained_models_keep_the_law_or_do_not():
    """The crossing is where two Gaussians have it, if phi is theirs; MNIST is near it and CIFAR is not."""
    kept = np.cumprod(1.0 - np.linspace(1e-4, 2e-2, 1000))[np.array([450, 400]) - 1]
    t = (1.0 - kept) / kept
    exact = trained.Quoted(t[0] + 0.5, (450, 400), tuple(phi_two(t, t[0] - 0.5)), 0.0057)
    ratio, error = trained.crossing(exact)
    assert ratio == pytest.approx(1.0, abs=0.01) and 0.0 < error < 0.05
    ratios = {name: trained.crossing(quoted) for name, quoted in trained.PUBLISHED.items()}
    assert ratios["MNIST"][0] == pytest.approx(0.84, abs=0.03)
    assert all((1.0 - ratios[name][0]) / ratios[name][1] > 20.0 for name in ("CIFAR", "LSUN"))


def test_the_late_window_tells_the_regimes_apart():
    """The continuum overshoots the variance, alpha = 0.4 has a winner long before the window: nothing changes there."""
    crowd, gone, few, same = late_window.late_windows([0.0, 0.5])
    assert crowd.limit[1] < 0.1 and gone.limit[1] > 3.0 and gone.steps[1] > 2.5
    assert few.limit == pytest.approx(same.limit, rel=1e-6) and few.steps == pytest.approx(same.steps, rel=1e-6)
    assert few.limit[1] == pytest.approx(0.988, abs=0.001)
    assert len(late_window.markdown([crowd, gone]).splitlines()) == 4
