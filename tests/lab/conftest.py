import pytest

from tests.lab.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
