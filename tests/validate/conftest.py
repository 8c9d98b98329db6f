"""Runs that several test files share, made once."""

import pytest
from validation_cases import particles

from meanfield import Ensemble


@pytest.fixture(scope="session")
def data() -> Ensemble:
    return particles()
