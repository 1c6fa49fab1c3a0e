"""Looking recorded payments up: what the agents of document 000 ask all day."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from tallystick.intake import lookup_store as store
from tallystick.intake.lookup_store import ChannelSum, LookupOwner, Place
from tallystick.intake.model import PaymentRow
from tallystick.platform.postgres.pools import Database


class PaymentPage(Struct, frozen=True):
    """Some payments, and the place to go on from; None at the end."""

    rows: tuple[PaymentRow, ...]
    next_place: str | None


@dataclass(frozen=True, slots=True)
class Lookups:
    """Payments by loan account number and by customer (`cif`)."""

    database: Database

    async def list_payments(
        self, owner: LookupOwner, number: str, *, place: str | None, limit: int, offset: int = 0
    ) -> PaymentPage:
        """The newest first. `place` is one of a page before. Raises Overloaded and ValueError."""
        rows = await store.list_payments(
            self.database,
            owner,
            number,
            _read(place) if place else None,
            limit=limit + 1,
            offset=offset,
        )
        has_more = len(rows) > limit
        page = tuple(rows[:limit])
        return PaymentPage(page, _written(page[-1]) if has_more else None)

    async def sum_up(self, owner: LookupOwner, number: str) -> list[ChannelSum]:
        """By currency and channel; empty when nothing was ever paid. Raises Overloaded."""
        return await store.sum_up(self.database, owner, number)


def _written(row: PaymentRow) -> str:
    return f"{row.payment_date.isoformat()} {row.id}"


def _read(place: str) -> Place:
    date, _, payment_id = place.partition(" ")
    return datetime.fromisoformat(date), UUID(payment_id)
