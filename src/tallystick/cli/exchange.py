"""`tallystick exchange`: rates, quotes, and money of one currency for money of another."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.named_account import Name, get_named
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.books.exchange import ExchangeRow, QuoteRow, RateRow

RATES = ("set_at", "from", "to", "rate", "valid_from", "max_age_s", "id")
EXCHANGES = ("created_at", "paid", "from", "got", "to", "id")
MONEY = ("rate", "max_age_s", "paid", "got")

Currency = Annotated[str, typer.Argument(help="ISO 4217.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]


def add_exchange(program: typer.Typer) -> None:
    """`exchange`."""
    exchange = group("exchange", "One currency for another, at a quoted rate.", under=program)
    example = "tallystick exchange set-rate USD INR 83.1245 --max-age 3600"
    command(exchange, "set-rate", example=example)(set_rate)
    command(exchange, "rates", example="tallystick exchange rates --limit 5")(list_rates)
    command(exchange, "quote", example="tallystick exchange quote USD INR 10000")(quote)
    example = "tallystick exchange make quo_01h4... platform:bank:USD platform:bank:INR"
    command(exchange, "make", example=example)(make)
    command(exchange, "list", example="tallystick exchange list --limit 5")(list_exchanges)


async def set_rate(
    from_currency: Currency,
    to_currency: Currency,
    rate: Annotated[str, typer.Argument(help="Units of the second for one of the first.")],
    *,
    valid_from: Annotated[
        str | None, typer.Option(help="From when it holds, such as 2026-03-02T09:30:00Z; else now.")
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option(min=1, help="Seconds after which no quote is given by it; else never."),
    ] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Let a rate hold from now on, or from another instant on. Quotes given keep theirs."""
    from tallystick.books.exchange import RateWish
    from tallystick.cli.instants import read_instant_if

    wish = RateWish(
        from_currency=from_currency,
        to_currency=to_currency,
        rate=rate,
        valid_from=read_instant_if(valid_from),
        max_age_s=max_age,
    )
    words = f"{from_currency} {to_currency} {rate} {valid_from} {max_age}"
    async with opened() as app:
        done = await app.exchange.rates.set(wish, asked=asked_here("exchange.rate", key, words))
    show_record(output, _rate(done.row) | {"replayed": done.replayed})


async def list_rates(limit: Limit = 20, output: Output = None) -> None:
    """List the rates that were set, the latest first."""
    async with opened() as app:
        rows = await app.exchange.rates.list_rates(limit=limit)
    show_records(output, [_rate(row) for row in rows], RATES, right=MONEY)


async def quote(
    from_currency: Currency,
    to_currency: Currency,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is USD 12.50.")],
    *,
    target: Annotated[
        bool, typer.Option("--target", help="The amount is what is to be got, not what is given.")
    ] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Be promised an exchange at the rate of now, for a short time and one use."""
    from tallystick.books.exchange import QuoteWish

    wish = QuoteWish(from_currency, to_currency, "target" if target else "source", amount)
    words = f"{from_currency} {to_currency} {wish.fixed_side} {amount}"
    async with opened() as app:
        done = await app.exchange.quotes.quote(wish, asked=asked_here("exchange.quote", key, words))
        record = _quote(done.row) | {"status": done.row.status(app.clock.now())}
    show_record(output, record | {"replayed": done.replayed})


async def make(
    quote_id: Annotated[str, typer.Argument(metavar="QUOTE", help="The quote's id (quo_...).")],
    debit: Name,
    credit: Name,
    *,
    key: Key = None,
    output: Output = None,
) -> None:
    """Exchange what was quoted: it leaves the first account (debit) and reaches the second."""
    from tallystick.books.exchange import ExchangeWish

    found = get_quote_id(quote_id)
    async with opened() as app:
        source, target = await get_named(app.ledger, debit), await get_named(app.ledger, credit)
        wish = ExchangeWish(found, source.id, target.id)
        words = f"{found} {source.id} {target.id}"
        asked = asked_here("exchange.make", key, words)
        done = await app.exchange.exchanges.exchange(wish, asked=asked)
    show_record(output, _exchange(done.row) | {"replayed": done.replayed})


async def list_exchanges(
    account: Annotated[
        str | None, typer.Option(help="Only from or to this account, by its code or id.")
    ] = None,
    limit: Limit = 20,
    output: Output = None,
) -> None:
    """List exchanges, the latest first; those between wallets are wallet transfers."""
    async with opened() as app:
        named = [(await get_named(app.ledger, account)).id] if account else None
        rows = await app.exchange.exchanges.list_exchanges(named, limit=limit)
    show_records(output, [_exchange(row) for row in rows], EXCHANGES, right=MONEY)


def get_quote_id(text: str) -> "UUID":
    """The quote's id. Raises WrongUsage."""
    from tallystick.cli.failures import WrongUsage
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid("quo", text)
    except MalformedId as error:
        raise WrongUsage(f"{text!r:.40} is no quote: {error}") from None


def _rate(row: "RateRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("rat", row.id),
        "from": row.from_currency,
        "to": row.to_currency,
        "rate": row.rate,
        "valid_from": row.valid_from,
        "max_age_s": row.max_age_s,
        "set_at": row.set_at,
    }


def _quote(row: "QuoteRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("quo", row.id),
        "paid": Amount(row.source_minor, row.from_currency),
        "from": row.from_currency,
        "got": Amount(row.target_minor, row.to_currency),
        "to": row.to_currency,
        "rounding": Amount(row.rounding_minor, row.rounding_currency),
        "rate": row.rate,
        "inverse": row.inverse,
        "expires_at": row.expires_at,
    }


def _exchange(row: "ExchangeRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("exg", row.id),
        "quote": typeid("quo", row.quote_id),
        "paid": Amount(row.source_minor, row.from_currency),
        "from": row.from_currency,
        "got": Amount(row.target_minor, row.to_currency),
        "to": row.to_currency,
        "debit_account": typeid("acc", row.debit_account_id),
        "credit_account": typeid("acc", row.credit_account_id),
        "created_at": row.created_at,
    }
