"""Help is instant, and shows how each command is used."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tallystick.cli import main
from tallystick.cli.program import build_program

IMPORTED_BY_SERVERS_ALONE = ("fastapi", "starlette", "uvicorn", "asyncpg", "pydantic", "aiohttp")


def commands(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    for name, command in getattr(of, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = list(commands(typer.main.get_command(build_program())))


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    assert left.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_shows_an_example_of_itself(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    said = " ".join(help_of(words, capsys).split())

    assert f"tallystick {' '.join(words)}" in said.partition("Example: ")[2]
    assert "--output" in said


def test_there_is_every_command_that_is_promised() -> None:
    assert {words[0] for words in ALL} == {
        *("up", "demo", "doctor", "migrate", "serve", "work", "sandbox", "ingest", "payments"),
        *("merchants", "keys", "ledger", "books", "journal", "version"),
    }


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tallystick.cli.program import build_program\n"
        "build_program()\n"
        f"print([name for name in {IMPORTED_BY_SERVERS_ALONE} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


def test_help_is_instant() -> None:
    took_s = []
    for _ in range(3):  # the best of three: the machine has other things to do
        began_s = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "--help"], capture_output=True, check=True
        )
        took_s.append(time.monotonic() - began_s)

    assert min(took_s) < 0.5


def test_the_supervisor_imports_no_server() -> None:
    code = (
        "import sys\n"
        "import tallystick.cli.supervisor, tallystick.cli.show, tallystick.cli.stage\n"
        "print([name for name in ('fastapi', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


def test_wrong_usage_is_exit_code_2() -> None:
    for words in (["payments", "get"], ["books", "nonsense"], ["up", "--rate", "fast"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2, words
