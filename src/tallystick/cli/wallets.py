"""`tallystick wallets`: open them, look at them, freeze and close them, set their limits."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.wallets import Seen, Tier

COLUMNS = ("id", "owner", "currency", "status", "tier", "balance", "available", "pending")
LINES = ("created_at", "type", "amount", "balance_after", "code")
TIERS = ("name", "currency", "daily", "monthly", "balance")
MONEY = ("balance", "available", "pending", "amount", "balance_after", "daily", "monthly")


def add_wallets(program: typer.Typer) -> None:
    """`wallets`."""
    wallets = group("wallets", "Money people keep with us, and its limits.", under=program)
    command(wallets, "open", example="tallystick wallets open usr_01h4... INR")(open_wallet)
    command(wallets, "list", example="tallystick wallets list --owner usr_01h4...")(list_wallets)
    command(wallets, "show", example="tallystick wallets show wal_01h4...")(show_wallet)
    example = "tallystick wallets transactions wal_01h4... --limit 5"
    command(wallets, "transactions", example=example)(transactions)
    command(wallets, "freeze", example="tallystick wallets freeze wal_01h4... --all")(freeze)
    command(wallets, "unfreeze", example="tallystick wallets unfreeze wal_01h4...")(unfreeze)
    command(wallets, "close", example="tallystick wallets close wal_01h4...")(close)
    command(wallets, "tier", example="tallystick wallets tier wal_01h4... verified")(assign_tier)
    command(wallets, "tiers", example="tallystick wallets tiers")(list_tiers)
    example = "tallystick wallets set-tier gold INR --daily 5000000 --balance 20000000"
    command(wallets, "set-tier", example=example)(set_tier)


async def open_wallet(
    owner: Annotated[str, typer.Argument(help="A user's id (usr_...) or a merchant's (mer_...).")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")] = "INR",
    *,
    tier: Annotated[
        str | None, typer.Option(help="Whose limits hold; basic, a merchant's is unlimited.")
    ] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Open a wallet, empty: one an owner and currency."""
    from tallystick.wallets import Call

    owner_id, kind = _owner(owner)
    async with opened() as app:
        if kind == "merchant":
            await app.merchants.get_merchant(owner_id)
        call = Call(asked=asked_here("wallets.open", key, f"{owner} {currency} {tier}"))
        seen = await app.wallets.open(owner_id, currency, owner_kind=kind, tier=tier, call=call)
    show_record(output, _record(seen))


async def list_wallets(
    owner: Annotated[str | None, typer.Option(help="Only this user's or merchant's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List wallets with their balances, the latest first."""
    owner_id = _owner(owner)[0] if owner else None
    async with opened() as app:
        found = await app.wallets.list_wallets(owner_id, limit=limit)
    show_records(output, [_record(seen) for seen in found], COLUMNS, right=MONEY)


async def show_wallet(wallet: WalletName, output: Output = None) -> None:
    """Show one wallet: its money, its state, and what counts against its limits."""
    async with opened() as app:
        seen = await app.wallets.get(await get_wallet_id(app.ledger, wallet))
    show_record(output, _record(seen))


async def transactions(
    wallet: WalletName,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List what moved into and out of a wallet, the newest first."""
    from tallystick.platform.ids import typeid

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet)
        page = await app.wallets.list_transactions(wallet_id, limit=limit)
    records = [
        {
            "created_at": row.created_at,
            "type": row.type,
            "amount": Amount(row.amount_minor, row.currency),
            "currency": row.currency,
            "balance_after": Amount(row.balance_after_minor, row.currency),
            "code": row.code,
            "transfer": typeid("tra", row.transfer_id),
        }
        for row in page.rows
    ]
    show_records(output, records, LINES, right=MONEY)


async def freeze(
    wallet: WalletName,
    everything: Annotated[
        bool, typer.Option("--all", help="Stop what arrives too, not only what leaves.")
    ] = False,
    output: Output = None,
) -> None:
    """Let nothing leave a wallet, or nothing move at all."""
    await _altered(wallet, "freeze", output, "all" if everything else "outflow")


async def unfreeze(wallet: WalletName, output: Output = None) -> None:
    """Let a wallet's money move again."""
    await _altered(wallet, "unfreeze", output)


async def close(wallet: WalletName, output: Output = None) -> None:
    """Close an empty wallet for good."""
    await _altered(wallet, "close", output)


async def assign_tier(
    wallet: WalletName,
    tier: Annotated[str, typer.Argument(help="The tier whose limits hold from now on.")],
    output: Output = None,
) -> None:
    """Give a wallet another tier."""
    await _altered(wallet, "assign_tier", output, tier)


async def list_tiers(output: Output = None) -> None:
    """List the limits of all tiers; `unlimited` is there in any currency."""
    async with opened() as app:
        found = await app.wallets.tiers.list_tiers()
    show_records(output, [_limits(tier) for tier in found], TIERS, right=MONEY)


async def set_tier(
    name: Annotated[str, typer.Argument(help="The tier.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    *,
    daily: Annotated[int | None, typer.Option(min=0, help="Out of a wallet on one day.")] = None,
    monthly: Annotated[
        int | None, typer.Option(min=0, help="Out of a wallet in one month.")
    ] = None,
    balance: Annotated[int | None, typer.Option(min=0, help="In a wallet at any time.")] = None,
    output: Output = None,
) -> None:
    """Set a tier's limits in one currency, in minor units; what is left out is without limit."""
    from tallystick.wallets import Tier

    async with opened() as app:
        done = await app.wallets.tiers.set(Tier(name, currency, daily, monthly, balance))
    show_record(output, _limits(done.tier))


async def _altered(wallet: str, verb: str, output: Output, *terms: str) -> None:
    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet)
        seen = await getattr(app.wallets, verb)(wallet_id, *terms)
    show_record(output, _record(seen))


def _owner(text: str) -> tuple["UUID", str]:
    """The owner's id, and whether he is a `user` or a `merchant`. Raises WrongUsage."""
    from tallystick.cli.failures import WrongUsage
    from tallystick.platform.ids import MalformedId, parse_typeid

    kinds = {"usr": "user", "mer": "merchant"}
    prefix = text.partition("_")[0]
    try:
        return parse_typeid(prefix, text), kinds[prefix]
    except (MalformedId, KeyError):
        wanted = "an owner is a user's id (usr_...) or a merchant's (mer_...)"
        raise WrongUsage(wanted) from None


def _record(seen: "Seen") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    wallet, money = seen.wallet, seen.money
    prefix = "mer" if wallet.owner_kind == "merchant" else "usr"
    return {
        "id": typeid("wal", wallet.id),
        "owner": typeid(prefix, wallet.owner_id),
        "currency": wallet.currency,
        "status": wallet.status,
        "frozen": wallet.frozen,
        "tier": wallet.tier,
        "balance": Amount(money.balance_minor, wallet.currency),
        "available": Amount(money.available_minor, wallet.currency),
        "pending": Amount(money.pending_minor, wallet.currency),
        "spent_on": wallet.spent_on,
        "spent_that_day": Amount(wallet.spent_day_minor, wallet.currency),
        "spent_that_month": Amount(wallet.spent_month_minor, wallet.currency),
        "version": seen.version,
        "opened_at": wallet.opened_at,
    }


def _limits(tier: "Tier") -> dict[str, Any]:
    def shown(limit_minor: int | None) -> Amount | None:
        return None if limit_minor is None else Amount(limit_minor, tier.currency)

    return {
        "name": tier.name,
        "currency": tier.currency,
        "daily": shown(tier.daily_minor),
        "monthly": shown(tier.monthly_minor),
        "balance": shown(tier.balance_minor),
    }
