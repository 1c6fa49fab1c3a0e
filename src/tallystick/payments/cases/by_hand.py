"""An outcome recorded by hand: a provider will never say it, and a person has it in writing.

It is recorded only after a day, while the provider, asked in the same call, knows nothing or cannot
be reached; by the very conclusion that its own word would lead to; and in one change with the case,
so whoever learns the outcome at the same time conflicts with it, and one of the two is recorded.
The provider goes on being asked. Should it ever say otherwise, that opens another case, and moves
no money: what is in the books then is for a person to mend.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Asked, Change, Conflict, Fact, Origin, Refused
from tallystick.payments.case_facts import (
    CASE_KIND_OF,
    OUTCOME_CONTRADICTED,
    CaseDecided,
    CaseOpened,
    CaseWatched,
    case_id_of,
)
from tallystick.payments.cases import store
from tallystick.payments.cases.folds import CASES, CaseRow, fact_of, row_after
from tallystick.payments.cases.outcomes import PAYOUT, Outcomes, row_of
from tallystick.payments.conclusions import PROVIDER_UNREACHABLE, Conclusion
from tallystick.payments.errors import NotPossible, PaymentBusy
from tallystick.payments.facts import KIND_OF
from tallystick.payments.model import Operation
from tallystick.payments.operations import NOBODY, TRIES
from tallystick.payments.orders import find
from tallystick.payments.steps import Case
from tallystick.platform.crash import crash_point
from tallystick.platform.telemetry import get_logger
from tallystick.rails import Approved, Declined, NotFound, Outcome, Unanswered

APPROVED: Final = "approved"
FAILED: Final = "failed"
DAY: Final = timedelta(days=1)
WATCHED_FOR: Final = timedelta(days=30)
_AT_ONCE: Final = 100
_log = get_logger("payments.cases")


class Word(Struct, frozen=True):
    """What an operator has learned, and how he says it; his note is sealed already."""

    decided: str  # approved | failed
    sealed: str
    provider_reference: str = ""  # what the provider's paper calls it
    asked: Asked | None = None
    origin: Origin = NOBODY


@dataclass(frozen=True)
class ByHand:
    """The verbs of outcomes that no provider tells."""

    outcomes: Outcomes

    async def record(self, row: CaseRow, word: Word) -> CaseRow | None:
        """The case as the word has ended it; None when the outcome was learned meanwhile.

        Raises NotPossible (case_not_resolvable, case_too_young, case_answerable), PaymentBusy.
        """
        operations = self.outcomes.operations
        _require_resolvable(row)
        if operations.clock.now() < row.asked_at + DAY:
            raise NotPossible("a day is not over since it was asked", "case_too_young")
        with suppress(Conflict):  # somebody else is asking: what he learns is as good
            await self.outcomes.ask(row, word.origin)
        for _ in range(TRIES):
            case = await operations.load(row_of(row), row.object_id)
            running = case.operation
            if running is None or running.reference != row.reference:
                return None
            _require_unknown(await find(operations.rails, case, running))
            with suppress(Conflict):
                return await self._record(case, running, row, word)
            found = await store.find_case(operations.database, row.id)
            if found is None or not found.is_open:
                return None
            row = found
        raise PaymentBusy("too many changes to this payment at once")

    async def _record(self, case: Case, running: Operation, row: CaseRow, word: Word) -> CaseRow:
        operations = self.outcomes.operations
        case = structs.replace(case, beside={row.id: row.version})
        try:
            case = await self._tell(case, running, row, word)
        except Refused:  # as for the provider's own word: suspense takes what an account will not
            case = await self._tell(case, running, row, word, to_suspense=True)
        crash_point("cases.after_decide")
        await operations.carry_through(case, word.origin)  # what the bank took too late is undone
        after: CaseRow = await operations.journal.row_as_of(CASES, row.id, row.version + 1)
        return after

    async def _tell(
        self,
        case: Case,
        running: Operation,
        row: CaseRow,
        word: Word,
        *,
        to_suspense: bool = False,
    ) -> Case:
        operations = self.outcomes.operations
        moment = operations.moment(case.the_payment().id)
        steps = Conclusion(case, running, moment, to_suspense).of(_outcome(word))
        # The first fact of the object ends its operation.
        end = next(data for subject_id, data in steps.told if subject_id == row.object_id)
        decided = CaseDecided(word.decided, KIND_OF[type(end)], word.sealed, DAY.total_seconds())
        row_after(row, fact_of(row, row.id, decided), word.origin, moment.now)  # possible, or not
        steps = structs.replace(steps, told=(*steps.told, (row.id, decided)))
        claiming = (word.asked, row.id) if word.asked else None
        return await operations.record(case, steps, moment, word.origin, claiming)

    async def watch(self) -> None:
        """The job: ask whether the providers say by now what was recorded by hand."""
        operations = self.outcomes.operations
        now = operations.clock.now()
        for row in await store.list_watched(operations.database, now, _AT_ONCE):
            try:
                await self._look(row)
            except Conflict:
                continue  # another worker was faster
            except Exception:  # noqa: BLE001 - one bad case must not keep the others unwatched
                _log.exception("case_not_watched", case=row.name)

    async def _look(self, row: CaseRow) -> None:
        operations = self.outcomes.operations
        says = _agreement(row, await self._ask(row))
        moment = operations.moment(row.id)
        is_over = says != "nothing" or moment.now >= (row.resolved_at or moment.now) + WATCHED_FOR
        watched = CaseWatched(says, None if is_over else DAY.total_seconds())
        facts = [fact_of(row, row.id, watched)]
        if says == "another":
            _log.error("outcome_contradicted", case=row.name, reference=row.reference)
            facts.append(_contradicted(row))
        await operations.journal.record(Change(moment.change_id, tuple(facts), origin=NOBODY))

    async def _ask(self, row: CaseRow) -> Outcome:
        try:
            return await self.outcomes.operations.rails.find(row.route, row.reference)
        except LookupError:
            return Unanswered("route_not_configured")


def _require_resolvable(row: CaseRow) -> None:
    """Raises NotPossible: case_resolved, case_not_resolvable."""
    if not row.is_open:
        raise NotPossible("the outcome is known already", "case_resolved")
    if not row.ends_by_itself or row.work == PAYOUT:
        raise NotPossible("no outcome is recorded by hand here", "case_not_resolvable")


def _require_unknown(outcome: Outcome) -> None:
    """A provider that knows of it, decided or not, is believed and nobody else."""
    if not isinstance(outcome, NotFound | Unanswered):
        raise NotPossible("the provider knows of it: ask about the case", "case_answerable")


def _outcome(word: Word) -> Outcome:
    if word.decided == APPROVED:
        return Approved(word.provider_reference)
    return Declined(PROVIDER_UNREACHABLE, retryable=False, provider_code="by_hand")


def _agreement(row: CaseRow, outcome: Outcome) -> str:
    match outcome:
        case Approved():
            return "the same" if row.decided == APPROVED else "another"
        case Declined(retryable=False):
            return "the same" if row.decided == FAILED else "another"
    return "nothing"


def _contradicted(row: CaseRow) -> Fact:
    opened = CaseOpened(
        work=row.work,
        object_id=row.object_id,
        owner_id=row.owner_id,
        subject_id=row.subject_id,
        route=row.route,
        reference=row.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        asked_at=row.asked_at,
        looks=row.looks,
        cause=OUTCOME_CONTRADICTED,
    )
    case_id: UUID = case_id_of(row.object_id, row.reference, OUTCOME_CONTRADICTED)
    return Fact(case_id, 1, CASE_KIND_OF[CaseOpened], opened)
