"""Reservations at the door: promised, settled in parts, given back, shown to whom they concern."""

import json
from typing import Any
from uuid import UUID

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller
from tests.api.hostile_json import NOT_AN_AMOUNT
from tests.api.promises import BULK, RESERVATIONS, TRANSFERS, key, owed, promise_to

pytestmark = pytest.mark.anyio
PATH = RESERVATIONS


@pytest.fixture
def promise(merchant: Merchant) -> dict[str, Any]:
    return promise_to(merchant)


async def test_a_promise_is_made_and_shown(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    made = await operator.post(PATH, promise)

    assert made.status == 201
    assert made.json == promise | {
        "id": made.json["id"],
        "remaining": 1_000,
        "status": "open",
        "created_at": "2026-03-02T09:30:00Z",
    }
    assert made.json["id"].startswith("res_")
    assert (await operator.get(f"{PATH}/{made.json['id']}")).json == made.json
    assert await owed(app, merchant) == (0, 1_000)


async def test_it_is_settled_in_parts_and_the_rest_returns(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    one = f"{PATH}/{(await operator.post(PATH, promise)).json['id']}"

    first = await operator.post(f"{one}/settle", {"amount": 300, "final": False})
    assert (first.status, first.json["settled"], first.json["returned"]) == (200, 300, 0)
    assert len(first.json["transfer_ids"]) == 1
    open_ = (await operator.get(one)).json
    assert (open_["status"], open_["remaining"], open_["amount"]) == ("open", 700, 1_000)

    last = await operator.post(f"{one}/settle", {"amount": 400})
    assert (last.json["settled"], last.json["returned"]) == (400, 300)
    assert len(last.json["transfer_ids"]) == 2
    assert (await operator.get(one)).json["status"] == "settled"
    assert await owed(app, merchant) == (700, 0)

    again = await operator.post(f"{one}/settle")
    assert (again.status, again.code) == (422, "reservation_not_open")


async def test_it_is_given_back(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    one = f"{PATH}/{(await operator.post(PATH, promise)).json['id']}"

    voided = await operator.post(f"{one}/void")

    assert (voided.json["settled"], voided.json["returned"]) == (0, 1_000)
    assert (await operator.get(one)).json["status"] == "voided"
    assert await owed(app, merchant) == (0, 0)


async def test_every_step_answers_its_repeat_alike(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    made = await operator.post(PATH, promise, **key(merchant, "make"))
    one = f"{PATH}/{made.json['id']}"
    part = {"amount": 300, "final": False}
    first = await operator.post(f"{one}/settle", part, **key(merchant, "settle"))
    void = await operator.post(f"{one}/void", {}, **key(merchant, "void"))

    for before, path, body, name in (
        (made, PATH, promise, "make"),
        (first, f"{one}/settle", part, "settle"),
        (void, f"{one}/void", {}, "void"),
    ):
        again = await operator.post(path, body, **key(merchant, name))
        assert (again.status, again.raw) == (before.status, before.raw)
        assert again.headers["idempotency-replayed"] == "true"
    assert await owed(app, merchant) == (300, 0)


async def test_another_wish_under_the_same_key_hears_which_field_differs(
    operator: Caller, promise: dict[str, Any], merchant: Merchant
) -> None:
    made = await operator.post(PATH, promise, **key(merchant, "make"))
    one = f"{PATH}/{made.json['id']}"
    await operator.post(f"{one}/settle", {"amount": 300}, **key(merchant, "settle"))
    post = promise | {"code": "sale"}
    del post["expires_at"]
    await operator.post(TRANSFERS, post, **key(merchant, "post"))
    await operator.post(BULK, {"transfers": [post, post]}, **key(merchant, "bulk"))

    for path, body, name, fields in (
        (PATH, promise | {"amount": 1_001}, "make", ["amount"]),
        (PATH, promise | {"expires_at": None}, "make", ["expires_at"]),
        (f"{one}/settle", {"amount": 301}, "settle", ["amount"]),
        (f"{one}/settle", {"amount": 300, "final": False}, "settle", ["final"]),
        (TRANSFERS, promise | {"kind": "reserve"}, "post", ["kind"]),
        (TRANSFERS, post | {"effective_at": "2026-03-01T00:00:00Z"}, "post", ["effective_at"]),
        (TRANSFERS, post | {"up_to": True, "code": "x"}, "post", ["code", "up_to"]),
        (
            TRANSFERS,
            post | {"debit_account_id": post["credit_account_id"]},
            "post",
            ["debit_account_id"],
        ),
        (BULK, {"transfers": [post, post | {"amount": 7}]}, "bulk", ["transfers.1.amount"]),
        (BULK, {"transfers": [post]}, "bulk", ["transfers"]),
        (BULK, {"transfers": [post, post], "atomic": True}, "bulk", ["atomic"]),
    ):
        answer = await operator.post(path, body, **key(merchant, name))
        assert (answer.status, answer.code) == (422, "idempotency_key_reused")
        told = answer.json["errors"]
        assert [error["field"] for error in told] == fields, answer.json
        assert {error["code"] for error in told} == {"differs"}
        assert answer.json["detail"].endswith(f" in {', '.join(fields)}")


async def test_every_wrong_field_is_named(operator: Caller, promise: dict[str, Any]) -> None:
    wrong = {"expires_at": "tomorrow", "up_to": "yes", "effective_at": None, "amount": 0}
    answer = await operator.post(PATH, promise | wrong)
    settle = await operator.post(f"{PATH}/{UUID(int=7)}/settle", {"final": 1, "amount": 1.5})

    assert {error["field"]: error["code"] for error in answer.json["errors"]} == {
        "expires_at": "malformed",
        "up_to": "not_a_boolean",
        "effective_at": "unknown_field",
        "amount": "too_small",
    }
    assert {error["field"] for error in settle.json["errors"]} == {"final", "amount"}


async def test_no_amount_but_a_plain_positive_integer_is_taken(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    one = (await operator.post(PATH, promise)).json["id"]
    reserve = json.dumps(promise | {"amount": "AMOUNT"}).encode()
    item = json.dumps({"kind": "settle", "reservation_id": one, "amount": "AMOUNT"}).encode()
    for amount in NOT_AN_AMOUNT:
        bodies = {PATH: (reserve, "amount")}
        if amount != b"null":  # of a settle: all that remains
            bodies[f"{PATH}/{one}/settle"] = (b'{"amount":"AMOUNT"}', "amount")
            bodies[BULK] = (b'{"transfers":[' + item + b"]}", "transfers.0.amount")
        for path, (body, field) in bodies.items():
            answer = await operator.post(path, body.replace(b'"AMOUNT"', amount))
            assert answer.status == 422, (path, amount)
            assert answer.json["errors"][0]["field"] == field, (path, amount)
    assert await owed(app, merchant) == (0, 1_000)


NOT_AN_INSTANT: tuple[object, ...] = (
    *("2026-03-02", "2026-03-02T09:30:00", "2026-03-02 09:30:00Z", "2026-03-02T09:30Z", ""),
    *("2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T23:59:60Z", "now", "Z"),
    *("2026-03-02T09:30:00z", "2026-03-02t09:30:00Z", "20260302T093000Z", "2026-W10-1T00:00:00Z"),
    *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1969-12-31T23:59:59Z"),
    *("2026-03-02T09:30:00.1234567Z", "2026-03-02T09:30:00+24:00", "2026-03-02T09:30:00Z\n"),
    *("٢٠٢٦-03-02T09:30:00Z", "２０２６-03-02T09:30:00Z", "2026-03-02T09:30:00 Z", "1e3"),
    *(1_772_443_800, 1.5, True, [], {}, "2" * 41),
)


async def test_no_instant_but_a_zoned_one_is_taken(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    post = {name: value for name, value in promise.items() if name != "expires_at"}
    for instant in NOT_AN_INSTANT:
        for path, body, field in (
            (PATH, promise | {"expires_at": instant}, "expires_at"),
            (TRANSFERS, promise | {"kind": "reserve", "expires_at": instant}, "expires_at"),
            (TRANSFERS, post | {"effective_at": instant}, "effective_at"),
        ):
            answer = await operator.post(path, body)
            assert answer.status == 422, (path, instant)
            assert answer.json["errors"][0]["field"] == field, (path, instant)
    assert await owed(app, merchant) == (0, 0)


LOOK_ALIKES = (
    *("INR\n", "INR ", " INR", "\tINR", "IN\nR", "ＩＮＲ", "ІNR", "INR\u200b", "\u202eINR"),
    *("I\u0307NR", "INR\ufeff", "", "IN", "INRR", "é", "e\u0301", "X" * 65, "१२३", "INR;--"),
)


@pytest.mark.parametrize("field", ["currency", "code", "debit_account_id", "credit_account_id"])
async def test_no_text_but_the_plain_one_is_taken(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant, field: str
) -> None:
    post = {name: value for name, value in promise.items() if name != "expires_at"}
    for text in LOOK_ALIKES:
        given = promise[field] + text if field.endswith("_id") else text
        if given == promise[field]:
            continue
        for path, body, place in (
            (PATH, promise | {field: given}, field),
            (TRANSFERS, post | {field: given}, field),
            (BULK, {"transfers": [post | {field: given}]}, f"transfers.0.{field}"),
        ):
            answer = await operator.post(path, body)
            assert answer.status == 422, (path, given)
            assert answer.json["errors"][0]["field"] == place, (path, given)
    assert await owed(app, merchant) == (0, 0)


async def test_an_instant_may_be_in_any_zone(operator: Caller, promise: dict[str, Any]) -> None:
    there = promise | {"expires_at": "2026-03-02T16:00:00.5+05:30"}

    assert (await operator.post(PATH, there)).json["expires_at"] == "2026-03-02T10:30:00.500000Z"


async def test_the_judges_refusals_are_told(operator: Caller, promise: dict[str, Any]) -> None:
    post = promise | {"code": "sale"}
    del post["expires_at"]
    back = post | {
        "debit_account_id": post["credit_account_id"],
        "credit_account_id": post["debit_account_id"],
    }
    for path, body, status, code in (
        (PATH, promise | {"expires_at": "2026-03-02T09:30:00Z"}, 422, "reservation_expired"),
        (PATH, back | {"up_to": True}, 422, "nothing_to_move"),
        (TRANSFERS, back | {"up_to": True}, 422, "nothing_to_move"),
        (TRANSFERS, post | {"effective_at": "2026-03-02T09:30:01Z"}, 422, "not_back_dated"),
        (f"{PATH}/res_{'0' * 26}/settle", {}, 422, "unknown_reservation"),
        (f"{PATH}/res_{'0' * 26}/void", {}, 422, "unknown_reservation"),
        (f"{PATH}/nonsense/void", {}, 404, "reservation_not_found"),
    ):
        answer = await operator.post(path, body)
        assert (answer.status, answer.code) == (status, code)


async def test_a_balancing_transfer_moves_what_is_there(
    operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
) -> None:
    await operator.post(TRANSFERS, {n: v for n, v in promise.items() if n != "expires_at"})
    back = {
        "debit_account_id": promise["credit_account_id"],
        "credit_account_id": typeid("acc", account_id(PLATFORM, chart.fees_code("INR"))),
        "amount": 5_000,
        "currency": "INR",
        "up_to": True,
    }

    swept = await operator.post(TRANSFERS, back, **key(merchant, "sweep"))
    again = await operator.post(TRANSFERS, back, **key(merchant, "sweep"))

    assert (swept.status, swept.json["amount"]) == (201, 1_000)
    assert again.raw == swept.raw
    assert await owed(app, merchant) == (0, 0)


async def test_a_reserve_by_the_address_of_transfers(
    operator: Caller, promise: dict[str, Any]
) -> None:
    made = await operator.post(TRANSFERS, promise | {"kind": "reserve"})

    assert (made.json["kind"], made.json["expires_at"]) == ("reserve", promise["expires_at"])
    found = await operator.get(f"{PATH}/{made.json['reservation_id']}")
    assert (found.json["status"], found.json["amount"]) == ("open", 1_000)


async def test_a_back_dated_post_says_so(operator: Caller, promise: dict[str, Any]) -> None:
    del promise["expires_at"]
    made = await operator.post(TRANSFERS, promise | {"effective_at": "2026-02-28T18:30:00Z"})

    assert made.json["effective_at"] == "2026-02-28T18:30:00Z"
    found = (await operator.get(f"{TRANSFERS}/{made.json['id']}")).json
    assert (found["effective_at"], found["created_at"]) == (
        "2026-02-28T18:30:00Z",
        "2026-03-02T09:30:00Z",
    )


@pytest.mark.parametrize(
    ("kind", "field"), [("post", "expires_at"), ("reserve", "effective_at"), ("move", "kind")]
)
async def test_each_kind_has_its_own_fields(
    operator: Caller, promise: dict[str, Any], kind: str, field: str
) -> None:
    body = promise | {"kind": kind, "expires_at": None}
    if field != "kind":
        body[field] = "2026-03-02T09:00:00Z"
    answer = await operator.post(TRANSFERS, body)
    bulk = await operator.post(BULK, {"transfers": [body]})

    assert {error["field"]: error["code"] for error in answer.json["errors"]} == {
        field: "not_allowed"
    }
    assert {error["field"] for error in bulk.json["errors"]} == {f"transfers.0.{field}"}


class TestMerchants:
    async def test_they_see_what_touches_their_accounts(
        self, operator: Caller, seller: Caller, promise: dict[str, Any]
    ) -> None:
        reservation = (await operator.post(PATH, promise)).json
        mine = {name: value for name, value in promise.items() if name != "expires_at"}
        transfer = (await operator.post(TRANSFERS, mine)).json

        assert (await seller.get(f"{PATH}/{reservation['id']}")).json == reservation
        assert (await seller.get(f"{TRANSFERS}/{transfer['id']}")).status == 200

    async def test_nothing_else_exists_for_them(
        self, operator: Caller, seller: Caller, promise: dict[str, Any]
    ) -> None:
        fees = typeid("acc", account_id(PLATFORM, chart.fees_code("INR")))
        other = promise | {"credit_account_id": fees}
        reservation = (await operator.post(PATH, other)).json["id"]
        del other["expires_at"]
        transfer = (await operator.post(TRANSFERS, other)).json["id"]

        assert (await seller.get(f"{PATH}/{reservation}")).code == "reservation_not_found"
        assert (await seller.get(f"{TRANSFERS}/{transfer}")).code == "transfer_not_found"
        assert (await seller.get(f"{PATH}?account_id={fees}")).code == "account_not_found"

    async def test_they_promise_and_move_nothing(
        self, seller: Caller, promise: dict[str, Any]
    ) -> None:
        for path in (PATH, f"{PATH}/{UUID(int=7)}/settle", f"{TRANSFERS}/{UUID(int=7)}/reverse"):
            answer = await seller.post(path, promise)
            assert (answer.status, answer.code) == (403, "permission_denied")


async def test_an_accounts_reservations_come_page_by_page(
    operator: Caller, seller: Caller, promise: dict[str, Any]
) -> None:
    made = [(await operator.post(PATH, promise | {"amount": n})).json for n in (1, 2, 3)]
    path = f"{PATH}?account_id={promise['credit_account_id']}&limit=2"

    first = (await seller.get(path)).json
    rest = (await seller.get(f"{path}&cursor={first['next_cursor']}")).json

    assert first["data"] + rest["data"] == made
    assert (len(first["data"]), rest["next_cursor"]) == (2, None)
    strange = f"{PATH}?account_id={promise['debit_account_id']}&cursor={first['next_cursor']}"
    assert (await operator.get(strange)).code == "invalid_cursor"
    assert (await operator.get(PATH)).json["errors"][0]["field"] == "account_id"


async def test_an_address_with_two_methods_names_both(operator: Caller) -> None:
    answer = await operator.send("DELETE", PATH, None, {})

    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
