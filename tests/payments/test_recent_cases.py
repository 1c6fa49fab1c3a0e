"""What a verb has left is kept for the next one; stale, it never makes a wrong answer."""

import pytest

from tallystick.journal import Journal
from tallystick.payments import Intents, Operations, Payments, PaymentsError
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.rails import Rails
from tests.payments.conftest import LIMITS
from tests.payments.desk import Desk, a_key

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


@pytest.fixture
def elsewhere(journal: Journal, database: Database, rails: Rails, clock: HandClock) -> Operations:
    """Another process at the same house: it knows nothing of what the desk keeps."""
    return Operations(journal, database, rails, clock, LIMITS)


async def test_a_capture_reads_nothing_that_its_hold_has_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await desk.hold()
    asked: list[str] = []
    fetch = Database.fetch

    async def noted(database: Database, sql: str, *args: object) -> object:
        asked.append(sql)
        return await fetch(database, sql, *args)

    monkeypatch.setattr(Database, "fetch", noted)

    assert (await desk.capture(held)).status == "captured"
    assert asked == []


async def test_rows_are_what_the_facts_make_them(
    desk: Desk, elsewhere: Operations, journal: Journal, database: Database
) -> None:
    made = await desk.intents.create(
        desk.merchant, amount_minor=10_000, currency="INR", capture_method="manual"
    )
    await desk.intents.confirm(desk.merchant, made.row.id, payment_method="tok_visa")
    held = await desk.hold()
    await desk.capture(held, amount_minor=2_000)
    await Payments(elsewhere).capture(held.id, amount_minor=3_000)
    await desk.capture(held)
    await desk.refund(held, amount_minor=1_000)
    paid = (await desk.intents.get(made.row.id)).row.payment_id
    assert paid is not None
    await desk.payments.capture(paid)

    async with database.reading() as connection:
        compared = await journal.verify_projections(connection)

    assert [table.table for table in compared if not table.equal] == []


async def test_a_payment_captured_elsewhere_is_captured_no_further(
    desk: Desk, elsewhere: Operations
) -> None:
    held = await desk.hold(10_000)
    await Payments(elsewhere).capture(held.id, amount_minor=4_000)

    assert (await desk.capture(held)).captured_minor == 10_000
    with pytest.raises(PaymentsError) as refused:
        await desk.capture(held)
    assert refused.value.code == "payment_not_capturable"


async def test_nobody_is_refused_by_what_is_stale(desk: Desk, elsewhere: Operations) -> None:
    made = await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")
    away = Intents(elsewhere, b"a key for client secrets")
    declined = await away.confirm(
        desk.merchant, made.row.id, payment_method="tok_insufficient_funds"
    )
    assert declined.row.status == "requires_payment_method"

    # What is kept here still says that it was never tried, and the intent has a method no more.
    with pytest.raises(PaymentsError) as refused:
        await desk.intents.confirm(desk.merchant, made.row.id)
    assert refused.value.code == "payment_method_missing"
    paid = await desk.intents.confirm(desk.merchant, made.row.id, payment_method="tok_visa")

    assert (paid.row.status, paid.row.payments) == ("succeeded", 2)


async def test_a_payment_cancelled_elsewhere_is_not_captured(
    desk: Desk, elsewhere: Operations
) -> None:
    held = await desk.hold()
    await Payments(elsewhere).cancel(held.id)

    with pytest.raises(PaymentsError) as refused:
        await desk.capture(held)

    assert refused.value.code == "payment_not_capturable"
    assert (await desk.look(held)).status == "cancelled"


async def test_a_repeat_is_answered_alike_whatever_is_kept(
    desk: Desk, elsewhere: Operations
) -> None:
    held, key = await desk.hold(), a_key()
    first = await Payments(elsewhere).capture(held.id, asked=key)

    again = await desk.payments.capture(held.id, asked=key)

    assert again.replayed
    assert again.row == first.row
