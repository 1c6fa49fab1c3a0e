"""`tallystick disputes`: payments that their payers contest at their banks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.payments import disputes

COLUMNS = ("id", "status", "amount", "currency", "reason", "evidence", "evidence_due_by")
MONEY = ("amount",)
MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".txt": "text/plain",
}

DisputeName = Annotated[str, typer.Argument(help="A dispute's id (dsp_...).")]


def add_disputes(program: typer.Typer) -> None:
    """`disputes`."""
    found = group("disputes", "Payments that payers contest at their banks.", under=program)
    command(found, "list", example="tallystick disputes list --status needs_response")(
        list_disputes
    )
    command(found, "get", example="tallystick disputes get dsp_01h4...")(get)
    example = "tallystick disputes add-evidence dsp_01h4... receipt.pdf --kind receipt"
    command(found, "add-evidence", example=example)(add_evidence)
    command(found, "submit", example="tallystick disputes submit dsp_01h4...")(submit)
    command(found, "accept", example="tallystick disputes accept dsp_01h4...")(accept)
    command(found, "learn", example="tallystick disputes learn")(learn)


async def list_disputes(
    status: Annotated[
        str | None,
        typer.Option(help="Only needs_response, under_review, won, lost, accepted or expired."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List disputes, the latest first."""
    async with opened() as app:
        page = await app.disputes.list_disputes(None, status=status, limit=limit)
    show_records(output, [_record(row) for row in page.rows], COLUMNS, right=MONEY)


async def get(dispute: DisputeName, output: Output = None) -> None:
    """Show a dispute as it stands."""
    async with opened() as app:
        shown = await app.disputes.get(id_named("dsp", dispute, "dispute"))
    show_record(output, _record(shown.row) | {"explanation": shown.explanation})


async def add_evidence(
    dispute: DisputeName,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    kind: Annotated[str, typer.Option(help="receipt, customer_communication, ...")] = "other",
    output: Output = None,
) -> None:
    """Hand in a document: PDF, PNG, JPEG or plain text."""
    from tallystick.payments import disputes

    document = disputes.Document(
        kind=kind,
        media_type=MEDIA_TYPES.get(file.suffix.lower(), "text/plain"),
        content=file.read_bytes(),
        name=file.name,
    )
    async with opened() as app:
        handed_in = await app.disputes.documents.add(id_named("dsp", dispute, "dispute"), document)
    show_record(output, _record(handed_in.row))


async def submit(
    dispute: DisputeName,
    explanation: Annotated[str, typer.Option(help="What is said beside; kept sealed.")] = "",
    key: Key = None,
    output: Output = None,
) -> None:
    """Contest it with all that was handed in; once."""
    async with opened() as app:
        asked = asked_here("disputes.submit", key, f"{dispute} {explanation}")
        shown = await app.disputes.submit(
            id_named("dsp", dispute, "dispute"), explanation=explanation, asked=asked
        )
    show_record(output, _told(shown))


async def accept(dispute: DisputeName, key: Key = None, output: Output = None) -> None:
    """Give in: the payer has his money back."""
    async with opened() as app:
        asked = asked_here("disputes.accept", key, dispute)
        shown = await app.disputes.accept(id_named("dsp", dispute, "dispute"), asked=asked)
    show_record(output, _told(shown))


async def learn(output: Output = None) -> None:
    """Ask every bank for new disputes now, and how the open ones stand where that is due."""
    async with opened() as app:
        new = await app.disputes.feed.read_all()
        looked_at = await app.disputes.look_at_due()
    show_record(output, {"opened": new, "looked_at": looked_at})


def _told(shown: "disputes.DisputeShown") -> dict[str, Any]:
    return _record(shown.row) | {"replayed": shown.replayed}


def _record(row: "disputes.DisputeRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": row.name,
        "payment": typeid("pay", row.payment_id),
        "status": row.status,
        "amount": Amount(row.amount_minor, row.currency),
        "fee": Amount(row.fee_minor, row.currency),
        "currency": row.currency,
        "reason": row.reason,
        "response": row.response,
        "evidence": len(row.items),
        "evidence_due_by": row.evidence_due_by,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
    }
