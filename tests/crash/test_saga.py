"""The saga of document 002, cut at every beat by `kill -9`: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

import pytest

from tallystick.platform.clock import SystemClock
from tests.crash.crash_site import AFTER_A_KILL, CrashSite
from tests.crash.saga import AMOUNT, BEATS, HELD, PAID_OUT, SENT, Saga
from tests.crash.worker_deaths import Workers
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
    ("credit", "consumer.before_effect:1"),
    ("credit", "consumer.after_effect:1"),
    *(("credit", f"{point}:{n}") for point, n in product(JOURNAL[1:], (1, 2))),
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
# The payee's name at the sandbox, and how a payout to him ends.
WRONG_ENDS = (
    ("account_closed", "failed"),
    ("drop_before", "paid"),
    ("returned_closed", "returned"),
)
_LOOKS = 3


async def test_a_death_at_every_beat_of_the_saga(workers: Workers) -> None:
    await run_sagas(workers, [dict([scene]) for scene in SCENES[::3]])


def test_every_beat_is_among_every_third_scene() -> None:
    assert {beat for beat, _ in SCENES[::3]} == set(BEATS)


@pytest.mark.slow
async def test_a_death_at_every_point_of_every_beat(workers: Workers) -> None:
    await run_sagas(workers, [dict([scene]) for scene in SCENES])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_several_deaths_in_one_saga(workers: Workers, seed: int) -> None:
    chance = Random(seed)
    plans = []
    for _ in range(8):
        beats = chance.sample(BEATS, chance.randint(2, len(BEATS)))
        points = {beat: [point for at, point in SCENES if at == beat] for beat in beats}
        plans.append({beat: chance.choice(points[beat]) for beat in beats})
    await run_sagas(workers, plans)


async def run_sagas(workers: Workers, plans: Sequence[Mapping[str, str]]) -> None:
    """One saga a plan of deaths; nothing of any is lost or doubled."""
    site = workers.site
    for deaths in plans:
        saga = Saga(workers, deaths)
        await saga.run()
        await learn_payouts(site)
        assert await saga.balances() == [
            (AMOUNT - HELD, 0),
            (HELD - SENT, 0),
            (SENT - PAID_OUT, 0),
        ], deaths

    await site.prove()
    paid = await require_same_payouts(site.app, site.sandbox, SystemClock().now())
    assert len(paid) == len(plans)
    told = await notifications(site)
    assert {kind: told[kind] for kind in NOTIFIED} == dict.fromkeys(NOTIFIED, len(plans))


async def test_a_death_over_a_payout_that_goes_wrong(workers: Workers) -> None:
    site = workers.site
    for (payee, end), point in product(WRONG_ENDS, ("after_ask", "after_record")):
        saga = Saga(workers, {"payout": f"payouts.{point}:1"}, payee_name=payee)
        await saga.run()
        await learn_payouts(site)

        payout = await site.clients.operator.get(f"/api/v1/payouts/{saga.ids['payout']}")
        assert payout.json["status"] == end, (payee, point)
        left = SENT - (PAID_OUT if end == "paid" else 0)
        assert (await saga.balances())[2] == (left, 0), (payee, point)
    await site.prove()
    await require_same_payouts(site.app, site.sandbox, SystemClock().now())


async def learn_payouts(site: CrashSite) -> None:
    """Let recovery learn the end of every payout, and whether it came back."""
    app = site.app
    await asyncio.sleep(0.05)  # the banks keep their own time: what is to come back has done so
    for _ in range(_LOOKS):
        site.shift += AFTER_A_KILL
        site.wind_clock()
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
