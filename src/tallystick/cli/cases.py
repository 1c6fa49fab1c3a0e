"""`tallystick payments cases`: what a provider has not answered for a day."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.payments import cases

COLUMNS = (
    "id",
    "status",
    "kind",
    "cause",
    "subject",
    "amount",
    "currency",
    "route",
    "since",
    "looks",
)
RIGHT = ("amount", "looks")

CaseName = Annotated[str, typer.Argument(help="A case's id (cas_...).")]


def add_cases(payments: typer.Typer) -> None:
    """`payments cases`."""
    found = group("cases", "What waits for a person between a provider and us.", under=payments)
    command(found, "list", example="tallystick payments cases list --status open")(list_cases)
    command(found, "show", example="tallystick payments cases show cas_01h4...")(show)
    command(found, "ask", example="tallystick payments cases ask cas_01h4...")(ask)
    example = 'tallystick payments cases note cas_01h4... "They call back before noon."'
    command(found, "note", example=example)(note)
    example = 'tallystick payments cases resolve cas_01h4... failed "Their letter of 3 March."'
    command(found, "resolve", example=example)(resolve)
    example = 'tallystick payments cases close cas_01h4... "They have let go of the money."'
    command(found, "close", example=example)(close)


async def list_cases(
    *,
    status: Annotated[str | None, typer.Option(help="Only open or resolved ones.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only authorize, capture, void, refund, payout or dispute.")
    ] = None,
    route: Annotated[str | None, typer.Option(help="Only those of this route.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List what waits for a person between a provider and us, the latest first."""
    from tallystick.payments import cases

    wanted = cases.CasesWanted(status=status, work=kind, route=route)
    async with opened() as app:
        page = await app.cases.list_cases(wanted, limit=limit)
    show_records(output, [_record(row) for row in page.rows], COLUMNS, right=RIGHT)


async def show(case: CaseName, output: Output = None) -> None:
    """Show a case with its notes."""
    async with opened() as app:
        shown = await app.cases.get(id_named("cas", case, "case"))
    show_record(output, _told(shown))


async def ask(case: CaseName, key: Key = None, output: Output = None) -> None:
    """Ask the provider now, and record what it says; the case ends if that settles it."""
    async with opened() as app:
        asked = asked_here("cases.ask", key, case)
        shown = await app.cases.ask(id_named("cas", case, "case"), asked=asked)
    show_record(output, _told(shown))


async def note(
    case: CaseName,
    text: Annotated[str, typer.Argument(help="What whoever looks next should know.")],
    key: Key = None,
    output: Output = None,
) -> None:
    """Write something down; it is kept sealed."""
    async with opened() as app:
        asked = asked_here("cases.add_note", key, f"{case} {text}")
        shown = await app.cases.add_note(id_named("cas", case, "case"), text, asked=asked)
    show_record(output, _told(shown))


async def resolve(
    case: CaseName,
    outcome: Annotated[str, typer.Argument(help="What became of it: approved or failed.")],
    text: Annotated[str, typer.Argument(help="Where you have it from.")],
    *,
    provider_reference: Annotated[
        str, typer.Option(help="What the provider calls it; with approved, and only then.")
    ] = "",
    key: Key = None,
    output: Output = None,
) -> None:
    """Record by hand what the provider will never say: approved or failed.

    It is asked once more before.
    """
    async with opened() as app:
        asked = asked_here("cases.resolve", key, f"{case} {outcome} {provider_reference} {text}")
        shown = await app.cases.resolve(
            id_named("cas", case, "case"),
            outcome,
            text,
            provider_reference=provider_reference,
            asked=asked,
        )
    show_record(output, _told(shown))


async def close(
    case: CaseName,
    text: Annotated[str, typer.Argument(help="What was done about it.")],
    key: Key = None,
    output: Output = None,
) -> None:
    """End a case of which no outcome will be learned."""
    async with opened() as app:
        asked = asked_here("cases.close", key, f"{case} {text}")
        shown = await app.cases.close(id_named("cas", case, "case"), text, asked=asked)
    show_record(output, _told(shown))


def _told(shown: "cases.CaseShown") -> dict[str, Any]:
    notes = [{"at": note.at, "text": note.text} for note in shown.notes]
    return _record(shown.row) | {"notes": notes, "replayed": shown.replayed}


def _record(row: "cases.CaseRow") -> dict[str, Any]:
    return {
        "id": row.name,
        "status": row.status,
        "kind": row.work,
        "cause": row.cause,
        "subject": row.subject,
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "route": row.route,
        "reference": row.reference,
        "since": row.asked_at,
        "looks": row.looks,
        "outcome": row.outcome,
        "resolved_at": row.resolved_at,
    }
