"""From facts to the rows of `payment_cases`. Pure; the status is the table's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from tallystick.journal import Fact, Origin, Projection, Told
from tallystick.payments.case_facts import (
    CASE_KIND_OF,
    CASE_KINDS,
    OUTCOME_UNKNOWN,
    CaseClosed,
    CaseDecided,
    CaseLookedAt,
    CaseNoteAdded,
    CaseOpened,
    CaseResolved,
    CaseWatched,
)
from tallystick.payments.cases.states import CASE_TABLE, OPERATOR
from tallystick.payments.model import json_text
from tallystick.payments.states import next_state
from tallystick.platform.ids import typeid

_PREFIX_OF: Final = {"refund": "ref", "payout": "pot"}  # all else is about a payment
_Changes = dict[str, Any]


class NoteKept(Struct, frozen=True):
    """An operator's note as the case's row knows it; kept there as JSON."""

    at: datetime
    actor: UUID | None  # the API key it was written with; null: at the terminal
    sealed: str


_notes = msgspec.json.Decoder(tuple[NoteKept, ...])


class CaseRow(Struct, frozen=True):
    """One case; fields are the columns of `payment_cases`, in their order."""

    id: UUID
    version: int
    status: str
    work: str  # authorize | capture | void | refund | payout | dispute
    object_id: UUID  # the payment, refund or payout; the case itself when there is none
    owner_id: UUID
    subject_id: UUID  # whose key seals the notes
    route: str
    reference: str  # the provider knows what was asked by this
    amount_minor: int
    currency: str
    asked_at: datetime
    looks: int  # how often the provider was asked what became of it
    looked_by: str | None  # who had the last look: recovery | operator
    notes: str  # JSON array of NoteKept
    outcome: str | None  # the fact that ended it
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    cause: str  # why there is a case: one of CASE_CAUSES
    decided: str | None  # approved | failed: what an operator recorded by hand
    watch_at: datetime | None  # when the provider is asked whether it says the same

    @property
    def is_open(self) -> bool:
        """Whether something is left to be learned or done."""
        return self.status == "open"

    @property
    def ends_by_itself(self) -> bool:
        """Whether learning the outcome is all there is to it; a person closes the others."""
        return self.cause == OUTCOME_UNKNOWN

    @property
    def subject(self) -> str | None:
        """What it is about, as it is called outside; None for what is nobody's."""
        if self.object_id == self.id:
            return None
        return typeid(_PREFIX_OF.get(self.work, "pay"), self.object_id)

    @property
    def kept_notes(self) -> tuple[NoteKept, ...]:
        return _notes.decode(self.notes)

    @property
    def name(self) -> str:
        """`cas_...`"""
        return typeid("cas", self.id)


def fact_of(row: CaseRow | None, case_id: UUID, data: Struct) -> Fact:
    """The next fact of a case."""
    return Fact(case_id, row.version + 1 if row else 1, CASE_KIND_OF[type(data)], data)


def row_after(row: CaseRow | None, fact: Fact, origin: Origin, at: datetime) -> CaseRow:
    """The row once this fact is recorded. Raises IllegalTransition."""
    told = Told(0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, origin, at)
    return fold_case(row, told)


def fold_case(row: CaseRow | None, fact: Told) -> CaseRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(CASE_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_case(fact, status)
    changes = _ON_CASE[type(fact.data)](row, fact)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_case(fact: Told, status: str) -> CaseRow:
    data: CaseOpened = fact.data
    return CaseRow(
        id=fact.aggregate_id,
        version=fact.version,
        status=status,
        work=data.work,
        object_id=data.object_id,
        owner_id=data.owner_id,
        subject_id=data.subject_id,
        route=data.route,
        reference=data.reference,
        amount_minor=data.amount_minor,
        currency=data.currency,
        asked_at=data.asked_at,
        looks=data.looks,
        looked_by=None,
        notes="[]",
        outcome=None,
        resolved_at=None,
        created_at=fact.at,
        updated_at=fact.at,
        cause=data.cause,
        decided=None,
        watch_at=None,
    )


def _looked_at(_row: CaseRow, fact: Told) -> _Changes:
    data: CaseLookedAt = fact.data
    return {"looks": data.looks, "looked_by": data.looked_by}


def _note_added(row: CaseRow, fact: Told) -> _Changes:
    data: CaseNoteAdded | CaseDecided | CaseClosed = fact.data
    note = NoteKept(fact.at, fact.origin.actor, data.sealed)
    return {"notes": json_text((*row.kept_notes, note))}


def _ended(outcome: str, looked_by: str, at: datetime) -> _Changes:
    return {"outcome": outcome, "looked_by": looked_by, "resolved_at": at}


def _resolved(_row: CaseRow, fact: Told) -> _Changes:
    data: CaseResolved = fact.data
    return _ended(data.outcome, data.looked_by, fact.at)


def _decided(row: CaseRow, fact: Told) -> _Changes:
    data: CaseDecided = fact.data
    return {
        **_note_added(row, fact),
        **_ended(data.outcome, OPERATOR, fact.at),
        "decided": data.decided,
        "watch_at": fact.at + timedelta(seconds=data.check_after_s),
    }


def _watched(_row: CaseRow, fact: Told) -> _Changes:
    data: CaseWatched = fact.data
    pause_s = data.check_after_s
    return {"watch_at": None if pause_s is None else fact.at + timedelta(seconds=pause_s)}


def _closed(row: CaseRow, fact: Told) -> _Changes:
    return _note_added(row, fact) | _ended(fact.kind, OPERATOR, fact.at)


_ON_CASE: Final[dict[type, Callable[[CaseRow, Told], _Changes]]] = {
    CaseLookedAt: _looked_at,
    CaseNoteAdded: _note_added,
    CaseResolved: _resolved,
    CaseDecided: _decided,
    CaseWatched: _watched,
    CaseClosed: _closed,
}

CASES: Final = Projection(
    "payment_cases",
    CaseRow,
    CASE_KINDS,
    fold_case,
    seals=lambda row: [(row.subject_id, note.sealed) for note in row.kept_notes],
)
