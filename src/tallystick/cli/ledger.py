"""`tallystick ledger`: accounts, their lines, and money moved by hand."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.ledger_accounts import add_account_commands
from tallystick.cli.ledger_export import add_export_command
from tallystick.cli.ledger_history import add_history_commands
from tallystick.cli.ledger_reservations import add_reservation_commands
from tallystick.cli.named_account import Name, account_record, get_named
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.app import App

State = Literal["open", "frozen", "closed"]
ACCOUNT_COLUMNS = ("code", "balance", "available", "currency", "side", "frozen")
MONEY_COLUMNS = ("balance", "available")


def add_ledger(program: typer.Typer) -> None:
    """`ledger`."""
    ledger = group("ledger", "Accounts, balances, lines, transfers, totals.", under=program)
    command(ledger, "accounts", example="tallystick ledger accounts rail:")(accounts)
    add_history_commands(ledger)
    example = "tallystick ledger transfer platform:bank:INR platform:suspense:INR 1250 --key m1"
    command(ledger, "transfer", example=example)(transfer)
    add_reservation_commands(ledger)
    add_account_commands(ledger)
    add_export_command(ledger)


async def accounts(
    prefix: Annotated[str, typer.Argument(help="How the codes begin; empty for all.")] = "",
    *,
    currency: Annotated[str | None, typer.Option(help="Only this currency.")] = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    owner: Annotated[
        str | None, typer.Option(help="Only those of `platform`, or of this merchant or id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 200,
    output: Output = None,
) -> None:
    """List accounts with their balances, by code; those of one owner by their ids."""
    from tallystick.ledger import Chosen

    chosen = Chosen(currency, state)
    async with opened() as app:
        if owner is None:
            found = await app.ledger.list_accounts(prefix, "", limit, chosen)
        else:
            owner_id = await _owner_of(app, owner)
            found = await app.ledger.list_accounts_of(owner_id, None, limit, chosen, prefix=prefix)
    records = [account_record(account) for account in found]
    show_records(output, records, ACCOUNT_COLUMNS, right=MONEY_COLUMNS)


async def transfer(
    debit: Name,
    credit: Name,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    code: Annotated[str, typer.Option(help="What it is for.")] = "transfer",
    key: Key = None,
    output: Output = None,
) -> None:
    """Move money from one account (debit) to another (credit), at once and for good."""
    from tallystick.ledger import Post
    from tallystick.platform.ids import typeid

    async with opened() as app:
        source, target = await get_named(app.ledger, debit), await get_named(app.ledger, credit)
        order = Post(source.id, target.id, amount, source.currency, code)
        words = f"{order.debit} {order.credit} {amount} {source.currency} {code}"
        answer = await app.transfers.post_one(order, asked_here("ledger.transfer", key, words))
    row = answer.transfers[0]
    record = {
        "transfer_id": typeid("tra", row.id),
        "change_id": typeid("chg", answer.change_id),
        "amount": Amount(row.amount, row.currency),
        "currency": row.currency,
        "debit_balance": Amount(row.debit_balance, row.currency),
        "credit_balance": Amount(row.credit_balance, row.currency),
        "at": answer.at,
        "replayed": answer.replayed,
    }
    show_record(output, record)


async def _owner_of(app: "App", name: str) -> "UUID":
    """`platform`, a merchant by either of its names, or any other owner by its id."""
    from tallystick.books import PLATFORM
    from tallystick.cli.failures import NotThere
    from tallystick.platform.ids import MalformedId, parse_typeid

    if name == "platform":
        return PLATFORM
    if found := await app.merchants.find_merchant_by_external_id(name):
        return found.id
    try:
        return parse_typeid(name.partition("_")[0], name)
    except MalformedId:
        raise NotThere(f"nobody is called {name}") from None
