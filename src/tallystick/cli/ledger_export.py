"""`tallystick ledger export`: the ledger in a file, for spreadsheets and for accountants."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.command import command, opened
from tallystick.cli.instants import read_instant_if
from tallystick.cli.terminal import Output, show_record

FORMATS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".beancount": "beancount",
    ".bean": "beancount",
}


def add_export_command(ledger: typer.Typer) -> None:
    """`export`."""
    command(ledger, "export", example="tallystick ledger export books.beancount")(export)


async def export(
    file: Annotated[
        Path, typer.Argument(help="A .csv or .parquet of lines, or a .beancount of everything.")
    ],
    *,
    prefix: Annotated[
        str, typer.Option(help="Only lines of accounts whose codes begin so; not for beancount.")
    ] = "",
    since: Annotated[
        str | None, typer.Option("--from", help="Recorded since then; not for beancount.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Recorded before then.")] = None,
    output: Output = None,
) -> None:
    """Write the ledger to a file: its lines, two a transfer, or all of it for beancount.

    One walk through all transfers. The file appears when it is whole.
    """
    from tallystick.books import exports
    from tallystick.cli.failures import WrongUsage

    begin, end = read_instant_if(since), read_instant_if(until)
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        raise WrongUsage(f"the file's name ends in one of {', '.join(FORMATS)}")
    if kind == "beancount" and (prefix or begin):
        raise WrongUsage("beancount text is the whole ledger: leave --prefix and --from out")
    async with opened() as app:
        if kind == "beancount":
            count = await exports.export_beancount(app.ledger, file, until=end)
        else:
            write = exports.export_csv if kind == "csv" else exports.export_parquet
            count = await write(app.ledger, file, prefix=prefix, since=begin, until=end)
    what = "transactions" if kind == "beancount" else "lines"
    show_record(output, {"file": str(file), "format": kind, what: count})
