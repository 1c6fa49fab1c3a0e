"""`tallystick wallet-transfers`: money from one wallet to another, on the database of here."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records

if TYPE_CHECKING:
    from tallystick.wallets import transfers

COLUMNS = ("created_at", "transfer_id", "status", "amount", "currency", "from", "to", "failure")


def add_wallet_transfers(program: typer.Typer) -> None:
    """`wallet-transfers`."""
    transfers = group("wallet-transfers", "From one wallet to another.", under=program)
    example = "tallystick wallet-transfers send wal_01h4... wal_01h5... 250000 --id rent-2026-03"
    command(transfers, "send", example=example)(send)
    command(transfers, "list", example="tallystick wallet-transfers list --wallet wal_01h4...")(
        list_transfers
    )


async def send(
    payer: WalletName,
    payee: WalletName,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    name: Annotated[
        str, typer.Option("--id", help="Your own name for it: the same name is the same transfer.")
    ],
    currency: Annotated[str, typer.Option(help="ISO 4217, of the wallet that pays.")] = "INR",
    quote: Annotated[
        str | None, typer.Option(help="Into another currency: the quote (quo_...) to use.")
    ] = None,
    output: Output = None,
) -> None:
    """Move money from the first wallet to the second, exactly once by its --id."""
    from tallystick.cli.exchange import get_quote_id
    from tallystick.wallets import transfers

    async with opened() as app:
        terms = transfers.TransferTerms(
            transfer_id=name,
            from_wallet_id=await get_wallet_id(app.ledger, payer),
            to_wallet_id=await get_wallet_id(app.ledger, payee),
            amount_minor=amount,
            currency=currency,
            quote_id=get_quote_id(quote) if quote else None,
        )
        sent = await app.wallet_transfers.send(terms)
    show_record(output, _record(sent.row) | {"replayed": sent.replayed})


async def list_transfers(
    wallet: Annotated[str | None, typer.Option(help="Only from or to this wallet.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List the latest transfers, runs of schedules included."""
    from tallystick.wallets import transfers

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet) if wallet else None
        wanted = transfers.Wanted(wallet_id=wallet_id, limit=limit)
        rows = await app.wallet_transfers.list_transfers(wanted)
    show_records(output, [_record(row) for row in rows], COLUMNS, right=("amount",))


def _record(row: "transfers.WalletTransferRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("wtr", row.id),
        "transfer_id": row.transfer_id,
        "status": row.status,
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "credited": Amount(row.credited_minor, row.credited_currency),
        "credited_currency": row.credited_currency,
        "from": typeid("wal", row.from_wallet_id),
        "to": typeid("wal", row.to_wallet_id),
        "schedule": typeid("sch", row.schedule_id) if row.schedule_id else None,
        "due_at": row.due_at,
        "failure": row.failure_code,
        "created_at": row.created_at,
    }
