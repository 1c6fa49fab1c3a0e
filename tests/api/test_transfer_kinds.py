"""Transfers at the door beyond a plain post: bulks of every kind, and reversals."""

from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import Merchant
from tests.api.conftest import Caller
from tests.api.promises import BULK, RESERVATIONS, TRANSFERS, key, owed, promise_to

pytestmark = pytest.mark.anyio


@pytest.fixture
def promise(merchant: Merchant) -> dict[str, Any]:
    return promise_to(merchant)


class TestBulkOfEveryKind:
    async def test_each_is_done(
        self, operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
    ) -> None:
        one, two = [(await operator.post(RESERVATIONS, promise)).json["id"] for _ in range(2)]
        items = [
            {name: value for name, value in promise.items() if name != "expires_at"},
            promise | {"kind": "reserve", "amount": 5},
            {"kind": "settle", "reservation_id": one, "amount": 300},
            {"kind": "void", "reservation_id": two, "code": "cancelled"},
            {"kind": "void", "reservation_id": one},
        ]
        answer = await operator.post(BULK, {"transfers": items}, **key(merchant, "all"))
        again = await operator.post(BULK, {"transfers": items}, **key(merchant, "all"))

        told = answer.json
        assert (told["posted"], told["refused"], told["unknown"]) == (4, 1, 0)
        kinds = [item["transfer"]["kind"] for item in told["data"][:4]]
        assert kinds == ["post", "reserve", "settle", "void"]
        assert told["data"][2]["returned"]["amount"] == 700
        assert told["data"][3]["transfer"]["code"] == "cancelled"
        assert told["data"][4]["code"] == "reservation_not_open"
        assert again.raw == answer.raw
        assert await owed(app, merchant) == (1_300, 5)

    async def test_all_or_none(
        self, operator: Caller, promise: dict[str, Any], app: App, merchant: Merchant
    ) -> None:
        one = (await operator.post(RESERVATIONS, promise)).json["id"]
        part = {"kind": "settle", "reservation_id": one, "amount": 600, "final": False}

        refused = await operator.post(BULK, {"transfers": [part, part], "atomic": True})
        done = await operator.post(
            BULK, {"transfers": [part, part | {"amount": 400}], "atomic": True}
        )

        assert (refused.status, refused.code) == (422, "reservation_exceeded")
        assert done.json["posted"] == 2
        assert await owed(app, merchant) == (1_000, 0)

    async def test_every_wrong_field_of_every_kind_is_named(
        self, operator: Caller, promise: dict[str, Any]
    ) -> None:
        items: list[object] = [
            {"kind": "settle", "reservation_id": 7, "amount": 0, "final": "no", "currency": "INR"},
            {"kind": "void", "code": "No Spaces"},
            {"kind": ["settle"]},
            None,
            promise | {"kind": "reserve", "amount": -1},
        ]
        answer = await operator.post(BULK, {"transfers": items})

        assert {error["field"] for error in answer.json["errors"]} == {
            *(f"transfers.0.{name}" for name in ("reservation_id", "amount", "final", "currency")),
            *("transfers.1.reservation_id", "transfers.1.code"),
            *(f"transfers.2.{name}" for name in ("kind", "debit_account_id", "credit_account_id")),
            *("transfers.2.amount", "transfers.2.currency", "transfers.3", "transfers.4.amount"),
        }


class TestReversal:
    @pytest.fixture
    async def transfer(self, operator: Caller, promise: dict[str, Any]) -> Any:
        del promise["expires_at"]
        return (await operator.post(TRANSFERS, promise)).json

    async def test_the_money_goes_back(
        self, operator: Caller, transfer: Any, app: App, merchant: Merchant
    ) -> None:
        one = f"{TRANSFERS}/{transfer['id']}"
        back = await operator.post(f"{one}/reverse", **key(merchant, "back"))

        assert back.status == 201
        assert back.json["debit_account_id"] == transfer["credit_account_id"]
        assert (back.json["amount"], back.json["code"]) == (1_000, "reversal")
        assert back.json["cause_id"] == transfer["change_id"]
        assert (await operator.get(one)).json["reversed_by"] == back.json["change_id"]
        assert await owed(app, merchant) == (0, 0)

        again = await operator.post(f"{one}/reverse", **key(merchant, "back"))
        assert (again.status, again.raw) == (201, back.raw)
        assert again.headers["idempotency-replayed"] == "true"

    async def test_once(self, operator: Caller, transfer: Any) -> None:
        one = f"{TRANSFERS}/{transfer['id']}"
        await operator.post(f"{one}/reverse", {"code": "mistake"})
        again = await operator.post(f"{one}/reverse")

        assert (again.status, again.code) == (409, "already_reversed")

    async def test_not_what_moved_nothing(self, operator: Caller, promise: dict[str, Any]) -> None:
        made = await operator.post(TRANSFERS, promise | {"kind": "reserve"})
        answer = await operator.post(f"{TRANSFERS}/{made.json['id']}/reverse")

        assert (answer.status, answer.code) == (422, "not_reversible")

    async def test_what_never_was_is_not_found(self, operator: Caller) -> None:
        for path in (f"{TRANSFERS}/tra_{'0' * 26}", f"{TRANSFERS}/nonsense"):
            assert (await operator.get(path)).code == "transfer_not_found"
            assert (await operator.post(f"{path}/reverse")).code == "transfer_not_found"
