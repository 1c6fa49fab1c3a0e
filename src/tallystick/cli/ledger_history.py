"""`tallystick ledger balance`, `history` and their like: what is and what was."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, id_named, opened
from tallystick.cli.instants import read_instant, read_instant_if
from tallystick.cli.named_account import Name, account_record, get_named
from tallystick.cli.terminal import Amount, Output, as_json, say, show_record, show_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.cli.terminal import Format, Record

ENTRY_COLUMNS = ("created_at", "debit", "credit", "balance", "code", "kind", "transfer_id")
CHANGE_COLUMNS = ("account", "debit", "credit", "balance", "currency", "code", "kind")
TRIAL_COLUMNS = ("currency", "class", "accounts", "count", "debit", "credit")
MONEY_COLUMNS = ("balance", "debit", "credit", "count")

At = Annotated[
    str | None, typer.Option("--at", help="As recorded up to then, such as 2026-03-02T09:30:00Z.")
]
EffectiveAt = Annotated[
    str | None,
    typer.Option(
        "--effective-at", help="By value date up to then: back-dated lines count from their date."
    ),
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]


def add_history_commands(ledger: typer.Typer) -> None:
    """What looks."""
    example = "tallystick ledger balance platform:fees:INR --at 2026-03-31"
    command(ledger, "balance", example=example)(balance)
    example = "tallystick ledger history platform:fees:INR --limit 20"
    command(ledger, "history", example=example)(history)
    example = "tallystick ledger statement platform:fees:INR 2026-03-01 2026-04-01"
    command(ledger, "statement", example=example)(statement)
    example = "tallystick ledger change chg_01kjpy44e0fh0r68j79jejabkn"
    command(ledger, "change", example=example)(change)
    example = "tallystick ledger trial-balance --at 2026-03-31T18:30:00Z"
    command(ledger, "trial-balance", example=example)(trial_balance)


async def balance(
    account: Name, *, at: At = None, effective_at: EffectiveAt = None, output: Output = None
) -> None:
    """Show one account: posted, available, pending, limit; or its balance at an instant."""
    from tallystick.platform.ids import typeid

    recorded, effective = read_instant_if(at), read_instant_if(effective_at)
    async with opened() as app:
        found = await get_named(app.ledger, account)
        if recorded is None and effective is None:
            metadata = await app.account_metadata.get(found.id)
            show_record(output, account_record(found) | {"metadata": metadata.texts})
            return
        past = app.ledger.history
        if effective is not None:
            then = await past.balance_by_value(found, effective, recorded)
        else:
            then = await past.balance_at(found, recorded or read_instant(at or ""))
    record = {
        "id": typeid("acc", found.id),
        "code": found.code,
        "currency": found.currency,
        "at": recorded,
        "effective_at": effective,
        "balance": Amount(then.posted_minor, found.currency),
        "available": _amount(then.available_minor, found.currency),
        "pending_in": _amount(then.pending_in_minor, found.currency),
        "pending_out": _amount(then.pending_out_minor, found.currency),
        "transfers": then.version,
    }
    show_record(output, record)


async def history(
    account: Name,
    *,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this version.")] = 0,
    newest: Annotated[bool, typer.Option("--newest", help="The newest line first.")] = False,
    limit: Limit = 100,
    output: Output = None,
) -> None:
    """List an account's lines, oldest first, each with the balance after it."""
    async with opened() as app:
        found = await get_named(app.ledger, account)
        if newest:
            lines = await app.ledger.list_entries_back(found.id, None, limit)
        else:
            lines = await app.ledger.list_entries(found.id, after, limit)
    records = [_entry(line) for line in lines]
    show_records(output, records, ENTRY_COLUMNS, right=MONEY_COLUMNS)


async def statement(
    account: Name,
    since: Annotated[str, typer.Argument(metavar="FROM", help="The first day, or an instant.")],
    until: Annotated[str, typer.Argument(metavar="TO", help="The day before which it ends.")],
    *,
    by_value: Annotated[
        bool, typer.Option("--by-value", help="By value date instead of by recording.")
    ] = False,
    limit: Limit = 1_000,
    output: Output = None,
) -> None:
    """Show what moved on an account within a period, with both balances around it."""
    from tallystick.cli.failures import WrongUsage

    begin, end = read_instant(since), read_instant(until)
    if begin >= end:
        raise WrongUsage("a period ends after it began")
    async with opened() as app:
        found = await get_named(app.ledger, account)
        past = app.ledger.history
        period = await past.period(found, begin, end, by_value=by_value)
        totals = await past.totals(period)
        lines = await past.list_lines(period, limit=limit)
    record = {
        "code": found.code,
        "currency": found.currency,
        "from": begin,
        "to": end,
        "opening_balance": Amount(period.opening_minor, found.currency),
        "total_debits": Amount(totals.debits_minor, found.currency),
        "total_credits": Amount(totals.credits_minor, found.currency),
        "closing_balance": Amount(period.closing_minor, found.currency),
        "lines": totals.lines,
    }
    _show_with(output, record, "data", [_entry(line) for line in lines], ENTRY_COLUMNS)


async def change(
    change_id: Annotated[str, typer.Argument(help="The change's id (chg_...).")],
    output: Output = None,
) -> None:
    """Show all lines of one change: what moved together, or not at all."""
    from tallystick.cli.failures import NotThere

    wanted = id_named("chg", change_id, "change")
    async with opened() as app:
        lines = await app.ledger.entries_of_change(wanted)
        accounts = await app.ledger.find_accounts({line.account_id for line in lines})
    if not lines:
        raise NotThere(f"no change moved money under {change_id}")
    records = [{"account": accounts[line.account_id].code} | _entry(line) for line in lines]
    show_records(output, records, CHANGE_COLUMNS, right=MONEY_COLUMNS)


async def trial_balance(
    *,
    at: At = None,
    effective_at: EffectiveAt = None,
    currency: Annotated[str | None, typer.Option(help="Only this currency.")] = None,
    output: Output = None,
) -> None:
    """Show all accounts by currency and class; exit code 1 unless debits equal credits.

    Costs a look at every account, and for a past instant a search for each that moved since.
    """
    from tallystick.books import draw_up_trial_balance
    from tallystick.cli.failures import REFUSED

    recorded, effective = read_instant_if(at), read_instant_if(effective_at)
    async with opened() as app:
        found = await draw_up_trial_balance(
            app.ledger, at=recorded, effective_at=effective, currency=currency
        )
    records = [record for each in found.currencies for record in _trial_records(each)]
    if as_json(output):
        _show_with(output, {"balanced": found.is_balanced}, "lines", records, TRIAL_COLUMNS)
    else:
        show_records(output, records, TRIAL_COLUMNS, right=MONEY_COLUMNS)
        say("Debits equal credits." if found.is_balanced else "DEBITS DO NOT EQUAL CREDITS")
    if not found.is_balanced:
        raise SystemExit(REFUSED)


def _trial_records(each: Any) -> "list[dict[str, Any]]":
    """The lines of one currency, and its sum."""
    lines = [
        {
            "currency": each.currency,
            "class": line.chart_class,
            "accounts": line.family,
            "count": line.accounts,
            "debit": Amount(line.debit_minor, each.currency),
            "credit": Amount(line.credit_minor, each.currency),
        }
        for line in each.lines
    ]
    total = {
        "currency": each.currency,
        "class": "total",
        "accounts": None,
        "count": sum(line.accounts for line in each.lines),
        "debit": Amount(each.debit_minor, each.currency),
        "credit": Amount(each.credit_minor, each.currency),
    }
    return [*lines, total]


def _show_with(
    output: "Format | None",
    record: "dict[str, Any]",
    name: str,
    records: "Sequence[Record]",
    columns: tuple[str, ...],
) -> None:
    """A thing with a list in it: one JSON object, or its fields above a table."""
    if as_json(output):
        show_record(output, record | {name: records})
        return
    show_record(output, record)
    say()
    show_records(output, records, columns, right=MONEY_COLUMNS)


def _amount(amount_minor: int | None, currency: str) -> Amount | None:
    return None if amount_minor is None else Amount(amount_minor, currency)


def _entry(line: Any) -> "dict[str, Any]":
    from tallystick.platform.ids import typeid

    amount = Amount(abs(line.amount_minor), line.currency)
    is_debit = line.entry_type == "DEBIT"
    return {
        "created_at": line.created_at,
        "effective_at": line.effective_at,
        "debit": amount if is_debit else None,
        "credit": None if is_debit else amount,
        "balance": Amount(line.balance_after_minor, line.currency),
        "code": line.code,
        "currency": line.currency,
        "kind": line.kind,
        "version": line.account_version,
        "transfer_id": typeid("tra", line.transfer_id),
        "change_id": typeid("chg", line.transaction_id),
    }
