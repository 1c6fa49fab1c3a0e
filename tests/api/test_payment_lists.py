"""Lists of payments, intents and refunds: what they are narrowed to, and whose they are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
INTENTS, PAYMENTS, REFUNDS = "/api/v1/intents", "/api/v1/payments", "/api/v1/refunds"


@pytest.fixture(autouse=True)
def ticking(opening_clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a millisecond whenever somebody posts: what is later is later."""
    post = Caller.post

    async def posted(caller: Caller, *args: Any, **headers: str) -> Any:
        opening_clock.advance(timedelta(milliseconds=1))
        return await post(caller, *args, **headers)

    monkeypatch.setattr(Caller, "post", posted)


async def pay(seller: Caller, amount: int = 10_000, token: str = "tok_visa", **more: Any) -> Any:
    body = {"amount": amount, "currency": "INR", "payment_method": token, **more}
    return (await seller.post(PAYMENTS, body)).json


async def listed(caller: Caller, path: str = PAYMENTS, **query: Any) -> list[str]:
    answer = await caller.get(f"{path}?{urlencode(query)}")
    assert answer.status == 200, answer.raw
    return [found["id"] for found in answer.json["data"]]


async def walked(caller: Caller, path: str = PAYMENTS, **query: Any) -> list[str]:
    """The ids of every page."""
    found: list[str] = []
    while True:
        page = (await caller.get(f"{path}?{urlencode(query)}")).json
        found += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@pytest.fixture
async def neighbour(app: App, seller: Caller) -> Caller:
    """Another merchant, with a payment of its own."""
    other = await app.merchants.onboard(f"Other {seller.key}", None, ["INR"], FeePlan(0))
    _, key = await app.keys.create(other.id, "till")
    caller = replace(seller, key=key)
    await pay(caller)
    return caller


class TestPayments:
    async def test_come_page_by_page_latest_first(self, seller: Caller, neighbour: Caller) -> None:
        tokens = ("tok_visa", "tok_declined", "tok_visa", "tok_visa", "tok_declined")
        made = [(await pay(seller, token=token))["id"] for token in tokens]

        assert await walked(seller, limit=2) == made[::-1]
        assert await walked(seller, status="failed", limit=1) == [made[4], made[1]]
        assert await listed(seller) == made[::-1]

    async def test_show_what_getting_them_shows(self, seller: Caller) -> None:
        made = await pay(seller, description="Two cups of chai", metadata={"order_id": "1"})
        (found,) = (await seller.get(PAYMENTS)).json["data"]

        assert found == made == (await seller.get(f"{PAYMENTS}/{made['id']}")).json

    async def test_are_found_by_their_reference(self, seller: Caller, neighbour: Caller) -> None:
        made = await pay(seller)
        reference = made["reference"]

        assert reference.startswith("PAY_")
        assert await listed(seller, reference=reference) == [made["id"]]
        assert await listed(seller, reference=reference, status="failed") == []
        assert await listed(neighbour, reference=reference) == []
        wrong = reference[:-1] + ("0" if reference[-1] != "0" else "1")
        refused = await seller.get(f"{PAYMENTS}?reference={wrong}")
        assert (refused.status, refused.code) == (422, "invalid_fields")

    async def test_are_narrowed_by_amount_and_currency(self, seller: Caller) -> None:
        small, middle, large = [(await pay(seller, amount))["id"] for amount in (100, 200, 300)]

        assert await walked(seller, amount_from=200, limit=1) == [large, middle]
        assert await walked(seller, amount_to=200) == [middle, small]
        assert await walked(seller, amount_from=200, amount_to=200) == [middle]
        assert await walked(seller, currency="USD") == []
        assert await walked(seller, currency="INR", amount_from=300) == [large]

    async def test_are_narrowed_by_time(
        self, seller: Caller, operator: Caller, merchant: Merchant, opening_clock: HandClock
    ) -> None:
        opening_clock.advance(timedelta(days=1))
        first = (await pay(seller))["id"]
        opening_clock.advance(timedelta(hours=1))
        between = opening_clock.now().isoformat().replace("+00:00", "Z")
        second = (await pay(seller))["id"]
        opening_clock.advance(timedelta(hours=1))

        assert await walked(seller, created_from=between) == [second]
        assert await walked(seller, created_to=between) == [first]
        assert second in await walked(operator, created_from=between)
        assert first not in await walked(operator, created_from=between)
        assert first in await walked(operator, created_to=between, limit=100)
        assert second not in await walked(operator, created_to=between, limit=100)

    async def test_belong_to_one_merchant_unless_an_operator_asks(
        self, seller: Caller, neighbour: Caller, operator: Caller, merchant: Merchant
    ) -> None:
        mine = (await pay(seller))["id"]
        (theirs,) = await walked(neighbour)
        name = typeid("mer", merchant.id)

        assert {mine, theirs} <= set(await walked(operator, limit=100))
        assert await walked(operator, merchant=name) == [mine]
        assert await walked(seller, merchant=merchant.external_id) == [mine]
        refused = await neighbour.get(f"{PAYMENTS}?merchant={name}")
        assert (refused.status, refused.code) == (404, "merchant_not_found")

    async def test_a_sparse_list_is_walked_in_bounded_steps(
        self, seller: Caller, operator: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pages may be short or empty; together they are all there is, each once."""
        monkeypatch.setattr("tallystick.payments.list_store.WALK_ROWS", 3)
        amounts = (100, 700, 100, 100, 100, 100, 100, 700, 100, 100)
        made = [(await pay(seller, amount))["id"] for amount in amounts]
        wanted = [made[7], made[1]]

        assert await walked(seller, amount_from=700, limit=5) == wanted
        assert [one for one in await walked(operator, amount_from=700) if one in made] == wanted
        assert len((await seller.get(f"{PAYMENTS}?amount_from=9999")).json["data"]) == 0

    @pytest.mark.parametrize(
        "query",
        [
            "status=lost",
            "status=",
            "limit=0",
            "limit=201",
            "limit=1e3",
            "cursor=x",
            "cursor=%00",
            "amount_from=0",
            "amount_from=-1",
            "amount_from=1.5",
            "amount_from=9223372036854775808",
            "amount_from=2&amount_to=1",
            "currency=inr",
            "currency=XXX",
            "created_from=yesterday",
            "created_from=2026-02-30",
            "created_from=2026-03-02T00:00:00",
            "created_to=0001-01-01",
            "created_from=2026-03-02&created_to=2026-03-02",
            "reference=PAY_123456",
            "reference=%27%20OR%201=1",
        ],
    )
    async def test_refuse_what_cannot_be_meant(self, seller: Caller, query: str) -> None:
        refused = await seller.get(f"{PAYMENTS}?{query}")

        assert (refused.status, refused.code) in (
            (422, "invalid_fields"),
            (422, "invalid_cursor"),
        )

    async def test_are_narrowed_by_customer(self, seller: Caller) -> None:
        await pay(seller)
        customer = (await seller.post("/api/v1/customers", {"name": "Asha Rao"})).json["id"]
        theirs = await pay(seller, customer_id=customer)
        intent = {"amount": 100, "currency": "INR", "customer_id": customer}
        wished = (await seller.post(INTENTS, intent)).json

        assert await walked(seller, customer_id=customer) == [theirs["id"]]
        assert await walked(seller, INTENTS, customer_id=customer) == [wished["id"]]
        refused = await seller.get(f"{PAYMENTS}?customer_id=Asha")
        assert (refused.status, refused.code) == (422, "invalid_fields")

    async def test_a_cursor_is_good_for_its_own_list_only(self, seller: Caller) -> None:
        await pay(seller)
        await pay(seller)
        cursor = (await seller.get(f"{PAYMENTS}?limit=1")).json["next_cursor"]

        refused = await seller.get(f"{REFUNDS}?cursor={cursor}")
        assert (refused.status, refused.code) == (422, "invalid_cursor")


async def test_intents_are_listed(seller: Caller, neighbour: Caller) -> None:
    wishes = [{"amount": amount, "currency": "INR"} for amount in (100, 200, 300)]
    made = [(await seller.post(INTENTS, wish)).json["id"] for wish in wishes]
    await seller.post(f"{INTENTS}/{made[0]}/confirm", {"payment_method": "tok_visa"})

    assert await walked(seller, INTENTS, limit=2) == made[::-1]
    assert await walked(seller, INTENTS, status="succeeded") == [made[0]]
    assert await walked(seller, INTENTS, amount_from=200, status="requires_payment_method") == [
        *(made[2], made[1])
    ]
    assert await walked(neighbour, INTENTS) == []
    refused = await seller.get(f"{INTENTS}?status=captured")
    assert (refused.status, refused.code) == (422, "invalid_fields")


async def test_refunds_are_listed(seller: Caller, neighbour: Caller, operator: Caller) -> None:
    payments = [(await pay(seller))["id"] for _ in range(2)]
    made = []
    for payment_id, amount in ((payments[0], 100), (payments[1], 200), (payments[0], 300)):
        refund = await seller.post(REFUNDS, {"payment_id": payment_id, "amount": amount})
        made.append(refund.json["id"])

    assert await walked(seller, REFUNDS, limit=2) == made[::-1]
    assert await walked(seller, REFUNDS, payment_id=payments[0], limit=1) == [made[2], made[0]]
    assert await walked(seller, REFUNDS, payment_id=payments[0], amount_to=100) == [made[0]]
    assert await walked(seller, REFUNDS, status="pending") == []
    assert await walked(operator, REFUNDS, payment_id=payments[1]) == [made[1]]
    assert await walked(neighbour, REFUNDS, payment_id=payments[0]) == []
    refused = await seller.get(f"{REFUNDS}?payment_id=pay_x")
    assert (refused.status, refused.code) == (422, "invalid_fields")
