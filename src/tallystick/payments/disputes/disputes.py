"""Disputes: a payer wants captured money back at his bank, and the merchant may say why not.

An answer takes three beats, as everything that is asked of a bank: it is recorded, the bank is
told with no transaction open, and the bank's word is recorded with its money. Whatever dies in
between stays due, and the job asks again: a bank takes the same answer again and counts it once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Conflict, Origin, Refused, Repeated
from tallystick.payments.disputes import store
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.payments.disputes.decisions import (
    Steps,
    conclude,
    decide_acceptance,
    decide_submission,
)
from tallystick.payments.disputes.documents import DisputeDocuments
from tallystick.payments.disputes.evidence import EXPLANATION_LENGTH_MAX
from tallystick.payments.disputes.feed import DisputeFeed
from tallystick.payments.disputes.folds import ACCEPTANCE, DisputeRow
from tallystick.payments.disputes.states import DISPUTE_STATUSES
from tallystick.payments.errors import Invalid, PaymentBusy, PaymentsError
from tallystick.payments.model import PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.payments.steps import Moment
from tallystick.platform.crash import crash_point
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.rails import Unanswered
from tallystick.rails import disputes as bank

_TRIES: Final = 20
_AT_ONCE: Final = 8
_EVERY_S: Final = 5.0
_LOOKS: Final = 100
_EXPLANATION: Final = "explanation"
_log = get_logger("payments.disputes")

Decide = Callable[[DisputeRow, UUID | None, Moment], Steps]


class DisputeShown(Struct, frozen=True):
    """A dispute, the merchant's explanation, and whether it was said before.

    The explanation is gone once its key was destroyed.
    """

    row: DisputeRow
    explanation: str | None = None
    replayed: bool = False


@dataclass(frozen=True)
class Disputes:
    """The verbs of disputes."""

    beats: DisputeBeats

    @classmethod
    def over(cls, operations: Operations, settings: Settings) -> "Disputes":
        """Disputes at the fees of the settings."""
        return cls(DisputeBeats(operations, settings.dispute_fees_minor or {}))

    @property
    def feed(self) -> DisputeFeed:
        """Where they are learned of."""
        return DisputeFeed(self.beats)

    def jobs(self, settings: Settings) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (
            Job("dispute_feeds", float(settings.dispute_poll_s), self.feed.read_all),
            Job("disputes", _EVERY_S, self.look_at_due, full=_LOOKS),
        )

    @property
    def documents(self) -> DisputeDocuments:
        """What is handed in as evidence."""
        return DisputeDocuments(self.beats)

    # Reading ----------------------------------------------------------------------------------

    async def get(self, dispute_id: UUID, *, merchant_id: UUID | None = None) -> DisputeShown:
        """One dispute; `merchant_id` None is the operator, who sees all. Raises NotFound."""
        return await self._shown(await self.beats.load(dispute_id, merchant_id), leniently=False)

    async def list_disputes(
        self,
        merchant_id: UUID | None,
        *,
        payment_id: UUID | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE_MAX,
    ) -> Page[DisputeRow]:
        """The latest disputes, without their texts. Raises Invalid."""
        if status is not None and status not in DISPUTE_STATUSES:
            raise Invalid(f"a status is one of {', '.join(DISPUTE_STATUSES)}", "invalid_status")
        return await store.list_disputes(
            self.beats.operations.database,
            merchant_id,
            payment_id=payment_id,
            status=status,
            cursor=cursor,
            limit=limit,
        )

    # Answering --------------------------------------------------------------------------------

    async def submit(
        self,
        dispute_id: UUID,
        *,
        explanation: str = "",
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> DisputeShown:
        """Contest it with all that was handed in; once, there is no second time.

        Raises NotFound, Invalid, NotPossible: dispute_not_answerable, dispute_deadline_passed,
        evidence_missing.
        """
        if len(explanation) > EXPLANATION_LENGTH_MAX:
            raise Invalid("the explanation is too long", "explanation_too_long")
        row = await self.beats.load(dispute_id, merchant_id)
        sealed = None
        if explanation and row.response is None:
            sealed = await self.beats.operations.journal.seal(
                row.subject_id, {_EXPLANATION: explanation}
            )

        def decide(row: DisputeRow, claim_id: UUID | None, moment: Moment) -> Steps:
            return decide_submission(row, sealed, claim_id, moment)

        return await self._answer(dispute_id, decide, merchant_id, asked, origin=origin)

    async def accept(
        self,
        dispute_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> DisputeShown:
        """Give in: the payer has his money. Raises as `submit` does."""
        return await self._answer(dispute_id, decide_acceptance, merchant_id, asked, origin=origin)

    async def _answer(
        self,
        dispute_id: UUID,
        decide: Decide,
        merchant_id: UUID | None,
        asked: Asked | None,
        *,
        origin: Origin,
    ) -> DisputeShown:
        for _ in range(_TRIES):
            row = await self.beats.load(dispute_id, merchant_id)
            moment = self.beats.operations.moment(row.payment_id)
            try:
                async with self.beats.operations.journal.repeats_first(asked, PaymentsError):
                    steps = decide(row, asked.claim(row.id).id if asked else None, moment)
                    row = await self.beats.record(
                        row.id, row, None, steps, moment, asked=asked, origin=origin
                    )
            except Conflict:
                continue
            except Repeated as repeat:
                return await self._answer_again(repeat)
            crash_point("disputes.after_decide")
            return await self._shown(await self._hear(row, await self._ask(row), origin))
        raise PaymentBusy("too many changes to this dispute at once")

    async def _answer_again(self, repeat: Repeated) -> DisputeShown:
        """What the first call with this key was answered, or would be by now."""
        if repeat.same and repeat.claim.state == "running":
            await self.look(repeat.claim.subject_id)
        return await self._shown(await self.beats.answered(repeat), replayed=True)

    # Hearing the bank -------------------------------------------------------------------------

    async def look_at_due(self) -> int:
        """The job: ask the bank about every dispute that is due; how many were looked at.

        Any number of processes may do this at once. One that fails is logged and stays due.
        """
        operations = self.beats.operations
        turn = asyncio.Semaphore(_AT_ONCE)
        due = await store.list_due(operations.database, operations.clock.now(), _LOOKS)
        await asyncio.gather(*[self._look_in_turn(turn, dispute_id) for dispute_id in due])
        return len(due)

    async def look(self, dispute_id: UUID) -> None:
        """Do what is due for one dispute: give the bank the answer, or learn how it stands."""
        row = await self.beats.load(dispute_id)
        if row.due_at is not None and row.due_at <= self.beats.operations.clock.now():
            await self._hear(row, await self._ask(row), NOBODY)

    async def _look_in_turn(self, turn: asyncio.Semaphore, dispute_id: UUID) -> None:
        async with turn:
            try:
                await self.look(dispute_id)
            except Conflict:
                return  # somebody else is at it; it stays due if anything is left to do
            except Exception:  # noqa: BLE001 - one bad row must not stop the job
                _log.exception("dispute_look_failed", id=str(dispute_id))

    async def _ask(self, row: DisputeRow) -> bank.Seen:
        rails = self.beats.operations.rails
        try:
            if row.response is None or row.delivered:
                seen = await rails.find_dispute(row.route, row.provider_dispute_id)
            else:
                seen = await rails.answer_dispute(await self._bank_answer(row))
        except LookupError:
            seen = Unanswered("route_not_configured")
        crash_point("disputes.after_ask")
        return seen

    async def _bank_answer(self, row: DisputeRow) -> bank.Evidence | bank.Acceptance:
        if row.response == ACCEPTANCE:
            return bank.Acceptance(route=row.route, dispute_id=row.provider_dispute_id)
        return bank.Evidence(
            route=row.route,
            dispute_id=row.provider_dispute_id,
            documents=tuple(
                bank.Document(item.kind, item.media_type, item.size_bytes, item.sha256)
                for item in row.items
            ),
            explanation=await self._explanation(row) or "",
        )

    async def _hear(self, row: DisputeRow, seen: bank.Seen, origin: Origin) -> DisputeRow:
        """Record the bank's word, unless somebody else has heard it first."""
        version = row.version
        for _ in range(_TRIES):
            try:
                return await self._record_word(row, seen, origin)
            except Conflict:
                row = await self.beats.load(row.id)
                if row.version != version:
                    return row
        raise PaymentBusy("too many changes to this dispute at once")

    async def _record_word(self, row: DisputeRow, seen: bank.Seen, origin: Origin) -> DisputeRow:
        moment = self.beats.operations.moment(row.payment_id)
        steps = conclude(row, seen, moment)
        payment = await self._payment_of(row) if steps.payment else None
        record = partial(self.beats.record, row.id, row, payment, origin=origin)
        try:
            return await record(steps, moment)
        except Refused:
            # Won, and the merchant's account will not have it: the bank's word stands.
            moment = self.beats.operations.moment(row.payment_id)
            return await record(conclude(row, seen, moment, to_suspense=True), moment)

    # Small ------------------------------------------------------------------------------------

    async def _payment_of(self, row: DisputeRow) -> PaymentRow:
        return (await self.beats.operations.load(PaymentRow, row.payment_id)).the_payment()

    async def _explanation(self, row: DisputeRow, *, leniently: bool = False) -> str | None:
        if row.sealed is None:
            return None
        journal = self.beats.operations.journal
        clear = await journal.unseal(row.subject_id, row.sealed, leniently=leniently)
        return clear.get(_EXPLANATION) if clear else None

    async def _shown(
        self, row: DisputeRow, *, replayed: bool = False, leniently: bool = True
    ) -> DisputeShown:
        return DisputeShown(row, await self._explanation(row, leniently=leniently), replayed)
