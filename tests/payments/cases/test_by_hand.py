"""An outcome recorded by hand: only while the provider knows nothing, once, and watched."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from tallystick.payments import PaymentsError
from tallystick.payments.cases import CaseRow
from tallystick.payments.cases.by_hand import ByHand, Word
from tallystick.payments.operations import Operations
from tallystick.rails import Approved, Declined, Outcome
from tests.payments.cases.conftest import DAY, CaseDesk, cases_over
from tests.payments.desk import a_key, all_of, codes
from tests.payments.troubled_rails import silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("settled")]

NOTE = "Their letter of 3 March."


async def code_of(asked: object) -> str:
    """The code with which this is refused."""
    with pytest.raises(PaymentsError) as refused:
        await asked  # type: ignore[misc]
    return refused.value.code


def saying(operations: Operations, outcome: Outcome) -> Operations:
    """The same while every bank says this of whatever it is asked about."""

    class Saying(type(operations.rails)):  # type: ignore[misc]
        async def find(self, route: str, reference: str) -> Outcome:
            return outcome

    rails = Saying(operations.rails.routes, operations.rails.providers)
    return replace(operations, rails=rails)


async def watched(case_desk: CaseDesk, outcome: Outcome) -> tuple[CaseRow, ...]:
    """The open cases once a day is over and the bank said this."""
    desk = case_desk.desk
    desk.clock.advance(DAY)
    await cases_over(saying(desk.operations, outcome)).by_hand.watch()
    return await case_desk.all(status="open")


async def test_what_was_approved_is_in_the_books_by_the_ordinary_way(case_desk: CaseDesk) -> None:
    row = await case_desk.lost()
    case, key = await case_desk.the_case(), a_key()

    done = await case_desk.silently.resolve(
        case.id, "approved", NOTE, provider_reference="hdfc-42", asked=key
    )
    again = await case_desk.silently.resolve(
        case.id, "approved", NOTE, provider_reference="hdfc-42", asked=key
    )

    paid = await case_desk.desk.look(row)
    assert (paid.status, paid.provider_reference, paid.running) == ("captured", "hdfc-42", None)
    assert (done.row.status, done.row.decided) == ("resolved", "approved")
    assert (done.row.outcome, done.notes[0].text) == ("payment.authorized", NOTE)
    assert (again.row, again.replayed) == (done.row, True)
    assert await case_desk.desk.payable() == 9_600


async def test_what_failed_leaves_nothing(case_desk: CaseDesk) -> None:
    row = await case_desk.desk.pay(token="tok_drop_before")
    await case_desk.pass_silently()
    case = await case_desk.the_case()

    await case_desk.silently.resolve(case.id, "failed", NOTE)

    failed = await case_desk.desk.look(row)
    assert (failed.status, failed.failure_code) == ("failed", "provider_unreachable")
    assert (await case_desk.desk.payable(), await case_desk.desk.clearing()) == (0, 0)


async def test_a_refund_that_failed_gives_the_merchant_his_money_back(case_desk: CaseDesk) -> None:
    desk = case_desk.desk
    await desk.pay(50_000)
    paid = await desk.pay()
    refund = await desk.refund(paid, amount_minor=4_252)  # dropped before anything is done
    before = await desk.payable()
    await case_desk.pass_silently()
    case = await case_desk.the_case()

    done = await case_desk.silently.resolve(case.id, "failed", NOTE)

    assert done.row.outcome == "refund.failed"
    assert (await desk.refunds.get(refund.id)).row.status == "failed"
    assert (await desk.payable(), await desk.reserved()) == (before, 0)


async def test_the_bank_is_asked_first_and_believed(case_desk: CaseDesk) -> None:
    row = await case_desk.lost()
    case = await case_desk.the_case()

    done = await case_desk.cases.resolve(case.id, "failed", NOTE)

    assert (done.row.outcome, done.row.decided) == ("payment.authorized", None)
    assert (await case_desk.desk.look(row)).status == "captured"


async def test_not_before_its_day_nor_twice_nor_without_a_reason(case_desk: CaseDesk) -> None:
    await case_desk.lost()
    case, resolve = await case_desk.the_case(), case_desk.silently.resolve
    wished = ByHand(case_desk.silently.outcomes)

    asked_at = case_desk.desk.clock.now() - DAY + timedelta(seconds=1)
    young = structs.replace(case, asked_at=asked_at)
    assert await code_of(wished.record(young, Word("failed", ""))) == "case_too_young"
    assert await code_of(resolve(case.id, "approved", NOTE)) == "invalid_outcome"
    assert await code_of(resolve(case.id, "perhaps", NOTE)) == "invalid_outcome"
    assert await code_of(resolve(case.id, "failed", " ")) == "invalid_note"
    await resolve(case.id, "failed", NOTE)
    assert await code_of(resolve(case.id, "failed", NOTE)) == "case_resolved"


async def test_recovery_and_many_operators_at_once_record_one_end(case_desk: CaseDesk) -> None:
    row = await case_desk.lost()
    case, desk = await case_desk.the_case(), case_desk.desk
    desk.clock.advance(DAY)

    answers = await all_of(
        *[case_desk.silently.resolve(case.id, "failed", NOTE) for _ in range(3)],
        desk.recovery.run_once(),
        case_desk.silently.resolve(case.id, "approved", NOTE, provider_reference="x"),
    )

    assert set(codes([one for one in answers if isinstance(one, Exception)])) <= {
        "case_resolved",
        "payment_busy",
        "conflict",
    }
    ended = (await case_desk.cases.get(case.id)).row
    facts = [told.kind for told in await desk.operations.journal.facts_of(row.id)]
    ends = [kind for kind in facts if kind in ("payment.failed", "payment.authorized")]
    assert len(ends) == 1
    assert ended.outcome in (None, ends[0])


async def test_a_bank_that_says_the_same_later_is_not_asked_again(case_desk: CaseDesk) -> None:
    await case_desk.lost()
    case = await case_desk.the_case()
    await case_desk.silently.resolve(case.id, "approved", NOTE, provider_reference="hdfc-42")

    assert await watched(case_desk, Approved("hdfc-42")) == ()

    assert (await case_desk.cases.get(case.id)).row.watch_at is None


async def test_a_bank_that_says_otherwise_later_opens_one_case_and_moves_nothing(
    case_desk: CaseDesk,
) -> None:
    desk = case_desk.desk
    await desk.pay(50_000)
    paid = await desk.pay()
    await desk.refund(paid, amount_minor=4_252)
    await case_desk.pass_silently()
    case = await case_desk.the_case()
    await case_desk.silently.resolve(case.id, "failed", NOTE)
    before = (await desk.payable(), await desk.clearing(), await desk.suspense())

    operations = saying(desk.operations, Approved("hdfc-refund-1"))
    desk.clock.advance(DAY)
    await asyncio.gather(*[cases_over(operations).by_hand.watch() for _ in range(4)])

    (open_case,) = await case_desk.all(status="open")
    assert (open_case.cause, open_case.reference) == ("outcome_contradicted", case.reference)
    assert (await desk.payable(), await desk.clearing(), await desk.suspense()) == before
    assert await code_of(case_desk.cases.ask(open_case.id)) == "case_not_askable"
    await case_desk.cases.close(open_case.id, "Settled with the bank by hand.")


async def test_silence_is_watched_for_thirty_days(case_desk: CaseDesk) -> None:
    await case_desk.desk.pay(token="tok_drop_before")
    await case_desk.pass_silently()
    case = await case_desk.the_case()
    await case_desk.silently.resolve(case.id, "failed", NOTE)
    operations = silent(case_desk.desk.operations)

    days = 0
    while (await case_desk.cases.get(case.id)).row.watch_at is not None and days < 40:
        case_desk.desk.clock.advance(DAY)
        await cases_over(operations).by_hand.watch()
        days += 1

    assert days == 30
    assert await watched(case_desk, Declined("card_declined", False, "05")) == ()
