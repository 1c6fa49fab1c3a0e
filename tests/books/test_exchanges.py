"""Quotes and exchanges: what was quoted moves, once, whole, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from msgspec.structs import replace

from tallystick.books import PLATFORM, account_id, chart
from tallystick.books.exchange import ExchangeRow, ExchangeWish, QuoteWish
from tallystick.books.exchange.errors import (
    ExchangeNotFound,
    NotExchangeable,
    QuoteExpired,
    QuoteNotFound,
    QuoteUsed,
    SameCurrency,
)
from tallystick.books.exchange.exchanges import ExchangeAnswer
from tallystick.books.model import NotReversible
from tallystick.journal import JournalError, Refused
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import derived_id, new_id
from tallystick.platform.postgres.pools import Database
from tests.books.exchanging import TTL_S, Office, furnish, open_office
from tests.books.furnished import asked

pytestmark = pytest.mark.anyio

MERCHANT = derived_id(PLATFORM, "a shop")


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        await furnish(office)
        await office.set_rate()
        yield office
        assert await office.broken() == []


class TestQuoting:
    async def test_what_is_given_makes_so_much(self, office: Office, clock: HandClock) -> None:
        quote = await office.quote(9_999)

        # 8,311.618755
        assert (quote.source_minor, quote.target_minor, quote.rounding_minor) == (9_999, 831_161, 1)
        assert quote.rounding_currency == "INR"
        assert quote.expires_at == clock.now() + timedelta(seconds=TTL_S)
        assert quote.status(clock.now()) == "open"

    async def test_what_is_wanted_costs_so_much(self, office: Office) -> None:
        quote = await office.quote(5_000, "INR USD", "target")

        # 4,156.225: a tie
        assert (quote.source_minor, quote.target_minor, quote.rounding_minor) == (415_623, 5_000, 1)
        assert quote.rounding_currency == "INR"

    async def test_it_keeps_its_amounts_wherever_the_rate_goes(self, office: Office) -> None:
        quote = await office.quote(9_999)
        await office.set_rate("50")

        await office.exchange.exchanges.exchange(office.wish(quote))

        assert (await office.standing())["alice INR"] == 1_000_000 + 831_161

    async def test_it_belongs_to_who_asked_for_it(self, office: Office) -> None:
        quotes = office.exchange.quotes
        quote = await office.quote(merchant_id=MERCHANT)

        assert await quotes.get_quote(quote.id, merchant_id=MERCHANT) == quote
        assert await quotes.get_quote(quote.id) == quote  # an operator sees all
        stranger = derived_id(PLATFORM, "another shop")
        with pytest.raises(QuoteNotFound):
            await quotes.get_quote(quote.id, merchant_id=stranger)
        with pytest.raises(QuoteNotFound):
            await office.exchange.exchanges.exchange(office.wish(quote), merchant_id=stranger)

    async def test_the_same_key_is_given_the_same_quote(self, office: Office) -> None:
        quotes = office.exchange.quotes
        wish = QuoteWish("USD", "INR", "source", 100)
        first = await quotes.quote(wish, asked=asked("tea"))
        await office.set_rate("90")
        again = await quotes.quote(wish, asked=asked("tea"))

        assert (again.row, again.replayed) == (first.row, True)
        with pytest.raises(JournalError, match="another request body"):
            await quotes.quote(wish, asked=asked("tea", "other"))

    @pytest.mark.parametrize("amount_minor", [0, -1, 10**15 + 1, 2**63, 10**40])
    async def test_amounts_nobody_can_pay_are_refused(
        self, office: Office, amount_minor: int
    ) -> None:
        for side in ("source", "target"):
            with pytest.raises(NotExchangeable):
                await office.quote(amount_minor, side=side)

    async def test_what_makes_less_than_one_unit_or_too_much_is_refused(
        self, office: Office
    ) -> None:
        with pytest.raises(NotExchangeable):
            await office.quote(83, "INR USD")  # 0.998... cents: nearer to one, and still less
        with pytest.raises(NotExchangeable):
            await office.quote(10**14)
        with pytest.raises(SameCurrency):
            await office.quote(1, "INR INR")


class TestExchanging:
    async def test_each_currency_balances_by_itself(self, office: Office) -> None:
        quote = await office.quote(9_999)

        made = (await office.exchange.exchanges.exchange(office.wish(quote))).row

        assert (made.source_minor, made.target_minor, made.rounding_minor) == (9_999, 831_161, 1)
        assert await office.standing() == {
            "alice USD": 100_000 - 9_999,
            "exchange USD": 9_999,
            "exchange INR": -831_162,
            "alice INR": 1_000_000 + 831_161,
            "rounding INR": 1,
        }

    async def test_a_rounded_source_is_paid_to_the_whole_unit(self, office: Office) -> None:
        quote = await office.quote(5_000, "INR USD", "target")

        await office.exchange.exchanges.exchange(office.wish(quote))

        assert await office.standing() == {
            "alice INR": 1_000_000 - 415_623,
            "exchange INR": 415_622,
            "rounding INR": 1,
            "exchange USD": -5_000,
            "alice USD": 100_000 + 5_000,
        }

    async def test_nothing_is_rounded_that_is_whole(self, office: Office) -> None:
        quote = await office.quote(10_000)

        made = (await office.exchange.exchanges.exchange(office.wish(quote))).row

        assert len(await office.books.ledger.transfers_of_change(made.id)) == 2
        assert "rounding INR" not in await office.standing()

    async def test_it_may_reach_somebody_else(self, office: Office) -> None:
        quote = await office.quote(10_000)

        await office.exchange.exchanges.exchange(office.wish(quote, "alice", "bob"))

        assert await office.balance(office.purse("bob", "INR")) == 831_245

    async def test_all_of_it_happens_or_nothing(self, office: Office) -> None:
        before = await office.standing()
        quote = await office.quote(100_001)

        with pytest.raises(Refused) as refused:
            await office.exchange.exchanges.exchange(office.wish(quote))

        assert refused.value.code == "insufficient_funds"
        assert await office.standing() == before
        assert await office.exchange.exchanges.list_exchanges() == ()

    async def test_a_refusal_leaves_the_quote_unused(self, office: Office) -> None:
        quote = await office.quote(100_001)
        exchanges = office.exchange.exchanges
        with pytest.raises(Refused):
            await exchanges.exchange(office.wish(quote), asked=asked("first"))
        await office.books.transfers.post_one(
            replace(
                office.books.post("bank:USD", "alice:USD", 1, "fund"),
                currency="USD",
            )
        )

        with pytest.raises(Refused):  # remembered
            await exchanges.exchange(office.wish(quote), asked=asked("first"))
        await exchanges.exchange(office.wish(quote), asked=asked("second"))

        assert await office.balance(office.purse("alice", "USD")) == 0

    @pytest.mark.parametrize(
        ("debit", "credit", "code"),
        [
            ("alice:INR", "alice:USD", "currency_mismatch"),
            ("alice:USD", "alice:USD", "currency_mismatch"),
            ("alice:USD", "nobody", "unknown_account"),
        ],
    )
    async def test_accounts_that_do_not_fit_are_refused(
        self, office: Office, debit: str, credit: str, code: str
    ) -> None:
        quote = await office.quote()
        account = office.books.account
        wish = ExchangeWish(quote.id, account(debit), account(credit))

        with pytest.raises(Refused) as refused:
            await office.exchange.exchanges.exchange(wish)

        assert refused.value.code == code

    async def test_the_exchange_accounts_exchange_nothing_for_themselves(
        self, office: Office
    ) -> None:
        quote = await office.quote()
        own = account_id(PLATFORM, chart.exchange_code("USD"))

        with pytest.raises(Refused) as refused:
            await office.exchange.exchanges.exchange(
                ExchangeWish(quote.id, own, office.purse("alice", "INR"))
            )

        assert refused.value.code == "same_account"

    async def test_it_is_not_reversed_by_halves(self, office: Office) -> None:
        quote = await office.quote()
        made = (await office.exchange.exchanges.exchange(office.wish(quote))).row

        for row in await office.books.ledger.transfers_of_change(made.id):
            with pytest.raises(NotReversible):
                await office.books.transfers.reverse(row.id)

    async def test_they_are_listed_by_account_and_by_the_page(
        self, office: Office, clock: HandClock
    ) -> None:
        exchanges = office.exchange.exchanges
        made: list[ExchangeRow] = []
        for name in ("alice", "bob", "alice"):
            quote = await office.quote(100)
            done = await exchanges.exchange(office.wish(quote, "alice", name))
            made.append(done.row)
            clock.advance(timedelta(seconds=1))

        first = await exchanges.list_exchanges(None, None, 2)
        rest = await exchanges.list_exchanges(None, (first[-1].created_at, first[-1].id), 2)
        assert [*first, *rest] == made[::-1]
        bobs = [office.purse("bob", "INR")]
        assert await exchanges.list_exchanges(bobs) == (made[1],)
        alices = [office.purse("alice", currency) for currency in ("USD", "INR")]
        assert await exchanges.list_exchanges(alices) == tuple(made[::-1])
        assert await exchanges.list_exchanges([]) == ()
        with pytest.raises(ExchangeNotFound):
            await exchanges.get_exchange(new_id(clock.now(), 1))


class TestMany:
    async def test_no_unit_is_lost_and_nothing_drifts(self, office: Office) -> None:
        """Both directions and both sides, at rates that leave a rest."""
        chance = Random(4)
        exact = {"USD": Fraction(0), "INR": Fraction(0)}
        before = await office.standing()
        for _ in range(40):
            if chance.random() < 0.2:
                await office.set_rate(f"{chance.randint(700_000, 900_000) / 10_000}")
                office.books.clock.advance(timedelta(milliseconds=1))
            pair = chance.choice(("USD INR", "INR USD"))
            side = chance.choice(("source", "target"))
            quote = await office.quote(chance.randint(100, 2_000), pair, side)
            await office.exchange.exchanges.exchange(office.wish(quote))
            rate = Fraction(quote.numerator, quote.denominator)
            given = quote.source_minor if side == "source" else quote.target_minor / rate
            exact[quote.from_currency] += given
            exact[quote.to_currency] -= given * rate

        moved = await office.standing()
        for currency, due in exact.items():
            alices = moved[f"alice {currency}"] - before[f"alice {currency}"]
            position = moved[f"exchange {currency}"]
            rounding = moved[f"rounding {currency}"]
            assert alices + position + rounding == 0
            assert abs(position - due) <= 20  # half a unit each, at most
            assert rounding <= 40


class TestOnce:
    async def test_a_quote_is_used_once(self, office: Office, clock: HandClock) -> None:
        quote = await office.quote()
        exchanges = office.exchange.exchanges
        made = (await exchanges.exchange(office.wish(quote))).row

        with pytest.raises(QuoteUsed):
            await exchanges.exchange(office.wish(quote))

        used = await office.exchange.quotes.get_quote(quote.id)
        assert (used.posting_id, used.used_at) == (made.id, made.created_at)
        assert used.status(clock.now()) == "used"

    async def test_a_quote_is_used_before_its_time_is_over(
        self, office: Office, clock: HandClock
    ) -> None:
        quotes = [await office.quote() for _ in range(2)]
        exchanges = office.exchange.exchanges
        clock.advance(timedelta(seconds=TTL_S) - timedelta(microseconds=1))
        await exchanges.exchange(office.wish(quotes[0]))
        clock.advance(timedelta(microseconds=1))

        with pytest.raises(QuoteExpired):
            await exchanges.exchange(office.wish(quotes[1]))
        assert quotes[1].status(clock.now()) == "expired"

    async def test_the_same_key_is_answered_after_the_quote_has_ended(
        self, office: Office, clock: HandClock
    ) -> None:
        quote = await office.quote()
        exchanges = office.exchange.exchanges
        first = await exchanges.exchange(office.wish(quote), asked=asked("tea"))
        clock.advance(timedelta(seconds=TTL_S))
        again = await exchanges.exchange(office.wish(quote), asked=asked("tea"))

        assert (again.row, again.replayed) == (first.row, True)
        with pytest.raises(JournalError, match="another request body"):
            await exchanges.exchange(office.wish(quote), asked=asked("tea", "other"))

    async def test_sixty_four_callers_make_one_exchange(
        self, office: Office, database: Database, clock: HandClock
    ) -> None:
        """In two processes, half of them with keys of their own, half without."""
        quote = await office.quote(9_999)
        wish = office.wish(quote)
        async with open_office(database, clock) as other:
            outcomes = await asyncio.gather(
                *(
                    where.exchange.exchanges.exchange(
                        wish, asked=asked(f"caller {number}") if number % 2 else None
                    )
                    for number in range(32)
                    for where in (office, other)
                ),
                return_exceptions=True,
            )

        made = [outcome for outcome in outcomes if isinstance(outcome, ExchangeAnswer)]
        assert [answer.replayed for answer in made].count(False) == 1
        assert len({answer.row.id for answer in made}) == 1
        losers = [outcome for outcome in outcomes if not isinstance(outcome, ExchangeAnswer)]
        assert {type(loser) for loser in losers} == {QuoteUsed}
        assert (await office.standing())["alice USD"] == 100_000 - 9_999
        assert len(await office.exchange.exchanges.list_exchanges()) == 1

    async def test_sixty_four_repeats_of_one_key_get_one_answer(self, office: Office) -> None:
        quote = await office.quote(9_999)
        wish = office.wish(quote)

        answers = await asyncio.gather(
            *(office.exchange.exchanges.exchange(wish, asked=asked("tea")) for _ in range(64))
        )

        assert len({answer.row for answer in answers}) == 1
        assert [answer.replayed for answer in answers].count(False) == 1
        assert (await office.standing())["alice USD"] == 100_000 - 9_999
