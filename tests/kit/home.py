"""One home for the whole test process, because the engine of the history takes one folder per process."""

import pytest


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The folder that everything with a history in this process must use."""
    return tmp_path_factory.mktemp("home").resolve()
