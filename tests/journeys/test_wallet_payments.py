"""A customer lets a shop charge his wallet: paid, captured in parts, given back, refused."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.platform.ids import derived_id, typeid
from tests.servers.http_client import Answer, Caller
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

CUSTOMERS, METHODS = "/api/v1/customers", "/api/v1/payment-methods"
PAYMENTS, INTENTS, WALLETS = "/api/v1/payments", "/api/v1/intents", "/api/v1/wallets"
BANK = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
FUNDS = 50_000


@dataclass(frozen=True)
class Purse:
    """Asha's wallet with INR 500.00; she has allowed the shop to charge it."""

    platform: Platform
    wallet: dict[str, Any]
    customer_id: str
    method_id: str

    @property
    def id(self) -> str:
        return str(self.wallet["id"])

    @property
    def method(self) -> dict[str, str]:
        return {"type": "wallet", "wallet_id": self.id}

    async def pay(self, amount: int = 10_000, **terms: Any) -> Answer:
        """With the merchant's key."""
        body = {"amount": amount, "currency": "INR", "payment_method": self.method} | terms
        return await self.platform.till.post(PAYMENTS, body)

    async def money(self) -> tuple[int, int]:
        """Balance and pending."""
        seen = (await self.platform.operator.get(f"{WALLETS}/{self.id}")).json
        return seen["balance"], seen["pending_balance"]

    async def require_clear(self) -> None:
        """Nothing stands between wallets and payments."""
        assert await self.platform.balance(chart.wallet_clearing_code("INR")) == 0


@pytest.fixture
async def purse(platform: Platform) -> Purse:
    wallet = await opened(platform, tier="verified")
    await funded(platform, wallet, FUNDS)
    customer = await platform.till.post(CUSTOMERS, {"name": "Asha Rao"})
    saved = await platform.operator.post(
        METHODS, {"customer_id": customer.json["id"], "token": wallet["id"]}
    )
    assert saved.status == 201, saved.raw
    assert (saved.json["type"], saved.json["wallet"]) == ("wallet", {"wallet_id": wallet["id"]})
    return Purse(platform, wallet, customer.json["id"], saved.json["id"])


async def opened(platform: Platform, **terms: str) -> dict[str, Any]:
    owner = typeid("usr", derived_id(PLATFORM, secrets.token_hex(8)))
    answer = await platform.operator.post(WALLETS, {"owner_id": owner, "currency": "INR"} | terms)
    assert answer.status == 201, answer.raw
    return answer.json  # type: ignore[no-any-return]


async def funded(platform: Platform, wallet: dict[str, Any], amount: int) -> None:
    body = {
        "debit_account_id": BANK,
        "credit_account_id": wallet["account_id"],
        "amount": amount,
        "currency": "INR",
        "code": "fund",
    }
    answer = await platform.operator.post("/api/v1/transfers", body)
    assert answer.status == 201, answer.raw


# Paying -----------------------------------------------------------------------------------------


async def test_a_wallet_pays_at_once_with_the_fee_of_any_payment(purse: Purse) -> None:
    paid = await purse.pay()

    assert (paid.status, paid.json["status"], paid.json["route"]) == (201, "captured", "wallet")
    assert (paid.json["payment_method_type"], paid.json["payment_method"]) == (
        *("wallet", purse.method_id),
    )
    assert paid.json["customer_id"] == purse.customer_id
    assert await purse.money() == (FUNDS - 10_000, 0)
    assert (await purse.platform.payable(), await purse.platform.fees()) == (9_600, 400)
    await purse.require_clear()
    (line,) = (
        await purse.platform.operator.get(f"{WALLETS}/{purse.id}/transactions?limit=1")
    ).json["data"]
    assert (line["type"], line["amount"], line["code"]) == ("DEBIT", 10_000, "wallet_payment")


async def test_held_money_is_captured_in_parts_and_the_rest_returns(purse: Purse) -> None:
    till = purse.platform.till
    held = await purse.pay(capture_method="manual")
    path = f"{PAYMENTS}/{held.json['id']}"
    assert held.json["status"] == "authorized"
    assert await purse.money() == (FUNDS, 10_000)

    first = await till.post(f"{path}/capture", {"amount": 6_000})
    assert (first.json["status"], first.json["amount_capturable"]) == ("captured", 4_000)
    last = await till.post(f"{path}/capture", {"amount": 1_000, "final": True})
    assert (last.json["amount_captured"], last.json["amount_capturable"]) == (7_000, 0)

    assert await purse.money() == (FUNDS - 7_000, 0)
    assert await purse.platform.payable() + await purse.platform.fees() == 7_000
    await purse.require_clear()


async def test_a_cancelled_payment_gives_everything_back(purse: Purse) -> None:
    held = await purse.pay(capture_method="manual")

    gone = await purse.platform.till.post(f"{PAYMENTS}/{held.json['id']}/cancel")

    assert (gone.status, gone.json["status"]) == (200, "cancelled")
    assert await purse.money() == (FUNDS, 0)


async def test_an_authorization_that_runs_out_gives_everything_back(purse: Purse) -> None:
    held = await purse.pay(capture_method="manual")
    app = purse.platform.app
    purse.platform.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert await app.holds.expire_due() == 0
    await purse.platform.recover(timedelta(seconds=1))

    seen = await purse.platform.till.get(f"{PAYMENTS}/{held.json['id']}")
    assert seen.json["status"] == "expired"
    assert await purse.money() == (FUNDS, 0)


async def test_refunds_go_back_to_the_wallet(purse: Purse) -> None:
    till, platform = purse.platform.till, purse.platform
    paid = (await purse.pay()).json["id"]
    await purse.pay(4_000)

    part = await till.post("/api/v1/refunds", {"payment_id": paid, "amount": 2_500})
    assert (part.status, part.json["status"]) == (201, "succeeded")
    rest = await till.post(f"{PAYMENTS}/{paid}/reverse")
    assert (rest.status, rest.json["way"]) == (200, "refund")

    assert await purse.money() == (FUNDS - 4_000, 0)
    assert await platform.payable() + await platform.fees() == 4_000
    await purse.require_clear()


async def test_a_wallet_that_cannot_take_its_money_back_leaves_it_with_the_merchant(
    purse: Purse,
) -> None:
    paid = (await purse.pay()).json["id"]
    await purse.pay(5_000)
    before = await purse.platform.payable()
    await purse.platform.operator.post(f"{WALLETS}/{purse.id}/freeze", {"stops": "all"})

    refused = await purse.platform.till.post("/api/v1/refunds", {"payment_id": paid})

    assert (refused.json["status"], refused.json["failure_code"]) == ("failed", "wallet_frozen")
    assert await purse.platform.payable() == before
    await purse.require_clear()


async def test_a_fee_plan_for_wallets_is_charged(purse: Purse) -> None:
    plan = {"method": "wallet", "currency": "INR", "basis_points": 50, "merchant": "merchant_123"}
    made = await purse.platform.operator.post("/api/v1/fee-plans", plan)
    assert made.status == 201, made.raw
    purse.platform.clock.advance(timedelta(seconds=1))

    paid = await purse.pay()
    card = await purse.pay(payment_method="tok_visa")

    assert (paid.json["fee"], card.json["fee"]) == (50, 400)


# Refusals ---------------------------------------------------------------------------------------


async def test_what_a_wallet_refuses_is_a_failed_payment_with_a_reason(purse: Purse) -> None:
    platform = purse.platform
    dollars = {"amount": 100, "currency": "USD", "merchant": "merchant_123"}
    small = await opened(platform)
    await funded(platform, small, 500_000)
    await funded(platform, small, 500_001)
    nobodys = typeid("wal", derived_id(PLATFORM, "nobody's"))

    async def pays(wallet_id: str, **terms: Any) -> tuple[str, str, str]:
        body = {"amount": 100, "currency": "INR", "merchant": "merchant_123"} | terms
        method = {"type": "wallet", "wallet_id": wallet_id}
        answer = await platform.operator.post(PAYMENTS, body | {"payment_method": method})
        assert answer.status == 201, answer.raw
        return answer.json["status"], answer.json["failure_code"], answer.json["failure_message"]

    assert (await pays(purse.id, amount=FUNDS + 1))[:2] == ("failed", "insufficient_funds")
    assert (await pays(purse.id, **dollars))[:2] == ("failed", "currency_mismatch")
    assert (await pays(nobodys))[:2] == ("failed", "wallet_not_found")
    assert (await pays(str(small["id"]), amount=1_000_001))[:2] == (
        *("failed", "daily_limit_exceeded"),
    )
    await platform.operator.post(f"{WALLETS}/{purse.id}/freeze", {"stops": "outflow"})
    assert await pays(purse.id) == ("failed", "wallet_frozen", "The wallet is frozen.")
    await platform.operator.post(f"{WALLETS}/{purse.id}/unfreeze")
    assert await purse.money() == (FUNDS, 0)
    await purse.require_clear()


async def test_a_merchant_charges_no_wallet_that_its_owner_has_not_allowed(purse: Purse) -> None:
    platform, till = purse.platform, purse.platform.till
    strange = await opened(platform)
    await funded(platform, strange, 10_000)
    method = {"type": "wallet", "wallet_id": strange["id"]}

    charged = await purse.pay(payment_method=method)
    assert (charged.status, charged.code) == (403, "wallet_consent_missing")
    attached = await till.post(METHODS, {"customer_id": purse.customer_id, "token": strange["id"]})
    assert (attached.status, attached.code) == (403, "wallet_consent_missing")
    ravi = (await till.post(CUSTOMERS, {"name": "Ravi"})).json["id"]
    foreign = await purse.pay(customer_id=ravi)
    assert (foreign.status, foreign.code) == (403, "wallet_consent_missing")

    withdrawn = await platform.operator.post(f"{METHODS}/{purse.method_id}/detach")
    assert withdrawn.status == 200
    late = await purse.pay()
    assert (late.status, late.code) == (403, "wallet_consent_missing")
    assert await purse.money() == (FUNDS, 0)


async def test_an_intents_secret_opens_only_the_wallets_of_its_customer(purse: Purse) -> None:
    till = purse.platform.till
    wish = {"amount": 10_000, "currency": "INR", "payment_methods": ["wallet"]}
    hers = await till.post(INTENTS, wish | {"customer_id": purse.customer_id})
    nobodys = await till.post(INTENTS, wish)

    async def confirmed(intent: Answer) -> Answer:
        payer = Caller(till.client, intent.json["client_secret"])
        path = f"{INTENTS}/{intent.json['id']}/confirm"
        return await payer.post(path, {"payment_method": purse.method})

    refused, paid = await confirmed(nobodys), await confirmed(hers)

    assert (refused.status, refused.code) == (403, "wallet_consent_missing")
    assert (paid.status, paid.json["status"]) == (200, "succeeded")
    assert await purse.money() == (FUNDS - 10_000, 0)


async def test_an_intent_says_by_what_it_is_paid(purse: Purse) -> None:
    till = purse.platform.till
    cards = await till.post(INTENTS, {"amount": 100, "currency": "INR"})
    wallets = await till.post(
        INTENTS, {"amount": 100, "currency": "INR", "payment_methods": ["wallet"]}
    )

    for intent, method in ((cards, purse.method), (wallets, "tok_visa")):
        path = f"{INTENTS}/{intent.json['id']}/confirm"
        refused = await till.post(path, {"payment_method": method})
        assert (refused.status, refused.code) == (422, "invalid_payment_method")


@pytest.mark.parametrize(
    "method",
    [
        {"type": "wallet"},
        {"type": "wallet", "wallet_id": "wal_nonsense"},
        {"type": "wallet", "wallet_id": 7},
        {"type": "card", "wallet_id": "wal_01kjpy44e0fh0r68j79jejabkn"},
        {"type": "wallet", "wallet_id": "wal_01kjpy44e0fh0r68j79jejabkn", "more": 1},
        {},
        "wal_nonsense",
        7,
    ],
)
async def test_a_method_that_cannot_be_is_refused(platform: Platform, method: object) -> None:
    body = {"amount": 100, "currency": "INR", "payment_method": method}

    answer = await platform.till.post(PAYMENTS, body)

    assert answer.status == 422
    assert answer.code in ("invalid_fields", "invalid_payment_method")


async def test_a_wallet_is_not_topped_up_from_a_wallet(purse: Purse) -> None:
    answer = await purse.pay(wallet_id=purse.id)

    assert (answer.status, answer.code) == (422, "invalid_payment_method")


async def test_what_a_payment_keeps_is_no_operators_to_end(purse: Purse) -> None:
    await purse.pay(capture_method="manual")
    operator = purse.platform.operator
    (hold,) = (await operator.get(f"/api/v1/holds?wallet_id={purse.id}")).json["data"]

    for verb in ("capture", "release"):
        refused = await operator.post(f"/api/v1/holds/{hold['id']}/{verb}")
        assert (refused.status, refused.code) == (409, "hold_kept")


async def test_no_bank_can_take_back_what_a_wallet_paid(purse: Purse) -> None:
    paid = await purse.pay()
    path = f"{PAYMENTS}/{paid.json['id']}/late-failure"

    refused = await purse.platform.operator.post(path, {"code": "recalled"})

    assert (refused.status, refused.code) == (409, "payment_not_failable")


# Without the payer, and again -------------------------------------------------------------------


async def test_a_saved_wallet_pays_when_its_owner_is_not_there(purse: Purse) -> None:
    till = purse.platform.till
    wish = {"amount": 10_000, "currency": "INR", "customer_id": purse.customer_id}

    by_default = await till.post(PAYMENTS, wish | {"off_session": True})
    by_name = await purse.pay(off_session=True)
    intent = await till.post(INTENTS, wish | {"payment_methods": ["card", "wallet"]})
    path = f"{INTENTS}/{intent.json['id']}/confirm"
    confirmed = await till.post(path, {"off_session": True})

    assert [paid.json["status"] for paid in (by_default, by_name)] == ["captured", "captured"]
    assert by_default.json["payment_method"] == by_name.json["payment_method"] == purse.method_id
    assert (confirmed.status, confirmed.json["status"]) == (200, "succeeded")
    assert await purse.money() == (FUNDS - 30_000, 0)


async def test_64_calls_with_one_key_pay_once(purse: Purse) -> None:
    body = {"amount": 10_000, "currency": "INR", "payment_method": purse.method}

    answers = await asyncio.gather(
        *(purse.platform.till.post(PAYMENTS, body, key="once") for _ in range(64))
    )

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert await purse.money() == (FUNDS - 10_000, 0)
    await purse.require_clear()


async def test_many_payments_at_once_spend_no_more_than_there_is(purse: Purse) -> None:
    answers = await asyncio.gather(*(purse.pay(10_000) for _ in range(12)))

    ends = [(answer.json["status"], answer.json["failure_code"]) for answer in answers]
    assert ends.count(("captured", None)) == 5
    assert ends.count(("failed", "insufficient_funds")) == 7
    assert await purse.money() == (0, 0)
    assert await purse.platform.payable() + await purse.platform.fees() == FUNDS
    await purse.require_clear()
