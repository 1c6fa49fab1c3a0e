"""Finishing what was left between the beats, and ending what has run out.

Any number of processes may do this at once: whoever records an end first wins, and the others
find it recorded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

from tallystick.journal import Conflict
from tallystick.payments import store
from tallystick.payments.cancellations import Cancellations
from tallystick.payments.decisions import decide_expiry
from tallystick.payments.errors import NotFound
from tallystick.payments.fees.releases import Releases
from tallystick.payments.intent_decisions import decide_intent_expiry
from tallystick.payments.model import IntentRow, PaymentRow, RefundRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job

_AT_ONCE: Final = 8
_TRIES: Final = 3  # of a look that others get ahead of
_RELEASES: Final = 500  # reserves a round
Look = Callable[[UUID], Awaitable[None]]
_log = get_logger("payments.recovery")


@dataclass(frozen=True)
class Recovery:
    """The job of this room: run every `EVERY_S` seconds, in as many processes as one likes."""

    EVERY_S: ClassVar[float] = 5.0

    operations: Operations

    def jobs(self, first_look_s: float) -> tuple[Job, ...]:
        """Recovery itself, and what else this room does again and again."""
        operations = self.operations
        releases = Releases(operations.journal, operations.database, operations.clock)
        return (
            Job("recovery", min(self.EVERY_S, first_look_s), self.run_once),
            Job("reserves", 5.0, partial(releases.release_due, _RELEASES), full=_RELEASES),
            Job("advances", 5.0, operations.advances.repay),
        )

    async def run_once(self, limit: int = 100) -> int:
        """Look at everything that is due, at most `limit` of each sort; how many were looked at.

        One that fails is logged and stays due; it does not keep the others waiting.
        """
        now = self.operations.clock.now()
        looks: tuple[tuple[str, Look], ...] = (
            ("payments", self._look_at_payment),
            ("refunds", self._look_at_refund),
            ("intents", self._look_at_intent),
        )
        turn = asyncio.Semaphore(_AT_ONCE)
        tasks = [
            self._look(turn, look, row_id)
            for table, look in looks
            for row_id in await store.list_due(self.operations.database, table, now, limit)
        ]
        await asyncio.gather(*tasks)
        return len(tasks)

    async def _look(self, turn: asyncio.Semaphore, look: Look, row_id: UUID) -> None:
        async with turn:
            try:
                await _persistently(look, row_id)
            except (Conflict, NotFound):
                return  # somebody else is at it; it stays due if anything is left to do
            except Exception:  # noqa: BLE001 - one bad row must not stop the job
                _log.exception("recovery_failed", id=str(row_id))

    async def _look_at_payment(self, payment_id: UUID) -> None:
        operations = self.operations
        case = await operations.load(PaymentRow, payment_id)
        row = case.the_payment()
        moment = operations.moment(payment_id)
        if row.due_at is None or row.due_at > moment.now:
            return
        if row.running:
            await operations.repair(case, NOBODY, due=True)
        elif steps := decide_expiry(row, moment):
            case = await operations.record(case, steps, moment, NOBODY)
            await operations.carry_through(case, NOBODY)

    async def _look_at_refund(self, refund_id: UUID) -> None:
        operations = self.operations
        case = await operations.load(RefundRow, refund_id)
        refund = case.the_refund()
        if refund.due_at is None or refund.due_at > operations.clock.now():
            return
        if refund.status == "cancelled":
            await Cancellations(operations).look(case)
        else:
            await operations.repair(case, NOBODY, due=True)

    async def _look_at_intent(self, intent_id: UUID) -> None:
        operations = self.operations
        case = await operations.load(IntentRow, intent_id)
        if case.the_intent().status == "requires_action":
            heard = await operations.hear(case, NOBODY)  # the payer may have answered by now
            if heard is None:
                return  # nobody knows whether he has paid: his time is not over
            case = heard
        moment = operations.moment(intent_id)
        if steps := decide_intent_expiry(case, moment):
            await operations.record(case, steps, moment, NOBODY)


async def _persistently(look: Look, row_id: UUID) -> None:
    """An intent and its payment are looked at in the same round, and one may overtake the other.

    Raises as the last try.
    """
    for losses in range(1, _TRIES + 1):
        try:
            await look(row_id)
        except Conflict:
            if losses == _TRIES:
                raise
        else:
            return
