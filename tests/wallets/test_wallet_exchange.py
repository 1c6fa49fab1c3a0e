"""Wallet transfers between currencies: by a quote, once, within the limits of both wallets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from tallystick.books.exchange import ExchangeWish, QuoteRow, QuoteWish, RateWish
from tallystick.books.exchange import checks as exchange_checks
from tallystick.books.exchange.errors import (
    QuoteDiffers,
    QuoteExpired,
    QuoteNotFound,
    QuoteUsed,
)
from tallystick.books.proof import prove
from tallystick.journal import Refused
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.model import LimitExceeded, NotPossible, Tier
from tallystick.wallets.transfers import store as transfer_store
from tallystick.wallets.transfers.errors import TransferDiffers
from tallystick.wallets.transfers.folds import TransferTerms, WalletTransferRow
from tallystick.wallets.transfers.transfers import Sent
from tests.wallets.sending import Office, furnish, open_office, terms

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        await furnish(office)
        await office.exchange.rates.set(
            RateWish(from_currency="USD", to_currency="INR", rate="83.1245")
        )
        yield office
        checks = (*exchange_checks, *transfer_store.CHECKS)
        proof = await prove(office.database, office.journal, office.clock, checks)
        assert [check.name for check in proof.checks if not check.green] == []


@pytest.fixture
async def purses(office: Office) -> tuple[UUID, UUID]:
    """Alice's wallet with INR 10,000.00, and Bob's in USD, which is empty."""
    return await office.wallet("alice", 1_000_000), await office.wallet("bob", currency="USD")


async def quoted(office: Office, amount_minor: int, side: str = "source", **how: Any) -> QuoteRow:
    wish = QuoteWish("INR", "USD", side, amount_minor)
    return (await office.exchange.quotes.quote(wish, **how)).row


def wish(purses: tuple[UUID, UUID], quote: QuoteRow, name: str = "gift") -> TransferTerms:
    return replace(terms(*purses, quote.source_minor, name), quote_id=quote.id)


async def sent(office: Office, wanted: TransferTerms, **how: Any) -> WalletTransferRow:
    return (await office.transfers.send(wanted, **how)).row


async def test_what_was_quoted_leaves_and_arrives(
    office: Office, purses: tuple[UUID, UUID]
) -> None:
    quote = await quoted(office, 5_000, "target")

    row = await sent(office, wish(purses, quote))

    assert (row.amount_minor, row.currency) == (415_623, "INR")
    assert (row.credited_minor, row.credited_currency) == (5_000, "USD")
    assert row.quote_id == quote.id
    assert await office.balance(purses[0]) == 1_000_000 - 415_623
    assert await office.balance(purses[1]) == 5_000
    assert await office.transfers.get(row.id) == row
    used = await office.exchange.quotes.get_quote(quote.id)
    assert used.posting_id == row.posting_id


async def test_the_same_name_is_the_same_transfer_however_late(
    office: Office, purses: tuple[UUID, UUID], clock: HandClock
) -> None:
    quote = await quoted(office, 100_000)
    first = await office.transfers.send(wish(purses, quote))
    clock.advance(timedelta(days=1))

    again = await office.transfers.send(wish(purses, quote))

    assert (again.row, again.replayed) == (first.row, True)
    other = await quoted(office, 100_000)
    with pytest.raises(TransferDiffers) as differs:
        await office.transfers.send(wish(purses, other))
    assert differs.value.fields == ("quote_id",)


async def test_a_quote_serves_one_transfer(office: Office, purses: tuple[UUID, UUID]) -> None:
    quote = await quoted(office, 100_000)
    await sent(office, wish(purses, quote))

    with pytest.raises(QuoteUsed):
        await sent(office, wish(purses, quote, "another"))
    with pytest.raises(QuoteUsed):
        await office.exchange.exchanges.exchange(ExchangeWish(quote.id, *purses))

    assert await office.balance(purses[0]) == 900_000


async def test_many_transfers_by_one_quote_are_one(
    office: Office, purses: tuple[UUID, UUID], database: Database, clock: HandClock
) -> None:
    """Each by another name, in two processes, and an operator's exchange besides."""
    quote = await quoted(office, 100_000)
    async with open_office(database, clock) as other:
        outcomes = await asyncio.gather(
            *(
                where.transfers.send(wish(purses, quote, f"gift-{number}"))
                for number in range(8)
                for where in (office, other)
            ),
            office.exchange.exchanges.exchange(ExchangeWish(quote.id, *purses)),
            return_exceptions=True,
        )

    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(outcome) for outcome in refused} == {QuoteUsed}
    assert {outcome.row.amount_minor for outcome in outcomes if isinstance(outcome, Sent)} <= {
        100_000
    }
    assert await office.balance(purses[0]) == 900_000
    assert await office.balance(purses[1]) == quote.target_minor


async def test_many_calls_by_one_name_are_one_transfer(
    office: Office, purses: tuple[UUID, UUID], database: Database, clock: HandClock
) -> None:
    quote = await quoted(office, 100_000)
    async with open_office(database, clock) as other:
        answers = await asyncio.gather(
            *(
                where.transfers.send(wish(purses, quote))
                for _ in range(8)
                for where in (office, other)
            )
        )

    assert len({answer.row for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await office.balance(purses[0]) == 900_000


async def test_only_what_was_quoted_moves(office: Office, purses: tuple[UUID, UUID]) -> None:
    quote = await quoted(office, 100_000)
    carol = await office.wallet("carol")
    dave = await office.wallet("dave", currency="KWD")

    with pytest.raises(QuoteDiffers):
        await sent(office, replace(wish(purses, quote), amount_minor=100_001))
    with pytest.raises(QuoteDiffers):
        await sent(office, wish((purses[0], carol), quote))
    with pytest.raises(QuoteDiffers):
        await sent(office, wish((purses[0], dave), quote))
    with pytest.raises(Refused) as refused:
        await sent(office, wish((purses[1], purses[0]), quote))
    assert refused.value.code == "currency_mismatch"


async def test_its_time_may_be_over(
    office: Office, purses: tuple[UUID, UUID], clock: HandClock
) -> None:
    quote = await quoted(office, 100_000)
    clock.advance(timedelta(seconds=60))

    with pytest.raises(QuoteExpired):
        await sent(office, wish(purses, quote))


async def test_a_merchant_uses_its_own_quotes_from_its_own_wallets(office: Office) -> None:
    shop = office.owner("shop")
    till = await office.wallet("shop", 1_000_000, owner_kind="merchant")
    dollars = await office.wallet("shop", currency="USD", owner_kind="merchant")
    somebodys = await quoted(office, 100_000)
    own = await quoted(office, 100_000, merchant_id=shop)

    with pytest.raises(QuoteNotFound):
        await sent(office, wish((till, dollars), somebodys), merchant_id=shop)
    row = await sent(office, wish((till, dollars), own), merchant_id=shop)

    assert row.credited_minor == own.target_minor


async def test_the_limits_of_both_wallets_hold(office: Office) -> None:
    await office.tiers.set(Tier("tested", "INR", daily_minor=99_999))
    await office.tiers.set(Tier("tested", "USD", balance_minor=1_000))
    spender = await office.wallet("spender", 1_000_000, tier="tested")
    saver = await office.wallet("saver", currency="USD", tier="tested")
    alice = await office.wallet("alice", 1_000_000)
    quote = await quoted(office, 100_000)

    with pytest.raises(LimitExceeded) as daily:
        await sent(office, wish((spender, saver), quote))
    with pytest.raises(LimitExceeded) as balance:
        await sent(office, wish((alice, saver), quote))
    assert daily.value.code == "daily_limit_exceeded"
    assert balance.value.code == "balance_limit_exceeded"

    await office.wallets.freeze(alice)
    with pytest.raises(NotPossible):
        await sent(office, wish((alice, saver), quote))
    assert (await office.exchange.quotes.get_quote(quote.id)).posting_id is None


async def test_a_wallet_that_does_not_hold_enough_keeps_the_quote(
    office: Office, purses: tuple[UUID, UUID]
) -> None:
    quote = await quoted(office, 1_000_001)
    with pytest.raises(Refused) as refused:
        await sent(office, wish(purses, quote))
    assert refused.value.code == "insufficient_funds"

    await office.fund(purses[0], 1)
    assert (await sent(office, wish(purses, quote))).status == "completed"
