"""What a sampler's code may not do: refused by theory and particles alike, with the rule, the value and the remedy."""

from itertools import pairwise

import array_api_strict
import numpy as np
import pytest

from meanfield import Continuum, ConvergenceError, Exponential, Problem, ProblemError
from meanfield.sampler.native import euler, heun
from meanfield.vector.solver import solve_sampler
from simulate.sampled.runner import run_sampler

PROBLEM = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
SIGMAS = (10.0, 3.0, 1.0, 0.0)


def law(sampler, **options):
    return solve_sampler(PROBLEM, sampler, **options)


def particles(sampler, **options):
    return run_sampler(PROBLEM, sampler, **{"d": 8, "n_samples": 4, "n_disorder": 2} | options)


def stepping(model, noise, predict=lambda model, x, s: model.eps(x, s)):
    """A sampler as a user writes it."""
    x = SIGMAS[0] * noise()
    for s, after in pairwise(SIGMAS):
        x = x + (after - s) * predict(model, x, s)
    return x


def predicting(predict):
    return lambda model, noise: stepping(model, noise, predict)


class Graph(np.ndarray):
    """What asks for a gradient, without torch."""

    requires_grad = True


class Tracer:
    """What a compiler hands to the function that it compiles, without JAX."""

    dtype, shape = "float64", (1, 2)

    def __array__(self, *args, **options):
        raise TypeError("no values here")


class Stateful:
    """A scheduler object that counts its steps and is never reset."""

    def __init__(self):
        self.steps = 0

    def __call__(self, model, noise):
        self.steps += 1
        return stepping(model, noise, lambda model, x, s: model.eps(x, s) / self.steps)


class Momentum:
    """A guider that keeps the difference of the predictions between runs: it acts where guidance does."""

    def __init__(self):
        self.average = 0.0

    def __call__(self, model, noise):
        def guided(model, x, s):
            cond, uncond = model.cond.eps(x, s), model.uncond.eps(x, s)
            self.average = (cond - uncond) + 0.5 * self.average
            return cond + self.average

        return stepping(model, noise, guided)


def mutating(model, noise):
    model.times = []


def own_noise():
    rng = np.random.default_rng(0)
    return lambda model, noise: stepping(model, noise) + 0.1 * rng.standard_normal(noise().shape)


def with_nan(model, noise):
    return stepping(model, noise) * np.nan


BAD = {
    "no function": (lambda: 3, "must be a function"),
    "another shape": (lambda: lambda model, noise: stepping(model, noise)[0], "returns must have the shape"),
    "no array": (lambda: lambda model, noise: stepping(model, noise) is None, "returns must be an array"),
    "a call with a list": (lambda: predicting(lambda model, x, s: model.eps(x.tolist(), s)), "x must be an array"),
    "nothing": (lambda: lambda model, noise: [stepping(model, noise)] and None, "what a sampler returns must"),
    "words": (lambda: lambda model, noise: [stepping(model, noise)] and "x", "what a sampler returns must"),
    "a call at another shape": (
        lambda: predicting(lambda model, x, s: model.eps(x[..., :1], s)), "x must have the shape"),
    "mutated model": (lambda: mutating, "must leave its model as it is"),
    "mutated prediction": (
        lambda: lambda model, noise: setattr(model.cond, "eps", None), "must leave its model as it is"),
    "negative level": (lambda: predicting(lambda model, x, s: model.eps(x, -s)), "level at which the model"),
    "nan level": (lambda: predicting(lambda model, x, s: model.eps(x, np.nan)), "level at which the model"),
    "infinite level": (lambda: predicting(lambda model, x, s: model.eps(x, np.inf)), "level at which the model"),
    "level that is no number": (lambda: predicting(lambda model, x, s: model.eps(x, "s")), "level at which the model"),
    "levels that differ": (
        lambda: predicting(lambda model, x, s: model.eps(x, [s, 2 * s])), "level at which the model"),
    "no call": (lambda: lambda model, noise: noise(), "must call its model"),
    "gradient": (lambda: predicting(lambda model, x, s: model.eps(x.view(Graph), s)), "must not ask for a gradient"),
    "float16": (
        lambda: predicting(lambda model, x, s: model.eps(x.astype(np.float16), s)), "float64 or float32; got float16"),
    "tracer": (lambda: predicting(lambda model, x, s: model.eps(Tracer(), s)), "outside of jit, grad and vmap"),
    "whole numbers": (
        lambda: predicting(lambda model, x, s: model.eps(np.round(x).astype(int), s)), "float64 or float32; got int"),
    "returned float16": (
        lambda: lambda model, noise: stepping(model, noise).astype(np.float16), "float64 or float32; got float16"),
    "state between runs": (Stateful, "must do the same when it is run again"),
    "momentum between runs": (Momentum, "must do the same when it is run again"),
    "noise of its own": (own_noise, "must do the same when it is run again"),
    "noise with a shape": (lambda: lambda model, noise: noise(2, 3), r"noise\(\) takes no arguments"),
    "noise with a seed": (lambda: lambda model, noise: noise(generator=1), r"noise\(\) takes no arguments"),
    "a call at nan": (lambda: predicting(lambda model, x, s: model.eps(x * np.nan, s)), "called at finite x"),
}  # fmt: skip


@pytest.mark.parametrize("verb", [law, particles])
@pytest.mark.parametrize("fault", BAD)
def test_bad_code_is_refused(fault, verb):
    make, message = BAD[fault]
    with pytest.raises(ProblemError, match=message) as raised:
        verb(make())
    assert len(str(raised.value)) < 1500


@pytest.mark.parametrize("verb", [law, particles])
def test_good_code_is_not(verb):
    verb(stepping)


@pytest.mark.parametrize("verb", [law, particles])
def test_a_result_that_is_not_finite(verb):
    with pytest.raises(ConvergenceError, match="must be finite"):
        verb(with_nan)


@pytest.mark.parametrize("verb", [law, particles])
def test_divergence_says_where(verb):
    def diverging(model, noise, steps=500):
        x = noise()
        for _ in range(steps):
            x = x * 1e3 + model.eps(x, 1.0)
        return x

    with pytest.raises(ProblemError, match="at t = 1 it is not"):
        verb(diverging)
    with pytest.raises(ConvergenceError, match="must be finite"):
        verb(lambda model, noise: 1e100 * diverging(model, noise, 2))


@pytest.mark.parametrize("verb", [law, particles])
def test_an_error_of_the_code_itself_is_the_users(verb):
    def broken(model, noise):
        model.eps(noise(), 1.0)
        return {}["sigma"]

    with pytest.raises(KeyError, match="sigma") as raised:
        verb(broken)
    assert raised.value.__notes__ == ["raised in the sampler's own code, after 1 calls of the model"]


@pytest.mark.parametrize("fixed", [0, 1])
def test_noise_of_a_fixed_seed_is_found_out(fixed):
    """It is the same in every run; but a vector's law does not depend on the axes in which it is written."""

    def sampler(model, noise):
        return stepping(model, noise) + 0.1 * np.random.default_rng(fixed).standard_normal(noise().shape)

    with pytest.raises(ProblemError, match="noise of its own"):
        law(sampler)


def test_the_same_code_reset_is_accepted():
    class Reset(Momentum):
        def __call__(self, model, noise):
            self.average = 0.0
            return super().__call__(model, noise)

    law(Reset())
    particles(Reset())


def test_code_that_looks_at_entries_needs_a_shape():
    def clamped(model, noise):
        return np.clip(stepping(model, noise), -0.2, 0.2)

    with pytest.raises(ProblemError, match=r"Give shape=|give shape="):
        law(clamped)
    found = law(clamped, shape=(4, 16, 16))
    assert found.standing == "approximate"
    assert "leaves the span" in found.why


def test_float32_is_not_taken_for_code_that_looks_at_entries():
    """Rounding of strongly guided states at large levels stays below what counts as a difference."""
    problem = Problem(classes=Exponential(0.4), sigma2=0.25, guidance=10.0)
    native = heun([*np.geomspace(1000.0, 0.01, 40), 0.0])
    solve_sampler(problem, lambda model, noise: native(model, lambda: noise().astype(np.float32)))


@pytest.mark.parametrize("verb", [law, particles])
@pytest.mark.parametrize("xp", ["numpy", 3, object()])
def test_what_is_no_array_library(xp, verb):
    with pytest.raises(ProblemError, match="xp must be an array library"):
        verb(euler(SIGMAS), xp=xp)


@pytest.mark.parametrize("verb", [law, particles])
def test_a_samplers_own_array_library_is_used(verb):
    seen = set()

    def sampler(model, noise):
        x = stepping(model, noise)
        seen.add(type(x))
        return x

    sampler.xp = array_api_strict
    verb(sampler)
    assert seen == {type(array_api_strict.zeros(1))}
