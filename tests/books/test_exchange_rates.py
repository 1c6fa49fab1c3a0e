"""Rates as data: the one that holds, the one that is too old, and the ones that were."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tallystick.books.exchange import RateWish
from tallystick.books.exchange.errors import InvalidRate, RateNotFound, RateStale, SameCurrency
from tallystick.journal import JournalError
from tallystick.money import UnknownCurrency
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.books.exchanging import Office, furnish, open_office
from tests.books.furnished import asked

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        await furnish(office)
        yield office
        assert await office.broken() == []


async def test_the_latest_that_has_begun_holds(office: Office, clock: HandClock) -> None:
    hour = timedelta(hours=1)
    await office.set_rate("83")
    await office.set_rate("84", valid_from=clock.now() + hour)
    await office.set_rate("82", valid_from=clock.now() - hour)

    assert (await office.exchange.rates.get_standing("USD", "INR")).rate == "83"
    clock.advance(hour)
    assert (await office.exchange.rates.get_standing("USD", "INR")).rate == "84"


async def test_of_two_from_one_instant_on_the_one_set_later_holds(
    office: Office, clock: HandClock
) -> None:
    morning = clock.now()
    await office.set_rate("831", valid_from=morning)
    clock.advance(timedelta(seconds=1))
    await office.set_rate("83.1", valid_from=morning)

    assert (await office.exchange.rates.get_standing("USD", "INR")).rate == "83.1"


async def test_it_serves_both_directions_until_the_other_is_set(office: Office) -> None:
    await office.set_rate("80")
    inverse = await office.quote(8_000, "INR USD")
    await office.set_rate("0.0100", ("INR", "USD"))
    direct = await office.quote(8_000, "INR USD")

    assert (inverse.target_minor, inverse.rate, inverse.inverse) == (100, "80", True)
    assert (direct.target_minor, direct.rate, direct.inverse) == (80, "0.0100", False)


async def test_one_that_is_too_old_quotes_nothing(office: Office, clock: HandClock) -> None:
    await office.set_rate(max_age_s=3_600)
    clock.advance(timedelta(seconds=3_599))
    await office.quote()
    clock.advance(timedelta(seconds=1))

    with pytest.raises(RateStale):
        await office.quote()
    with pytest.raises(RateStale):
        await office.quote(pair="INR USD")
    await office.set_rate(max_age_s=3_600)
    await office.quote()


async def test_its_age_counts_from_when_it_holds(office: Office, clock: HandClock) -> None:
    await office.set_rate(valid_from=clock.now() - timedelta(hours=2), max_age_s=3_600)

    with pytest.raises(RateStale):
        await office.quote()


async def test_without_one_there_is_no_quote(office: Office, clock: HandClock) -> None:
    await office.set_rate(valid_from=clock.now() + timedelta(days=1))

    with pytest.raises(RateNotFound):
        await office.quote()
    with pytest.raises(RateNotFound):
        await office.quote(pair="EUR INR")


@pytest.mark.parametrize("rate", ["0", "-1", "1e5", "", "1,5", "9" * 15])
async def test_one_that_cannot_be_is_refused(office: Office, rate: str) -> None:
    with pytest.raises(InvalidRate):
        await office.set_rate(rate)


async def test_terms_that_cannot_be_are_refused(office: Office) -> None:
    with pytest.raises(SameCurrency):
        await office.set_rate(pair=("INR", "INR"))
    with pytest.raises(UnknownCurrency):
        await office.set_rate(pair=("INR", "XXX"))
    for max_age_s in (0, -1, 31_536_001):
        with pytest.raises(InvalidRate):
            await office.set_rate(max_age_s=max_age_s)
    assert await office.exchange.rates.list_rates() == ()


async def test_the_same_key_sets_it_once(office: Office) -> None:
    rates = office.exchange.rates
    wish = RateWish(from_currency="USD", to_currency="INR", rate="83.1245")
    first = await rates.set(wish, asked=asked("noon"))
    again = await rates.set(wish, asked=asked("noon"))

    assert (again.row, again.replayed) == (first.row, True)
    with pytest.raises(JournalError, match="another request body"):
        await rates.set(wish, asked=asked("noon", "other"))


async def test_all_that_were_set_are_listed_by_the_page(office: Office, clock: HandClock) -> None:
    for rate in ("81", "82", "83"):
        await office.set_rate(rate)
        clock.advance(timedelta(seconds=1))
    await office.set_rate("0.9", ("USD", "EUR"))
    rates = office.exchange.rates

    first = await rates.list_rates("USD", "INR", None, 2)
    rest = await rates.list_rates("USD", "INR", (first[-1].set_at, first[-1].id), 2)

    assert [row.rate for row in (*first, *rest)] == ["83", "82", "81"]
    assert len(await rates.list_rates()) == 4


async def test_setting_one_opens_the_accounts_it_needs(office: Office) -> None:
    await office.set_rate("0.31", ("USD", "KWD"))

    found = await office.books.ledger.list_accounts("platform:")
    assert {account.code for account in found} == {
        f"platform:{what}:{currency}"
        for what in ("exchange", "rounding")
        for currency in ("USD", "KWD")
    }
    assert {(account.normal_side, account.overdraft_limit) for account in found} == {
        ("credit", None)
    }
