"""`/api/v1/events`: the facts as the bus tells them; a merchant's key reads of its own objects."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import parse_typeid
from tests.api.conftest import Answer, Caller

pytestmark = pytest.mark.anyio
EVENTS = "/api/v1/events"


async def pay(seller: Caller) -> str:
    body = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
    name: str = (await seller.post("/api/v1/payments", body)).json["id"]
    return name


async def asked(caller: Caller, **query: Any) -> Answer:
    return await caller.get(f"{EVENTS}?{urlencode(query, doseq=True)}")


async def walked(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    """The events of every page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await asked(caller, **query)
        assert answer.status == 200, answer.raw
        found += answer.json["data"]
        if answer.json["next_cursor"] is None:
            return found
        query["cursor"] = answer.json["next_cursor"]


async def test_a_merchant_reads_the_life_of_its_payment(seller: Caller) -> None:
    payment = await pay(seller)

    events = await walked(seller, subject=payment, limit=2)

    subject = str(parse_typeid("pay", payment))
    assert {event["subject"] for event in events} == {subject}
    assert [event["sequence"] for event in events] == [
        str(number) for number in range(1, len(events) + 1)
    ]
    assert [events[0]["type"], events[-1]["type"]] == ["payment.initiated", "payment.captured"]
    first = events[0]
    assert (first["specversion"], first["source"]) == ("1.0", "/payment-service")
    assert first["dataschema"] == "payment.initiated.v1.json"
    assert first["data"]["amount_minor"] == 10_000


async def test_a_merchant_reads_nothing_of_another(
    app: App, seller: Caller, operator: Caller, merchant: Merchant
) -> None:
    other = await app.merchants.onboard(f"Other {seller.key}", None, ["INR"], FeePlan(0))
    _, key = await app.keys.create(other.id, "till")
    neighbour = replace(seller, key=key)
    theirs, mine = await pay(neighbour), await pay(seller)

    own = await walked(seller)
    (hidden, *_) = await walked(neighbour, subject=theirs)

    assert str(parse_typeid("pay", mine)) in {event["subject"] for event in own}
    assert str(merchant.id) in {event["subject"] for event in own}
    assert not {hidden["subject"], str(other.id)} & {event["subject"] for event in own}
    assert await walked(seller, subject=theirs) == []
    answer = await seller.get(f"{EVENTS}/{hidden['id']}")
    assert (answer.status, answer.code) == (404, "event_not_found")
    everybodys = {event["subject"] for event in await walked(operator, kind="payment.captured")}
    assert everybodys >= {hidden["subject"], str(parse_typeid("pay", mine))}


async def test_an_event_is_found_by_its_id_on_the_bus(seller: Caller, operator: Caller) -> None:
    events = await walked(seller, subject=await pay(seller))

    for caller in (seller, operator):
        assert (await caller.get(f"{EVENTS}/{events[-1]['id']}")).json == events[-1]
    for missing in (str(uuid4()), "pay_123", "%00"):
        answer = await operator.get(f"{EVENTS}/{missing}")
        assert (answer.status, answer.code) == (404, "event_not_found")


async def test_kinds_and_times_narrow_the_list(seller: Caller) -> None:
    await pay(seller)

    some = await walked(seller, kind=["payment.captured", "payment.initiated"])

    assert [event["type"] for event in some] == ["payment.initiated", "payment.captured"]
    assert await walked(seller, since="2030-01-01") == []
    assert await walked(seller, until="2020-01-01") == []
    assert len(await walked(seller, since="2020-01-01", until="2030-01-01T00:00:00Z")) > 2
    assert await walked(seller, kind="\0") == []


async def test_who_has_no_key_reads_nothing(anybody: Caller) -> None:
    assert (await anybody.get(EVENTS)).status == 401
    assert (await anybody.get(f"{EVENTS}/{uuid4()}")).status == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"subject": "payment"}, "subject"),
        ({"limit": 0}, "limit"),
        ({"lane": 40_000}, "lane"),
        ({"kind": ""}, "kind"),
        ({"kind": ["a"] * 21}, "kind"),
    ],
)
async def test_a_wrong_question_is_told_its_field(
    seller: Caller, query: dict[str, Any], field: str
) -> None:
    answer = await asked(seller, **query)

    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert [error["field"] for error in answer.json["errors"]] == [field]


async def test_a_cursor_belongs_to_its_list(seller: Caller) -> None:
    payment = await pay(seller)
    cursor = (await asked(seller, subject=payment, limit=1)).json["next_cursor"]

    for query in ({"cursor": cursor}, {"cursor": "made-up"}):
        answer = await asked(seller, **query)
        assert answer.code == "invalid_cursor"
