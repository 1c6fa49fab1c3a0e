"""`tallystick escrows`: money that waits between a buyer and those he pays."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.wallets import escrows

Status = Literal["open", "funded", "disputed", "completed", "cancelled"]
COLUMNS = ("id", "status", "amount", "held", "released", "returned", "currency", "times_out_at")
MONEY = ("amount", "held", "released", "returned")
EVENT_COLUMNS = ("version", "at", "event", "data")

EscrowId = Annotated[str, typer.Argument(help="An escrow's id (esc_...).")]
Part = Annotated[int | None, typer.Option("--amount", min=1, help="A part; default: all.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept sealed.")]


def add_escrows(program: typer.Typer) -> None:
    """`escrows`."""
    found = group("escrows", "Money between a buyer and those he pays.", under=program)
    example = "tallystick escrows open wal_01h4... wal_01h5... 100000 --fee-bp 250"
    command(found, "open", example=example)(open_escrow)
    command(found, "fund", example="tallystick escrows fund esc_01h4...")(fund)
    command(found, "release", example="tallystick escrows release esc_01h4... --amount 30000")(
        release
    )
    command(found, "return", example="tallystick escrows return esc_01h4...")(give_back)
    command(found, "dispute", example="tallystick escrows dispute esc_01h4... --reason broken")(
        dispute
    )
    command(found, "resolve", example="tallystick escrows resolve esc_01h4... 60000")(resolve)
    command(found, "list", example="tallystick escrows list --status disputed")(list_escrows)
    command(found, "events", example="tallystick escrows events esc_01h4...")(events)


async def open_escrow(
    buyer: WalletName,
    recipient: WalletName,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    fee_bp: Annotated[int, typer.Option(min=0, max=10_000, help="In basis points.")] = 0,
    fee_fixed: Annotated[int, typer.Option(min=0, help="Taken once, in minor units.")] = 0,
    key: Key = None,
    output: Output = None,
) -> None:
    """Open an escrow between two wallets; more terms can be said over the API."""
    from tallystick.wallets import Call, escrows

    async with opened() as app:
        buyer_id = await get_wallet_id(app.ledger, buyer)
        wish = escrows.EscrowWish(
            buyer_wallet_id=buyer_id,
            payees=(escrows.Payee(await get_wallet_id(app.ledger, recipient)),),
            amount_minor=amount,
            currency=(await app.wallets.get(buyer_id)).wallet.currency,
            fee_percent_bp=fee_bp,
            fee_fixed_minor=fee_fixed,
        )
        words = f"{buyer} {recipient} {amount} {fee_bp} {fee_fixed}"
        shown = await app.escrows.open(wish, Call(asked=asked_here("escrows.open", key, words)))
    show_record(output, _told(shown))


async def fund(
    escrow: EscrowId, amount: Part = None, key: Key = None, output: Output = None
) -> None:
    """Pay in all that is missing, or a part of it."""
    from tallystick.wallets import Call

    async with opened() as app:
        call = Call(asked=asked_here("escrows.fund", key, f"{escrow} {amount}"))
        shown = await app.escrows.fund(id_named("esc", escrow, "escrow"), amount, call)
    show_record(output, _told(shown))


async def release(
    escrow: EscrowId,
    amount: Part = None,
    *,
    part: Annotated[str | None, typer.Option(help="A part by its name.")] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Pay the recipients what is held, or a part of it."""
    from tallystick.wallets import Call

    async with opened() as app:
        call = Call(asked=asked_here("escrows.release", key, f"{escrow} {amount} {part}"))
        shown = await app.escrows.release(
            id_named("esc", escrow, "escrow"), amount, part=part, call=call
        )
    show_record(output, _told(shown))


async def give_back(
    escrow: EscrowId, amount: Part = None, key: Key = None, output: Output = None
) -> None:
    """Give the buyer back what is held, or a part of it."""
    from tallystick.wallets import Call

    async with opened() as app:
        call = Call(asked=asked_here("escrows.return", key, f"{escrow} {amount}"))
        shown = await app.escrows.give_back(id_named("esc", escrow, "escrow"), amount, call)
    show_record(output, _told(shown))


async def dispute(escrow: EscrowId, reason: Reason = None, output: Output = None) -> None:
    """Let nothing move until the dispute is resolved."""
    async with opened() as app:
        shown = await app.escrows.dispute(id_named("esc", escrow, "escrow"), reason)
    show_record(output, _told(shown))


async def resolve(
    escrow: EscrowId,
    released: Annotated[
        int, typer.Argument(metavar="RELEASE", min=0, help="For the recipients, in minor units.")
    ],
    reason: Reason = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """End a dispute: so much is released, and the rest goes back to the buyer."""
    from tallystick.wallets import Call, escrows

    async with opened() as app:
        call = Call(asked=asked_here("escrows.resolve", key, f"{escrow} {released}"))
        shown = await app.escrows.resolve(
            id_named("esc", escrow, "escrow"), escrows.Ruling(released), reason, call
        )
    show_record(output, _told(shown))


async def list_escrows(
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List escrows, the latest first."""
    from tallystick.wallets import escrows

    async with opened() as app:
        wanted = escrows.EscrowsWanted(status=status, limit=limit)
        found = await app.escrows.list_escrows(wanted)
    show_records(output, [_record(shown.row) for shown in found], COLUMNS, right=MONEY)


async def events(escrow: EscrowId, output: Output = None) -> None:
    """Show everything that happened to an escrow, oldest first."""
    from msgspec import to_builtins

    async with opened() as app:
        facts = await app.escrows.list_facts(id_named("esc", escrow, "escrow"))
    records = []
    for fact in facts:
        data = to_builtins(fact.data)
        data.pop("sealed", None)
        records.append({"version": fact.version, "at": fact.at, "event": fact.kind, "data": data})
    show_records(output, records, EVENT_COLUMNS)


def _told(shown: "escrows.EscrowShown") -> dict[str, Any]:
    return _record(shown.row) | {"replayed": shown.replayed}


def _record(row: "escrows.EscrowRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("esc", row.id),
        "status": row.status,
        "buyer": typeid("wal", row.buyer_wallet_id),
        "amount": Amount(row.amount_minor, row.currency),
        "funded": Amount(row.funded_minor, row.currency),
        "held": Amount(row.held_minor, row.currency),
        "released": Amount(row.released_minor, row.currency),
        "fee": Amount(row.fee_minor, row.currency),
        "returned": Amount(row.returned_minor, row.currency),
        "currency": row.currency,
        "times_out_at": row.times_out_at,
        "opened_at": row.opened_at,
    }
