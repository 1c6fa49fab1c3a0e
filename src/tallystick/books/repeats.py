"""Repeats of transfers: answered from the rows that the first call left, or told what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.books.differences import Differs, differences
from tallystick.books.model import Answer, Order, items_of, shares
from tallystick.journal import Asked, Journal, Repeated, Told
from tallystick.ledger import Ledger, TransferRow

_BULK: Final = "transfers.submitted"


@dataclass(frozen=True, slots=True)
class Repeats:
    """What a key stood for, as the log and the ledger still know it."""

    journal: Journal
    ledger: Ledger

    async def answer(self, repeat: Repeated, order: Order) -> Answer:
        """What the first call with this key was answered.

        Raises Differs with the fields that are not as they were, or the remembered Refused.
        """
        if not repeat.same:
            raise Differs(await self._differing(repeat, order))
        return await self._answer(repeat)

    async def answer_linked(self, repeat: Repeated, orders: Sequence[Order]) -> Answer:
        """The same for orders that stand or fall together."""
        if not repeat.same:
            raise Differs(await self._differing_linked(repeat, orders))
        return await self._answer(repeat)

    async def bulk_of(self, repeat: Repeated, asked: Asked, orders: Sequence[Order]) -> UUID:
        """The bulk that this key stood for. Raises Differs."""
        if not repeat.same:
            raise Differs(await self._differing_items(repeat, asked, orders))
        return (await self.journal.answer(repeat, patience_s=0)).subject_id

    async def _answer(self, repeat: Repeated) -> Answer:
        # A transfer's claim never runs: it is done or refused when it is written.
        claim = await self.journal.answer(repeat, patience_s=0)
        first = await self._first(claim.subject_id)
        return Answer(claim.subject_id, first.at, await self._rows(claim.subject_id), replayed=True)

    async def _differing(self, repeat: Repeated, order: Order) -> tuple[str, ...]:
        if repeat.claim.state == "refused":
            return ()  # a refusal leaves nothing to compare with
        first = await self._first(repeat.claim.subject_id)
        rows = await self._rows(first.aggregate_id)
        return tuple(differences(order, rows, first.data)) if rows else ()

    async def _differing_linked(self, repeat: Repeated, orders: Sequence[Order]) -> tuple[str, ...]:
        if repeat.claim.state == "refused":
            return ()
        first = await self._first(repeat.claim.subject_id)
        if first.kind == _BULK:
            return ("atomic",)
        rows = await self._rows(first.aggregate_id)
        parts = shares(orders, rows)
        if sum(map(len, parts)) != len(rows) or not all(parts):
            return ("transfers",)
        return tuple(
            f"transfers.{index}.{name}"
            for index, (order, part) in enumerate(zip(orders, parts, strict=True))
            for name in differences(order, part)
        )

    async def _differing_items(
        self, repeat: Repeated, asked: Asked, orders: Sequence[Order]
    ) -> tuple[str, ...]:
        if repeat.claim.state == "refused":
            return ("atomic",)  # a bulk itself is never refused, only orders that are linked
        first = await self._first(repeat.claim.subject_id)
        if first.kind != _BULK:
            return ("atomic",)
        if first.data != {"count": len(orders)}:
            return ("transfers",)
        # One after the other and only up to the first: nobody is in a hurry to hear of a mistake.
        for index, wish in enumerate(items_of(asked, len(orders))):
            item = await self.journal.find_repeat(wish)
            if item and (names := await self._differing(item, orders[index])):
                return tuple(f"transfers.{index}.{name}" for name in names)
        return ()

    async def _rows(self, change_id: UUID) -> tuple[TransferRow, ...]:
        return tuple(await self.ledger.transfers_of_change(change_id))

    async def _first(self, aggregate_id: UUID) -> Told:
        (told,) = await self.journal.facts_of(aggregate_id, 1)
        return told
