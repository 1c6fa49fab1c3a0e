"""Disputes in the dialect of the sandbox's acquirers.

Believed are only complete answers about the dispute that was asked for; all else is Unanswered. An
answer that comes too late, or differs from the first one, is refused with 409: then the bank is
asked how the dispute stands.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from tallystick.rails.disputes import PAGE, Acceptance, Dispute, Evidence, Seen
from tallystick.rails.model import NotFound, Unanswered
from tallystick.rails.providers.line import Line, Lost, Reply, Unreached

_Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:\-]{1,128}\Z")]
_Instant = Annotated[datetime, Meta(tz=True)]


class _Dispute(Struct, frozen=True):
    id: _Word
    place: Annotated[int, Meta(ge=1, le=2**53)]
    authorization_reference: _Word
    amount: Annotated[int, Meta(ge=1, le=10**15)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    reason: _Word
    status: Literal["needs_response", "under_review", "won", "lost"]
    opened_at: _Instant
    evidence_due_by: _Instant

    def seen(self) -> Dispute:
        return Dispute(
            dispute_id=self.id,
            place=self.place,
            reference=self.authorization_reference,
            amount_minor=self.amount,
            currency=self.currency,
            reason=self.reason,
            status=self.status,
            opened_at=self.opened_at,
            evidence_due_by=self.evidence_due_by,
        )


class _Page(Struct, frozen=True):
    disputes: Annotated[list[_Dispute], Meta(max_length=PAGE)]


@dataclass(frozen=True)
class SandboxDisputes:
    """The disputes of one bank of the sandbox."""

    line: Line

    async def list_after(self, place: int) -> tuple[Dispute, ...] | Unanswered:
        """The next page of disputes in the order of their opening."""
        reply = await self._exchange(self.line.get(f"/v1/disputes?after={place}&limit={PAGE}"))
        if isinstance(reply, Unanswered):
            return reply
        try:
            page = msgspec.convert(reply.content, _Page)
        except msgspec.ValidationError:
            return Unanswered("wrong_schema")
        places = [place, *(told.place for told in page.disputes)]
        if reply.status_code != 200 or places != sorted(set(places)):
            return Unanswered("wrong_order")
        return tuple(told.seen() for told in page.disputes)

    async def find(self, dispute_id: str) -> Seen:
        """How a dispute stands."""
        path = f"/v1/disputes/{quote(dispute_id, safe='')}"
        return self._seen(await self._exchange(self.line.get(path)), dispute_id)

    async def give_evidence(self, evidence: Evidence) -> Seen:
        """Give it; how the dispute stands then."""
        body: dict[str, object] = {
            "documents": list(evidence.documents),
            "explanation": evidence.explanation,
        }
        return await self._answer(evidence.dispute_id, "evidence", body)

    async def accept(self, acceptance: Acceptance) -> Seen:
        """Do not contest it; how the dispute stands then."""
        return await self._answer(acceptance.dispute_id, "acceptance", {})

    async def _answer(self, dispute_id: str, word: str, body: dict[str, object]) -> Seen:
        path = f"/v1/disputes/{quote(dispute_id, safe='')}/{word}"
        reply = await self._exchange(self.line.post(path, body))
        if isinstance(reply, Reply) and reply.status_code == 409:
            return await self.find(dispute_id)
        return self._seen(reply, dispute_id)

    async def _exchange(self, asking: Coroutine[object, object, Reply]) -> Reply | Unanswered:
        try:
            return await asking
        except Unreached:
            return Unanswered("connect_failed")
        except Lost as lost:
            return Unanswered(lost.reason)

    def _seen(self, reply: Reply | Unanswered, dispute_id: str) -> Seen:
        if isinstance(reply, Unanswered):
            return reply
        if reply.status_code == 404:
            return NotFound()
        if reply.status_code != 200:
            return Unanswered(f"status: {reply.status_code}")
        try:
            told = msgspec.convert(reply.content, _Dispute)
        except msgspec.ValidationError:
            return Unanswered("wrong_schema")
        return told.seen() if told.id == dispute_id else Unanswered("another_dispute")
