"""How customers and payment methods change: decided, recorded once for its key, answered alike.

Every verb moves the customer's version, so whatever was decided on an older one is decided anew.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tallystick.journal import (
    Asked,
    Change,
    Conflict,
    Journal,
    Origin,
    Projection,
    Repeated,
)
from tallystick.payments.customers.decisions import Facts, require_active
from tallystick.payments.customers.model import CustomerRow, Saved, SavedRow
from tallystick.payments.errors import NotPossible, PaymentsError
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database

ROUNDS: Final = 20
_STEP_S: Final = 0.002
NOBODY: Final = Origin()


@dataclass(frozen=True, slots=True)
class CustomerRecords:
    """What the verbs of customers and of payment methods share."""

    journal: Journal
    database: Database
    clock: Clock

    def new_id(self, owner_id: UUID) -> UUID:
        """A fresh id in the bucket of its owner."""
        return new_id(self.clock.now(), bucket_of(owner_id))

    async def record(
        self,
        projection: Projection,
        decide: Callable[[], Awaitable[Facts]],
        asked: Asked | None,
        origin: Origin,
    ) -> Saved[Any]:
        """Decide and record, or answer what was answered under this key before.

        The first fact decided is of the object that answers. Raises PaymentsError, Conflict, and
        what the journal raises.
        """
        for losses in range(ROUNDS):
            try:
                async with self.journal.repeats_first(asked, PaymentsError):
                    facts = await decide()
                    await self.journal.record(self._change(facts, asked, origin))
                answering = facts[0]
                return await self._as_of(projection, answering.aggregate_id, answering.version)
            except Repeated as repeat:
                return await self._answer_again(projection, repeat)
            except Conflict:
                # Somebody was faster; a pause of chance, lest two of them keep step.
                await asyncio.sleep(_STEP_S * losses * random.random())  # noqa: S311 - no secret
        raise Conflict("too much happens to this customer at once")

    async def shown(
        self, row: SavedRow, *, replayed: bool = False, leniently: bool = True
    ) -> Saved[SavedRow]:
        """The row with its text in clear; empty once that was erased.

        Raises SealTampered, unless `leniently`: then a changed text is left out.
        """
        text = None
        if row.sealed:
            text = await self.journal.unseal(row.subject_id, row.sealed, leniently=leniently)
        return Saved(row, text or {}, replayed)

    async def clear_text(self, row: CustomerRow) -> Mapping[str, Any]:
        """What is known of a customer that may still be changed.

        Raises NotPossible (customer_closed; customer_erased, also when an erasure was cut short:
        nothing may be sealed under a new key beside what the old one sealed).
        """
        require_active(row)
        text = await self.journal.unseal(row.id, row.sealed) if row.sealed else None
        if text is None:
            raise NotPossible("the customer's text was erased before", "customer_erased")
        return text

    async def require_unused(self, asked: Asked | None) -> None:
        """Before what no refusal could take back. Raises Repeated when this key was used before."""
        if earlier := await self.journal.find_repeat(asked):
            raise earlier

    def _change(self, facts: Facts, asked: Asked | None, origin: Origin) -> Change:
        subject = facts[0]
        claim = asked.claim(subject.aggregate_id, version=subject.version) if asked else None
        change_id = self.new_id(subject.aggregate_id)
        return Change(change_id, facts, claim=claim, origin=origin)

    async def _answer_again(self, projection: Projection, repeat: Repeated) -> Saved[Any]:
        claim = await self.journal.answer(repeat, patience_s=0)
        found = claim.subject_id, claim.subject_version
        return await self._as_of(projection, *found, replayed=True)

    async def _as_of(
        self, projection: Projection, row_id: UUID, version: int, *, replayed: bool = False
    ) -> Saved[Any]:
        row = await self.journal.row_as_of(projection, row_id, version)
        return await self.shown(row, replayed=replayed)
