"""Transfers: the ledger's own verbs, one at a time or many.

A repeat (same key, same body) is answered from the rows that the first call left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.books import reversals
from tallystick.books.model import (
    KINDS,
    NOBODY,
    OWN_KINDS,
    AlreadyReversed,
    Answer,
    Order,
    Recorded,
    Submitted,
    TransferNotFound,
    facts_of,
    items_of,
    moved_by,
    shares,
)
from tallystick.books.repeats import Repeats
from tallystick.journal import (
    Asked,
    Change,
    Conflict,
    Fact,
    Journal,
    JournalError,
    Origin,
    Repeated,
)
from tallystick.ledger import Ledger, Post, Reserve, Settle, TransferRow, Void
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id

_ROUNDS: Final = 5
_KEPT: Final = ("reservation_kept", "this reservation is part of another object: end it there")


@dataclass(frozen=True, slots=True)
class Transfers:
    """The verbs of transfers.

    All raise Refused with the judge's code (`insufficient_funds`, `unknown_account`, ...),
    Differs when the key stood for another wish, and what else the journal says.
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
        return await self._end(order, asked, origin)

    async def void(
        self, order: Void, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Answer:
        """Give a promise back."""
        return await self._end(order, asked, origin)

    async def reverse(
        self,
        transfer_id: UUID,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
        *,
        code: str = "reversal",
    ) -> Answer:
        """Move a transfer's money back, once, by a post of its own that names its cause.

        Raises TransferNotFound, NotReversible, AlreadyReversed; Refused, when those who got the
        money cannot cover it any more.
        """
        row = await self._row(transfer_id)
        order = reversals.opposite_of(row, code)
        caused = Origin(origin.actor, origin.request_id, row.change_id)
        try:
            async with self.journal.repeats_first(asked, AlreadyReversed):
                return await self._reverse(row, order, asked, caused)
        except Repeated as repeat:
            return await self._repeats.answer(repeat, order)

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
        order alone would have raised. Raises Differs when the key stood for another wish.
        """
        if not orders:
            return []
        if atomic:
            return list(await self._linked(orders, asked, origin))
        return await self._each(orders, asked, origin)

    async def get_transfer(self, transfer_id: UUID) -> Recorded:
        """One transfer, and what became of it. Raises TransferNotFound."""
        row = await self._row(transfer_id)
        facts = await self.journal.facts_of(row.change_id)
        at = facts[0].at if facts else await self.ledger.recorded_at(row)
        cause = facts[0].origin.cause if facts else None
        return Recorded(row, at, cause, reversals.reversal_of(row, facts))

    # One ----------------------------------------------------------------------------------------

    async def _one(self, order: Order, bucket: int, asked: Asked | None, origin: Origin) -> Answer:
        change = _change_of(order, new_id(self.clock.now(), bucket), asked, origin)
        return await self._recorded(change, order)

    async def _end(self, order: Settle | Void, asked: Asked | None, origin: Origin) -> Answer:
        change = _change_of(order, new_id(self.clock.now(), _bucket_of(order)), asked, origin)
        if await self._kept((order,)):
            change = _refusal_of(change)
        return await self._recorded(change, order)

    async def _kept(self, orders: Iterable[Order]) -> set[UUID]:
        """Those reservations that another room promised: it must know when they end."""
        ids = {order.reservation_id for order in orders if isinstance(order, Settle | Void)}
        rows = await self.ledger.find_transfers(ids) if ids else []
        told = await self.journal.facts_named({(row.change_id, 1) for row in rows}) if rows else []
        own = {fact.aggregate_id for fact in told if fact.kind in OWN_KINDS}
        return {row.id for row in rows if row.change_id not in own}

    async def _recorded(self, change: Change, order: Order) -> Answer:
        try:
            recorded = await self.journal.record(change)
        except Repeated as repeat:
            return await self._repeats.answer(repeat, order)
        return Answer(change.id, recorded.at, recorded.transfers)

    async def _reverse(
        self, row: TransferRow, order: Post, asked: Asked | None, origin: Origin
    ) -> Answer:
        for _ in range(_ROUNDS):
            facts = await self.journal.facts_of(row.change_id)
            reversals.require_reversible(row, facts)
            change_id = new_id(self.clock.now(), bucket_of(order.debit))
            told = reversals.told_by(row, order, facts, change_id)
            claim = asked.claim(change_id) if asked else None
            change = Change(change_id, told, (order,), claim=claim, origin=origin)
            try:
                return await self._recorded(change, order)
            except Conflict:
                continue  # another transfer of its change was reversed meanwhile
        raise Conflict("too many reversals of this change at once")

    async def _row(self, transfer_id: UUID) -> TransferRow:
        row = await self.ledger.find_transfer(transfer_id)
        if row is None:
            raise TransferNotFound("no such transfer")
        return row

    @property
    def _repeats(self) -> Repeats:
        return Repeats(self.journal, self.ledger)

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
        if await self._kept(orders):
            change = _refusal_of(change)
        try:
            recorded = await self.journal.record(change)
            whole = Answer(change_id, recorded.at, recorded.transfers)
        except Repeated as repeat:
            whole = await self._repeats.answer_linked(repeat, orders)
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
        changes = [
            _change_of(order, new_id(now, _bucket_of(order)), wish, origin)
            for order, wish in zip(orders, wishes, strict=True)
        ]
        if kept := await self._kept(orders):
            changes = [
                _refusal_of(change) if getattr(order, "reservation_id", None) in kept else change
                for order, change in zip(orders, changes, strict=True)
            ]
        answers: list[Answer | JournalError] = []
        outcomes = await self.journal.record_each(changes)
        for order, change, outcome in zip(orders, changes, outcomes, strict=True):
            if isinstance(outcome, Repeated):
                # One after the other: they are rare, and the pool belongs to everybody.
                answers.append(await self._item_replayed(outcome, order))
            elif isinstance(outcome, JournalError):
                answers.append(outcome)
            else:
                answers.append(Answer(change.id, outcome.at, outcome.transfers))
        return answers

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
            return await self._repeats.bulk_of(repeat, asked, orders)
        return bulk_id

    async def _item_replayed(self, repeat: Repeated, order: Order) -> Answer | JournalError:
        try:
            return await self._repeats.answer(repeat, order)
        except JournalError as error:
            return error


def _change_of(order: Order, change_id: UUID, asked: Asked | None, origin: Origin) -> Change:
    told = Fact(change_id, 1, KINDS[type(order)], moved_by(order))
    claim = asked.claim(change_id) if asked else None
    return Change(change_id, (told,), (order,), claim=claim, origin=origin)


def _refusal_of(change: Change) -> Change:
    """Nothing of it happens, and its key remembers why."""
    return Change(change.id, claim=change.claim, origin=change.origin, refusal=_KEPT)


def _bucket_of(order: Order) -> int:
    return bucket_of(order.debit if isinstance(order, Post | Reserve) else order.reservation_id)
