"""Reading by id: all that wait become one statement, and what a verb has left is not read again.

A read joins the next statement, never one that is under way, so whoever asks sees everything that
was durable when he asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from tallystick.payments.model import Row
from tallystick.payments.steps import Case

IDS_MAX: Final = 1_000
RECENT_MAX: Final = 2_000

Fetch = Callable[[Sequence[UUID]], Awaitable[dict[UUID, Case]]]


class RecentCases:
    """Cases as verbs have left them, each for the next verb on it alone.

    They may be stale: whoever decides upon one must be ready to read it and decide again. The
    journal takes no change that was decided upon a stale row.
    """

    def __init__(self) -> None:
        self._cases: dict[UUID, Case] = {}

    def keep(self, case: Case) -> None:
        """Keep what a next verb is to be expected for: a new intent, an authorized payment."""
        if case.payment is None:
            row: Row | None = case.intent
        else:
            row = case.payment if case.payment.status == "authorized" else None
        if row is None or case.refund or case.operation:
            return
        if len(self._cases) >= RECENT_MAX:
            del self._cases[next(iter(self._cases))]  # the one that was kept longest
        self._cases[row.id] = Case(case.payment, case.intent, recent=True)

    def take(self, row_id: UUID) -> Case | None:
        """The case of this row, if it is kept; it is not kept any longer."""
        return self._cases.pop(row_id, None)


class CaseReader:
    """Finds cases of one sort by id."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._waiting: dict[UUID, asyncio.Future[Case | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def find(self, row_id: UUID) -> Case | None:
        """The case of this row. Raises what the statement raises."""
        found = self._waiting.get(row_id)
        if found is None:
            found = self._waiting[row_id] = asyncio.get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(found)

    async def _read(self) -> None:
        while self._waiting:
            ids = list(self._waiting)[:IDS_MAX]
            futures = {row_id: self._waiting.pop(row_id) for row_id in ids}
            try:
                cases = await self._fetch(ids)
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                for future in futures.values():
                    future.set_exception(error)
            else:
                for row_id, future in futures.items():
                    future.set_result(cases.get(row_id))
