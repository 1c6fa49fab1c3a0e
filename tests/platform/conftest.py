"""Homes for embedded servers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may pass, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="tallystick-embedded-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "home of Asha" / ".tallystick"
