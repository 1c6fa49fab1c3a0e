"""`tallystick holds`: money of a wallet set aside, captured, or given back."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.app import App
    from tallystick.wallets import Held, HeldFor, Hold

Status = Literal["active", "captured", "released", "expired"]
COLUMNS = ("id", "status", "amount", "captured", "remaining", "currency", "expires_at")
MONEY = ("amount", "captured", "remaining")
HoldId = Annotated[str, typer.Argument(help="A hold's id (hld_...).")]


def add_holds(program: typer.Typer) -> None:
    """`holds`."""
    holds = group("holds", "Money of a wallet set aside for a payee.", under=program)
    example = "tallystick holds place wal_01h4... mer_01h4... 2500 --hours 24"
    command(holds, "place", example=example)(place)
    command(holds, "capture", example="tallystick holds capture hld_01h4... --amount 1500")(capture)
    command(holds, "release", example="tallystick holds release hld_01h4...")(release)
    command(holds, "list", example="tallystick holds list --status active")(list_holds)


async def place(
    wallet: WalletName,
    payee: Annotated[
        str, typer.Argument(help="A wallet, by id or code, or a merchant's id (mer_...).")
    ],
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    hours: Annotated[int, typer.Option(min=1, max=720, help="How long it lasts.")] = 168,
    reference: Annotated[str | None, typer.Option(help="What it is for; nothing personal.")] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Set money of a wallet aside, within its limits."""
    from datetime import timedelta

    from tallystick.wallets import Call, HoldTerms

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet)
        terms = HoldTerms(
            wallet_id=wallet_id,
            amount_minor=amount,
            currency=(await app.wallets.get(wallet_id)).wallet.currency,
            expires_at=app.clock.now() + timedelta(hours=hours),
            reference=reference,
        )
        words = f"{wallet} {payee} {amount} {hours} {reference}"
        call = Call(asked=asked_here("holds.place", key, words))
        held = await app.holds.place(terms, await _payee(app, payee), call)
    show_record(output, _told(held))


async def capture(
    hold: HoldId,
    *,
    amount: Annotated[int | None, typer.Option(min=1, help="A part; all when left out.")] = None,
    final: Annotated[bool, typer.Option("--final", help="Give back the rest.")] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Pay the payee what is held, or a part of it."""
    from tallystick.wallets import Call

    async with opened() as app:
        call = Call(asked=asked_here("holds.capture", key, f"{hold} {amount} {final}"))
        held = await app.holds.capture(
            id_named("hld", hold, "hold"), amount, final=final, call=call
        )
    show_record(output, _told(held))


async def release(hold: HoldId, output: Output = None) -> None:
    """Give back to the wallet what remains of a hold."""
    async with opened() as app:
        held = await app.holds.release(id_named("hld", hold, "hold"))
    show_record(output, _told(held))


async def list_holds(
    wallet: Annotated[str | None, typer.Option(help="Only on this wallet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List holds, the latest first."""
    from tallystick.wallets import HoldsWanted

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet) if wallet else None
        wanted = HoldsWanted(wallet_id=wallet_id, status=status, limit=limit)
        found = await app.holds.list_holds(wanted)
    show_records(output, [_record(hold) for hold in found], COLUMNS, right=MONEY)


async def _payee(app: "App", name: str) -> "HeldFor":
    from tallystick.cli.merchants import find_named
    from tallystick.wallets import HeldFor

    if name.startswith("mer_"):
        return HeldFor(merchant_id=(await find_named(app.merchants, name)).id)
    return HeldFor(wallet_id=await get_wallet_id(app.ledger, name))


def _told(held: "Held") -> dict[str, Any]:
    return _record(held.hold) | {"replayed": held.replayed}


def _record(hold: "Hold") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("hld", hold.id),
        "wallet": typeid("wal", hold.wallet_id),
        "to_wallet": typeid("wal", hold.to_wallet_id) if hold.to_wallet_id else None,
        "to_merchant": typeid("mer", hold.to_merchant_id) if hold.to_merchant_id else None,
        "status": hold.status,
        "amount": Amount(hold.amount_minor, hold.currency),
        "captured": Amount(hold.captured_minor, hold.currency),
        "returned": Amount(hold.returned_minor, hold.currency),
        "remaining": Amount(hold.remaining_minor, hold.currency),
        "currency": hold.currency,
        "reference": hold.reference,
        "expires_at": hold.expires_at,
        "placed_at": hold.placed_at,
    }
