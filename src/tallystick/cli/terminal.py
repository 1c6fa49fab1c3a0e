"""What a command says: tables for people, JSON for programs, both from the same records."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_COLUMNS: Final = 200

Record = Mapping[str, Any]


class Format(StrEnum):
    """How an answer looks."""

    TEXT = "text"
    JSON = "json"


def _or_globally(context: typer.Context, given: Format | None) -> Format:
    """The format named after the command, else the one named before it."""
    return given or context.find_root().params.get("output") or Format.TEXT


Output = Annotated[
    Format | None,
    typer.Option("--output", callback=_or_globally, help="text, or json for programs."),
]
"""The option of every command. Its value is a Format by the time the command runs."""


class Amount:
    """An amount of money: major units for people, an integer of minor units for programs."""

    def __init__(self, amount_minor: int, currency: str) -> None:
        self.amount_minor = amount_minor
        self.currency = currency

    def __str__(self) -> str:
        """`12,345.60`: the currency stands in a column of its own."""
        from tallystick.money import Currency, Money

        return f"{Money(self.amount_minor, Currency(self.currency)).major:,}"


def as_json(output: Format | None) -> bool:
    """Whether a program is reading."""
    return output is Format.JSON


def console() -> "Console":
    """The terminal; for a pipe or a file, wide enough that nothing is cut."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def show(picture: "RenderableType") -> None:
    """A table or the like; without the blanks at the ends of lines where no terminal hides them."""
    wide = console()
    if wide.is_terminal:
        wide.print(picture)
        return
    with wide.capture() as captured:
        wide.print(picture)
    for line in captured.get().splitlines():
        say(line.rstrip())


def say(text: str = "") -> None:
    """One line for people, as it is."""
    print(text, flush=True)


def show_json(value: object) -> None:
    """One JSON document on standard output; dates, ids and structs in their usual text form."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2)
    print(text.decode(), flush=True)


def show_record(output: Format | None, record: Record) -> None:
    """One thing: its fields below each other, or a JSON object."""
    if as_json(output):
        show_json(record)
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name.replace("_", " "), _cell(value))
    show(table)


def show_records(
    output: Format | None,
    records: Sequence[Record],
    columns: Sequence[str],
    *,
    right: Sequence[str] = (),
) -> None:
    """Several things: a table of these columns, or a JSON array with all their fields."""
    if as_json(output):
        show_json(records)
        return
    if not records:
        say("none")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        title = column.replace("_", " ")
        table.add_column(title, justify="right" if column in right else "left", overflow="fold")
    for record in records:
        table.add_row(*(_cell(record.get(column)) for column in columns))
    show(table)


def _plain(value: object) -> object:
    return value.amount_minor if isinstance(value, Amount) else str(value)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(_cell, value))
        case Mapping():
            return " ".join(f"{name}={_cell(part)}" for name, part in value.items()) or "-"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)
