"""What learning of disputes, answering them and hearing the bank share: one change a beat."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Change, CloseClaim, Fact, Origin, Repeated, Told
from tallystick.payments.disputes import store
from tallystick.payments.disputes.decisions import Steps
from tallystick.payments.disputes.folds import DISPUTES, DisputeRow, fold_dispute
from tallystick.payments.disputes.states import DISPUTE_KIND_OF
from tallystick.payments.errors import NotFound
from tallystick.payments.facts import KIND_OF
from tallystick.payments.model import PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.steps import Moment

KEEPERS_MAX: Final = 2


@dataclass(frozen=True)
class DisputeBeats:
    """The hand that records. `fees_minor`: the fee of a dispute, by currency."""

    operations: Operations
    fees_minor: Mapping[str, int] = field(default_factory=dict)
    keepers: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(KEEPERS_MAX), repr=False, compare=False
    )
    """Who may keep a document now: each has a connection of its own, and they are few."""

    async def load(self, dispute_id: UUID, merchant_id: UUID | None = None) -> DisputeRow:
        """A merchant's (None: anybody's) dispute. Raises NotFound."""
        row = await store.find_dispute(self.operations.database, dispute_id)
        if row is None or merchant_id not in (None, row.merchant_id):
            raise NotFound("there is no such dispute", "dispute_not_found")
        return row

    async def record(
        self,
        dispute_id: UUID,
        row: DisputeRow | None,
        payment: PaymentRow | None,
        steps: Steps,
        moment: Moment,
        *,
        asked: Asked | None = None,
        running: bool = True,
        origin: Origin = NOBODY,
    ) -> DisputeRow:
        """Make the steps durable; the dispute as it is then.

        What is asked of the bank leaves its claim `running`: the bank's first word closes it.
        Raises what the journal raises.
        """
        facts = _facts(dispute_id, row.version if row else 0, steps.dispute, DISPUTE_KIND_OF)
        after = _folded(row, facts, moment.now)  # first here: no impossible fact leaves
        beside: tuple[Fact, ...] = ()
        if payment is not None:
            beside = _facts(payment.id, payment.version, steps.payment, KIND_OF)
            for fact in beside:
                fold_payment(payment, _told(fact, moment.now))
        claim = None
        if asked is not None:
            claim = asked.claim(dispute_id, version=after.version, running=running)
        waiting = row.claim_id if row else None
        recorded = await self.operations.journal.record(
            Change(
                id=moment.change_id,
                facts=(*facts, *beside),
                transfers=steps.transfers,
                claim=claim,
                close=CloseClaim(waiting, after.version) if waiting else None,
                origin=origin,
            )
        )
        return _folded(row, facts, recorded.at)

    async def bind(self, row: DisputeRow, asked: Asked, origin: Origin) -> None:
        """Let a key stand for a wish that changes nothing. Raises what the journal raises."""
        moment = self.operations.moment(row.payment_id)
        claim = asked.claim(row.id, version=row.version)
        await self.operations.journal.record(Change(moment.change_id, claim=claim, origin=origin))

    # Repeats ----------------------------------------------------------------------------------

    async def answered(self, repeat: Repeated) -> DisputeRow:
        """What the first call with this key was answered. Raises KeyReused, StillRunning."""
        operations = self.operations
        claim = await operations.journal.answer(
            repeat, patience_s=operations.limits.claim_patience_ms / 1_000
        )
        row: DisputeRow = await operations.journal.row_as_of(
            DISPUTES, claim.subject_id, claim.subject_version
        )
        return row


def _facts(
    aggregate_id: UUID, version: int, told: tuple[Struct, ...], kinds: Mapping[type[Struct], str]
) -> tuple[Fact, ...]:
    return tuple(
        Fact(aggregate_id, version + place, kinds[type(data)], data)
        for place, data in enumerate(told, 1)
    )


def _folded(row: DisputeRow | None, facts: tuple[Fact, ...], at: datetime) -> DisputeRow:
    for fact in facts:
        row = fold_dispute(row, _told(fact, at))
    if row is None:
        raise ValueError("a beat tells something of its dispute")
    return row


def _told(fact: Fact, at: datetime) -> Told:
    return Told(0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, NOBODY, at)
