"""Looking recorded payments up: what the agents of document 000 ask all day."""

from datetime import datetime
from functools import partial
from typing import Final, get_args
from uuid import UUID

from msgspec import Struct

from tallystick.intake import lookup_store as store
from tallystick.intake.lookup_store import ChannelSum, LookupOwner, Page, Place
from tallystick.intake.model import PaymentRow
from tallystick.platform.joint_reads import JointReads
from tallystick.platform.postgres.pools import Database

# What one statement reads for all who wait is bounded: a longer page is read by itself.
JOINT_ROWS_MAX: Final = 128
JOINT_PAGES_MAX: Final = 64


class PaymentPage(Struct, frozen=True):
    """Some payments, and the place to go on from; None at the end."""

    rows: tuple[PaymentRow, ...]
    next_place: str | None


class Lookups:
    """Payments by loan account number and by customer (`cif`).

    First pages, which agents ask for all day, are read together.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._joint = {
            owner: JointReads(partial(store.first_pages, database, owner), keys_max=JOINT_PAGES_MAX)
            for owner in get_args(LookupOwner)
        }

    async def list_payments(
        self, owner: LookupOwner, number: str, *, place: str | None, limit: int, offset: int = 0
    ) -> PaymentPage:
        """The newest first. `place` is one of a page before. Raises Overloaded and ValueError."""
        page = Page(number, limit + 1, offset)
        if place:
            rows = await store.later_page(self._database, owner, page, after=_read(place))
        elif page.limit + offset <= JOINT_ROWS_MAX:
            rows = await self._joint[owner].find(page) or []
        else:
            rows = (await store.first_pages(self._database, owner, [page])).get(page, [])
        has_more = len(rows) > limit
        shown = tuple(rows[:limit])
        return PaymentPage(shown, _written(shown[-1]) if has_more else None)

    async def sum_up(self, owner: LookupOwner, number: str) -> list[ChannelSum]:
        """By currency and channel; empty when nothing was ever paid. Raises Overloaded."""
        return await store.sum_up(self._database, owner, number)


def _written(row: PaymentRow) -> str:
    return f"{row.payment_date.isoformat()} {row.id}"


def _read(place: str) -> Place:
    date, _, payment_id = place.partition(" ")
    return datetime.fromisoformat(date), UUID(payment_id)
