"""`tallystick ledger`: accounts, their lines, and money moved by hand."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group
from tallystick.cli.terminal import Amount, Output, show_record, show_records

if TYPE_CHECKING:
    from tallystick.ledger import Ledger

ACCOUNT_COLUMNS = ("code", "balance", "available", "currency", "side", "frozen")
ENTRY_COLUMNS = ("created_at", "debit", "credit", "balance", "code", "kind", "transfer_id")
MONEY_COLUMNS = ("balance", "available", "debit", "credit")

Name = Annotated[str, typer.Argument(help="An account's code, or its id (acc_...).")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key: the same key never does the same thing twice."),
]


def add_ledger(program: typer.Typer) -> None:
    """`ledger`."""
    ledger = group("ledger", "Accounts, balances, entries, transfers.", under=program)
    command(ledger, "accounts", example="tallystick ledger accounts rail:")(accounts)
    command(ledger, "balance", example="tallystick ledger balance platform:fees:INR")(balance)
    command(ledger, "entries", example="tallystick ledger entries platform:fees:INR --limit 20")(
        entries
    )
    example = "tallystick ledger transfer platform:bank:INR platform:suspense:INR 1250 --key m1"
    command(ledger, "transfer", example=example)(transfer)
    command(ledger, "open", example="tallystick ledger open petty:cash:INR INR debit")(open_account)


async def accounts(
    prefix: Annotated[str, typer.Argument(help="How the codes begin; empty for all.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 200,
    output: Output = None,
) -> None:
    """List accounts with their balances, by code."""
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        found = await app.ledger.list_accounts(prefix, "", limit)
    records = [_account(account) for account in found]
    show_records(output, records, ACCOUNT_COLUMNS, right=MONEY_COLUMNS)


async def balance(account: Name, output: Output = None) -> None:
    """Show one account: posted, available, pending, limit."""
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        found = await _get(app.ledger, account)
    show_record(output, _account(found))


async def entries(
    account: Name,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this version.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    output: Output = None,
) -> None:
    """List an account's lines, oldest first, each with the balance after it."""
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        found = await _get(app.ledger, account)
        lines = await app.ledger.list_entries(found.id, after, limit)
    records = [_entry(line) for line in lines]
    show_records(output, records, ENTRY_COLUMNS, right=MONEY_COLUMNS)


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
    from tallystick.cli.database import opened_app
    from tallystick.ledger import Post
    from tallystick.platform.ids import typeid

    async with opened_app() as (app, _):
        source, target = await _get(app.ledger, debit), await _get(app.ledger, credit)
        order = Post(source.id, target.id, amount, source.currency, code)
        words = f"{order.debit} {order.credit} {amount} {source.currency} {code}"
        answer = await app.transfers.post_one(order, _asked("ledger.transfer", key, words))
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


async def open_account(
    code: Annotated[str, typer.Argument(help="The new account's code.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    side: Annotated[str, typer.Argument(help="On which it grows: debit or credit.")],
    *,
    overdraft: Annotated[
        int | None, typer.Option(min=0, help="How far below zero it may go, in minor units.")
    ] = 0,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No overdraft limit.")] = False,
    merchant: Annotated[
        str | None, typer.Option(help="Whose it is; default: the platform's.")
    ] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Open an account; its id follows from its owner and its code."""
    from tallystick.books import PLATFORM, account_id
    from tallystick.cli.database import opened_app
    from tallystick.cli.merchants import find_named
    from tallystick.ledger import Open
    from tallystick.platform.ids import typeid

    limit = None if unlimited else overdraft
    async with opened_app() as (app, _):
        owner = (await find_named(app.merchants, merchant)).id if merchant else PLATFORM
        order = Open(account_id(owner, code), code, currency, side, limit)
        words = f"{owner} {code} {currency} {side} {limit}"
        terms = await app.accounts.open(order, asked=_asked("ledger.open", key, words))
    record = {
        "id": typeid("acc", terms.id),
        "code": terms.code,
        "currency": terms.currency,
        "side": terms.normal_side,
        "overdraft_limit": terms.overdraft_limit_minor,
        "replayed": terms.replayed,
    }
    show_record(output, record)


async def _get(ledger: "Ledger", name: str) -> Any:
    """The account with this id or code. Raises CannotRun."""
    from tallystick.cli.failures import NotThere
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        found = await ledger.find_account(parse_typeid("acc", name))
    except MalformedId:
        found = await ledger.find_account_by_code(name)
    if found is None:
        raise NotThere(f"no account is called {name}; tallystick ledger accounts lists them")
    return found


def _asked(scope: str, key: str | None, words: str) -> Any:
    """What makes a repeat with the same key answer instead of moving money again."""
    from tallystick.journal import Asked

    return Asked(scope=f"operator:{scope}", key=key or os.urandom(16).hex(), body=words.encode())


def _account(account: Any) -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    limit = account.overdraft_limit
    return {
        "id": typeid("acc", account.id),
        "code": account.code,
        "currency": account.currency,
        "side": account.normal_side,
        "balance": Amount(account.posted_minor, account.currency),
        "available": Amount(account.available_minor, account.currency),
        "pending_in": Amount(account.pending_in_minor, account.currency),
        "pending_out": Amount(account.pending_out_minor, account.currency),
        "overdraft_limit": None if limit is None else Amount(limit, account.currency),
        "frozen": account.frozen,
        "closed_at": account.closed_at,
        "transfers": account.version,
    }


def _entry(line: Any) -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    amount = Amount(abs(line.amount_minor), line.currency)
    is_debit = line.entry_type == "DEBIT"
    return {
        "created_at": line.created_at,
        "debit": amount if is_debit else None,
        "credit": None if is_debit else amount,
        "balance": Amount(line.balance_after_minor, line.currency),
        "code": line.code,
        "currency": line.currency,
        "kind": line.kind,
        "version": line.account_version,
        "transfer_id": typeid("tra", line.transfer_id),
    }
