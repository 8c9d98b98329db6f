"""Runs that several test files share, made once."""

import predicted
import pytest
from validation_cases import particles

from meanfield import Ensemble
from validate import predict


@pytest.fixture(scope="session")
def data() -> Ensemble:
    return particles()


@pytest.fixture(scope="session")
def cats():
    return predict(predicted.MIXTURE, "cat", 2.0, n_samples=4000, **predicted.QUIET)


@pytest.fixture(scope="session")
def everything():
    return predict(predicted.MIXTURE, guidance=2.0, n_samples=800, **predicted.QUIET)
