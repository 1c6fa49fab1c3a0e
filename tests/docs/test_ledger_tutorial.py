"""The ledger's tutorial, typed command by command: what it shows is what is said."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

GUIDE = Path(__file__).parents[2] / "docs" / "tutorial" / "the-ledger-in-ten-minutes.md"
BLOCK = re.compile(r"^```(console|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARYING = (
    (re.compile(r"\b(acc|tra|chg|res)_[0-9a-hjkmnp-tv-z]{26}"), r"\1_..."),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<instant>"),
    (re.compile(r"[ \t]+"), " "),
)


class Step(NamedTuple):
    """Some commands, and what the guide says that the last of them says."""

    commands: list[str]
    shown: str | None


def steps() -> Iterator[Step]:
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    for (kind, body), (next_kind, following) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "console":
            commands = [line.removeprefix("$ ") for line in body.splitlines()]
            yield Step(commands, following if next_kind == "text" else None)


def told(text: str) -> list[str]:
    """The text without what is another one each time."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.strip().splitlines()]


def test_every_command_says_what_the_guide_shows(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    differing = []
    for step in steps():
        said = ""
        for command in step.commands:
            program, *words = shlex.split(os.path.expandvars(command))
            assert program == "tallystick"
            code, out, err = terminal.run(*words)
            said = out or err
            assert code == (1 if said.startswith("tallystick: ") else 0), said
            if found := re.search(r"\bres_\w{26}", said):
                monkeypatch.setenv("RESERVATION", found[0])
        if step.shown is not None and told(said) != told(step.shown):
            differing.append(f"$ {step.commands[-1]}\n{said}")
    assert differing == [], "\n".join(differing)


def test_the_guide_shows_enough_to_be_worth_it() -> None:
    assert sum(step.shown is not None for step in steps()) > 10
