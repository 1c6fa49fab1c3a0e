"""Accounts in bulk: thousands a change, through the journal like everybody's."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tallystick.app import App
from tallystick.books import account_id
from tallystick.journal import Change
from tallystick.ledger import Open
from tallystick.platform.ids import bucket_of, new_id, random_bucket

PER_CHANGE: Final = 5_000
CURRENCY: Final = "INR"
_PATIENCE_S: Final = 120.0


async def open_accounts(app: App, count: int) -> Sequence[UUID]:
    """Open `count` accounts without limit, each of another owner; their ids."""
    opened: list[UUID] = []
    while len(opened) < count:
        orders = _orders(app, len(opened), min(count, len(opened) + PER_CHANGE))
        ids = [order.account_id for order in orders]
        change_id = new_id(app.clock.now(), bucket_of(ids[0]))
        await app.journal.record(Change(change_id, accounts=orders), patience_s=_PATIENCE_S)
        opened += ids
    return opened


def _orders(app: App, first: int, end: int) -> tuple[Open, ...]:
    now = app.clock.now()
    codes = [f"bench:{number}" for number in range(first, end)]
    return tuple(
        Open(account_id(new_id(now, random_bucket()), code), code, CURRENCY, "credit", None)
        for code in codes
    )
