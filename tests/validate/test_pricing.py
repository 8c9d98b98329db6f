"""What a run will cost, on a machine that was never seen: coefficients are found from a few timings, whatever it is."""

from dataclasses import replace

import numpy as np
import pytest

from meanfield import Exponential, Problem
from validate.regimes import finite_theories
from validate.regimes.groups import groups
from validate.regimes.trees import is_tree
from validate.sweeps import cost
from validate.sweeps.cost import CostModel, Work, run_work

PROBLEM = Problem(classes=Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
OF_STEPS = [1.2e-4, 3e-5, 2e-5, 8e-5, 1.5e-4]  # seconds of one machine: steps and records of a batch
HOME = np.array([1e-3, 2e-8, *OF_STEPS, 1e-8, 4e-9, 6e-11, 8e-10, 1.7e-8, 3e-5, 1e-8])
AWAY = HOME * np.array([3, 0.5, 2, 1, 4, 2, 1, 4, 2, 2, 0.7, 2, 2, 2])  # another balance, not only another speed


def fitted(monkeypatch, truth, noise=0.05):
    """The model as it is found on a machine of these coefficients, its timings disturbed by other programs."""
    rng = np.random.default_rng(2)

    def timed(problem, d, effort):
        return CostModel(*truth).seconds(run_work(problem, d, **effort)) * rng.uniform(1.0, 1.0 + noise)

    monkeypatch.setattr(cost, "_timed", timed)
    return cost._measured()


def works():
    for g in groups("quick"):
        if is_tree(g.problem):
            continue  # priced by a draw of theirs
        for d, n in zip(g.sizes, g.n_samples, strict=True):
            yield run_work(g.problem, d, n_samples=n, n_disorder=g.n_disorder, n_steps=g.n_steps, n_times=26)


@pytest.mark.parametrize("truth", [HOME, AWAY, 10 * AWAY])
def test_the_particles_of_the_atlas_are_priced_on_any_machine(monkeypatch, truth):
    """Each cell within 25 %. Negative control: the model of another machine is not."""
    model, stale = fitted(monkeypatch, truth), CostModel(*(HOME if truth is not HOME else AWAY))
    ratio = np.array([model.seconds(w) / CostModel(*truth).seconds(w) for w in works()])
    assert np.all(np.abs(ratio - 1) < 0.25), (ratio.min(), ratio.max())
    other = np.array([stale.seconds(w) / CostModel(*truth).seconds(w) for w in works()])
    assert np.mean(np.abs(other - 1) > 0.25) > 0.5


@pytest.mark.parametrize(("samples", "counted"), [(6, 8), (8, 8), (130, 132), (260, 264)])
def test_scores_in_few_dimensions_come_in_fours(samples, counted):
    """Of a batch: 260 samples in batches of 130 are two times 132. In many dimensions nothing is filled up."""
    work = Work(draws=2, samples=samples, steps=10, classes=1000.0, dimensions=20, batch=130)
    assert work.terms["product"] == 2 * counted * 10 * 20_000.0
    assert replace(work, dimensions=5000).terms["product"] == 2 * samples * 10 * 5_000_000.0
    assert work.terms["move"] == 2 * samples * 10 * 20.0


@pytest.mark.parametrize("speed", [1.0, 7.0])
def test_a_few_samples_of_a_theory_price_them_all(monkeypatch, speed):
    """Whatever a sample costs, and whatever it takes to begin; the number of draws is not multiplied."""
    clock, calls = [0.0], []

    def theory(problem, d, *, n_samples, n_draws, **settings):
        calls.append((n_samples, n_draws))
        clock[0] += speed * (0.004 + 0.0007 * n_samples)

    monkeypatch.setattr(finite_theories.time, "process_time", lambda: clock[0])
    monkeypatch.setitem(finite_theories.THEORIES, "quenched", theory)
    seconds, N = finite_theories.seconds_of("quenched", PROBLEM, 14), finite_theories.SETTINGS["quenched"]["n_samples"]
    assert seconds == pytest.approx(speed * (0.004 + 0.0007 * N))
    assert max(n for n, _ in calls) < 20 and {draws for _, draws in calls} == {1}
