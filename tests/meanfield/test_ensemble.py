"""The container of statistics: error bars that mean what they say, the exact unguided twin, the round trip."""

import json
import math

import numpy as np
import pytest
import xarray

from meanfield import Ensemble, Exponential, Observable, Problem, ProblemError, solve

NAMES = ("m", "v", "q", "m_twin", "v_twin", "weight", "log_odds", "participation", "accuracy")


def ensemble(t_start=math.inf, sampler="sde", draws=6, seed=0):
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=0.0, sampler=sampler, t_start=t_start)
    top = 500.0 if math.isinf(t_start) else t_start
    t = np.array([top, 1.0, 0.0])
    values = np.random.default_rng(seed).normal(size=(len(NAMES), draws, len(t)))
    return Ensemble(problem, 8, t, dict(zip(NAMES, values, strict=True)), 100, {"seed": seed})


def test_stderr_covers_the_mean_as_often_as_it_says():
    """Draws share a large common part: the spread of single samples misses it, the error over draws does not."""
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4000, 16, 1)) + 0.1 * rng.normal(size=(4000, 16, 25))  # (repeats, draws, samples)
    z = np.array([(o := Observable(d.mean(axis=1))).mean / o.stderr for d in draws])
    assert z.std() == pytest.approx(math.sqrt(15 / 13), rel=0.05)  # Student t with 15 degrees of freedom
    naive = draws.mean(axis=(1, 2)) / (draws.std(axis=(1, 2)) / math.sqrt(16 * 25))
    assert naive.std() > 3.0  # negative control: the error bar over single samples is far too small


def test_one_draw_has_no_error_bar():
    assert math.isnan(Observable(np.array([1.0])).stderr)


@pytest.mark.parametrize("sampler", ["sde", "ode", 0.4])
@pytest.mark.parametrize("t_start", [math.inf, 30.0])
def test_the_unguided_twin_is_the_unguided_theory(sampler, t_start):
    data = ensemble(t_start, sampler)
    m, v = data.unguided()
    theory = solve(data.problem).at(np.minimum(data.t, 30.0))
    m_at, v_at = (x if math.isfinite(t_start) else x[1:] for x in (theory.m, theory.v))
    assert (m if math.isfinite(t_start) else m[1:]) == pytest.approx(m_at, abs=1e-9)
    assert (v if math.isfinite(t_start) else v[1:]) == pytest.approx(v_at, rel=1e-9)


def test_paired_estimate_is_the_difference_to_the_twin():
    data = ensemble(30.0)
    m0, _ = data.unguided()
    assert np.allclose(data.m_paired.values, data.draws["m"] - data.draws["m_twin"] + m0)
    assert data.final.m_paired.mean == pytest.approx(data.m_paired.mean[-1])


def test_round_trip_through_a_dataset(tmp_path):
    data = ensemble()
    path = tmp_path / "data.nc"
    data.to_dataset().to_netcdf(path, engine="h5netcdf")
    with xarray.open_dataset(path, engine="h5netcdf") as ds:
        back = Ensemble.from_dataset(ds.load())
    assert back.problem == data.problem and back.d == 8 and json.dumps(back.info) == json.dumps(data.info)
    assert np.array_equal(back.t, data.t) and all(np.array_equal(back.draws[n], data.draws[n]) for n in NAMES)


def test_unknown_observables_and_foreign_datasets_are_named():
    with pytest.raises(AttributeError, match="no observable 'x'; there are"):
        ensemble().x  # noqa: B018
    with pytest.raises(AttributeError, match="no observable 'x'"):
        ensemble().final.x  # noqa: B018
    with pytest.raises(ProblemError, match="must carry 'problem'"):
        Ensemble.from_dataset(xarray.Dataset())
