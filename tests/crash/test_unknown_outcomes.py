"""The bank's answer is lost, and so is the process that waited for it.

Whoever comes next learns the end from the bank by our own reference: the recovery job, the caller
with the same key, or sixteen of him at once. The answer is one and the same ever after.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, product

import pytest

from tests.crash.audit import require_history
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.servers.http_client import Answer, Client, Unanswered

pytestmark = pytest.mark.anyio

# What the bank does with the first order, by the last two digits of a magic amount.
CHARGE_THEN_DROP, DROP_BEFORE = 51, 52
FAULTS = (CHARGE_THEN_DROP, DROP_BEFORE)
# The answer was not written down yet; it was written down as unknown, and nobody was told.
POINTS = ("rails.after_ask:1", "payments.after_record:1")
VERBS = ("pay", "capture", "cancel", "refund")
AT_ONCE = 16
WHO_COMES = ("recovery", "caller", "crowd")
Scene = tuple[str, int, str, str]
ORDERS = list(product(VERBS, FAULTS, POINTS))


async def test_whoever_comes_first_learns_the_one_end(site: CrashSite) -> None:
    scenes = zip(ORDERS, cycle(WHO_COMES), strict=False)
    await learn(site, [(*order, first) for order, first in scenes])


@pytest.mark.slow
@pytest.mark.parametrize("first", WHO_COMES)
async def test_and_so_does_everybody_else(site: CrashSite, first: str) -> None:
    await learn(site, [(*order, first) for order in ORDERS])


async def learn(site: CrashSite, scenes: Sequence[Scene]) -> None:
    for verb, fault, point, first in scenes:
        wish = await prepared(site, verb, fault)
        await die_over(site, wish, point)
        if first == "recovery":
            await site.settle()
        await site.rise()
        if first == "crowd":
            await ask_at_once(site, wish)

        answer = await site.clients.ask(wish)

        assert answer.replayed
        assert (answer.status, outcome(answer)) == expected(verb, fault), (verb, fault, point)
    await site.prove()
    await require_history(site.app, site.clients)


async def prepared(site: CrashSite, verb: str, fault: int) -> Wish:
    """A wish whose first order meets this fault."""
    ask, wishes = site.clients.ask, site.wishes
    if verb == "pay":
        tokens = {CHARGE_THEN_DROP: "tok_charge_then_drop", DROP_BEFORE: "tok_drop_before"}
        return wishes.pay(tokens[fault])
    held = {"capture": 10_000, "cancel": 4_300 + fault, "refund": 10_000}[verb]
    made = await ask(wishes.pay(amount=held, capture=verb == "refund"))
    payment_id = made.json["id"]
    if verb == "cancel":
        return wishes.cancel(payment_id)
    if verb == "capture":
        return wishes.capture(payment_id, 4_100 + fault)
    return wishes.refund(payment_id, 4_200 + fault)


async def die_over(site: CrashSite, wish: Wish, point: str) -> None:
    """The process ends at this point, and the caller hears nothing."""
    assert site.process is not None
    await site.process.arm(point)
    with pytest.raises(Unanswered):
        await site.clients.send(wish)
    assert await site.process.ended == -9


async def ask_at_once(site: CrashSite, wish: Wish) -> None:
    """The same caller on many connections; nobody hears of another end."""
    crowd = [
        replace(
            site.clients, till=replace(site.clients.till, client=Client(site.processes.ports[0]))
        )
        for _ in range(AT_ONCE)
    ]
    answers = await asyncio.gather(*[clients.ask(wish) for clients in crowd])
    for clients in crowd:
        clients.till.client.close()
    assert len({answer.raw for answer in answers}) == 1


def expected(verb: str, fault: int) -> tuple[int, str]:
    """A payment that never arrived has failed; all else is done after all."""
    paid = "captured" if fault == CHARGE_THEN_DROP else "failed"
    return {
        "pay": (201, paid),
        "capture": (200, "captured"),
        "cancel": (200, "cancelled"),
        "refund": (201, "succeeded"),
    }[verb]


def outcome(answer: Answer) -> str:
    return str(answer.json["status"])
