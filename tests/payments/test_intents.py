"""Intents over a real bank: created, confirmed, captured, cancelled, expired."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tallystick.identity import Merchant
from tallystick.payments import IntentRow, PaymentsError
from tallystick.platform.ids import new_id
from tests.payments.desk import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


async def intent(desk: Desk, **options: object) -> IntentRow:
    terms: dict[str, object] = {"amount_minor": 10_000, "currency": "INR", **options}
    return (await desk.intents.create(desk.merchant, **terms)).row  # type: ignore[arg-type]


async def confirm(desk: Desk, row: IntentRow, token: str | None = "tok_visa") -> IntentRow:
    return (await desk.intents.confirm(desk.merchant, row.id, payment_method=token)).row


class TestCreate:
    async def test_waits_for_a_payment_method(self, desk: Desk) -> None:
        row = await intent(desk, text={"description": "tea"})

        assert (row.status, row.method_kinds, row.payment_id) == (
            "requires_payment_method",
            ("card",),
            None,
        )
        assert row.expires_at - row.created_at == timedelta(days=1)
        assert (await desk.intents.get(row.id)).text == {"description": "tea"}

    async def test_waits_for_confirmation_when_the_method_is_known(self, desk: Desk) -> None:
        row = await intent(desk, payment_method="tok_visa")

        assert row.status == "requires_confirmation"
        assert (await confirm(desk, row, None)).status == "succeeded"

    async def test_has_a_secret_of_its_own_that_can_be_told_again(self, desk: Desk) -> None:
        one, other = await intent(desk), await intent(desk)
        secret = desk.intents.client_secret(one.id)

        assert secret == desk.intents.client_secret(one.id)
        assert secret != desk.intents.client_secret(other.id)
        assert secret.startswith("int_")
        assert "_secret_" in secret

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"amount_minor": -1}, "invalid_amount"),
            ({"currency": "EUR"}, "currency_not_enabled"),
            ({"payment_methods": ("upi",)}, "invalid_payment_method"),
            ({"payment_methods": ()}, "invalid_payment_method"),
            ({"payment_method": "upi_7"}, "invalid_payment_method"),
            ({"capture_method": "later"}, "invalid_capture_method"),
            ({"priority": "luck"}, "invalid_priority"),
        ],
    )
    async def test_refuses_what_cannot_be(
        self, desk: Desk, change: dict[str, object], code: str
    ) -> None:
        with pytest.raises(PaymentsError) as refused:
            await intent(desk, **change)

        assert refused.value.code == code


class TestConfirm:
    async def test_pays_and_captures_at_once(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk))

        assert row.status == "succeeded"
        assert row.payment_id is not None
        payment = (await desk.payments.get(row.payment_id)).row
        assert (payment.status, payment.intent_id) == ("captured", row.id)
        assert await desk.payable() == 9_600

    async def test_holds_the_money_for_a_capture_by_hand(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk, capture_method="manual"))
        assert row.status == "requires_capture"
        assert row.payment_id is not None

        await desk.payments.capture(row.payment_id, amount_minor=4_000)

        assert (await desk.intents.get(row.id)).row.status == "succeeded"

    async def test_asks_for_another_method_after_a_decline(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk), "tok_insufficient_funds")
        assert (row.status, row.failure_code) == ("requires_payment_method", "insufficient_funds")
        first = row.payment_id

        row = await confirm(desk, row)

        assert (row.status, row.payments, row.failure_code) == ("succeeded", 2, None)
        assert row.payment_id != first

    async def test_shows_the_words_of_the_intent_on_its_payment(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk, text={"description": "tea"}))
        assert row.payment_id is not None

        assert (await desk.payments.get(row.payment_id)).text == {"description": "tea"}

    @pytest.mark.parametrize(
        ("token", "code"),
        [(None, "payment_method_missing"), ("4111111111111111", "invalid_payment_method")],
    )
    async def test_needs_a_method_it_can_use(
        self, desk: Desk, token: str | None, code: str
    ) -> None:
        row = await intent(desk)

        with pytest.raises(PaymentsError) as refused:
            await confirm(desk, row, token)

        assert refused.value.code == code
        assert (await desk.intents.get(row.id)).row.version == row.version

    async def test_pays_only_once(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk))

        with pytest.raises(PaymentsError) as refused:
            await confirm(desk, row)

        assert refused.value.code == "intent_not_confirmable"

    async def test_is_refused_after_its_time_even_before_the_expiry_job_came(
        self, desk: Desk
    ) -> None:
        row = await intent(desk)
        desk.clock.advance(timedelta(days=1))

        with pytest.raises(PaymentsError) as refused:
            await confirm(desk, row)

        assert refused.value.code == "intent_expired"


class TestCancel:
    async def test_needs_no_bank_while_nothing_is_paid(self, desk: Desk) -> None:
        row = await intent(desk)

        row = (await desk.intents.cancel(row.id, reason="duplicate")).row

        assert (row.status, row.cancellation_reason, row.due_at) == ("cancelled", "duplicate", None)

    async def test_voids_the_authorization(self, desk: Desk) -> None:
        held = await confirm(desk, await intent(desk, capture_method="manual"))
        assert held.payment_id is not None

        row = (await desk.intents.cancel(held.id)).row

        payment = (await desk.payments.get(held.payment_id)).row
        assert (row.status, payment.status) == ("cancelled", "cancelled")
        assert await desk.bank_says(payment) == (10_000, 0, 0, True)

    async def test_goes_with_a_cancelled_payment(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk, capture_method="manual"))
        assert row.payment_id is not None

        await desk.payments.cancel(row.payment_id)

        assert (await desk.intents.get(row.id)).row.status == "cancelled"

    async def test_is_refused_once_the_money_is_in(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk))

        with pytest.raises(PaymentsError) as refused:
            await desk.intents.cancel(row.id)

        assert refused.value.code == "intent_not_cancellable"


class TestExpiry:
    async def test_ends_what_nobody_confirmed_in_time(self, desk: Desk) -> None:
        row = await intent(desk)

        await desk.recover(after=timedelta(days=1))

        assert (await desk.intents.get(row.id)).row.status == "expired"

    async def test_leaves_what_is_paid_alone(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk))

        await desk.recover(after=timedelta(days=1))

        assert (await desk.intents.get(row.id)).row.status == "succeeded"

    async def test_voids_what_nobody_captured_in_time(self, desk: Desk) -> None:
        row = await confirm(desk, await intent(desk, capture_method="manual"))
        assert row.payment_id is not None

        await desk.recover(after=timedelta(days=7))

        payment = (await desk.payments.get(row.payment_id)).row
        assert (await desk.intents.get(row.id)).row.status == "expired"
        assert payment.status == "expired"
        assert await desk.bank_says(payment) == (10_000, 0, 0, True)


async def test_nobody_touches_the_intent_of_another_merchant(
    desk: Desk, merchant: Merchant
) -> None:
    row = await intent(desk)
    stranger = replace(merchant, id=new_id(desk.clock.now(), 7))

    for asking in (
        desk.intents.get(row.id, merchant_id=stranger.id),
        desk.intents.confirm(stranger, row.id, payment_method="tok_visa"),
        desk.intents.cancel(row.id, merchant_id=stranger.id),
    ):
        with pytest.raises(PaymentsError) as refused:
            await asking
        assert refused.value.code == "intent_not_found"


async def test_lists_a_merchants_intents_by_state(desk: Desk) -> None:
    open_one = await intent(desk)
    await confirm(desk, await intent(desk))

    page = await desk.intents.list_intents(desk.merchant.id, status="requires_payment_method")

    assert [row.id for row in page.rows] == [open_one.id]
    assert len((await desk.intents.list_intents(desk.merchant.id)).rows) == 2


async def test_an_intent_is_tried_so_often_and_no_more(desk: Desk) -> None:
    wish = (await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")).row
    most = desk.operations.limits.intent_attempts_max
    row = wish
    for _ in range(most):
        row = (
            await desk.intents.confirm(desk.merchant, wish.id, payment_method="tok_declined")
        ).row
        assert row.status == "requires_payment_method"

    with pytest.raises(PaymentsError) as refused:
        await desk.intents.confirm(desk.merchant, wish.id, payment_method="tok_visa")

    assert (refused.value.code, row.payments) == ("too_many_attempts", most)
    assert (await desk.intents.cancel(wish.id)).row.status == "cancelled"
