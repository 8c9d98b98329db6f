"""Tests against real libraries: collected only where torch is installed (`make test-extras`). Nothing is downloaded."""

import logging
import os
from importlib.util import find_spec

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when diffusers is imported: a look-up on a hub would be an error
collect_ignore_glob = [] if all(map(find_spec, ("torch", "diffusers", "sklearn"))) else ["*"]


@pytest.fixture
def quiet():
    """diffusers without its warnings."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
