"""The books at the door: how far they are proven, proving them, what accounts should hold."""

from typing import Any

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PATH = "/api/v1/books"
BANK = typeid("acc", account_id(PLATFORM, "platform:bank:INR"))
NOBODY = typeid("acc", account_id(PLATFORM, "nobody"))


def stood(**other: Any) -> dict[str, Any]:
    asserted = {"account_id": BANK, "currency": "INR", "at": "2026-03-02T09:00:00Z", "balance": 0}
    return asserted | other


async def test_they_say_how_far_they_are_proven(operator: Caller, app: App) -> None:
    await app.proofs.incremental.run_once()

    shown = (await operator.get(PATH)).json

    (lane,) = shown["proved"]
    assert (lane["lane"], len(lane["head"])) == (0, 64)
    assert lane["position"] > 0
    assert (shown["age_seconds"], shown["differences"], shown["findings"]) == (0.0, 0, [])
    metrics = (await operator.get("/metrics")).raw.decode()
    assert 'tallystick_books_proved_position{lane="0"} ' in metrics
    assert "tallystick_books_proved_age_seconds 0.0" in metrics
    assert 'tallystick_books_differences{proof="continuous"} 0.0' in metrics


async def test_one_account_is_proven_in_the_answer(operator: Caller) -> None:
    answer = await operator.post(f"{PATH}/prove", {"account_id": BANK})

    assert (answer.status, answer.json["carried_out"]) == (202, "here")
    assert (answer.json["status"], answer.json["accounts"]) == ("green", 1)
    assert "chain" in answer.json["not_proven"]
    shown = (await operator.get(f"{PATH}/runs/{answer.json['id']}")).json
    assert shown | {"carried_out": "here"} == answer.json


async def test_everything_is_proven_by_a_worker(operator: Caller, app: App) -> None:
    answer = await operator.post(f"{PATH}/prove")
    assert (answer.status, answer.json["status"]) == (202, "queued")
    assert answer.json["carried_out"] == "worker"

    while await app.proofs.reconciliation.run_due():
        pass

    run = (await operator.get(f"{PATH}/runs/{answer.json['id']}")).json
    assert (run["status"], run["differences"], run["not_proven"]) == ("green", 0, [])
    assert (await operator.get(PATH)).json["last_run"]["status"] == "green"


async def test_the_same_key_asks_for_the_same_run(operator: Caller) -> None:
    first = await operator.post(f"{PATH}/prove", {"account_id": BANK}, Idempotency_Key="prove-1")
    again = await operator.post(f"{PATH}/prove", {"account_id": BANK}, Idempotency_Key="prove-1")

    assert again.json == first.json
    assert again.headers["idempotency-replayed"] == "true"


async def test_runs_come_by_the_page(operator: Caller) -> None:
    asked = [(await operator.post(f"{PATH}/prove", {"account_id": BANK})).json for _ in range(3)]

    first = (await operator.get(f"{PATH}/runs?limit=2")).json
    rest = (await operator.get(f"{PATH}/runs?limit=200&cursor={first['next_cursor']}")).json

    ids = [run["id"] for run in (*first["data"], *rest["data"])]
    assert len(set(ids)) == len(ids)
    assert {run["id"] for run in asked} <= set(ids)


async def test_an_assertion_is_kept_shown_and_withdrawn(operator: Caller) -> None:
    made = await operator.post(f"{PATH}/assertions", stood())
    one = f"{PATH}/assertions/{made.json['id']}"

    assert (made.status, made.json["holds"], made.json["balance"]) == (201, True, 0)
    assert (made.json["at_least"], made.json["at_most"]) == (0, 0)
    assert (await operator.get(one)).json == made.json
    listed = (await operator.get(f"{PATH}/assertions?account_id={BANK}")).json["data"]
    assert made.json in listed

    withdrawn = await operator.post(f"{one}/withdraw")
    assert (withdrawn.status, withdrawn.json["holds"]) == (200, None)
    assert withdrawn.json["withdrawn_at"] == "2026-03-02T09:30:00Z"


async def test_one_that_does_not_hold_turns_the_proof_red(operator: Caller) -> None:
    made = await operator.post(f"{PATH}/assertions", stood(balance=1))
    assert made.json["holds"] is False

    red = (await operator.post(f"{PATH}/prove", {"account_id": BANK})).json
    await operator.post(f"{PATH}/assertions/{made.json['id']}/withdraw")
    green = (await operator.post(f"{PATH}/prove", {"account_id": BANK})).json

    assert (red["status"], [found["check"] for found in red["broken"]]) == ("red", ["assertions"])
    assert green["status"] == "green"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"balance": None}, "invalid_assertion"),
        ({"at_least": 1}, "invalid_assertion"),
        ({"balance": None, "at_least": 2, "at_most": 1}, "invalid_assertion"),
        ({"currency": "USD"}, "invalid_assertion"),
        ({"account_id": NOBODY}, "unknown_account"),
        ({"balance": 1.5}, "invalid_fields"),
        ({"balance": 2**63}, "invalid_fields"),
        ({"at": "yesterday"}, "invalid_fields"),
        ({"basis": "guessed"}, "invalid_fields"),
        ({"mood": "good"}, "invalid_fields"),
    ],
)
async def test_what_cannot_be_asserted_is_refused(
    operator: Caller, fault: dict[str, Any], code: str
) -> None:
    answer = await operator.post(f"{PATH}/assertions", stood(**fault))

    assert (answer.status, answer.code) == (422, code)


async def test_what_is_not_there_is_not_found(operator: Caller) -> None:
    suffix = BANK.removeprefix("acc_")

    assert (await operator.get(f"{PATH}/runs/run_{suffix}")).code == "run_not_found"
    assert (await operator.get(f"{PATH}/assertions/ast_{suffix}")).code == "assertion_not_found"
    nobody = await operator.post(f"{PATH}/prove", {"account_id": NOBODY})
    assert (nobody.status, nobody.code) == (404, "account_not_found")


async def test_they_are_no_matter_of_merchants(seller: Caller) -> None:
    assert (await seller.get(PATH)).status == 403
    assert (await seller.post(f"{PATH}/prove")).status == 403
    assert (await seller.post(f"{PATH}/assertions", stood())).status == 403
