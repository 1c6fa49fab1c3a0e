"""`tallystick top-ups`: what payments put into wallets."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.named_wallet import get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records

if TYPE_CHECKING:
    from tallystick.wallets import topups

Status = Literal["waiting", "credited"]
COLUMNS = ("id", "status", "amount", "currency", "wallet", "payment", "failure", "created_at")


def add_top_ups(program: typer.Typer) -> None:
    """`top-ups`."""
    found = group("top-ups", "What payments put into wallets.", under=program)
    command(found, "list", example="tallystick top-ups list --wallet wal_01h4...")(list_top_ups)
    command(found, "get", example="tallystick top-ups get top_01h4...")(get)


async def list_top_ups(
    wallet: Annotated[str | None, typer.Option(help="Only into this wallet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List top-ups, the latest first."""
    from tallystick.wallets import topups

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet) if wallet else None
        wanted = topups.TopUpsWanted(wallet_id=wallet_id, status=status, limit=limit)
        rows = await app.top_ups.list_top_ups(wanted)
    show_records(output, [_record(row) for row in rows], COLUMNS, right=("amount",))


async def get(
    top_up: Annotated[str, typer.Argument(help="A top-up's id (top_...).")], output: Output = None
) -> None:
    """Show a top-up as it stands."""
    async with opened() as app:
        row = await app.top_ups.get(id_named("top", top_up, "top-up"))
    show_record(output, _record(row))


def _record(row: "topups.TopUpRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": row.name,
        "status": row.status,
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "wallet": typeid("wal", row.wallet_id),
        "payment": typeid("pay", row.payment_id),
        "from_account": typeid("acc", row.from_account_id),
        "failure": row.failure_code,
        "next_try_at": row.due_at,
        "created_at": row.created_at,
    }
