"""A bank opens disputes, takes one answer to each, and its book keeps all of it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox import BANKS, Pace, open_book
from tallystick.sandbox.acquirer import Acquirer
from tallystick.sandbox.dispute_magic import DISPUTE_MAGIC, MAGIC_AMOUNT
from tallystick.sandbox.model import Kind, Order
from tests.sandbox.teller import Said, Teller

pytestmark = pytest.mark.anyio

DOCUMENT = {
    "kind": "receipt",
    "media_type": "application/pdf",
    "size_bytes": 7,
    "sha256": "0" * 64,
}


async def disputed(bank: Teller, amount: int = 1_000, token: str = "tok_visa") -> str:
    """The reference of a captured authorization of this amount and token."""
    reference = bank.fresh("pay")
    said = await bank.authorize(reference, amount=amount, token=token, capture=True)
    assert said.status == 200
    return reference


async def dispute_of(bank: Teller, reference: str) -> dict[str, Any]:
    after = 0
    while page := (await bank.get(f"/v1/disputes?after={after}")).body["disputes"]:
        for told in page:
            if told["authorization_reference"] == reference:
                return dict(told)
        after = page[-1]["place"]
    raise LookupError(reference)


async def opened(bank: Teller, **body: object) -> dict[str, Any]:
    reference = await disputed(bank)
    said = await bank.post(f"/v1/authorizations/{reference}/disputes", **body)
    assert said.status == 200, said
    return dict(said.body)


async def answered(bank: Teller, dispute: dict[str, Any], word: str, **body: object) -> Said:
    return await bank.post(f"/v1/disputes/{dispute['id']}/{word}", **body)


def code(said: Said) -> tuple[int, str]:
    return said.status, said.body["error"]["code"]


@pytest.mark.parametrize(("digits", "token", "behaviour"), DISPUTE_MAGIC)
async def test_a_dispute_can_be_asked_for_by_token_and_by_amount(
    hdfc: Teller, digits: int, token: str, behaviour: Any
) -> None:
    by_token = await dispute_of(hdfc, await disputed(hdfc, 9_000, token))
    by_amount = await dispute_of(hdfc, await disputed(hdfc, MAGIC_AMOUNT + digits))

    assert by_token["amount"] == 9_000 // behaviour.part
    assert by_amount["amount"] == (MAGIC_AMOUNT + digits) // behaviour.part
    for told in (by_token, by_amount):
        assert (told["status"], told["reason"]) == ("needs_response", behaviour.reason)


async def test_what_is_captured_later_is_disputed_then(hdfc: Teller) -> None:
    reference = hdfc.fresh("pay")
    await hdfc.authorize(reference, token="tok_disputed")
    with pytest.raises(LookupError):
        await dispute_of(hdfc, reference)

    await hdfc.capture(reference, f"{reference}-c1", 600)

    assert (await dispute_of(hdfc, reference))["amount"] == 600


async def test_a_capture_that_is_repeated_is_disputed_once(hdfc: Teller) -> None:
    reference = hdfc.fresh("pay")
    said = await asyncio.gather(
        *[hdfc.authorize(reference, token="tok_disputed", capture=True) for _ in range(8)]
    )

    assert {one.status for one in said} == {200}
    page = (await hdfc.get("/v1/disputes")).body["disputes"]
    assert [told["authorization_reference"] for told in page].count(reference) <= 1


async def test_disputed_money_is_not_refunded_as_well(hdfc: Teller) -> None:
    dispute = await opened(hdfc, amount=700)
    reference = dispute["authorization_reference"]

    refused = await hdfc.refund(reference, hdfc.fresh("ref"), 301)
    taken = await hdfc.refund(reference, hdfc.fresh("ref"), 300)
    more = await hdfc.post(f"/v1/authorizations/{reference}/disputes", amount=1)

    assert (refused.status, refused.body["code"]) == (402, "refund_exceeds_capture")
    assert taken.status == 200
    assert code(more) == (422, "dispute_exceeds_capture")


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_evidence_is_reviewed_for_a_while(
    hdfc: Teller, bank_clock: HandClock, verdict: str
) -> None:
    dispute = await opened(hdfc, verdict=verdict)

    first = await answered(hdfc, dispute, "evidence", documents=[DOCUMENT])
    again = await answered(hdfc, dispute, "evidence", documents=[DOCUMENT])
    other = await answered(hdfc, dispute, "evidence", documents=[], explanation="no")
    late = await answered(hdfc, dispute, "acceptance")
    bank_clock.advance(timedelta(seconds=2))

    assert first.body["status"] == again.body["status"] == "under_review"
    assert code(other) == code(late) == (409, "dispute_closed")
    assert (await hdfc.get(f"/v1/disputes/{dispute['id']}")).body["status"] == verdict


async def test_accepting_loses_at_once_and_winning_frees_the_money(hdfc: Teller) -> None:
    accepted, dropped = await opened(hdfc), await opened(hdfc)

    assert (await answered(hdfc, accepted, "acceptance")).body["status"] == "lost"
    assert (await answered(hdfc, accepted, "acceptance")).body["status"] == "lost"
    assert (await answered(hdfc, dropped, "verdict", verdict="won")).body["status"] == "won"

    reference = dropped["authorization_reference"]
    assert (await hdfc.refund(reference, hdfc.fresh("ref"), 1_000)).status == 200
    reference = accepted["authorization_reference"]
    assert (await hdfc.refund(reference, hdfc.fresh("ref"), 1)).status == 402


async def test_after_the_deadline_it_is_lost(hdfc: Teller, bank_clock: HandClock) -> None:
    dispute = await opened(hdfc, evidence_due_after_s=60)
    bank_clock.advance(timedelta(seconds=60))

    refused = await answered(hdfc, dispute, "evidence", documents=[DOCUMENT])

    assert code(refused) == (409, "dispute_closed")
    assert (await hdfc.get(f"/v1/disputes/{dispute['id']}")).body["status"] == "lost"


async def test_what_cannot_be_is_refused(hdfc: Teller) -> None:
    dispute = await opened(hdfc)

    assert code(await hdfc.get("/v1/disputes/none")) == (404, "unknown_dispute")
    assert code(await hdfc.post("/v1/authorizations/none/disputes")) == (
        404,
        "unknown_authorization",
    )
    for word, body in (
        ("evidence", {}),
        ("evidence", {"documents": [DOCUMENT | {"sha256": "x"}]}),
        ("verdict", {"verdict": "perhaps"}),
    ):
        said = await answered(hdfc, dispute, word, **body)
        assert code(said) == (400, "invalid_request")
    assert (await hdfc.get("/v1/disputes?after=-1")).status == 400
    assert (await hdfc.get(f"/v1/disputes?after={10**30}")).status == 400


async def test_disputes_are_in_the_books_file(tmp_path: Path, bank_clock: HandClock) -> None:

    order = Order(
        kind=Kind.AUTHORIZATION,
        reference="pay-1",
        authorization_reference="pay-1",
        amount_minor=1_000,
        currency="INR",
        token="tok_disputed",
        capture=True,
    )
    async with open_book(tmp_path / "bank.db") as book:
        await Acquirer(BANKS[0], book, Pace(calm=True), bank_clock.now).answer(order, None)
        before = book.disputes.list_after(0, 10)
    async with open_book(tmp_path / "bank.db") as book:
        assert book.disputes.list_after(0, 10) == before
    assert [case.dispute.amount_minor for case in before] == [1_000]
