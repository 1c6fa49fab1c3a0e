"""`tallystick doctor`: everything outside that the platform needs, and how to mend it."""

from typing import TYPE_CHECKING

import typer

from tallystick.cli.command import command
from tallystick.cli.failures import REFUSED
from tallystick.cli.terminal import Format, Output, as_json, show, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.cli.findings import Finding


def add_doctor(program: typer.Typer) -> None:
    """`doctor`."""
    command(program, "doctor", example="PORT=8080 tallystick doctor")(doctor)


async def doctor(output: Output = None) -> None:
    """Check every outside need and say how to mend it; exit code 1 when something is broken."""
    from tallystick.cli.database_examinations import examine_database
    from tallystick.cli.examinations import examine_machine, examine_place, examine_settings

    about_settings, settings = examine_settings()
    findings = [*examine_machine(), about_settings]
    if settings is not None:
        findings += [*examine_place(settings), *await examine_database(settings)]
    _show(output, findings)
    if any(finding.state == "broken" for finding in findings):
        raise SystemExit(REFUSED)


def _show(output: Format | None, findings: "Sequence[Finding]") -> None:
    if as_json(output):
        show_json(findings)
        return
    from rich.table import Table

    colours = {"ok": "green", "note": "yellow", "broken": "bold red"}
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        table.add_row(state, finding.need, finding.seen)
        if finding.mend:
            table.add_row("", "", f"[bold]mend:[/] {finding.mend}")
    show(table)
