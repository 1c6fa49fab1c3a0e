"""What a bank has not answered for a day is put before a person, once, until it is known."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tallystick.journal import JournalError, Origin
from tallystick.payments import Payments, PaymentsError, Recovery
from tallystick.platform.ids import new_id
from tallystick.rails import Rails
from tests.payments.cases.conftest import DAY, CaseDesk
from tests.payments.desk import Desk, a_key
from tests.payments.troubled_rails import BrokenRails, DeafRails, FrozenRails, silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("settled")]


def over(desk: Desk, rails: Rails) -> Payments:
    """Payments by these rails."""
    return Payments(replace(desk.operations, rails=rails))


class TestOpening:
    async def test_nothing_is_a_case_before_its_day_is_over(self, case_desk: CaseDesk) -> None:
        await case_desk.desk.pay(token="tok_charge_then_drop")

        await case_desk.pass_silently(DAY - timedelta(seconds=1))

        assert await case_desk.all() == ()

    async def test_an_authorization_says_what_was_asked_of_whom_and_since_when(
        self, case_desk: CaseDesk
    ) -> None:
        row = await case_desk.lost()

        case = await case_desk.the_case()
        merchant_id = case_desk.desk.merchant.id
        assert (case.status, case.work, case.object_id) == ("open", "authorize", row.id)
        assert (case.owner_id, case.route) == (merchant_id, "hdfc_bank")
        assert (case.reference, case.asked_at) == (row.tried[0].reference, row.created_at)
        assert (case.amount_minor, case.currency, case.looks) == (10_000, "INR", 2)

    async def test_every_sort_of_work_has_its_case(self, case_desk: CaseDesk) -> None:
        desk = case_desk.desk
        captured, voided = await desk.hold(), await desk.hold(4_351)
        refunded = await desk.pay()
        await desk.capture(captured, amount_minor=4_151)
        await desk.payments.cancel(voided.id)
        refund = await desk.refund(refunded, amount_minor=4_251)
        paid = await desk.pay(token="tok_charge_then_drop")

        await case_desk.pass_silently()

        found = {case.work: (case.object_id, case.amount_minor) for case in await case_desk.all()}
        assert found == {
            "capture": (captured.id, 4_151),
            "void": (voided.id, 4_351),
            "refund": (refund.id, 4_251),
            "authorize": (paid.id, 10_000),
        }

    async def test_there_is_one_case_however_often_and_by_how_many_it_is_looked_for(
        self, case_desk: CaseDesk
    ) -> None:
        await case_desk.lost()

        await asyncio.gather(*[case_desk.cases.keeping.keep() for _ in range(4)])
        await case_desk.pass_silently()

        assert len(await case_desk.all()) == 1

    async def test_what_nobody_can_look_at_is_a_case_as_well(self, case_desk: CaseDesk) -> None:
        """A mistake of ours keeps recovery from recording anything: it stays `sending`."""
        desk = case_desk.desk
        routes, providers = desk.operations.rails.routes, desk.operations.rails.providers
        frozen = FrozenRails(routes, providers)
        asking = asyncio.create_task(replace(desk, payments=over(desk, frozen)).pay())
        await frozen.frozen.wait()
        (row,) = (await desk.payments.list_payments(None)).rows
        broken = BrokenRails(routes, providers, broken=row.tried[0].reference)
        desk.clock.advance(DAY)
        await Recovery(replace(desk.operations, rails=broken)).run_once()
        assert (await desk.look(row)).tried[0].status == "sending"

        await case_desk.cases.keeping.keep()

        assert (await case_desk.the_case()).reference == row.tried[0].reference
        frozen.thawed.set()
        await asking

    async def test_each_look_of_recovery_is_counted(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()

        await case_desk.pass_silently()

        case = await case_desk.the_case()
        assert (case.looks, case.looked_by) == (3, "recovery")


class TestRefusedVoids:
    async def test_a_late_void_that_the_bank_refuses_is_a_case_a_person_closes(
        self, case_desk: CaseDesk
    ) -> None:
        desk = case_desk.desk
        row = await desk.hold(4_301, token="tok_charge_then_drop")
        row = (await over(desk, silent(desk.operations).rails).cancel(row.id)).row

        await desk.recover()

        case = await case_desk.the_case()
        assert (case.work, case.cause, case.object_id) == ("void", "void_refused", row.id)
        assert (case.amount_minor, case.reference) == (4_301, f"{row.tried[0].reference[:-2]}v1")
        await case_desk.cases.keeping.keep()
        for refused in (
            case_desk.cases.ask(case.id),
            case_desk.cases.close(case.id, " "),
        ):
            with pytest.raises(PaymentsError) as error:
                await refused
            assert error.value.code in ("case_not_askable", "invalid_note")

        key = a_key()
        closed = await case_desk.cases.close(case.id, "Let go of by their desk.", asked=key)
        again = await case_desk.cases.close(case.id, "Let go of by their desk.", asked=key)

        assert (closed.row.status, closed.row.outcome) == ("resolved", "case.closed")
        assert closed.notes[0].text == "Let go of by their desk."
        assert (again.row, again.replayed) == (closed.row, True)

    async def test_a_case_that_ends_by_itself_is_closed_by_nobody(
        self, case_desk: CaseDesk
    ) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()

        with pytest.raises(PaymentsError) as refused:
            await case_desk.cases.close(case.id, "Enough.")

        assert refused.value.code == "case_not_closable"


class TestResolving:
    @pytest.mark.parametrize(
        ("token", "outcome"),
        [("tok_charge_then_drop", "payment.authorized"), ("tok_drop_before", "payment.failed")],
    )
    async def test_it_ends_by_itself_with_the_fact_that_ended_it(
        self, case_desk: CaseDesk, token: str, outcome: str
    ) -> None:
        row = await case_desk.desk.pay(token=token)
        await case_desk.pass_silently()

        for _ in range(3):  # what was never found is watched for a while
            await case_desk.desk.recover(DAY)
        await case_desk.cases.keeping.keep()

        case = await case_desk.the_case()
        assert (case.status, case.looked_by) == ("resolved", "recovery")
        facts = [told.kind for told in await case_desk.desk.operations.journal.facts_of(row.id)]
        assert case.outcome in facts
        if outcome == "payment.authorized":
            assert case.outcome == outcome

    async def test_a_capture_a_void_and_a_refund_end_by_their_own_facts(
        self, case_desk: CaseDesk
    ) -> None:
        desk = case_desk.desk
        await desk.capture(await desk.hold(), amount_minor=4_151)
        await desk.payments.cancel((await desk.hold(4_351)).id)
        await desk.refund(await desk.pay(), amount_minor=4_251)
        await desk.pay()  # what the merchant has beside
        await case_desk.pass_silently()

        await desk.recover(DAY)
        await case_desk.cases.keeping.keep()

        assert {case.work: case.outcome for case in await case_desk.all()} == {
            "capture": "payment.captured",
            "void": "payment.cancelled",
            "refund": "refund.succeeded",
        }

    async def test_a_refund_called_off_ends_the_case_that_asking_again_did_not_put_off(
        self, case_desk: CaseDesk
    ) -> None:
        desk = case_desk.desk
        refund = await desk.refund(await desk.pay(), amount_minor=4_252)  # it never arrives
        real = desk.operations.rails
        deaf = replace(desk.operations, rails=DeafRails(real.routes, real.providers))
        desk.clock.advance(DAY - timedelta(seconds=60))
        await Recovery(deaf).run_once()
        await case_desk.pass_silently(timedelta(seconds=60))
        opened = await case_desk.the_case()

        await desk.refunds.cancel(refund.id)
        await case_desk.cases.keeping.keep()

        ended = await case_desk.the_case()
        assert (opened.status, opened.asked_at) == ("open", refund.created_at)
        assert (ended.status, ended.outcome) == ("resolved", "refund.cancelled")

    async def test_another_operation_on_the_same_payment_is_another_case(
        self, case_desk: CaseDesk
    ) -> None:
        desk = case_desk.desk
        held = await desk.hold()
        await desk.capture(held, amount_minor=4_151)
        await case_desk.pass_silently()
        await desk.recover(DAY)
        await desk.capture(held, amount_minor=4_158)
        await case_desk.pass_silently()

        later, earlier = await case_desk.all()

        assert (earlier.status, later.status) == ("resolved", "open")
        assert earlier.object_id == later.object_id
        assert earlier.reference != later.reference

    async def test_a_payment_given_up_is_a_case_until_its_late_approval_is_undone(
        self, case_desk: CaseDesk
    ) -> None:
        desk = case_desk.desk
        row = await desk.hold(token="tok_charge_then_drop")
        await Payments(silent(desk.operations)).cancel(row.id)
        await case_desk.pass_silently()
        assert (await case_desk.the_case()).work == "authorize"

        await desk.recover(DAY)
        await case_desk.cases.keeping.keep()

        assert (await case_desk.the_case()).outcome == "payment.late_approval"
        assert await desk.bank_says(row) == (10_000, 0, 0, True)


class TestAsking:
    async def test_a_bank_that_answers_ends_it_at_once(self, case_desk: CaseDesk) -> None:
        row = await case_desk.lost()
        case = await case_desk.the_case()

        shown = await case_desk.cases.ask(case.id)

        assert (shown.row.status, shown.row.looked_by) == ("resolved", "operator")
        assert shown.row.outcome == "payment.authorized"
        assert (await case_desk.desk.look(row)).status == "captured"

    async def test_a_bank_that_does_not_is_one_more_look(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()

        shown = await case_desk.silently.ask(case.id)
        await case_desk.cases.keeping.keep()

        assert (shown.row.status, shown.row.looks) == ("open", case.looks + 1)
        assert (await case_desk.the_case()).version == shown.row.version

    async def test_the_same_key_asks_once_and_answers_alike(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case, key = await case_desk.the_case(), a_key()
        first = await case_desk.silently.ask(case.id, asked=key)

        again = await case_desk.cases.ask(case.id, asked=key)

        assert (again.row, again.replayed) == (first.row, True)
        assert (await case_desk.the_case()).status == "open", "nobody was asked again"

    async def test_at_once_under_one_key_they_are_one_answer(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case, key = await case_desk.the_case(), a_key()

        said = await asyncio.gather(*[case_desk.cases.ask(case.id, asked=key) for _ in range(8)])

        assert {shown.row.version for shown in said} == {case.version + 1}
        assert {shown.row.status for shown in said} == {"resolved"}

    async def test_what_is_known_is_not_asked(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()
        await case_desk.cases.ask(case.id)

        with pytest.raises(PaymentsError) as refused:
            await case_desk.cases.ask(case.id)

        assert refused.value.code == "case_resolved"

    async def test_a_look_that_recovery_was_faster_than_is_told_all_the_same(
        self, case_desk: CaseDesk
    ) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()
        await case_desk.desk.recover(DAY)  # it is known, and no case's job has run yet

        shown = await case_desk.cases.ask(case.id, asked=a_key())

        assert (shown.row.status, shown.row.outcome) == ("resolved", "payment.authorized")


class TestNotes:
    async def test_are_kept_sealed_with_their_writer(self, case_desk: CaseDesk) -> None:
        row = await case_desk.lost()
        case = await case_desk.the_case()
        actor = new_id(case_desk.desk.clock.now(), 1)

        shown = await case_desk.cases.add_note(
            case.id, "Asha at the bank calls back.", origin=Origin(actor=actor)
        )

        (note,) = shown.notes
        assert (note.text, note.actor) == ("Asha at the bank calls back.", actor)
        assert "Asha" not in shown.row.notes
        await case_desk.desk.operations.journal.erase(row.subject_id)
        assert (await case_desk.cases.get(case.id)).notes[0].text is None

    async def test_the_same_key_writes_once_and_another_text_is_refused(
        self, case_desk: CaseDesk
    ) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()
        for _ in range(2):
            await case_desk.cases.add_note(case.id, "Called.", asked=a_key("notes", "one"))

        with pytest.raises(JournalError) as refused:
            await case_desk.cases.add_note(
                case.id, "Called.", asked=a_key("notes", "one", b"other")
            )

        assert refused.value.code == "idempotency_key_reused"
        assert len((await case_desk.cases.get(case.id)).notes) == 1

    async def test_a_resolved_case_may_still_be_written_on(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()
        await case_desk.cases.ask(case.id)

        shown = await case_desk.cases.add_note(case.id, "It was their batch window.")

        assert (shown.row.status, len(shown.notes)) == ("resolved", 1)

    @pytest.mark.parametrize("text", ["", "  \n", "x" * 2_001])
    async def test_what_is_no_note_is_refused(self, case_desk: CaseDesk, text: str) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()

        with pytest.raises(PaymentsError) as refused:
            await case_desk.cases.add_note(case.id, text)

        assert refused.value.code == "invalid_note"

    async def test_there_is_an_end_to_them(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        case = await case_desk.the_case()
        for number in range(100):
            await case_desk.cases.add_note(case.id, f"Try {number}.")

        with pytest.raises(PaymentsError) as refused:
            await case_desk.cases.add_note(case.id, "One more.")

        assert refused.value.code == "case_notes_full"


class TestLists:
    async def test_are_narrowed_by_state_kind_and_route(self, case_desk: CaseDesk) -> None:
        await case_desk.lost()
        await case_desk.desk.refund(await case_desk.desk.pay(), amount_minor=4_251)
        await case_desk.pass_silently()
        refund, paid = await case_desk.all()
        await case_desk.cases.ask(paid.id)

        assert [case.work for case in await case_desk.all(status="open")] == ["refund"]
        assert [case.id for case in await case_desk.all(work="authorize")] == [paid.id]
        assert [case.id for case in await case_desk.all(route="icici_bank")] == []
        assert len(await case_desk.all(route="hdfc_bank")) == 2
        assert refund.work == "refund"

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [({"status": "shut"}, "invalid_status"), ({"work": "prayer"}, "invalid_case_kind")],
    )
    async def test_what_there_is_not_is_refused(
        self, case_desk: CaseDesk, wanted: dict[str, str], code: str
    ) -> None:
        with pytest.raises(PaymentsError) as refused:
            await case_desk.all(**wanted)

        assert refused.value.code == code
