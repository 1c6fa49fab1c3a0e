"""What the terminal says where a sealed text was erased, or changed."""

import pytest

from tallystick.cli.failures import REFUSED, told_failures
from tallystick.cli.sealed_names import readable
from tallystick.cli.terminal import Format
from tallystick.journal import SealTampered

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("till", "till"),
        (None, "erased"),
        (SealTampered("a text of somebody"), "changed since it was sealed"),
    ],
)
async def test_a_list_shows_every_name_that_it_can(
    found: str | SealTampered | None, shown: str
) -> None:
    async def opened() -> str | None:
        if isinstance(found, SealTampered):
            raise found
        return found

    assert await readable(opened()) == shown


def test_whoever_reads_one_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, told_failures(Format.TEXT):
        raise SealTampered("a text of somebody was changed")

    assert ended.value.code == REFUSED
    said = capsys.readouterr().err
    assert "was changed since it was sealed: it is not shown (seal_tampered)" in said
    assert "somebody" not in said
