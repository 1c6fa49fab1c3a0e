"""The consumer that opens a top-up for every capture that is meant for a wallet."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tallystick.delivery import Consumer
from tallystick.journal import Change, Fact, Told
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.topups import store
from tallystick.wallets.topups.folds import OPENED, TopUp, TopUpOpened

CONSUMER: Final = "top_ups"

Purpose = Callable[[Sequence[Told], Database], Awaitable[Sequence[TopUp | None]]]
"""Which top-up each of these facts means, if any: handed down, since payments live above."""


def consumer(kinds: frozenset[str], purpose: Purpose) -> Consumer:
    """Opens top-ups. They are credited by a job, one after the other: all of a busy wallet's move
    its version, and whoever must decide anew each time would fail here.
    """

    async def decide(facts: Sequence[Told], database: Database) -> list[Change | None]:
        meant = await purpose(facts, database)
        standing = await store.find_standing(database, [top_up.id for top_up in meant if top_up])
        return [
            _opening(top_up, fact) if top_up and top_up.id not in standing else None
            for top_up, fact in zip(meant, facts, strict=True)
        ]

    return Consumer(CONSUMER, kinds, decide)


def _opening(top_up: TopUp, fact: Told) -> Change:
    data = TopUpOpened(
        payment_id=top_up.payment_id,
        wallet_id=top_up.wallet_id,
        from_account_id=top_up.from_account_id,
        amount_minor=top_up.amount_minor,
        currency=top_up.currency,
    )
    told = Fact(top_up.id, 1, OPENED, data)
    return Change(derived_id(top_up.id, "opening"), (told,), origin=fact.origin)
