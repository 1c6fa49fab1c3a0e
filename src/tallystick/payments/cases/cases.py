"""Cases: found, shown, asked about, written on, closed.

What ends a case of an unknown outcome is the outcome; what ends another one is a person.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Change, Conflict, Origin, Repeated
from tallystick.payments.case_facts import (
    CaseClosed,
    CaseLookedAt,
    CaseNoteAdded,
    CaseResolved,
)
from tallystick.payments.cases import store
from tallystick.payments.cases.by_hand import APPROVED, FAILED, ByHand, Word
from tallystick.payments.cases.folds import CASES, CaseRow, fact_of, row_after
from tallystick.payments.cases.keeping import Keeping
from tallystick.payments.cases.metrics import Labels
from tallystick.payments.cases.outcomes import Outcomes
from tallystick.payments.cases.states import (
    CASE_KINDS_OF_WORK,
    CASE_STATUSES,
    NOTE_LENGTH_MAX,
    NOTES_MAX,
    OPERATOR,
)
from tallystick.payments.cases.store import CasesWanted
from tallystick.payments.errors import Invalid, NotFound, NotPossible, PaymentBusy, PaymentsError
from tallystick.payments.operations import NOBODY, TRIES, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.settings import Settings
from tallystick.platform.timetable import Job
from tallystick.wallets import Wallets, payouts

_EVERY_S: Final = 15.0
_TEXT: Final = "text"

Decide = Callable[[CaseRow], Struct]


class NoteShown(Struct, frozen=True):
    """What an operator wrote; the text is gone once the subject's key was destroyed."""

    at: datetime
    actor: UUID | None
    text: str | None


class CaseShown(Struct, frozen=True):
    """A case, what was written on it, and whether it was said before."""

    row: CaseRow
    notes: tuple[NoteShown, ...]
    replayed: bool = False


@dataclass(frozen=True)
class Cases:
    """The verbs of operator cases."""

    outcomes: Outcomes
    keeping: Keeping

    @classmethod
    def over(cls, operations: Operations, wallets: Wallets, settings: Settings) -> "Cases":
        """Cases of payments, refunds and payouts, at the times of the settings."""
        paying_out = payouts.Payouts.over(wallets, operations.rails, settings)
        outcomes = Outcomes(operations, paying_out)
        routes = tuple(route.name for route in operations.rails.routes)
        labels = Labels(routes, tuple(settings.currencies))
        return cls(outcomes, Keeping(outcomes, settings.case_after_s, labels))

    @property
    def by_hand(self) -> ByHand:
        """Outcomes that no provider tells."""
        return ByHand(self.outcomes)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (
            Job("cases", _EVERY_S, self.keeping.keep),
            Job("unknown_outcomes", _EVERY_S, self.keeping.measure),
            Job("outcomes_by_hand", _EVERY_S, self.by_hand.watch),
        )

    # Reading ----------------------------------------------------------------------------------

    async def get(self, case_id: UUID) -> CaseShown:
        """One case with its notes. Raises NotFound (case_not_found)."""
        return await self._shown(await self._load(case_id), leniently=False)

    async def list_cases(
        self, wanted: CasesWanted, *, cursor: str | None = None, limit: int = PAGE_MAX
    ) -> Page[CaseRow]:
        """The latest cases, without their notes. Raises Invalid."""
        if wanted.status is not None and wanted.status not in CASE_STATUSES:
            raise Invalid(f"a status is one of {', '.join(CASE_STATUSES)}", "invalid_status")
        if wanted.work is not None and wanted.work not in CASE_KINDS_OF_WORK:
            raise Invalid(f"a kind is one of {', '.join(CASE_KINDS_OF_WORK)}", "invalid_case_kind")
        database = self.outcomes.operations.database
        return await store.list_cases(database, wanted, cursor=cursor, limit=limit)

    # Acting -----------------------------------------------------------------------------------

    async def ask(
        self, case_id: UUID, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> CaseShown:
        """Ask the provider now, and record what it says; the case ends if that settles it.

        A look can be had again, so there is no first beat: one that is cut leaves nothing of the
        case's, and the next with its key looks again. Raises NotFound, NotPossible
        (case_resolved), PaymentBusy, PayoutBusy.
        """
        row = await self._load(case_id)
        # After the case: whoever sees that it has ended sees the claim of the call that ended it.
        if earlier := await self.outcomes.operations.journal.find_repeat(asked):
            return await self._answer_again(earlier)
        if not row.is_open:
            raise NotPossible("the outcome is known already", "case_resolved")
        if not row.ends_by_itself:
            raise NotPossible(f"nothing is asked about {row.cause}", "case_not_askable")
        with suppress(Conflict):  # somebody else is asking: what he learns is as good
            await self.outcomes.ask(row, origin)
        crash_point("cases.after_ask")
        looks = await self.outcomes.find_looks(row)
        end = await self.outcomes.find_end(row) if looks is None else None

        def decide(row: CaseRow) -> Struct:
            if end is not None and row.is_open:
                return CaseResolved(end, OPERATOR)
            return CaseLookedAt(looks or row.looks, OPERATOR)

        return await self._record(case_id, decide, asked, origin)

    async def add_note(
        self, case_id: UUID, text: str, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> CaseShown:
        """Write something down, for whoever looks next; kept sealed.

        Raises NotFound, Invalid (invalid_note), NotPossible (case_notes_full).
        """
        sealed = await self._sealed(case_id, text)

        def decide(row: CaseRow) -> Struct:
            if len(row.kept_notes) >= NOTES_MAX:
                raise NotPossible(f"a case has at most {NOTES_MAX} notes", "case_notes_full")
            return CaseNoteAdded(sealed)

        return await self._record(case_id, decide, asked, origin)

    async def close(
        self, case_id: UUID, text: str, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> CaseShown:
        """End a case of which no outcome will be learned, with a word of what was done.

        Raises NotFound, Invalid (invalid_note), NotPossible (case_resolved, case_not_closable).
        """
        sealed = await self._sealed(case_id, text)

        def decide(row: CaseRow) -> Struct:
            if not row.is_open:
                raise NotPossible("the case has ended", "case_resolved")
            if row.ends_by_itself:
                raise NotPossible("it ends when the outcome is known", "case_not_closable")
            return CaseClosed(sealed)

        return await self._record(case_id, decide, asked, origin)

    async def resolve(
        self,
        case_id: UUID,
        decided: str,
        text: str,
        *,
        provider_reference: str = "",
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> CaseShown:
        """Record by hand what a provider will never say: that it was `approved`, or `failed`.

        The provider is asked once more before: whatever it says is what is recorded, and shown.
        Raises NotFound, Invalid (invalid_note, invalid_outcome), NotPossible (case_resolved,
        case_not_resolvable, case_too_young, case_answerable), PaymentBusy.
        """
        if earlier := await self.outcomes.operations.journal.find_repeat(asked):
            return await self._answer_again(earlier)
        if decided not in (APPROVED, FAILED) or (decided == APPROVED) != bool(provider_reference):
            detail = "it was approved, under the provider's own reference, or failed, without one"
            raise Invalid(detail, "invalid_outcome")
        sealed = await self._sealed(case_id, text)
        word = Word(decided, sealed, provider_reference, asked, origin)
        try:
            async with self.outcomes.operations.journal.repeats_first(asked, PaymentsError):
                row = await self.by_hand.record(await self._load(case_id), word)
        except Repeated as repeat:
            return await self._answer_again(repeat)
        if row is None:  # the provider has said it after all
            return await self.ask(case_id, asked=asked, origin=origin)
        return await self._shown(row)

    async def _sealed(self, case_id: UUID, text: str) -> str:
        """A note as it may be kept. Raises NotFound, Invalid (invalid_note)."""
        if not text.strip() or len(text) > NOTE_LENGTH_MAX:
            raise Invalid(f"a note has 1 to {NOTE_LENGTH_MAX} characters", "invalid_note")
        row = await self._load(case_id)
        return await self.outcomes.operations.journal.seal(row.subject_id, {_TEXT: text})

    async def _record(
        self, case_id: UUID, decide: Decide, asked: Asked | None, origin: Origin
    ) -> CaseShown:
        """Decide and record, once for its key."""
        for _ in range(TRIES):
            row = await self._load(case_id)
            try:
                async with self.outcomes.operations.journal.repeats_first(asked, PaymentsError):
                    return await self._shown(await self._tell(row, decide(row), asked, origin))
            except Conflict:
                continue
            except Repeated as repeat:
                return await self._answer_again(repeat)
        raise PaymentBusy("too many changes to this case at once")

    async def _tell(
        self, row: CaseRow, data: Struct, asked: Asked | None, origin: Origin
    ) -> CaseRow:
        operations = self.outcomes.operations
        now = operations.clock.now()
        fact = fact_of(row, row.id, data)
        row_after(row, fact, origin, now)  # first here: no impossible fact leaves
        claim = asked.claim(row.id, version=fact.version) if asked else None
        change_id = new_id(now, bucket_of(row.id))
        recorded = await operations.journal.record(
            Change(change_id, (fact,), claim=claim, origin=origin)
        )
        return row_after(row, fact, origin, recorded.at)

    # Small ------------------------------------------------------------------------------------

    async def _load(self, case_id: UUID) -> CaseRow:
        row = await store.find_case(self.outcomes.operations.database, case_id)
        if row is None:
            raise NotFound("there is no such case", "case_not_found")
        return row

    async def _answer_again(self, repeat: Repeated) -> CaseShown:
        journal = self.outcomes.operations.journal
        claim = await journal.answer(repeat, patience_s=0)
        row = await journal.row_as_of(CASES, claim.subject_id, claim.subject_version)
        return await self._shown(row, replayed=True)

    async def _shown(
        self, row: CaseRow, *, replayed: bool = False, leniently: bool = True
    ) -> CaseShown:
        notes = []
        for kept in row.kept_notes:
            clear: Mapping[str, Any] | None = await self.outcomes.operations.journal.unseal(
                row.subject_id, kept.sealed, leniently=leniently
            )
            notes.append(NoteShown(kept.at, kept.actor, clear.get(_TEXT) if clear else None))
        return CaseShown(row, tuple(notes), replayed)
