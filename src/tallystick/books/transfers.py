"""Transfers: the ledger's own verbs, one at a time or many.

A repeat (same key, same body) is answered from the rows that the first call left.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.books.model import (
    KINDS,
    NOBODY,
    Answer,
    Moved,
    Order,
    Submitted,
    facts_of,
    items_of,
    shares,
)
from tallystick.journal import (
    Asked,
    Change,
    Fact,
    Journal,
    JournalError,
    Origin,
    Repeated,
)
from tallystick.ledger import Ledger, Post, Reserve, Settle, Void
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id


@dataclass(frozen=True, slots=True)
class Transfers:
    """The verbs of transfers.

    All raise Refused with the judge's code (`insufficient_funds`, `unknown_account`, ...),
    KeyReused when the key stood for another body, and what else the journal says.
    """

    journal: Journal
    ledger: Ledger
    clock: Clock

    async def post_one(
        self, order: Post, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Answer:
        """Move money at once. The hot path: one record, nothing else."""
        return await self._one(order, bucket_of(order.debit), asked, origin)

    async def reserve(
        self, order: Reserve, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Answer:
        """Promise money; the id of the answer's transfer is the reservation's id."""
        return await self._one(order, bucket_of(order.debit), asked, origin)

    async def settle(
        self, order: Settle, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Answer:
        """Keep a promise, in whole or in part; what a final settle leaves is given back."""
        return await self._one(order, bucket_of(order.reservation_id), asked, origin)

    async def void(
        self, order: Void, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Answer:
        """Give a promise back."""
        return await self._one(order, bucket_of(order.reservation_id), asked, origin)

    async def many(
        self,
        orders: Sequence[Order],
        asked: Asked | None = None,
        *,
        atomic: bool = False,
        origin: Origin = NOBODY,
    ) -> list[Answer | JournalError]:
        """Many orders, and an answer for each, in their order.

        Atomic: all of them happen or none does, and a refusal is raised as that of one order.
        Otherwise each is a change of its own: an item holds its answer, or the error that the
        order alone would have raised. Raises KeyReused when the key stood for another body.
        """
        if not orders:
            return []
        if atomic:
            return list(await self._linked(orders, asked, origin))
        return await self._each(orders, asked, origin)

    # One ----------------------------------------------------------------------------------------

    async def _one(self, order: Order, bucket: int, asked: Asked | None, origin: Origin) -> Answer:
        change = _change_of(order, new_id(self.clock.now(), bucket), asked, origin)
        try:
            recorded = await self.journal.record(change)
        except Repeated as repeat:
            return await self._replayed(repeat)
        return Answer(change.id, recorded.at, recorded.transfers)

    async def _replayed(self, repeat: Repeated) -> Answer:
        """What the first call with this key was answered. Raises KeyReused, Refused."""
        # A transfer's claim never runs: it is done or refused when it is written.
        claim = await self.journal.answer(repeat, patience_s=0)
        facts = await self.journal.facts_of(claim.subject_id, 1)
        rows = await self.ledger.transfers_of_change(claim.subject_id)
        return Answer(claim.subject_id, facts[0].at, tuple(rows), replayed=True)

    # Many ---------------------------------------------------------------------------------------

    async def _linked(
        self, orders: Sequence[Order], asked: Asked | None, origin: Origin
    ) -> list[Answer]:
        change_id = new_id(self.clock.now(), _bucket_of(orders[0]))
        change = Change(
            change_id,
            facts_of(change_id, orders),
            tuple(orders),
            claim=asked.claim(change_id) if asked else None,
            origin=origin,
        )
        try:
            recorded = await self.journal.record(change)
            whole = Answer(change_id, recorded.at, recorded.transfers)
        except Repeated as repeat:
            whole = await self._replayed(repeat)
        return [
            Answer(whole.change_id, whole.at, rows, whole.replayed)
            for rows in shares(orders, whole.transfers)
        ]

    async def _each(
        self, orders: Sequence[Order], asked: Asked | None, origin: Origin
    ) -> list[Answer | JournalError]:
        now = self.clock.now()
        wishes: list[Asked | None] = [None] * len(orders)
        if asked:
            bulk_id = await self._submit(orders, asked, now, origin)
            origin = Origin(origin.actor, origin.request_id, bulk_id)
            wishes[:] = items_of(asked, len(orders))
        outcomes = await asyncio.gather(
            *(
                self._item(order, new_id(now, _bucket_of(order)), wish, origin)
                for order, wish in zip(orders, wishes, strict=True)
            )
        )
        # Repeats are read one after the other: they are rare, and the pool belongs to everybody.
        return [
            await self._item_replayed(outcome) if isinstance(outcome, Repeated) else outcome
            for outcome in outcomes
        ]

    async def _submit(
        self, orders: Sequence[Order], asked: Asked, now: datetime, origin: Origin
    ) -> UUID:
        """Claim the key for the bulk as a whole, before any of its orders happens.

        Without it, a key that comes again with a longer body would move the surplus orders.
        """
        bulk_id = new_id(now, _bucket_of(orders[0]))
        told = Fact(bulk_id, 1, "transfers.submitted", Submitted(len(orders)))
        change = Change(bulk_id, (told,), claim=asked.claim(bulk_id), origin=origin)
        try:
            await self.journal.record(change)
        except Repeated as repeat:
            return (await self.journal.answer(repeat, patience_s=0)).subject_id
        return bulk_id

    async def _item(
        self, order: Order, change_id: UUID, asked: Asked | None, origin: Origin
    ) -> Answer | JournalError:
        try:
            recorded = await self.journal.record(_change_of(order, change_id, asked, origin))
        except JournalError as error:
            return error
        return Answer(change_id, recorded.at, recorded.transfers)

    async def _item_replayed(self, repeat: Repeated) -> Answer | JournalError:
        try:
            return await self._replayed(repeat)
        except JournalError as error:
            return error


def _change_of(order: Order, change_id: UUID, asked: Asked | None, origin: Origin) -> Change:
    told = Fact(change_id, 1, KINDS[type(order)], Moved(order.code))
    claim = asked.claim(change_id) if asked else None
    return Change(change_id, (told,), (order,), claim=claim, origin=origin)


def _bucket_of(order: Order) -> int:
    return bucket_of(order.debit if isinstance(order, Post | Reserve) else order.reservation_id)
