"""Mixtures of one's own in files, and what cannot be stated or sampled."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forms import FORMS, FULL, LABELS, MEANS, RNG, TABLE, WEIGHTS, D, K, made

from meanfield import (
    ByGroup,
    ProblemError,
    Rule,
    ScheduleError,
    heun,
)
from simulate import DataWarning, Mixture, StartWarning, run_sampler, sample_mixture

pair = pytest.fixture(params=FORMS)(made)


def test_files_hold_all_and_notice_damage(pair, tmp_path):
    mixture, _ = pair
    path = tmp_path / "mixture.npz"
    mixture.save(path)
    again, x = Mixture.load(path), RNG.normal(size=(5, D))
    assert np.array_equal(again.log_density(x), mixture.log_density(x))
    assert (again.labels, again.classes, repr(again)) == (mixture.labels, mixture.classes, repr(mixture))
    with pytest.raises(ProblemError, match="must not exist"):
        mixture.save(path)
    mixture.save(path, overwrite=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ProblemError, match="damaged"):
        Mixture.load(path)
    with pytest.raises(ProblemError, match=r"Mixture\.save"):
        Mixture.load(tmp_path / "nothing.npz")


BAD = {
    "no means": (lambda: Mixture([1.0, 2.0], variances=1.0), "shape"),
    "nan": (lambda: Mixture([[np.nan, 2.0]], variances=1.0), "finite"),
    "both": (lambda: Mixture(MEANS, FULL, variances=1.0), "one of them"),
    "neither": (lambda: Mixture(MEANS), "one of them"),
    "no variance": (lambda: Mixture(MEANS, variances=0.0), "> 0"),
    "table": (lambda: Mixture(MEANS, variances=np.ones((3, D))), "of shape"),
    "not symmetric": (lambda: Mixture(MEANS, np.triu(np.ones((D, D)))), "symmetric"),
    "indefinite": (lambda: Mixture(MEANS, np.diag([1.0, 1.0, 1.0, -0.1])), "positive definite"),
    "weights": (lambda: Mixture(MEANS, variances=1.0, weights=[1.0, 2.0]), "weights must be 5"),
    "negative weight": (lambda: Mixture(MEANS, variances=1.0, weights=[-1.0, 2.0, 1.0, 1.0, 1.0]), ">= 0"),
    "empty class": (lambda: Mixture(MEANS, variances=1.0, weights=[1, 1, 1, 1, 0]), "every class must have weight"),
    "labels": (lambda: Mixture(MEANS, variances=1.0, labels=["a"]), "labels must be 5"),
    "no label": (lambda: Mixture(MEANS, variances=1.0, labels=["a", "b", None, "c", "d"]), "numbers or words"),
    "target": (lambda: FORMS["full"][0]().score("dog"), "target must be one of the classes"),
    "x": (lambda: FORMS["full"][0]().log_density(np.ones((2, 3))), "of shape"),
    "t": (lambda: FORMS["full"][0]().log_density(np.ones((2, D)), t=-1.0), "t must be"),
    "factors": (lambda: Mixture.low_rank(MEANS, 1.0, np.ones((K, 2, 3))), "fit"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_mixtures_are_refused(name):
    call, words = BAD[name]
    with pytest.raises(ProblemError, match=words):
        call()


def test_doors_refuse_what_does_not_fit():
    mixture = FORMS["full"][0]()
    problem = mixture.problem("a", guidance=1.0)
    with pytest.raises(ProblemError, match="its own covariances"):
        sample_mixture(problem, mixture, FULL, target="a")
    with pytest.raises(ProblemError, match="finite start"):
        sample_mixture(problem.replace(t_start=math.inf), mixture, target="a")
    with pytest.raises(ProblemError, match="target must be one of"):
        sample_mixture(problem, mixture, target="dog")
    with pytest.raises(ProblemError, match="those of a sampler's code"):
        sample_mixture(problem, mixture, target="a", shape=(2, 2))
    with pytest.raises(ProblemError, match="must hold 4 numbers"):
        sample_mixture(problem, mixture, target="a", shape=(2, 3), sampler=heun([80.0, 0.0]))
    with pytest.raises(ProblemError, match="its own dimension"):
        run_sampler(problem, heun([80.0, 0.0]), mixture=mixture, target="a", d=7, n_samples=2, n_disorder=1)
    with pytest.raises(ScheduleError, match="groups of directions"):
        mixture.problem("a", guidance=ByGroup(1.0, factors=[1.0, 0.5]))


@pytest.mark.parametrize("covariance", [{"variances": 0.3}, {"variances": TABLE}, {"covariances": FULL}, FULL[0]],
                         ids=["spherical", "diag", "full", "tied"])  # fmt: skip
def test_components_without_weight_are_not_seen(covariance):
    """As if they were not there, however many they are; as many with weight are seen (control)."""
    n, x = 600, RNG.normal(size=(6, D))
    means, labels = np.concatenate([np.zeros((n, D)), MEANS]), ["a"] * n + LABELS
    given = {"covariances": covariance} if isinstance(covariance, np.ndarray) else dict(covariance)
    alone = Mixture(MEANS, **given, weights=WEIGHTS, labels=LABELS)
    for name, values in given.items():
        if np.ndim(values) and len(values) == K:
            given[name] = np.concatenate([np.repeat(values[:1], n, axis=0), values])
    for weight, same in ((0.0, True), (1e-3, False)):
        more = Mixture(means, **given, weights=[weight] * n + WEIGHTS, labels=labels)
        for target in (None, "a"):
            pairs = (
                (more.log_density(x, target, 0.2), alone.log_density(x, target, 0.2)),
                (
                    more.score(target)(x, 0.2),
                    alone.score(target)(x, 0.2),
                ),
            )
            assert all(np.allclose(*pair, atol=1e-9) == same for pair in pairs)


@dataclass(frozen=True)
class Halved(Rule):
    """A rule with something of its own in the place of the unconditional prediction; `delta` is no variance here."""

    guidance: Any = 1.0
    delta: float = 0.5
    name = "halved"

    def other(self, x, cond, uncond, t, variances):
        return self.delta * uncond

    def guided(self, x, cond, uncond, t, w):
        return cond + w * (cond - uncond)


def test_a_rule_with_an_other_of_its_own_is_refused_not_misread():
    mixture = FORMS["full"][0]()
    with pytest.raises(ScheduleError, match="must say by how much it `widens` the class"):
        sample_mixture(mixture.problem("a", guidance=Halved(1.0)), mixture, target="a")
    with pytest.warns(StartWarning, match="must cover the data") as seen:
        sample_mixture(mixture.problem("a", t_start=1.0), mixture, target="a", n_samples=2, n_steps=5)
    assert Path(seen[0].filename).name == Path(__file__).name  # it points here


def test_doubts_about_data_point_to_the_call():
    x = RNG.normal(size=(20, 2)) * [1.0, 0.0]
    with pytest.warns(DataWarning, match="never vary") as seen:
        Mixture.fit(x, [0] * 10 + [1] * 10, covariance="spherical")
    assert Path(seen[0].filename).name == Path(__file__).name
