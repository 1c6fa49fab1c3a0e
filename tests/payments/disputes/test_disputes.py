"""A payer disputes what he paid: the money waits, the merchant answers, the bank decides."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Change
from tallystick.journal.model import KeyReused
from tallystick.ledger import Limit
from tallystick.payments import PaymentsError
from tallystick.payments.disputes.beats import KEEPERS_MAX
from tallystick.payments.disputes.documents import Document
from tests.payments.desk import a_key, all_of, codes
from tests.payments.disputes.conftest import FEE_MINOR
from tests.payments.disputes.dispute_desk import RECEIPT, DisputeDesk
from tests.payments.test_fee_plans import freeze

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

KEEPING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'tallystick dispute documents'"
)
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


class TestLearning:
    async def test_sets_the_amount_and_a_fee_aside(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        before = await counter.desk.payable()

        row = await counter.disputed(10_000)

        assert (row.status, row.amount_minor, row.fee_minor) == (
            "needs_response",
            10_000,
            FEE_MINOR,
        )
        assert (row.reason, row.booked_to) == ("fraudulent", "payable")
        assert row.evidence_due_by == row.opened_at + WEEK
        assert await counter.held() == 10_000
        # The new payment brought 9,600 after its fee of 3 % and 100.
        assert await counter.desk.payable() == before + 9_600 - 10_000 - FEE_MINOR
        payment = await counter.payment(row)
        assert (payment.status, payment.disputed_minor) == ("captured", 10_000)

    async def test_a_dispute_is_learned_of_once(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()

        assert [await counter.learn() for _ in range(3)] == [0, 0, 0]

        assert (await counter.only()).id == row.id
        assert await counter.held() == 10_000

    async def test_sixteen_readers_at_once_record_one_dispute(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        await counter.desk.pay(10_000, "tok_disputed")

        opened = await asyncio.gather(*[counter.learn() for _ in range(16)])

        assert sum(opened) == 1
        assert (await counter.only()).amount_minor == 10_000
        assert await counter.held() == 10_000

    async def test_what_the_merchant_has_not_got_comes_from_suspense_without_a_fee(
        self, counter: DisputeDesk
    ) -> None:
        row = await counter.disputed(10_000)  # 9,600 of it is there

        assert (row.booked_to, row.suspense_minor, row.fee_minor) == ("both", 400, 0)
        assert (await counter.desk.payable(), await counter.desk.suspense()) == (0, -400)
        assert await counter.held() == 10_000

        await counter.contested(row)
        await counter.turn(MINUTE)

        assert (await counter.look(row)).status == "won"
        assert (await counter.desk.suspense(), await counter.desk.payable()) == (0, 9_600)

    async def test_a_lost_one_leaves_on_suspense_what_the_merchant_had_not_got(
        self, counter: DisputeDesk
    ) -> None:
        row = await counter.disputed(10_000)
        await counter.disputes.accept(row.id)

        assert (await counter.held(), await counter.desk.clearing()) == (0, 0)
        assert (await counter.desk.payable(), await counter.desk.suspense()) == (0, -400)

    async def test_a_frozen_account_that_has_some_of_it_does_not_give_it(
        self, counter: DisputeDesk
    ) -> None:
        row = await counter.desk.pay(10_000, "tok_disputed")
        payable = account_id(row.merchant_id, chart.payable_code(row.merchant_id, "INR"))
        await freeze(counter.desk, payable)
        await counter.learn()

        disputed = await counter.only()
        assert (disputed.booked_to, disputed.suspense_minor) == ("suspense", 10_000)
        assert (await counter.desk.payable(), await counter.desk.suspense()) == (9_600, -10_000)

    async def test_a_merchant_who_has_the_amount_alone_gives_it_and_no_fee(
        self, counter: DisputeDesk
    ) -> None:
        await counter.desk.pay(1_000)  # 870 after the fee; the fee of a dispute is 1,500

        row = await counter.disputed(10_000)

        assert (row.booked_to, row.fee_minor) == ("payable", 0)
        assert (await counter.desk.payable(), await counter.desk.suspense()) == (470, 0)

    async def test_one_that_cannot_be_recorded_does_not_keep_those_behind_it_waiting(
        self, counter: DisputeDesk
    ) -> None:
        desk = counter.desk
        in_rupees = await desk.pay(10_000, "tok_disputed")
        payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
        suspense = account_id(PLATFORM, chart.suspense_code("INR"))
        await freeze(desk, payable)
        await freeze(desk, suspense)
        in_yen = await desk.pay(10_000, "tok_disputed", currency="JPY")

        assert await counter.learn() == 1
        assert (await counter.only()).payment_id == in_yen.id

        await freeze(desk, suspense, frozen=False)
        assert await counter.learn() == 1
        assert (await counter.only(payment_id=in_rupees.id)).booked_to == "suspense"

    async def test_half_of_a_payment_may_be_disputed_and_the_rest_refunded_later(
        self, counter: DisputeDesk
    ) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed(10_001, "tok_disputed_half")
        assert row.amount_minor == 5_000

        payment = await counter.payment(row)
        with pytest.raises(PaymentsError) as refused:
            await counter.desk.refund(payment, amount_minor=1)
        assert refused.value.code == "payment_disputed"

        await counter.disputes.accept(row.id)
        with pytest.raises(PaymentsError) as refused:
            await counter.desk.refund(payment, amount_minor=5_002)
        assert refused.value.code == "refund_exceeds_captured"
        refund = await counter.desk.refund(payment, amount_minor=5_001)
        assert refund.status == "succeeded"
        assert (await counter.payment(row)).refundable_minor == 0

    async def test_a_dispute_waits_for_the_refund_that_runs(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        payment = await counter.desk.pay(4_252)  # its refund is dropped before anything is done
        await counter.desk.refund(payment)
        reference = payment.tried[-1].reference
        status, _ = await counter.at_the_bank(f"/v1/authorizations/{reference}/disputes")
        assert status == 200

        assert await counter.learn() == 0
        await counter.desk.recover()
        assert await counter.learn() == 1

        row = await counter.only()
        assert (row.amount_minor, await counter.held()) == (4_252, 4_252)
        (refund,) = await counter.desk.refunds.list_refunds(payment.id)
        assert refund.status == "failed"

    async def test_a_dispute_of_a_payment_that_is_not_ours_is_one_case(
        self, counter: DisputeDesk
    ) -> None:
        body = {"amount": 1_000, "currency": "INR", "token": "tok_disputed", "capture": True}
        status, _ = await counter.at_the_bank("/v1/authorizations", reference="alien-a1", **body)
        assert status == 200
        await counter.desk.pay(50_000)

        row = await counter.disputed()

        assert (await counter.only()).id == row.id
        (case,) = await counter.cases()
        assert (case.work, case.cause, case.amount_minor) == ("dispute", "dispute_unmatched", 1_000)
        assert (case.owner_id, case.object_id) == (PLATFORM, case.id)

    async def test_one_of_more_than_the_payment_has_is_one_case_however_often_it_is_read(
        self, counter: DisputeDesk
    ) -> None:
        payment = await counter.desk.pay(10_000)
        told = replace(counter.a_dispute_of(payment), amount_minor=10_001)
        alien = replace(told, dispute_id="hdfc_dp_77", currency="JPY", place=2)
        fitting = replace(told, dispute_id="hdfc_dp_78", amount_minor=100, place=3)

        opened = await asyncio.gather(*[counter.tell(told, alien, fitting) for _ in range(4)])

        assert {(case.reference, case.cause) for case in await counter.cases()} == {
            (told.dispute_id, "dispute_exceeds_payment"),
            ("hdfc_dp_77", "dispute_in_another_currency"),
        }
        assert {case.object_id for case in await counter.cases()} == {payment.id}
        assert (sum(opened), await counter.held()) == (1, 100)

    async def test_a_payable_may_be_overdrawn_to_its_limit(self, counter: DisputeDesk) -> None:
        merchant_id, operations = counter.desk.merchant.id, counter.desk.operations
        payable = account_id(merchant_id, chart.payable_code(merchant_id, "INR"))
        change_id = operations.moment(merchant_id).change_id
        await operations.journal.record(Change(change_id, accounts=(Limit(payable, 5_000),)))

        row = await counter.disputed(10_000)

        assert (row.booked_to, row.fee_minor) == ("payable", FEE_MINOR)
        assert await counter.desk.payable() == 9_600 - 10_000 - FEE_MINOR

    async def test_refunds_and_readers_at_once_never_exceed_what_was_captured(
        self, counter: DisputeDesk
    ) -> None:
        await counter.desk.pay(50_000)
        payment = await counter.desk.pay(10_000)
        switch = f"/v1/authorizations/{payment.tried[-1].reference}/disputes"
        assert (await counter.at_the_bank(switch, amount=4_000))[0] == 200

        await all_of(
            *[counter.desk.refund(payment, amount_minor=1_000) for _ in range(8)],
            *[counter.learn() for _ in range(4)],
        )
        for _ in range(3):
            await counter.desk.recover()
            await counter.learn()

        payment = await counter.payment(await counter.only())
        assert (payment.disputed_minor, payment.refund_pending_minor) == (4_000, 0)
        assert payment.refunded_minor <= 6_000


class TestAnswering:
    async def test_evidence_may_win_and_the_fee_stays(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()
        before = await counter.desk.payable()

        row = await counter.contested(row)
        assert (row.status, row.response, row.delivered) == ("under_review", "evidence", True)
        await counter.turn(MINUTE)

        row = await counter.look(row)
        assert (row.status, row.due_at) == ("won", None)
        assert await counter.held() == 0
        assert await counter.desk.payable() == before + 10_000
        payment = await counter.payment(row)
        assert (payment.disputed_minor, payment.charged_back_minor) == (0, 0)
        assert (await counter.desk.refund(payment)).status == "succeeded"

    async def test_evidence_may_lose(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed(token="tok_disputed_lost")
        clearing = await counter.desk.clearing()

        await counter.contested(row)
        await counter.turn(MINUTE)

        assert (await counter.look(row)).status == "lost"
        assert await counter.held() == 0
        assert await counter.desk.clearing() == clearing - 10_000
        assert (await counter.payment(row)).charged_back_minor == 10_000

    async def test_accepting_ends_it_at_once(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()

        shown = await counter.disputes.accept(row.id, asked=a_key())

        assert (shown.row.status, shown.row.response) == ("accepted", "acceptance")
        assert (await counter.held(), await counter.desk.clearing()) == (0, 50_000)

    async def test_nobodys_answer_in_time_is_a_lost_dispute(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed(token="tok_disputed_one_hour")

        await counter.turn(timedelta(minutes=59, seconds=59))
        assert (await counter.look(row)).status == "needs_response"
        counter.desk.clock.advance(timedelta(seconds=1))
        with pytest.raises(PaymentsError) as refused:
            await counter.hand_in(row)
        assert refused.value.code == "dispute_deadline_passed"
        for _ in range(3):
            await counter.turn(timedelta(minutes=5))

        assert (await counter.look(row)).status == "expired"
        assert (await counter.held(), await counter.desk.clearing()) == (0, 50_000)

    async def test_the_bank_may_let_it_drop(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()
        path = f"/v1/disputes/{row.provider_dispute_id}/verdict"
        assert (await counter.at_the_bank(path, verdict="won"))[0] == 200

        # The merchant gives in, and has won already: the bank's word counts.
        assert (await counter.disputes.accept(row.id)).row.status == "won"
        assert await counter.held() == 0

    @pytest.mark.parametrize("end", ["accept", "submit"])
    async def test_there_is_one_answer(self, counter: DisputeDesk, end: str) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()
        await counter.hand_in(row)
        await getattr(counter.disputes, end)(row.id)

        answers = await all_of(
            counter.disputes.accept(row.id),
            counter.disputes.submit(row.id, explanation="But no."),
            counter.disputes.submit(row.id),
        )

        assert [answer.code for answer in answers] == ["dispute_not_answerable"] * 3

    async def test_nothing_to_say_is_no_evidence(self, counter: DisputeDesk) -> None:
        row = await counter.disputed()

        with pytest.raises(PaymentsError) as refused:
            await counter.disputes.submit(row.id)

        assert refused.value.code == "evidence_missing"

    async def test_the_same_key_answers_alike_and_once(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()
        await counter.hand_in(row)
        key = a_key()

        answers = await all_of(*[counter.disputes.submit(row.id, asked=key) for _ in range(8)])
        again = await counter.disputes.submit(row.id, asked=key)

        assert {answer.row for answer in answers} == {again.row}
        assert [answer.replayed for answer in answers].count(False) == 1
        assert (again.row.status, again.replayed) == ("under_review", True)

    async def test_accept_and_submit_at_once_have_one_winner(self, counter: DisputeDesk) -> None:
        await counter.desk.pay(50_000)
        row = await counter.disputed()
        await counter.hand_in(row)

        answers = await all_of(
            *[counter.disputes.accept(row.id) for _ in range(4)],
            *[counter.disputes.submit(row.id) for _ in range(4)],
        )

        refused = [answer for answer in answers if isinstance(answer, PaymentsError)]
        assert [error.code for error in refused] == ["dispute_not_answerable"] * 7
        assert codes(refused) == ["dispute_not_answerable"] * 7


async def test_a_key_stands_for_one_document_although_the_dispute_has_it_already(
    counter: DisputeDesk,
) -> None:
    await counter.desk.pay(50_000)
    row = await counter.disputed()
    add, key = counter.disputes.documents.add, a_key(body=b"the receipt")
    other = Document(kind="other", media_type="text/plain", content=b"another")
    await counter.hand_in(row)

    answers = [await add(row.id, RECEIPT, asked=key) for _ in range(2)]
    await counter.hand_in(row, other)
    answers.append(await add(row.id, RECEIPT, asked=key))

    assert {answer.row.version for answer in answers} == {row.version + 1}
    assert all(answer.replayed for answer in answers)
    with pytest.raises(KeyReused):
        await add(row.id, other, asked=a_key(key=key.key, body=b"another"))
    assert len((await counter.look(row)).items) == 2


async def test_many_documents_at_once_take_few_connections(counter: DisputeDesk) -> None:
    await counter.desk.pay(100_000)
    disputes = [await counter.disputed() for _ in range(3)]
    database, handing_in, most = counter.desk.operations.database, True, 0

    async def watch() -> None:
        nonlocal most
        while handing_in:
            most = max(most, await database.fetchval(KEEPING))

    watching = asyncio.create_task(watch())
    await asyncio.gather(
        *[
            counter.hand_in(row, Document(kind="other", media_type="text/plain", content=b"%d" % n))
            for row in disputes
            for n in range(8)
        ]
    )
    handing_in = False
    await watching

    assert 0 < most <= KEEPERS_MAX
    assert [len((await counter.look(row)).items) for row in disputes] == [8, 8, 8]
