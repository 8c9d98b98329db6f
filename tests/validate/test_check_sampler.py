"""`check_sampler`: good code passes, and each kind of bad code is found, at default settings.

The law of the right code, and the particles of a code, are computed once, whatever they are held against.
"""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from meanfield.sampler.levels import karras_sigmas, sd_sigmas
from meanfield.sampler.native import euler_ancestral, heun
from simulate.sampled import runner
from validate.agreement.statistics import family_threshold
from validate.errors import ComparisonError
from validate.samplers import checking
from validate.samplers.benches import benches
from validate.samplers.checking import check_sampler

SIGMAS = sd_sigmas(6)
GOOD = euler_ancestral(SIGMAS)


def stepping(change=lambda x: x, coefficient=1.0, scale=1.0):
    """Ancestral Euler as a user writes it, with a change of x at every step, and faults."""

    def sampler(model, noise):
        x = SIGMAS[0] * noise()
        for s, after in pairwise(SIGMAS):
            cond, guided = model.cond.eps(x, s), model.eps(x, s)
            u = after * math.sqrt(s * s - after * after) / s
            down = math.sqrt(after * after - u * u)
            x = x + coefficient * (down - s) * (cond + scale * (guided - cond)) + u * noise()
            x = change(x)
        return x

    return sampler


RIGHT = stepping()
FAULTS = [{"coefficient": 1.01}, {"coefficient": 0.99}, {"scale": 1.05}, {"scale": 0.95}]
FAULTY = [stepping(**fault) for fault in FAULTS]


@pytest.fixture(scope="module", autouse=True)
def once():
    """Theory and particles of a code object, by all that they are a function of, each once."""
    with pytest.MonkeyPatch.context() as patch:
        for place, name in ((checking, "solve_sampler"), (runner, "run_sampler")):
            patch.setattr(place, name, cache(getattr(place, name)))
        yield


@pytest.fixture
def no_competition(monkeypatch):
    """Without the two problems whose classes compete, which take nearly all of the time."""
    few = [False]
    monkeypatch.setattr(checking, "benches", lambda *stated: tuple(b for b in benches(*stated) if b.compete in few))
    return few


NUMBERS = 12  # of all problems


def test_right_code_has_the_law_of_other_right_code():
    passed = check_sampler(RIGHT, against=GOOD, progress=False)
    assert passed, passed
    assert passed.passed
    assert {r.theory for r in passed.results} == {"mean-field", "quenched"}
    assert len(passed.z) == NUMBERS
    text = str(passed)
    assert "alpha = 0.7" in text
    assert "verdict: passed" in text


@pytest.mark.parametrize("k", range(4))
def test_a_wrong_number_is_found_against_the_right_code(k, no_competition):
    """Two of them by all problems; two by those where no classes compete, at the threshold of all."""
    no_competition += [True] if k % 3 == 0 else []
    found = check_sampler(FAULTY[k], against=GOOD, progress=False)
    assert not found, found
    assert "DISAGREES" in str(found)
    assert max(abs(z) for z in found.z) > family_threshold(NUMBERS, found.level)
    if "scale" in FAULTS[k]:  # guidance does nothing to a single class
        assert all(abs(row.z) < found.threshold for row in found.results[0].rows)


def test_theory_and_particles_share_the_fault():
    """What the docstring says: a wrong coefficient is no fault of the theory."""
    assert check_sampler(FAULTY[0], progress=False)


class Stateful:
    """A scheduler object that is never reset."""

    def __init__(self):
        self.runs = 0

    def __call__(self, model, noise):
        self.runs += 1
        return stepping(coefficient=1.0 / self.runs)(model, noise)


def own_noise():
    rng = np.random.default_rng(0)
    return stepping(change=lambda x: x + 0.1 * rng.standard_normal(x.shape))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Stateful, "must do the same when it is run again"),
        (own_noise, "must do the same when it is run again"),
        (lambda: stepping(change=lambda x: np.clip(x, -1.0, 1.0)), "looks at single entries"),
        (lambda: lambda model, noise: noise(), "must call its model"),
    ],
)
def test_code_that_breaks_a_rule_is_found(make, words, no_competition):
    found = check_sampler(make(), progress=False)
    assert not found
    assert all(result.comparison is None for result in found.results[:3])
    assert any(words in finding for finding in found.findings)
    assert "REFUSED" in str(found)


def test_code_that_leaves_the_span_is_named(no_competition):
    clipped = stepping(change=lambda x: np.clip(x, -1.0, 1.0))
    found = check_sampler(clipped, shape=(4, 8, 8), progress=False)
    assert not found
    assert any("leaves the span" in finding for finding in found.findings)


def test_code_of_a_shape_that_stays_in_the_span_passes():
    def rescaled(model, noise):
        """Rescaled guidance (arXiv:2305.08891): it looks at standard deviations, sample by sample."""
        x = SIGMAS[0] * noise()
        for s, after in pairwise(SIGMAS):
            cond, guided = model.cond.eps(x, s), model.eps(x, s)
            axes = tuple(range(1, x.ndim))
            ratio = cond.std(axis=axes, keepdims=True) / guided.std(axis=axes, keepdims=True)
            x = x + (after - s) * (0.7 * ratio + 0.3) * guided
        return x

    found = check_sampler(rescaled, shape=(4, 8, 8), progress=False)
    assert found, found
    assert [(r.d, r.theory) for r in found.results[1:4:2]] == [(256, "reduced"), (16, "quenched")]


def test_other_levels_are_not_the_same_sampler(no_competition):
    found = check_sampler(euler_ancestral(sd_sigmas(6, "trailing")), against=GOOD, progress=False)
    assert not found
    assert any("same levels" in finding for finding in found.findings)


def dense(n):
    return karras_sigmas(n, 30.0 / n**7, 30.0)


@pytest.mark.parametrize(
    ("family", "eta", "passes"),
    [
        (lambda n: heun(dense(n)), 0.0, True),
        (lambda n: heun(dense(n)), 1.0, False),
        (lambda n: euler_ancestral(dense(n)), 1.0, True),
    ],
)
def test_a_family_is_held_against_continuous_time(family, eta, passes, no_competition):
    found = check_sampler(RIGHT, against=GOOD, family=family, eta=eta, progress=False)
    assert bool(found) is passes, found
    assert found.order.consistent is passes
    assert passes or any("does not tend to the continuous sampler" in finding for finding in found.findings)


def test_progress_counts_problems(no_competition):
    seen = []
    check_sampler(RIGHT, against=GOOD, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, 3) for i in range(3)]


@pytest.mark.parametrize("bad", [{"level": 0.9}, {"sampler": 3}, {"against": 3}, {"family": 3}, {"shape": "wide"}])
def test_bad_arguments(bad):
    with pytest.raises(ComparisonError):
        check_sampler(**{"sampler": GOOD, "progress": False} | bad)


def test_competing_classes_are_few():
    small = [b for b in benches(1.0, "ve", (4, 64, 64)) if b.compete]
    assert [b.shape for b in small] == [(4, 2, 2), (4, 2, 2)]
