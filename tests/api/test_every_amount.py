"""Every amount of every body, found in the OpenAPI document, against what is no amount.

Nothing of it is accepted, nothing is a fault of ours, and each refusal names the field.
"""

import json
from typing import Any

import pytest

from tests.api.amount_corpus import ALWAYS_WRONG, NOT_JSON
from tests.api.conftest import Answer, Caller
from tests.api.document_walk import AmountField, amount_fields, operations_with_body

pytestmark = pytest.mark.anyio
MARK = "the amount stands here"
EXPECTED = {
    "/api/v1/transfers amount", "/api/v1/transfers/bulk transfers.0.amount",
    "/api/v1/reservations amount", "/api/v1/reservations/{reservation_id}/settle amount",
    "/api/v1/payments amount", "/api/v1/payments/{payment_id}/capture amount",
    "/api/v1/intents amount", "/api/v1/refunds amount", "/api/v1/holds amount",
    "/api/v1/accounts overdraft_limit", "/api/v1/accounts/bulk accounts.0.overdraft_limit",
    "/api/v1/accounts/{account_id}/limit overdraft_limit", "/api/v1/wallet-transfers amount",
    "/api/v1/payouts amount",
}  # fmt: skip


@pytest.fixture
async def document(anybody: Caller) -> Any:
    return (await anybody.get("/openapi.json")).json


@pytest.fixture
async def fields(document: Any) -> list[AmountField]:
    return list(amount_fields(document))


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len({*ALWAYS_WRONG, *NOT_JSON}) >= 300


async def test_the_walk_finds_the_amounts(fields: list[AmountField]) -> None:
    found = {f"{field.operation.path} {field.dotted}" for field in fields}

    assert found >= EXPECTED, EXPECTED - found


@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.slow)])
async def test_what_is_no_amount_is_refused_by_name(
    fields: list[AmountField], operator: Caller, seller: Caller, share: int
) -> None:
    """Of all values each field meets its share, each another one; in the long run all of them."""
    for number, field in enumerate(fields):
        for value in (*ALWAYS_WRONG[number % share :: share], "0", "-0", "null"):
            if field.takes(value):
                continue
            answer = await send(field, value, operator, seller)
            case = f"{field.operation.name} {field.dotted} = {value:.80}: {answer.raw!r:.400}"
            assert answer.status == 422, case
            assert answer.code == "invalid_fields", case
            named = [error["field"] for error in answer.json["errors"]]
            assert any(name.startswith(field.dotted) for name in named), case


@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.slow)])
async def test_what_is_not_json_is_refused_with_the_whole_body(
    fields: list[AmountField], operator: Caller, seller: Caller, share: int
) -> None:
    for number, field in enumerate(fields):
        for word in NOT_JSON[number % share :: share]:
            answer = await send(field, word, operator, seller)
            assert answer.status == 400, (field.operation.name, word, answer.raw)
            assert answer.code == "malformed_json"


async def test_a_body_that_is_no_object_is_never_taken_for_an_empty_one(
    document: Any, operator: Caller, seller: Caller
) -> None:
    for operation in operations_with_body(document):
        if operation.permission is None:
            continue
        for raw in (b"1.5", b"-4.5e16", b"0.0", b"5", b"null", b"[]", b'""', b"true", b"[{}]"):
            answer = await sent(operation.path, operation.method, raw, operator, seller)
            assert answer.status == 422, (operation.name, raw, answer.raw)
            assert answer.json["errors"][0]["field"] == "body"


async def send(field: AmountField, value: str, operator: Caller, seller: Caller) -> Answer:
    """The operation's example with this value, to the letter, as the amount."""
    raw = json.dumps(field.body_with(MARK)).replace(f'"{MARK}"', value).encode()
    return await sent(field.operation.path, field.operation.method, raw, operator, seller)


async def sent(path: str, method: str, raw: bytes, operator: Caller, seller: Caller) -> Answer:
    """Asked by whoever may: an operator, or else a merchant."""
    place = path.replace("{", "").replace("}", "")
    kind = {"Content-Type": "application/json"}
    answer = await operator.send(method, place, raw, kind)
    return await seller.send(method, place, raw, kind) if answer.status == 403 else answer
