"""Payments over a real bank: authorized, captured, cancelled, looked at."""

from datetime import timedelta

import pytest

from tallystick.books import PLATFORM
from tallystick.payments import PaymentsError
from tallystick.platform.ids import bucket_of
from tests.payments.desk import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


class TestCreate:
    async def test_takes_the_money_and_splits_it_between_merchant_and_platform(
        self, desk: Desk
    ) -> None:
        row = await desk.pay(10_000)

        assert (row.status, row.captured_minor, row.fee_minor) == ("captured", 10_000, 400)
        assert (await desk.payable(), await desk.fees()) == (9_600, 400)
        assert await desk.clearing() == 10_000
        assert await desk.bank_says(row) == (10_000, 10_000, 0, False)

    async def test_only_holds_the_money_when_told_not_to_capture(self, desk: Desk) -> None:
        row = await desk.hold(10_000)

        assert (row.status, row.authorized_minor, row.captured_minor) == ("authorized", 10_000, 0)
        assert await desk.payable() == 0
        assert row.due_at == row.authorization_expires_at

    async def test_takes_the_merchants_bucket(self, desk: Desk) -> None:
        row = await desk.pay()

        assert bucket_of(row.id) == bucket_of(desk.merchant.id)

    async def test_answers_a_decline_as_a_failed_payment(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_insufficient_funds")

        assert (row.status, row.failure_code) == ("failed", "insufficient_funds")
        assert (row.due_at, row.operation) == (None, None)
        assert await desk.clearing() == 0

    async def test_goes_to_the_next_route_when_the_first_cannot(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_issuer_down")

        assert (row.status, row.route) == ("captured", "icici_bank")
        first, second = row.tried
        assert (first.route, first.status, first.code) == (
            "hdfc_bank",
            "declined",
            "issuer_unavailable",
        )
        assert (second.number, second.status) == (2, "approved")
        assert first.reference.removesuffix("-a1") == second.reference.removesuffix("-a2")
        assert await desk.clearing("icici_bank") == 10_000

    async def test_goes_where_its_priority_sends_it(self, desk: Desk) -> None:
        given = await desk.pay()
        untried = await desk.pay(priority="speed")  # whose time is not known yet, so it is tried

        assert (given.route, untried.route) == ("hdfc_bank", "icici_bank")

    async def test_fails_when_no_route_can(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_issuer_down_everywhere")

        assert (row.status, row.failure_code) == ("failed", "issuer_unavailable")
        assert [tried.status for tried in row.tried] == ["declined", "declined"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"amount_minor": 0}, "invalid_amount"),
            ({"amount_minor": 10**15 + 1}, "invalid_amount"),
            ({"amount_minor": 10_000_001}, "route_unavailable"),
            ({"currency": "EUR"}, "currency_not_enabled"),
            ({"token": "4111111111111111"}, "invalid_payment_method"),
            ({"priority": "luck"}, "invalid_priority"),
        ],
    )
    async def test_refuses_what_cannot_be_and_records_nothing(
        self, desk: Desk, change: dict[str, object], code: str
    ) -> None:
        with pytest.raises(PaymentsError) as refused:
            await desk.pay(**change)  # type: ignore[arg-type]

        assert refused.value.code == code
        assert (await desk.payments.list_payments(desk.merchant.id)).rows == ()

    async def test_keeps_free_text_sealed_and_shows_it_in_clear(self, desk: Desk) -> None:
        row = await desk.pay(
            text={"description": "Two kilos of tea", "metadata": {"order": "7"}, "customer": None}
        )

        shown = await desk.payments.get(row.id)
        assert shown.text == {"description": "Two kilos of tea", "metadata": {"order": "7"}}
        assert row.sealed is not None
        assert "tea" not in row.sealed
        await desk.operations.journal.erase(row.subject_id)
        assert (await desk.payments.get(row.id)).text == {}


class TestCapture:
    async def test_takes_all_that_is_left(self, desk: Desk) -> None:
        row = await desk.capture(await desk.hold(10_000))

        assert (row.status, row.captured_minor, row.capture_closed) == ("captured", 10_000, True)
        assert await desk.bank_says(row) == (10_000, 10_000, 0, False)

    async def test_takes_parts_that_cost_what_the_whole_costs(self, desk: Desk) -> None:
        held = await desk.hold(10_000)
        for amount_minor in (3_333, 3_333, 3_334):
            held = await desk.capture(held, amount_minor=amount_minor)

        assert (held.captured_minor, held.fee_minor, held.capture_closed) == (10_000, 400, True)
        assert (await desk.payable(), await desk.fees()) == (9_600, 400)

    async def test_lets_go_of_the_rest_with_a_final_part(self, desk: Desk) -> None:
        row = await desk.capture(await desk.hold(10_000), amount_minor=6_000, final=True)

        assert (row.captured_minor, row.capture_closed) == (6_000, True)
        with pytest.raises(PaymentsError) as refused:
            await desk.capture(row, amount_minor=1)
        assert refused.value.code == "payment_not_capturable"

    async def test_refuses_more_than_is_authorized(self, desk: Desk) -> None:
        held = await desk.capture(await desk.hold(10_000), amount_minor=6_000)

        with pytest.raises(PaymentsError) as refused:
            await desk.capture(held, amount_minor=4_001)

        assert refused.value.code == "capture_exceeds_authorization"
        assert (await desk.look(held)).captured_minor == 6_000

    async def test_leaves_the_authorization_standing_when_the_bank_declines(
        self, desk: Desk
    ) -> None:
        held = await desk.hold(10_000)

        with pytest.raises(PaymentsError) as refused:
            await desk.capture(held, amount_minor=4_101)

        row = await desk.look(held)
        assert refused.value.code == "capture_declined"
        assert (row.status, row.operation, row.due_at) == (
            "authorized",
            None,
            row.authorization_expires_at,
        )
        assert (await desk.capture(row)).status == "captured"


class TestCancel:
    async def test_voids_the_authorization(self, desk: Desk) -> None:
        held = await desk.hold()

        row = (await desk.payments.cancel(held.id)).row

        assert (row.status, row.due_at) == ("cancelled", None)
        assert await desk.bank_says(row) == (10_000, 0, 0, True)

    @pytest.mark.parametrize("token", ["tok_visa", "tok_declined"])
    async def test_refuses_what_is_captured_or_failed(self, desk: Desk, token: str) -> None:
        row = await desk.pay(token=token)

        with pytest.raises(PaymentsError) as refused:
            await desk.payments.cancel(row.id)

        assert refused.value.code == "payment_not_cancellable"

    async def test_takes_only_reasons_it_knows(self, desk: Desk) -> None:
        held = await desk.hold()

        with pytest.raises(PaymentsError) as refused:
            await desk.payments.cancel(held.id, reason="Frau Schmidt rang")

        assert refused.value.code == "invalid_reason"


class TestLooking:
    async def test_nobody_sees_the_payment_of_another_merchant(self, desk: Desk) -> None:
        row = await desk.pay()

        for verb in (desk.payments.get, desk.payments.capture, desk.payments.list_events):
            with pytest.raises(PaymentsError) as refused:
                await verb(row.id, merchant_id=PLATFORM)
            assert refused.value.code == "payment_not_found"

    async def test_a_payment_is_found_by_the_reference_on_a_statement(self, desk: Desk) -> None:
        row = await desk.pay()

        assert (await desk.payments.get_by_reference(row.reference)).row == row

    async def test_tells_what_happened_in_order(self, desk: Desk) -> None:
        row = await desk.capture(await desk.hold(text={"description": "tea"}))

        events = await desk.payments.list_events(row.id)

        assert [(event.version, event.event_type) for event in events] == [
            (1, "payment.initiated"),
            (2, "payment.attempt_sending"),
            (3, "payment.authorized"),
            (4, "payment.capture_sending"),
            (5, "payment.captured"),
        ]
        assert "sealed" not in events[0].data
        assert events[4].data["amount_minor"] == 10_000
        assert len({event.id for event in events}) == 5

    async def test_lists_page_by_page_the_latest_first(self, desk: Desk) -> None:
        made = []
        for token in ("tok_visa", "tok_visa", "tok_declined", "tok_visa", "tok_declined"):
            made.append((await desk.pay(token=token)).id)
            desk.clock.advance(timedelta(milliseconds=1))
        seen = []
        for merchant_id in (desk.merchant.id, None):
            cursor: str | None = None
            while True:
                page = await desk.payments.list_payments(merchant_id, cursor=cursor, limit=2)
                seen += [row.id for row in page.rows]
                cursor = page.next_cursor
                if cursor is None:
                    break

        assert seen == 2 * made[::-1]

    async def test_lists_one_state(self, desk: Desk) -> None:
        await desk.pay()
        failed = await desk.pay(token="tok_declined")

        page = await desk.payments.list_payments(desk.merchant.id, status="failed")

        assert [row.id for row in page.rows] == [failed.id]

    @pytest.mark.parametrize(
        ("options", "code"),
        [({"cursor": "x"}, "invalid_cursor"), ({"status": "lost"}, "invalid_status")],
    )
    async def test_refuses_strange_wishes(
        self, desk: Desk, options: dict[str, str], code: str
    ) -> None:
        with pytest.raises(PaymentsError) as refused:
            await desk.payments.list_payments(desk.merchant.id, **options)  # type: ignore[arg-type]

        assert refused.value.code == code

    async def test_counts_money_by_state(self, desk: Desk) -> None:
        await desk.pay(10_000)
        await desk.pay(3_000)
        await desk.pay(500, currency="JPY", token="tok_declined")

        totals = await desk.payments.list_totals(desk.merchant.id)

        told = [(t.status, t.currency, t.payments, t.captured_minor) for t in totals]
        assert told == [("captured", "INR", 2, 13_000), ("failed", "JPY", 1, 0)]
