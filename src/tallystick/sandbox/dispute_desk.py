"""The desk for disputes: opens them, takes the merchant's one answer, says how they stand."""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallystick.sandbox import dispute_store as store
from tallystick.sandbox.dispute_magic import EVIDENCE_TIME, dispute_behaviour
from tallystick.sandbox.dispute_model import Case, Dispute, DisputeReply, DisputeStatus, Reply
from tallystick.sandbox.model import Bank, Operation, Pace
from tallystick.sandbox.rules import Standing


class UnknownDispute(Exception):
    """The bank has no dispute with this id."""

    code = "unknown_dispute"


class DisputeClosed(Exception):
    """The dispute has had another answer, or its time is over."""

    code = "dispute_closed"


class NotDisputable(Exception):
    """More cannot be disputed than was taken and not given back."""

    code = "dispute_exceeds_capture"


class DisputeBook:
    """A bank's disputes, in the file of its book. One writer, and its writes are few."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._connection: sqlite3.Connection = store.open_disputes(path, durable=durable)

    def add(self, dispute: Dispute) -> None:
        """Write one down; durable when this returns."""
        store.add_dispute(self._connection, dispute)

    def add_reply(self, reply: DisputeReply) -> None:
        """Write its answer down; durable when this returns."""
        store.add_reply(self._connection, reply)

    def find(self, dispute_id: str) -> Case | None:
        """The dispute with this id."""
        return store.find_case(self._connection, dispute_id)

    def list_after(self, place: int, limit: int) -> list[Case]:
        """Disputes in the order of their opening."""
        return store.list_cases(self._connection, place, limit)

    def list_on(self, authorization_reference: str) -> list[Case]:
        """All disputes about one authorization."""
        return store.list_cases_on(self._connection, authorization_reference)

    def kept_minor(self, authorization_reference: str, now: datetime) -> int:
        """What disputes keep back of an authorization's captured money."""
        return sum(case.keeps_minor(now) for case in self.list_on(authorization_reference))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


@dataclass(frozen=True)
class DisputeDesk:
    """One bank's disputes over its book."""

    bank: Bank
    book: DisputeBook
    pace: Pace

    def open_by_magic(self, done: Operation, standing: Standing) -> None:
        """Open the dispute that the token or the amount of a capture asks for, if any; once."""
        token = standing.authorization.token if standing.authorization else done.token
        behaviour = dispute_behaviour(done, token)
        if behaviour is None:
            return
        self._add(
            done.authorization_reference,
            f"dispute of {done.reference}",
            amount_minor=max(1, done.amount_minor // behaviour.part),
            currency=done.currency,
            reason=behaviour.reason,
            verdict=behaviour.verdict,
            opened_at=done.decided_at,
            evidence_time=behaviour.evidence_time,
        )

    def open(
        self,
        authorization_reference: str,
        standing: Standing,
        *,
        amount_minor: int | None,
        reason: str,
        verdict: DisputeStatus,
        evidence_time: timedelta | None,
        now: datetime,
    ) -> Case:
        """Open one about what is left of a capture, or a part of it. Raises NotDisputable."""
        left = standing.captured_minor - standing.refunded_held_minor - standing.disputed_minor
        amount = left if amount_minor is None else amount_minor
        if not 0 < amount <= left:
            raise NotDisputable(f"{left} is left to dispute")
        earlier = len(self.book.list_on(authorization_reference))
        return self._add(
            authorization_reference,
            f"dispute {earlier + 1} of {authorization_reference}",
            amount_minor=amount,
            currency=standing.authorization.currency if standing.authorization else "",
            reason=reason,
            verdict=verdict,
            opened_at=now,
            evidence_time=evidence_time or EVIDENCE_TIME,
        )

    def reply(self, dispute_id: str, kind: Reply, said: bytes, now: datetime) -> Case:
        """Take the merchant's answer: the same one again is answered alike.

        Raises UnknownDispute, DisputeClosed.
        """
        case = self.get(dispute_id)
        digest = hashlib.sha256(said).hexdigest()
        if case.reply is not None:
            if (case.reply.kind, case.reply.digest) == (kind, digest):
                return case
            raise DisputeClosed(f"{dispute_id} is {case.status_at(now)}")
        if case.status_at(now) is not DisputeStatus.NEEDS_RESPONSE:
            raise DisputeClosed(f"{dispute_id} is {case.status_at(now)}")
        evidence = kind is Reply.EVIDENCE
        review_ms = case.dispute.review_ms if evidence else 0
        return self._close(
            case,
            DisputeReply(
                dispute_id=dispute_id,
                kind=kind,
                digest=digest,
                decision=case.dispute.verdict if evidence else DisputeStatus.LOST,
                replied_at=now,
                decided_at=now + timedelta(milliseconds=review_ms),
            ),
        )

    def decide(self, dispute_id: str, verdict: DisputeStatus, now: datetime) -> Case:
        """The bank's own word before anybody answered. Raises UnknownDispute, DisputeClosed."""
        case = self.get(dispute_id)
        if case.status_at(now) is not DisputeStatus.NEEDS_RESPONSE:
            raise DisputeClosed(f"{dispute_id} is {case.status_at(now)}")
        reply = DisputeReply(
            dispute_id=dispute_id,
            kind=Reply.VERDICT,
            digest="",
            decision=verdict,
            replied_at=now,
            decided_at=now,
        )
        return self._close(case, reply)

    def get(self, dispute_id: str) -> Case:
        """The dispute with this id. Raises UnknownDispute."""
        case = self.book.find(dispute_id)
        if case is None:
            raise UnknownDispute(dispute_id)
        return case

    def _add(
        self,
        authorization_reference: str,
        name: str,
        *,
        amount_minor: int,
        currency: str,
        reason: str,
        verdict: DisputeStatus,
        opened_at: datetime,
        evidence_time: timedelta,
    ) -> Case:
        digest = hashlib.blake2b(f"{self.pace.seed} {name}".encode(), digest_size=8).hexdigest()
        dispute = Dispute(
            id=f"{self.bank.id_prefix}_dp_{digest}",
            authorization_reference=authorization_reference,
            amount_minor=amount_minor,
            currency=currency,
            reason=reason,
            verdict=verdict,
            review_ms=self.pace.review_ms,
            opened_at=opened_at,
            evidence_due_by=opened_at + evidence_time,
        )
        self.book.add(dispute)
        return self.get(dispute.id)

    def _close(self, case: Case, reply: DisputeReply) -> Case:
        self.book.add_reply(reply)
        return self.get(case.dispute.id)
