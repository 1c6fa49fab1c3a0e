"""`tallystick ingest`: payments made elsewhere, from a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command, opened
from tallystick.cli.failures import WrongUsage
from tallystick.cli.terminal import Format, Output, as_json, show_record

if TYPE_CHECKING:
    from tallystick.intake import ImportSummary


def add_ingest(program: typer.Typer) -> None:
    """`ingest`."""
    command(program, "ingest", example="tallystick ingest payments.csv --dry-run")(ingest)


async def ingest(
    file: Annotated[Path, typer.Argument(help="A .csv or .parquet file.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of it.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; default NAME.rejects.csv.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="THEIRS=OURS: a column that means one of our fields."),
    ] = None,
    output: Output = None,
) -> None:
    """Record the payments of a file, each once for its reference; run again to resume.

    Exit code 1 when rows were rejected.
    """
    mapping = _mapping(names or [])

    async with opened() as app:
        with _progress(file, output) as on_progress:
            summary = await app.imports.import_file(
                file,
                rejects_path=rejects,
                dry_run=dry_run,
                names=mapping,
                on_progress=on_progress,
            )
    record = {
        "rows": summary.rows_read,
        "would_create" if dry_run else "created": summary.created,
        "duplicates": summary.duplicates,
        "rejected": summary.rejected,
        "rejects": summary.rejects_path,
        "import_id": summary.import_id,
    }
    show_record(output, record)
    if summary.rejected:
        raise SystemExit(1)


def _mapping(names: list[str]) -> dict[str, str]:
    """What `--map utr=reference_number` says. Raises WrongUsage."""
    from tallystick.intake import FIELDS

    found = {}
    for pair in names:
        theirs, separator, ours = pair.rpartition("=")
        if not (separator and theirs) or ours not in FIELDS:
            raise WrongUsage(f"{pair!r}: say THEIRS=OURS, where OURS is one of {', '.join(FIELDS)}")
        found[theirs] = ours
    return found


@contextmanager
def _progress(
    file: Path, output: Format | None
) -> "Iterator[Callable[[ImportSummary], None] | None]":
    """A bar on stderr, where a person watches."""
    if as_json(output) or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(file.name, total=1.0, rows=0)

        def tell(summary: "ImportSummary") -> None:
            bar.update(task, completed=summary.share_read, rows=summary.rows_read)

        yield tell
