"""Places to run `tallystick` in."""

from collections.abc import Iterator

import pytest

from tests.cli.terminals import Place, place


@pytest.fixture
def at() -> Iterator[Place]:
    """A home folder of this test's own."""
    with place() as fresh:
        yield fresh
