"""Quotes and exchanges over HTTP: the words, the refusals, and whose they are."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import FeePlan, Merchant
from tallystick.ledger import Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import typeid
from tests.api.conftest import Answer, Caller
from tests.api.exchanging import EXCHANGES, PAIR, RATES, rate
from tests.api.hostile_json import NOT_AN_AMOUNT

pytestmark = pytest.mark.anyio

__all__ = ["rate"]  # a fixture

QUOTES = "/api/v1/quotes"
SEND = "/api/v1/wallet-transfers"


@pytest.fixture
async def merchant(app: App) -> Merchant:
    """One that is paid in both currencies."""
    external_id = f"merchant_{secrets.token_hex(8)}"
    return await app.merchants.onboard("Chai Export", external_id, ["INR", "USD"], FeePlan(300))


@dataclass(frozen=True)
class Payables:
    """What we owe a merchant: USD 100.00, and nothing in INR."""

    usd: str
    inr: str

    def body(self, quote: Answer) -> dict[str, str]:
        return {
            "quote_id": quote.json["id"],
            "debit_account_id": self.usd,
            "credit_account_id": self.inr,
        }


@pytest.fixture
async def payables(app: App, merchant: Merchant) -> Payables:
    def payable(currency: str) -> UUID:
        return account_id(merchant.id, chart.payable_code(merchant.id, currency))

    bank = account_id(PLATFORM, chart.bank_code("USD"))
    await app.transfers.post_one(Post(bank, payable("USD"), 10_000, "USD", "fund"))
    return Payables(*(typeid("acc", payable(currency)) for currency in ("USD", "INR")))


async def quoted(caller: Caller, amount: int = 9_999, **headers: str) -> Answer:
    answer = await caller.post(QUOTES, PAIR | {"source_amount": amount}, **headers)
    assert answer.status == 201, answer.raw
    return answer


class TestQuotes:
    async def test_promise_both_amounts(self, seller: Caller, rate: dict[str, Any]) -> None:
        body = (await quoted(seller, 9_999)).json

        assert body["id"].startswith("quo_")
        assert (body["source_amount"], body["target_amount"]) == (9_999, 831_161)
        assert (body["rounding_amount"], body["status"]) == (1, "open")
        assert (body["rate"], body["inverse"], body["rate_id"]) == ("83.1245", False, rate["id"])
        assert (await seller.get(f"{QUOTES}/{body['id']}")).json == body

    async def test_are_given_for_what_is_wanted_too(
        self, seller: Caller, rate: dict[str, Any]
    ) -> None:
        wanted = {"from_currency": "INR", "to_currency": "USD", "target_amount": 5_000}
        body = (await seller.post(QUOTES, wanted)).json

        assert (body["source_amount"], body["target_amount"]) == (415_623, 5_000)
        assert body["inverse"] is True

    async def test_are_seen_by_who_asked_and_by_operators(
        self, seller: Caller, operator: Caller, rate: dict[str, Any]
    ) -> None:
        own, operators = (await quoted(seller)).json, (await quoted(operator)).json

        assert (await operator.get(f"{QUOTES}/{own['id']}")).json == own
        answer = await seller.get(f"{QUOTES}/{operators['id']}")
        assert (answer.status, answer.code) == (404, "quote_not_found")
        for text in ("quo_nonsense", "acc_01kjpy44e0fh0r68j79jejabkn", secrets.token_hex(16)):
            answer = await seller.get(f"{QUOTES}/{text}")
            assert (answer.status, answer.code) == (404, "quote_not_found")

    async def test_a_repeat_gets_the_same_one(self, seller: Caller, rate: dict[str, Any]) -> None:
        key = secrets.token_hex(8)
        first = await quoted(seller, Idempotency_Key=key)
        again = await quoted(seller, Idempotency_Key=key)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"

    @pytest.mark.parametrize(
        ("amounts", "field"),
        [
            ({}, "target_amount"),
            ({"source_amount": 1, "target_amount": 1}, "target_amount"),
            ({"source_amount": 0}, "source_amount"),
            ({"target_amount": 10**15 + 1}, "target_amount"),
            ({"source_amount": 1, "rate": "1"}, "rate"),
        ],
    )
    async def test_names_the_field_that_is_wrong(
        self, seller: Caller, amounts: dict[str, Any], field: str
    ) -> None:
        answer = await seller.post(QUOTES, PAIR | amounts)

        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert [error["field"] for error in answer.json["errors"]] == [field]

    @pytest.mark.parametrize("field", [b"source_amount", b"target_amount"])
    async def test_no_hostile_amount_is_taken(
        self, seller: Caller, rate: dict[str, Any], field: bytes
    ) -> None:
        for amount in NOT_AN_AMOUNT:
            body = b'{"from_currency":"USD","to_currency":"INR","%s":%s}' % (field, amount)
            answer = await seller.post(QUOTES, body)
            assert answer.status in (400, 422), (amount, answer.raw)

    async def test_what_is_too_small_or_too_large_is_refused(
        self, seller: Caller, rate: dict[str, Any]
    ) -> None:
        too_small = {"from_currency": "INR", "to_currency": "USD", "source_amount": 83}
        too_large = PAIR | {"source_amount": 10**15}
        for body in (too_small, too_large):
            answer = await seller.post(QUOTES, body)
            assert (answer.status, answer.code) == (422, "invalid_amount")

    async def test_need_a_rate_that_is_young_enough(
        self, seller: Caller, operator: Caller, opening_clock: HandClock
    ) -> None:
        pair = {"from_currency": "GBP", "to_currency": "INR"}
        none = await seller.post(QUOTES, pair | {"source_amount": 1_000})
        await operator.post(RATES, pair | {"rate": "105", "max_age_s": 1})
        opening_clock.advance(timedelta(seconds=1))
        stale = await seller.post(QUOTES, pair | {"source_amount": 1_000})

        assert (none.status, none.code) == (422, "rate_not_found")
        assert (stale.status, stale.code) == (409, "rate_stale")


class TestExchanges:
    async def test_move_what_was_quoted(
        self, operator: Caller, seller: Caller, rate: dict[str, Any], payables: Payables
    ) -> None:
        quote = await quoted(operator)
        answer = await operator.post(EXCHANGES, payables.body(quote))

        assert answer.status == 201, answer.raw
        body = answer.json
        assert body["id"].startswith("exg_")
        assert (body["source_amount"], body["target_amount"]) == (9_999, 831_161)
        change = (await operator.get(f"/api/v1/changes/{body['transaction_id']}")).json
        assert len(change["entries"]) == 6  # two lines each of two legs and a rounding
        assert (await seller.get(f"/api/v1/accounts/{payables.inr}")).json["balance"] == 831_161
        used = (await operator.get(f"{QUOTES}/{quote.json['id']}")).json
        assert (used["status"], used["transaction_id"]) == ("used", body["transaction_id"])

    async def test_are_made_by_operators_and_seen_by_whose_accounts_they_are(
        self, app: App, operator: Caller, seller: Caller, rate: dict[str, Any], payables: Payables
    ) -> None:
        answer = await seller.post(EXCHANGES, payables.body(await quoted(seller)))
        assert (answer.status, answer.code) == (403, "permission_denied")
        made = [
            (await operator.post(EXCHANGES, payables.body(await quoted(operator, 100)))).json
            for _ in range(3)
        ]

        assert (await seller.get(f"{EXCHANGES}/{made[0]['id']}")).json == made[0]
        first = (await seller.get(f"{EXCHANGES}?limit=2")).json
        rest = (await seller.get(f"{EXCHANGES}?limit=2&cursor={first['next_cursor']}")).json
        met = [row["id"] for row in (*first["data"], *rest["data"])]
        assert sorted(met) == sorted(row["id"] for row in made)
        assert rest["next_cursor"] is None
        of_account = await operator.get(f"{EXCHANGES}?account_id={payables.inr}")
        assert {row["id"] for row in of_account.json["data"]} == set(met)

        other = await app.merchants.onboard(
            "Other", f"other_{secrets.token_hex(8)}", ["INR"], FeePlan(300)
        )
        _, key = await app.keys.create(other.id, "till")
        stranger = Caller(seller.session, seller.base_url, seller.truth, key)
        assert (await stranger.get(EXCHANGES)).json["data"] == []
        named = await stranger.get(f"{EXCHANGES}?account_id={payables.inr}")
        assert named.json["data"] == []
        answer = await stranger.get(f"{EXCHANGES}/{made[0]['id']}")
        assert (answer.status, answer.code) == (404, "exchange_not_found")

    async def test_a_repeat_is_answered_as_before(
        self, operator: Caller, rate: dict[str, Any], payables: Payables
    ) -> None:
        body, key = payables.body(await quoted(operator)), secrets.token_hex(8)
        first = await operator.post(EXCHANGES, body, Idempotency_Key=key)
        again = await operator.post(EXCHANGES, body, Idempotency_Key=key)
        other = await operator.post(EXCHANGES, body)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"
        assert (other.status, other.code) == (409, "quote_used")

    async def test_sixty_four_callers_of_one_quote_make_one(
        self, operator: Caller, rate: dict[str, Any], payables: Payables
    ) -> None:
        body = payables.body(await quoted(operator, 100))

        async def ask() -> Answer:
            key = secrets.token_hex(8)
            while True:
                answer = await operator.post(EXCHANGES, body, Idempotency_Key=key)
                if answer.status != 503:  # the database is busy: ask again, as we are told
                    return answer
                await asyncio.sleep(0.05)

        answers = await asyncio.gather(*(ask() for _ in range(64)))

        statuses = [answer.status for answer in answers]
        assert (statuses.count(201), statuses.count(409)) == (1, 63)
        assert {answer.code for answer in answers if answer.status == 409} == {"quote_used"}
        found = (await operator.get(f"{EXCHANGES}?account_id={payables.usd}")).json["data"]
        assert [row["source_amount"] for row in found] == [100]

    async def test_refusals_have_codes(
        self,
        operator: Caller,
        rate: dict[str, Any],
        payables: Payables,
        opening_clock: HandClock,
    ) -> None:
        too_much = payables.body(await quoted(operator, 10_001))
        wrong_way = payables.body(await quoted(operator, 100)) | {
            "debit_account_id": payables.inr,
            "credit_account_id": payables.usd,
        }
        late = payables.body(await quoted(operator, 100))
        unknown = late | {"quote_id": "quo_01kjpy44e0fh0r68j79jejabkn"}
        answers = [await operator.post(EXCHANGES, body) for body in (too_much, wrong_way, unknown)]
        opening_clock.advance(timedelta(seconds=60))
        answers.append(await operator.post(EXCHANGES, late))

        assert [(answer.status, answer.code) for answer in answers] == [
            (422, "insufficient_funds"),
            (422, "currency_mismatch"),
            (404, "quote_not_found"),
            (409, "quote_expired"),
        ]

    @pytest.mark.parametrize("field", ["quote_id", "debit_account_id", "credit_account_id"])
    async def test_names_the_field_that_is_wrong(
        self, operator: Caller, rate: dict[str, Any], payables: Payables, field: str
    ) -> None:
        body = payables.body(await quoted(operator, 100))
        for wrong in ("", "wal_01kjpy44e0fh0r68j79jejabkn", 7, None, "x" * 65):
            answer = await operator.post(EXCHANGES, body | {field: wrong})
            assert (answer.status, answer.code) == (422, "invalid_fields")
            assert [error["field"] for error in answer.json["errors"]] == [field]


class TestBetweenWallets:
    async def test_a_merchant_exchanges_its_own_money(
        self, app: App, seller: Caller, merchant: Merchant, rate: dict[str, Any]
    ) -> None:
        dollars = await app.wallets.open(merchant.id, "USD", owner_kind="merchant")
        rupees = await app.wallets.open(merchant.id, "INR", owner_kind="merchant")
        bank = account_id(PLATFORM, chart.bank_code("USD"))
        await app.transfers.post_one(Post(bank, dollars.wallet.id, 10_000, "USD", "fund"))
        quote = await quoted(seller)
        body = {
            "transfer_id": "to-rupees",
            "from_wallet_id": typeid("wal", dollars.wallet.id),
            "to_wallet_id": typeid("wal", rupees.wallet.id),
            "amount": 9_999,
            "currency": "USD",
        }

        without = await seller.post(SEND, body)
        other = await seller.post(SEND, body | {"quote_id": quote.json["id"], "amount": 9_998})
        done = await seller.post(SEND, body | {"quote_id": quote.json["id"]})
        again = await seller.post(SEND, body | {"quote_id": quote.json["id"]})
        used = await seller.post(
            SEND, body | {"quote_id": quote.json["id"], "transfer_id": "again"}
        )

        assert (without.status, without.code) == (422, "currency_mismatch")
        assert (other.status, other.code) == (422, "quote_mismatch")
        assert done.status == 201, done.raw
        assert (done.json["credited_amount"], done.json["credited_currency"]) == (831_161, "INR")
        assert done.json["quote_id"] == quote.json["id"]
        assert again.json == done.json
        assert (used.status, used.code) == (409, "quote_used")


async def test_the_books_prove(app: App) -> None:
    proof = await app.prove()

    assert [check.name for check in proof.checks if not check.green] == []
