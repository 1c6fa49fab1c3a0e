"""`tallystick payments cases`: what a provider has not answered for a day."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tallystick.cli.command import command, group
from tallystick.cli.named_account import Key, asked_here
from tallystick.cli.terminal import Amount, Output, show_record, show_records

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.app import App
    from tallystick.payments import cases

COLUMNS = ("id", "status", "kind", "subject", "amount", "currency", "route", "since", "looks")
RIGHT = ("amount", "looks")
_PREFIX_OF: Final = {"refund": "ref", "payout": "pot"}

CaseName = Annotated[str, typer.Argument(help="A case's id (cas_...).")]


def add_cases(payments: typer.Typer) -> None:
    """`payments cases`."""
    found = group("cases", "What a provider has not answered for a day.", under=payments)
    command(found, "list", example="tallystick payments cases list --status open")(list_cases)
    command(found, "show", example="tallystick payments cases show cas_01h4...")(show)
    command(found, "ask", example="tallystick payments cases ask cas_01h4...")(ask)
    example = 'tallystick payments cases note cas_01h4... "They call back before noon."'
    command(found, "note", example=example)(note)


async def list_cases(
    *,
    status: Annotated[str | None, typer.Option(help="Only open or resolved ones.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only authorize, capture, void, refund or payout.")
    ] = None,
    route: Annotated[str | None, typer.Option(help="Only those of this route.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List cases, the latest first."""
    from tallystick.payments import cases

    wanted = cases.CasesWanted(status=status, work=kind, route=route)
    async with _opened() as app:
        page = await app.cases.list_cases(wanted, limit=limit)
    show_records(output, [_record(row) for row in page.rows], COLUMNS, right=RIGHT)


async def show(case: CaseName, output: Output = None) -> None:
    """Show a case with its notes."""
    async with _opened() as app:
        shown = await app.cases.get(_id(case))
    show_record(output, _told(shown))


async def ask(case: CaseName, key: Key = None, output: Output = None) -> None:
    """Ask the provider now, and record what it says; the case ends if that settles it."""
    async with _opened() as app:
        asked = asked_here("cases.ask", key, case)
        shown = await app.cases.ask(_id(case), asked=asked)
    show_record(output, _told(shown))


async def note(
    case: CaseName,
    text: Annotated[str, typer.Argument(help="What whoever looks next should know.")],
    key: Key = None,
    output: Output = None,
) -> None:
    """Write something down; it is kept sealed."""
    async with _opened() as app:
        asked = asked_here("cases.add_note", key, f"{case} {text}")
        shown = await app.cases.add_note(_id(case), text, asked=asked)
    show_record(output, _told(shown))


@asynccontextmanager
async def _opened() -> "AsyncIterator[App]":
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        yield app


def _id(text: str) -> "UUID":
    from tallystick.cli.failures import NotThere
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid("cas", text)
    except MalformedId:
        raise NotThere(f"no case is called {text}") from None


def _told(shown: "cases.CaseShown") -> dict[str, Any]:
    notes = [{"at": note.at, "text": note.text} for note in shown.notes]
    return _record(shown.row) | {"notes": notes, "replayed": shown.replayed}


def _record(row: "cases.CaseRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": row.name,
        "status": row.status,
        "kind": row.work,
        "subject": typeid(_PREFIX_OF.get(row.work, "pay"), row.object_id),
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "route": row.route,
        "reference": row.reference,
        "since": row.asked_at,
        "looks": row.looks,
        "outcome": row.outcome,
        "resolved_at": row.resolved_at,
    }
