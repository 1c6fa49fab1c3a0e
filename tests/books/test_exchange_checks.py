"""What the proof says when somebody tampers with rates, quotes and exchanges."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Change
from tallystick.ledger import Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database, connect
from tests.books.exchanging import Office, furnish, open_office

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    """An exchange of a given source, one of a wanted target, and a quote that nobody used."""
    async with open_office(database, clock) as office:
        await furnish(office)
        await office.set_rate()
        for quote in (await office.quote(9_999), await office.quote(5_000, "INR USD", "target")):
            await office.exchange.exchanges.exchange(office.wish(quote))
            clock.advance(timedelta(seconds=1))
        await office.quote(777)
        yield office


async def test_untouched_books_are_green(office: Office) -> None:
    assert await office.broken() == []


async def test_a_position_closed_by_hand_is_explained(office: Office) -> None:
    exchange = account_id(PLATFORM, chart.exchange_code("USD"))
    order = Post(exchange, office.purse("bank", "USD"), 4_999, "USD", "exchange")
    answer = await office.books.transfers.post_one(order)
    await office.books.transfers.reverse(answer.transfers[0].id)

    assert await office.broken() == []


@pytest.mark.parametrize(
    ("tampering", "checks"),
    [
        (
            "UPDATE exchange_quotes SET target_minor = 831162 WHERE source_minor = 9999",
            {"quotes_exact", "quotes_posted", "exchanges_by_quote"},
        ),
        (
            "UPDATE exchange_quotes SET rounding_minor = 0 WHERE source_minor = 9999",
            {"quotes_exact", "quotes_posted", "exchanges_by_quote"},
        ),
        (
            "UPDATE exchange_quotes SET source_minor = 415622 WHERE target_minor = 5000",
            {"quotes_exact", "quotes_posted", "exchanges_by_quote"},
        ),
        ("UPDATE exchange_quotes SET numerator = numerator + 1", {"quotes_exact"}),
        (
            """
            UPDATE exchange_quotes SET posting_id = id, used_at = created_at
             WHERE source_minor = 777
            """,
            {"quotes_posted"},
        ),
        (
            """
            UPDATE exchange_quotes SET posting_id = NULL, used_at = NULL
             WHERE source_minor = 9999
            """,
            {"exchanges_by_quote", "exchange_accounts"},
        ),
        (
            "DELETE FROM exchange_quotes WHERE target_minor = 5000",
            {"exchanges_by_quote", "exchange_accounts"},
        ),
        (
            "UPDATE exchanges SET debit_account_id = credit_account_id WHERE source_minor = 9999",
            {"exchanges_by_quote"},
        ),
        ("UPDATE exchanges SET target_minor = 1", {"exchanges_by_quote"}),
        ("DELETE FROM exchanges", set()),
        ("UPDATE exchange_rates SET rate = '1'", set()),
    ],
)
async def test_what_was_tampered_with_is_found(
    office: Office, owner_address: Address, tampering: str, checks: set[str]
) -> None:
    path = {"search_path": f'"{owner_address.schema}"'}
    connection = await connect(owner_address, server_settings=path)
    try:
        await connection.execute(tampering)
    finally:
        await connection.close()

    # Whatever the rows say, their facts say otherwise.
    assert set(await office.broken()) == {*checks, "projections"}


async def test_money_moved_there_past_every_quote_is_found(office: Office) -> None:
    exchange = account_id(PLATFORM, chart.exchange_code("INR"))
    order = Post(exchange, office.purse("bob", "INR"), 1, "INR", "exchange")
    change_id = new_id(office.books.clock.now(), bucket_of(exchange))
    await office.books.journal.record(Change(change_id, transfers=(order,)))

    assert await office.broken() == ["exchange_accounts"]
