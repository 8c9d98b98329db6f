"""Bad input: every refusal states the rule, the value and the remedy."""

import pytest

from meanfield.errors import ProblemError
from meanfield.guidance.schedules import Piecewise
from meanfield.problem.growth import Exponential, Fixed
from meanfield.problem.statement import Problem
from simulate import run, timestep_error

PROBLEM = Problem(classes=Fixed(5), sigma2=0.25, guidance=1.0)
GOOD = {"d": 8, "n_samples": 2, "n_disorder": 1, "n_steps": 2}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"d": 1}, r"d must be a whole number >= 2 and <= 1e\+12; got 1"),
        ({"d": 2.5}, r"d must be a whole number >= 2 .* got 2.5"),
        ({"d": "8"}, r"d must be a whole number; got '8' \(str\)"),
        ({"n_samples": 0}, r"n_samples must be a whole number >= 1 .* got 0"),
        ({"n_disorder": 0}, r"n_disorder must be a whole number >= 1 .* got 0"),
        ({"n_steps": 0}, r"n_steps must be a whole number >= 1 .* got 0"),
        ({"n_steps": float("nan")}, r"n_steps must be a whole number .* got nan"),
        ({"n_times": 1}, r"n_times must be a whole number >= 2 .* got 1"),
        ({"noise_refinement": 0}, r"noise_refinement must be a whole number >= 1 .* got 0"),
        ({"seed": -1}, r"seed must be a whole number >= 0; got -1"),
        ({"seed": True}, r"seed must be a whole number; got True"),
        ({"threads": -2}, r"threads must be a whole number >= 1 .* got -2"),
        ({"threads": 0}, r"threads must be a whole number >= 1 .* got 0"),
        ({"block": 0}, r"block must be a whole number >= 1 .* got 0"),
        ({"batch": 0}, r"batch must be a whole number >= 1 .* got 0"),
        ({"classes": "fast"}, r"classes must be one of \['auto', 'explicit', 'streamed', 'lazy', .*\]; got 'fast'"),
        ({"dtype": "float16"}, r"dtype must be one of \['float32', 'float64'\]; got 'float16'"),
        ({"d": 4, "classes": "span"}, r"\"span\" needs at most d classes; got 5 at d=4. Use classes=\"auto\""),
        ({"d": 3, "classes": "lazy"}, r"\"lazy\" needs 4 <= d <= 100000; got 3. Use classes=\"auto\""),
        ({"classes": "lazy", "class_tolerance": 0.6}, r"class_tolerance must be a number > 0 and <= 0.5; got 0.6"),
        ({"classes": "lazy", "noise_refinement": 2}, r"noise_refinement=2 .* Use classes=\"explicit\" at a smaller d"),
    ],
)
def test_settings(change, message):
    with pytest.raises(ProblemError, match=message):
        run(PROBLEM, **{**GOOD, **change})


def test_problem_must_be_a_problem():
    with pytest.raises(ProblemError, match=r"problem must be a Problem; got 0.4 .* one with Problem\(...\)"):
        run(0.4, **GOOD)
    with pytest.raises(ProblemError, match=r"n_steps must be a whole number"):
        timestep_error(PROBLEM, **{**GOOD, "n_steps": -1})


def test_fewer_steps_than_pieces_of_the_schedule():
    problem = PROBLEM.replace(guidance=Piecewise([1.0, 2.0], [0.0, 1.0, 2.0]))
    with pytest.raises(ProblemError, match="n_steps must be at least 3, one for each piece of the schedule; got 2"):
        run(problem, **GOOD)


@pytest.mark.parametrize(
    "alpha, d, size",
    [(0.5, 50, r"72004899337 classes \(1.34e\+04 GiB"), (50.0, 100, r"exp\(5000\) classes \(1e2165 GiB")],
)
def test_more_classes_than_memory(alpha, d, size):
    """Asked for explicit classes that do not fit: the message says which reduction does."""
    message = (
        rf"d={d} with Exponential\(alpha={alpha}\) needs {size} of float32 means.*use classes=\"lazy\".*lower d.*"
        r"meanfield.reduced"
    )
    settings = {"n_samples": 1, "n_disorder": 1, "threads": 1, "classes": "explicit"}
    with pytest.raises(ProblemError, match=message):
        run(PROBLEM.replace(classes=Exponential(alpha)), d=d, **settings)


def test_memory_of_the_span_is_counted_too(monkeypatch):
    monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda: 2**20)
    message = r"needs 1000 classes \(0.00373 GiB of float32 means\), and 0.000977 GiB .* use classes=\"streamed\""
    with pytest.raises(ProblemError, match=message):
        run(PROBLEM.replace(classes=Fixed(1000)), d=10**6, n_samples=1, n_disorder=1)


def test_memory_of_lazy_classes_is_counted_too(monkeypatch):
    monkeypatch.setattr("meanfield.tools.memory.available_bytes", lambda: 2**20)
    with pytest.raises(ProblemError, match=r"lazy classes at d=200 may need 0.195 GiB on 2 threads, and 0.000977 GiB"):
        run(PROBLEM, d=200, n_samples=1, n_disorder=1, classes="lazy", threads=2)


def test_lazy_classes_cannot_share_their_noise():
    with pytest.raises(ProblemError, match=r"timestep_error runs the same samples with different steps"):
        timestep_error(PROBLEM.replace(classes=Exponential(0.5)), **{**GOOD, "d": 100})
