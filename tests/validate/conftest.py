"""Runs that several test files share, made once."""

from functools import cache

import predicted
import pytest
import typer.testing
from judged import CONTINUUM
from validation_cases import particles

from meanfield import Ensemble
from validate import predict


@pytest.fixture(scope="session", autouse=True)
def command():
    """The command line is built once, not for each of its thousands of calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.testing._get_command))
        yield


@pytest.fixture(scope="session")
def data() -> Ensemble:
    return particles()


@pytest.fixture(scope="session")
def exact() -> Ensemble:
    """Particles of a problem whose theory is exact at every d."""
    return particles(CONTINUUM, d=8, n_steps=100)


@pytest.fixture(scope="session")
def cats():
    return predict(predicted.MIXTURE, "cat", 2.0, n_samples=4000, **predicted.QUIET)


@pytest.fixture(scope="session")
def everything():
    return predict(predicted.MIXTURE, guidance=2.0, n_samples=800, **predicted.QUIET)
