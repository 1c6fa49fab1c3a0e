"""`tallystick payouts`: money that leaves the platform, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.failures import WrongUsage
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.rails import payouts as ways
    from tallystick.wallets import payouts

Status = Literal["pending", "sent", "paid", "failed", "returned", "cancelled"]
COLUMNS = ("id", "status", "amount", "currency", "destination", "failure_code", "created_at")
MONEY = ("amount",)
PayoutName = Annotated[str, typer.Argument(help="A payout's id (pot_...).")]


def add_payouts(program: typer.Typer) -> None:
    """`payouts`."""
    found = group(
        "payouts", "Money that leaves, for accounts and UPI ids elsewhere.", under=program
    )
    example = 'tallystick payouts create wal_01h4... 10000 --upi asha@okbank --name "Asha Rao"'
    command(found, "create", example=example)(create)
    command(found, "cancel", example="tallystick payouts cancel pot_01h4...")(cancel)
    command(found, "get", example="tallystick payouts get pot_01h4...")(get)
    command(found, "list", example="tallystick payouts list --status failed")(list_payouts)


async def create(
    wallet: WalletName,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    name: Annotated[str, typer.Option(help="The payee's, as his bank knows it.")],
    upi: Annotated[str | None, typer.Option(help="A UPI id, such as asha@okbank.")] = None,
    account: Annotated[str | None, typer.Option(help="An account number, or an IBAN.")] = None,
    ifsc: Annotated[str | None, typer.Option(help="The account's IFSC; none for an IBAN.")] = None,
    description: Annotated[str | None, typer.Option(help="Kept sealed.")] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Pay money out of a wallet, within its limits."""
    from tallystick.wallets import payouts

    destination = _destination(name, upi, account, ifsc)
    words = f"{wallet} {amount} {name} {upi} {account} {ifsc} {description}"
    async with opened() as app:
        withdrawal = payouts.Withdrawal(
            amount_minor=amount,
            destination=destination,
            wallet_id=await get_wallet_id(app.ledger, wallet),
        )
        asked = asked_here("payouts.create", key, words)
        text = {"description": description}
        shown = await app.payouts.create(withdrawal, text=text, asked=asked)
    show_record(output, _record(shown) | {"replayed": shown.replayed})


async def cancel(payout: PayoutName, key: Key = None, output: Output = None) -> None:
    """Call off a payout that no bank has taken; its money is available again."""
    payout_id = id_named("pot", payout, "payout")
    async with opened() as app:
        asked = asked_here("payouts.cancel", key, payout)
        shown = await app.payouts.cancel(payout_id, asked=asked)
    show_record(output, _record(shown) | {"replayed": shown.replayed})


async def get(payout: PayoutName, output: Output = None) -> None:
    """Show a payout as it stands."""
    async with opened() as app:
        shown = await app.payouts.get(id_named("pot", payout, "payout"))
    show_record(output, _record(shown))


async def list_payouts(
    wallet: Annotated[str | None, typer.Option(help="Only out of this wallet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List payouts, the latest first."""
    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet) if wallet else None
        found = await app.payouts.list_payouts(
            None, account_id=wallet_id, status=status, limit=limit
        )
    show_records(output, [_record(shown) for shown in found], COLUMNS, right=MONEY)


def _destination(
    name: str, upi: str | None, account: str | None, ifsc: str | None
) -> "ways.Destination":
    from tallystick.rails import payouts as ways

    if (upi is None) == (account is None):
        raise WrongUsage("say --upi or --account, one of the two")
    if upi is not None:
        return ways.UpiId(upi, name)
    return ways.BankAccount(str(account), name, ifsc or "")


def _record(shown: "payouts.PayoutShown") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    row = shown.row
    return {
        "id": row.name,
        "wallet": typeid("wal", row.account_id) if row.source == "wallet" else None,
        "merchant": typeid("mer", row.owner_id) if row.source == "merchant" else None,
        "status": row.status,
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "destination": shown.mask,
        "name": shown.name,
        "route": row.route,
        "failure_code": row.failure_code,
        "description": shown.text.get("description"),
        "paid_at": row.paid_at,
        "created_at": row.created_at,
    }
