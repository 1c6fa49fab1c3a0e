"""A bar is for a person who watches, and for nobody else."""

import sys

import pytest

from tallystick.cli.progress import counted
from tallystick.cli.terminal import Format


def counted_to_four(output: Format) -> None:
    with counted("payments", 4, output) as tell:
        for _ in range(4):
            tell(1)


def test_a_person_sees_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")

    counted_to_four(Format.TEXT)

    said = capsys.readouterr()
    assert "payments" in said.err
    assert "4/4" in said.err
    assert said.out == ""


@pytest.mark.parametrize("watched", [True, False])
def test_a_program_and_a_pipe_see_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], watched: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)

    counted_to_four(Format.JSON if watched else Format.TEXT)

    assert capsys.readouterr() == ("", "")
