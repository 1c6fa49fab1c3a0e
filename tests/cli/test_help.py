"""Help is instant, and shows how each command is used."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tallystick.cli import failures, main
from tallystick.cli.program import build_program

ROOT = Path(__file__).parents[2]
IMPORTED_LATER = ("fastapi", "starlette", "uvicorn", "asyncpg", "pydantic", "aiohttp", "asyncio")


def commands(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    for name, command in getattr(of, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def options(program: Any, words: tuple[str, ...]) -> list[str]:
    """What may stand behind a command, but for what all of them have."""
    command = program
    for word in words:
        command = command.commands[word]
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    named = [option for one in shown for option in (*one.opts, *one.secondary_opts)]
    return [name for name in named if name.startswith("--") and name not in ("--output", "--help")]


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
        "trigger",
        *("customers", "merchants", "fees", "keys", "ledger", "books", "journal", "version"),
        *("queue", "events"),
        *("exchange", "wallets", "holds", "escrows", "disputes"),
        *("wallet-transfers", "transfer-schedules", "top-ups", "payouts"),
    }


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from tallystick.cli.program import build_program\n"
        "build_program()\n"
        f"print([name for name in {IMPORTED_LATER} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


def test_help_is_instant() -> None:
    took_s = []
    for _ in range(3):  # the best of three: a busy machine is slower, even by processor time
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "--help"], capture_output=True, check=True
        )
        after = os.times()
        took_s.append(sum(after[2:4]) - sum(before[2:4]))

    assert 0.0 < min(took_s) < 0.4


def test_the_supervisor_imports_no_server() -> None:
    code = (
        "import sys\n"
        "import tallystick.cli.running.supervisor\n"
        "import tallystick.cli.showing.show, tallystick.cli.showing.stage\n"
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


def test_every_failure_of_the_machine_that_is_known_by_name_exists() -> None:
    for dotted in failures.OF_THE_MACHINE:
        module, _, name = dotted.rpartition(".")

        assert issubclass(getattr(importlib.import_module(module), name), Exception), dotted


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (failures.WrongUsage("what?"), 2),
        (failures.NotThere("no such thing"), 1),
        (failures.CannotRun("port taken"), 3),
        (ConnectionRefusedError(), 3),
        (ValueError("a bug"), 70),
    ],
)
def test_an_exit_code_says_whose_turn_it_is(error: Exception, code: int) -> None:
    assert failures.exit_code_of(error) == code


def test_the_reference_has_every_command_and_option() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    program = typer.main.get_command(build_program())

    assert {name for name in sections if name.startswith("tallystick ")} == {
        f"tallystick {' '.join(words)}" for words in ALL
    }
    for words in ALL:
        section = sections[f"tallystick {' '.join(words)}"]
        for option in options(program, words):
            assert f"`{option}`" in section, f"{words}: {option}"
