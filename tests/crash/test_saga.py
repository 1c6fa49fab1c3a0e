"""The saga of document 002, cut at every beat by `kill -9`: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from tallystick.platform.clock import HandClock, SystemClock
from tallystick.platform.postgres.address import Address
from tests.crash.crash_site import AFTER_A_KILL, CrashSite
from tests.crash.saga import AMOUNT, HELD, PAID_OUT, SENT, Operators, Saga
from tests.servers.two_payout_books import require_same_payouts

pytestmark = pytest.mark.anyio

JOURNAL = ("journal.after_lock", "journal.before_commit", "journal.after_commit")
ASKING = ("after_decide", "after_ask", "after_record")
# A beat that asks a bank passes the journal twice: before and after.
SCENES = (
    *(("pay", f"{point}:{n}") for point, n in product(JOURNAL, (1, 2))),
    *(("pay", f"payments.{point}:1") for point in ASKING),
    ("pay", "rails.after_ask:1"),
    ("credit", "topups.before_credit:1"),
    ("credit", "topups.after_credit:1"),
    *(("credit", f"{point}:1") for point in JOURNAL[1:]),
    *product(("hold", "capture", "transfer"), [f"{point}:1" for point in JOURNAL]),
    *(("payout", f"{point}:{n}") for point, n in product(JOURNAL, (1, 2))),
    *(("payout", f"payouts.{point}:1") for point in ASKING),
    ("payout", "rails.after_ask:1"),
)
# What a reader of the journal is told of one saga: each of these, once.
NOTIFIED = (
    "payment.captured",
    "top_up.credited",
    "hold.placed",
    "hold.captured",
    "wallet_transfer.completed",
    "payout.paid",
)
_LOOKS = 3


@pytest.fixture
def operated(site: CrashSite) -> CrashSite:
    """The site, with clients who act as the operator."""
    clients = site.clients
    site.clients = Operators(
        till=clients.till,
        operator=clients.operator,
        channel=clients.channel,
        webhook_secret=clients.webhook_secret,
        journal=clients.journal,
    )
    return site


async def test_a_death_at_every_beat_of_the_saga(
    operated: CrashSite, address: Address, tmp_path: Path
) -> None:
    for beat, point in SCENES:
        saga = Saga(operated, address, tmp_path, beat, point)
        await saga.run()
        await learn_payouts(operated)
        assert await saga.balances() == [
            (AMOUNT - HELD, 0),
            (HELD - SENT, 0),
            (SENT - PAID_OUT, 0),
        ], (beat, point)

    await operated.prove()
    paid = await require_same_payouts(operated.app, operated.sandbox, SystemClock().now())
    assert len(paid) == len(SCENES)
    told = await notifications(operated)
    assert {kind: told[kind] for kind in NOTIFIED} == dict.fromkeys(NOTIFIED, len(SCENES))


@pytest.mark.parametrize("point", ["payouts.after_ask:1", "payouts.after_record:1"])
@pytest.mark.parametrize(
    "payee",
    [("account_closed", "failed"), ("drop_before", "paid"), ("returned_closed", "returned")],
)
async def test_a_death_over_a_payout_that_goes_wrong(
    operated: CrashSite, address: Address, tmp_path: Path, payee: tuple[str, str], point: str
) -> None:
    name, end = payee
    saga = Saga(operated, address, tmp_path, "payout", point, payee_name=name)
    await saga.run()
    await learn_payouts(operated)

    payout = await operated.clients.operator.get(f"/api/v1/payouts/{saga.ids['payout']}")
    assert payout.json["status"] == end
    left = SENT - (PAID_OUT if end == "paid" else 0)
    assert (await saga.balances())[2] == (left, 0)
    await operated.prove()
    await require_same_payouts(operated.app, operated.sandbox, SystemClock().now())


async def learn_payouts(site: CrashSite) -> None:
    """Let recovery learn the end of every payout, and whether it came back."""
    app = site.app
    assert isinstance(app.clock, HandClock)
    await asyncio.sleep(0.05)  # the banks keep their own time: what is to come back has done so
    for _ in range(_LOOKS):
        site.shift += AFTER_A_KILL
        app.clock.set(SystemClock().now() + site.shift)
        await app.payouts.look_at_due(1_000)
    assert not await app.database.fetchval(
        "SELECT count(*) FROM payouts WHERE status IN ('pending', 'sent')"
    )


async def notifications(site: CrashSite) -> Counter[str]:
    """How often a reader of the journal meets each kind."""
    told: Counter[str] = Counter()
    position = 0
    while facts := await site.app.journal.facts_after(0, position):
        told.update(fact.kind for fact in facts)
        position = facts[-1].position
    return told
