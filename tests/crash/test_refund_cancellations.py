"""`kill -9` while a refund is called off, or is asked for again: one end, in both books."""

import pytest

from tests.crash.audit import require_history
from tests.crash.crash_site import CrashSite

pytestmark = pytest.mark.anyio

POINTS = (
    "journal.after_lock:1",
    "journal.before_commit:1",
    "journal.after_commit:1",
    "payments.after_decide:1",
)
# The first order is lost; the second digit pair says that the bank did it and never answered.
LOST, DONE_AND_UNANSWERED = 4_252, 4_251


async def a_refund(site: CrashSite, amount: int) -> str:
    """Pending, and its asker is surely gone."""
    paid = await site.clients.ask(site.wishes.pay(amount=10_000))
    refund = await site.clients.ask(site.wishes.refund(paid.json["id"], amount))
    assert refund.json["status"] == "pending", refund.raw
    await site.kill()
    await site.rise()
    return str(refund.json["id"])


async def test_a_death_at_every_point_of_calling_off(site: CrashSite) -> None:
    for point in POINTS:
        wish = site.wishes.refund_cancel(await a_refund(site, LOST))

        (answer,) = await site.crash_at(point, [wish])

        assert (answer.status, answer.json["status"]) == (200, "cancelled"), point
    await site.prove()
    await require_history(site.app, site.clients)


async def test_a_death_while_the_banks_yes_is_recorded(site: CrashSite) -> None:
    for point in ("payments.after_record:1", *POINTS[:3]):
        refund = await a_refund(site, DONE_AND_UNANSWERED)

        (answer,) = await site.crash_at(point, [site.wishes.refund_cancel(refund)])

        assert (answer.status, answer.code) == (409, "refund_not_cancellable"), point
        found = await site.clients.till.get(f"/api/v1/refunds/{refund}")
        assert found.json["status"] == "succeeded", point
    await site.prove()


async def test_a_death_between_saying_that_it_is_asked_again_and_asking(site: CrashSite) -> None:
    """The next capture of the payment would learn its refunds; it dies over that."""
    paid = await site.clients.ask(site.wishes.pay(amount=10_000))
    payment = paid.json["id"]
    refund = (await site.clients.ask(site.wishes.refund(payment, LOST))).json["id"]
    await site.kill()
    await site.rise()

    await site.crash_at("payments.after_asking_again:1", [site.wishes.refund(payment, 1_000)])

    await site.prove()
    found = await site.clients.till.get(f"/api/v1/refunds/{refund}")
    assert found.json["status"] == "succeeded"
