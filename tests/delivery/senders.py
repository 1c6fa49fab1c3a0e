"""Whoever reports payments, and short questions about what became of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.intake.model import Receipt, Source
from tallystick.journal import Change
from tallystick.ledger import Freeze
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.intake.factories import make_report

RECEIVABLE = account_id(PLATFORM, "loans:receivable:USD")
_numbers = count(1)


@dataclass(frozen=True)
class Senders:
    """Senders of reports at one house."""

    app: App
    owner: Address

    async def report(self, number: int = 1) -> list[UUID]:
        """Record so many payments as facts alone; their ids."""
        changes = [self.change() for _ in range(number)]
        await asyncio.gather(*map(self.app.journal.record, changes))
        return [change.id for change in changes]

    def change(self, **fields: Any) -> Change:
        """One payment's fact, not posted."""
        report = make_report(reference_number=f"R-{next(_numbers)}", **fields)
        receipt = Receipt(self.app.clock.now(), request_id="req-7")
        change = self.app.recording.change_for(report, Source.WEBHOOK, receipt)
        return Change(change.id, facts=change.facts, origin=change.origin)

    async def freeze_receivable(self, how: str = "all") -> None:
        """Nothing can be posted to the loans receivable, or again it can (`no`)."""
        order = Freeze(RECEIVABLE, how)
        await self.app.journal.record(Change(new_id(self.app.clock.now(), 0), accounts=(order,)))

    async def postings(self) -> dict[UUID, int]:
        """How often each payment is posted."""
        rows = await self.app.database.fetch(
            "SELECT id, count(*) FROM ledger_transfers WHERE code = 'recorded_payment' GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    @asynccontextmanager
    async def as_owner(self) -> AsyncIterator[Connection]:
        """A connection that may do anything."""
        settings = {"search_path": self.owner.schema}
        connection = await connect(self.owner, server_settings=settings)
        try:
            yield connection
        finally:
            await connection.close()
