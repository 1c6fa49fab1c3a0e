"""The hot addresses: one transfer, and many."""

import asyncio
import json
from uuid import UUID

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller
from tests.api.hostile_json import NOT_AN_AMOUNT

pytestmark = pytest.mark.anyio
PATH = "/api/v1/transfers"
BULK = "/api/v1/transfers/bulk"


@pytest.fixture
def order(merchant: Merchant) -> dict[str, object]:
    """Our bank pays what we owe the merchant: any amount is possible."""
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    payable = account_id(merchant.id, chart.payable_code(merchant.id, "INR"))
    return {
        "debit_account_id": typeid("acc", bank),
        "credit_account_id": typeid("acc", payable),
        "amount": 1250,
        "currency": "INR",
        "code": "top_up",
    }


async def balance(app: App, merchant: Merchant) -> int:
    payable = account_id(merchant.id, chart.payable_code(merchant.id, "INR"))
    account = await app.ledger.find_account(payable)
    assert account is not None
    return account.posted_minor


async def test_a_transfer_moves_money_and_tells_both_balances(
    operator: Caller, order: dict[str, object], merchant: Merchant
) -> None:
    answer = await operator.post(PATH, order, Idempotency_Key=f"{merchant.id} once")

    assert answer.status == 201
    told = answer.json
    assert told == order | {
        "id": told["id"],
        "change_id": told["change_id"],
        "kind": "post",
        "debit_balance_after": told["debit_balance_after"],
        "credit_balance_after": 1250,
        "created_at": "2026-03-02T09:30:00Z",
    }
    assert told["id"].startswith("tra_")
    assert "idempotency-replayed" not in answer.headers


async def test_the_same_key_and_body_answer_alike_and_move_nothing_twice(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    first = await operator.post(PATH, order, Idempotency_Key=f"{merchant.id} once")
    respelt = dict(reversed(order.items()))
    again = await operator.post(PATH, respelt, Idempotency_Key=f"{merchant.id} once")

    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["idempotency-replayed"] == "true"
    assert await balance(app, merchant) == 1250


async def test_the_same_key_with_another_body_is_refused(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    await operator.post(PATH, order, Idempotency_Key=f"{merchant.id} once")
    other = await operator.post(
        PATH, order | {"amount": 1251}, Idempotency_Key=f"{merchant.id} once"
    )

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert await balance(app, merchant) == 1250


async def test_sixty_four_at_once_with_one_key_have_one_effect_and_one_answer(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    answers = await asyncio.gather(
        *(operator.post(PATH, order, Idempotency_Key=f"{merchant.id} together") for _ in range(64))
    )

    assert {(answer.status, answer.raw) for answer in answers} == {(201, answers[0].raw)}
    assert await balance(app, merchant) == 1250


async def test_in_test_mode_a_missing_key_is_made_and_told(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    first = await operator.post(PATH, order)
    again = await operator.post(PATH, order, Idempotency_Key=first.headers["idempotency-key"])

    assert again.raw == first.raw
    assert await balance(app, merchant) == 1250


async def test_a_refusal_names_its_code_and_is_remembered(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    back = order | {
        "debit_account_id": order["credit_account_id"],
        "credit_account_id": order["debit_account_id"],
    }
    refused = await operator.post(PATH, back, Idempotency_Key=f"{merchant.id} too early")
    await operator.post(PATH, order)
    again = await operator.post(PATH, back, Idempotency_Key=f"{merchant.id} too early")

    assert (refused.status, refused.code) == (422, "insufficient_funds")
    assert (again.status, again.code) == (422, "insufficient_funds")
    assert await balance(app, merchant) == 1250


async def test_every_wrong_field_is_named_at_once(
    operator: Caller, order: dict[str, object]
) -> None:
    wrong = {
        "debit_account_id": "acc_nobody",
        "credit_account_id": 7,
        "amount": 0,
        "currency": "XXX",
        "code": "No Spaces",
        "status": "posted",
    }
    answer = await operator.post(PATH, wrong)

    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert {error["field"]: error["code"] for error in answer.json["errors"]} == {
        "debit_account_id": "malformed_id",
        "credit_account_id": "not_a_text",
        "amount": "too_small",
        "currency": "unknown_currency",
        "code": "malformed",
        "status": "unknown_field",
    }
    missing = (await operator.post(PATH, {})).json["errors"]
    assert {error["code"] for error in missing} == {"required"}
    assert len(missing) == 4


async def test_no_amount_but_a_plain_positive_integer_is_taken(
    operator: Caller, order: dict[str, object], app: App, merchant: Merchant
) -> None:
    text = json.dumps(order | {"amount": "AMOUNT"})
    for amount in NOT_AN_AMOUNT:
        body = text.encode().replace(b'"AMOUNT"', amount)
        answer = await operator.post(PATH, body)
        bulk = await operator.post(BULK, b'{"transfers":[' + body + b"]}")
        assert (answer.status, bulk.status) == (422, 422), amount
        assert answer.json["errors"][0]["field"] == "amount"
        assert bulk.json["errors"][0]["field"] == "transfers.0.amount"
    assert await balance(app, merchant) == 0


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"[{}]"])
async def test_a_body_that_is_no_object_is_a_field_error(operator: Caller, body: bytes) -> None:
    answer = await operator.post(PATH, body)

    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert answer.json["errors"][0]["field"] == "body"


async def test_accounts_may_be_named_by_plain_uuids(
    operator: Caller, order: dict[str, object]
) -> None:
    bank: UUID = account_id(PLATFORM, chart.bank_code("INR"))
    answer = await operator.post(PATH, order | {"debit_account_id": str(bank)})

    assert answer.status == 201
    assert answer.json["debit_account_id"] == order["debit_account_id"]


async def test_an_account_that_is_not_there_is_refused(
    operator: Caller, order: dict[str, object]
) -> None:
    nobody = typeid("acc", UUID(int=7 << 64))
    answer = await operator.post(PATH, order | {"credit_account_id": nobody})

    assert (answer.status, answer.code) == (422, "unknown_account")


async def test_merchants_move_no_money_between_accounts(
    seller: Caller, order: dict[str, object]
) -> None:
    for path, body in ((PATH, order), (BULK, {"transfers": [order]})):
        answer = await seller.post(path, body)
        assert (answer.status, answer.code) == (403, "permission_denied")


class TestBulk:
    async def test_each_item_has_a_verdict_of_its_own(
        self, operator: Caller, order: dict[str, object], app: App, merchant: Merchant
    ) -> None:
        back = order | {
            "debit_account_id": order["credit_account_id"],
            "credit_account_id": order["debit_account_id"],
            "amount": 5_000,
        }
        body = {"transfers": [order, back, order | {"amount": 3}]}
        answer = await operator.post(BULK, body, Idempotency_Key=f"{merchant.id} bulk")

        assert answer.status == 200
        told = answer.json
        assert (told["posted"], told["refused"], told["unknown"]) == (2, 1, 0)
        assert [item["status"] for item in told["data"]] == ["posted", "refused", "posted"]
        assert told["data"][1]["code"] == "insufficient_funds"
        assert told["data"][2]["transfer"]["amount"] == 3
        assert await balance(app, merchant) == 1253

    async def test_a_repeat_answers_alike(
        self, operator: Caller, order: dict[str, object], app: App, merchant: Merchant
    ) -> None:
        body = {"transfers": [order] * 5}
        first = await operator.post(BULK, body, Idempotency_Key=f"{merchant.id} bulk")
        again = await operator.post(BULK, body, Idempotency_Key=f"{merchant.id} bulk")
        longer = await operator.post(
            BULK, {"transfers": [order] * 6}, Idempotency_Key=f"{merchant.id} bulk"
        )

        assert again.raw == first.raw
        assert again.headers["idempotency-replayed"] == "true"
        assert (longer.status, longer.code) == (422, "idempotency_key_reused")
        assert await balance(app, merchant) == 5 * 1250

    async def test_atomic_is_all_or_nothing(
        self, operator: Caller, order: dict[str, object], app: App, merchant: Merchant
    ) -> None:
        back = order | {
            "debit_account_id": order["credit_account_id"],
            "credit_account_id": order["debit_account_id"],
            "amount": 5_000,
        }
        refused = await operator.post(BULK, {"transfers": [order, back], "atomic": True})
        done = await operator.post(BULK, {"transfers": [order, order], "atomic": True})

        assert (refused.status, refused.code) == (422, "insufficient_funds")
        assert done.json["posted"] == 2
        assert await balance(app, merchant) == 2 * 1250

    async def test_one_wrong_item_refuses_the_whole_before_anything_moves(
        self, operator: Caller, order: dict[str, object], app: App, merchant: Merchant
    ) -> None:
        answer = await operator.post(BULK, {"transfers": [order, order | {"amount": -1}]})

        assert answer.json["errors"][0]["field"] == "transfers.1.amount"
        assert await balance(app, merchant) == 0

    async def test_five_hundred_fit_and_a_thousand_and_one_do_not(
        self, operator: Caller, order: dict[str, object], app: App, merchant: Merchant
    ) -> None:
        many = await operator.post(BULK, {"transfers": [order] * 500})
        too_many = await operator.post(BULK, {"transfers": [order] * 1_001})

        assert many.json["posted"] == 500
        assert (too_many.status, too_many.json["errors"][0]["code"]) == (422, "too_long")
        assert await balance(app, merchant) == 500 * 1250
