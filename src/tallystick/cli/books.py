"""`tallystick books prove`: every promise of every room, examined on the rows themselves."""

from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.command import command, group
from tallystick.cli.failures import REFUSED
from tallystick.cli.terminal import Format, Output, as_json, say, show, show_json

if TYPE_CHECKING:
    from tallystick.books import Proof

FINDINGS_SHOWN = 3


def add_books(program: typer.Typer) -> None:
    """`books`."""
    books = group("books", "Prove the books.", under=program)
    command(books, "prove", example="tallystick books prove --output json")(prove)


async def prove(output: Output = None) -> None:
    """Examine every promise on one snapshot; exit code 1 when one is broken.

    200,000 transfers took five seconds on two cores.
    """
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        proof = await app.prove()
    show_proof(output, proof)
    if not proof.green:
        raise SystemExit(REFUSED)


def show_proof(output: Format | None, proof: "Proof") -> None:
    """The checks as a table, broken ones with what was found."""
    if as_json(output):
        show_json(proof)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("check", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("promise", overflow="fold")
    for check in proof.checks:
        name = f"[green]ok[/]   {check.name}" if check.green else f"[bold red]RED[/]  {check.name}"
        rows = "-" if check.checked is None else f"{check.checked:,}"
        table.add_row(name, rows, f"{check.duration_ms:,}", check.promise)
    show(table)
    show_broken(proof)
    for lane in proof.lanes:
        say(f"\nlane {lane.lane} proven up to batch {lane.batch:,}, head {lane.head[:16]}...")
    took_s = proof.duration_ms / 1000
    verdict = "The books are proven" if proof.green else "THE BOOKS ARE NOT PROVEN"
    say(f"{verdict}: {len(proof.checks)} checks in {took_s:.1f} s.")


def show_broken(proof: "Proof") -> None:
    """The broken promises, each with some of what broke it."""
    for check in proof.checks:
        if not check.green:
            say(f"\n{check.name}: {check.broken:,} broken, such as")
            for finding in check.findings[:FINDINGS_SHOWN]:
                say(f"  {_shown(finding)}")


def _shown(finding: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in finding.items())
