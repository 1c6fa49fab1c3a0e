"""A verb from wish to answer: run once for its key, answered alike ever after."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic
from uuid import UUID

from tallystick.journal import Asked, Conflict, Origin, Repeated
from tallystick.payments.customers.model import Chosen, MethodWish
from tallystick.payments.customers.payment_methods import find_chosen
from tallystick.payments.decisions import Wish
from tallystick.payments.errors import PaymentBusy, PaymentsError, ProviderDeclined
from tallystick.payments.model import Answer, RowT
from tallystick.payments.operations import NOBODY, TRIES, Operations
from tallystick.payments.projections import PROJECTION_OF
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.crash import crash_point


@dataclass(frozen=True)
class Request(Generic[RowT]):
    """One verb as it was asked for. `load` reads the case anew for every try."""

    operations: Operations
    answers_with: type[RowT]
    subject_id: UUID
    load: Callable[[], Awaitable[Case]]
    decide: Callable[[Case, Wish, Moment], Steps]
    asked: Asked | None = None
    origin: Origin = NOBODY
    prepare: Callable[[Case, Origin], Awaitable[Case]] | None = None  # else what is open is learned

    async def answer(self) -> Answer[RowT]:
        """Run the verb, or answer what was answered under its key before.

        Raises PaymentsError, or what the journal raises: Refused, KeyReused, StillRunning, Busy,
        Unknown.
        """
        for _ in range(TRIES):
            try:
                async with self.operations.journal.repeats_first(self.asked, PaymentsError):
                    case, started = await self._begin()
            except Conflict:
                continue
            except Repeated as repeat:
                return await self._answer_again(repeat)
            if started:
                case, refusal = await self.operations.carry_through(case, self.origin)
                if refusal:
                    raise ProviderDeclined(refusal[1], refusal[0])
            self.operations.recent.keep(case)
            return await shown(self.operations, self._subject(case, self.subject_id))
        raise PaymentBusy("too many changes to this payment at once")

    async def _begin(self) -> tuple[Case, bool]:
        """The first beat; whether it started an operation."""
        operations = self.operations
        case = await (self.prepare or operations.repair_all)(await self.load(), self.origin)
        moment = operations.moment(self.subject_id)
        claim = self.asked.claim(self.subject_id) if self.asked else None
        wish = Wish(self.subject_id, claim.id if claim else None)
        try:
            steps = self.decide(case, wish, moment)
        except PaymentsError as error:
            if case.recent:
                raise Conflict("nobody is refused by what may be stale: look again") from error
            raise
        claiming = (self.asked, self.subject_id) if self.asked else None
        after = await operations.record(case, steps, moment, self.origin, claiming)
        crash_point("payments.after_decide")
        return after, _reference(after) not in (None, _reference(case))

    def _subject(self, case: Case, subject_id: UUID) -> RowT:
        row = case.row(subject_id)
        if not isinstance(row, self.answers_with):
            raise TypeError(f"the case lost its subject {subject_id}")
        return row

    async def _answer_again(self, repeat: Repeated) -> Answer[RowT]:
        """What the first call with this key was answered, or would be by now."""
        operations, standing = self.operations, repeat.claim
        if repeat.same and standing.state == "running":
            case = await operations.load(self.answers_with, standing.subject_id)
            case = await operations.repair(case, self.origin)
            operation = case.operation
            if operation and operation.unknown and operation.claim_id == standing.id:
                row = self._subject(case, standing.subject_id)
                return await shown(operations, row, replayed=True)
        claim = await operations.journal.answer(
            repeat, patience_s=operations.limits.claim_patience_ms / 1_000
        )
        row = await operations.journal.row_as_of(
            PROJECTION_OF[self.answers_with], claim.subject_id, claim.subject_version
        )
        return await shown(operations, row, replayed=True)


async def new_case() -> Case:
    """The case of an object that is still to be made."""
    return Case()


def loads_new(
    operations: Operations, merchant_id: UUID, wish: MethodWish, chosen: Chosen
) -> Callable[[], Awaitable[Case]]:
    """How each try begins something new: with another look at its customer, if it has one.

    He may be erased at this moment. The look raises what the choice is refused for by now, and
    PaymentBusy when it is another token.
    """

    async def look_again() -> Case:
        now = await find_chosen(operations.database, merchant_id, wish)
        if now.refusal:
            raise now.refusal
        if now.token != chosen.token:
            raise PaymentBusy("the customer's default payment method has changed")
        return Case(chosen=now)

    return look_again if chosen.seen else new_case


async def answer_refused(
    operations: Operations,
    answers_with: type[RowT],
    refusal: PaymentsError,
    asked: Asked | None,
    origin: Origin,
) -> Answer[RowT]:
    """What a wish that is refused now was answered before. Raises the refusal if it was not."""

    async def refused() -> Case:
        raise refusal

    def never(_case: Case, _wish: Wish, _moment: Moment) -> Steps:
        raise refusal

    nothing = UUID(int=0)  # a claim's id does not depend on its subject
    return await Request(operations, answers_with, nothing, refused, never, asked, origin).answer()


async def seal(
    operations: Operations, subject_id: UUID, text: Mapping[str, Any] | None
) -> str | None:
    """Free text as it may be kept; nothing for nothing."""
    said = {name: value for name, value in (text or {}).items() if value not in (None, "", {})}
    return await operations.journal.seal(subject_id, said) if said else None


async def shown(
    operations: Operations, row: RowT, *, replayed: bool = False, leniently: bool = True
) -> Answer[RowT]:
    """The row with its free text in clear; empty once that was erased.

    A text that was changed is left out of a list and of a verb's answer, which tells what became
    of the money; without `leniently` it raises SealTampered.
    """
    text: dict[str, Any] | None = None
    if row.sealed:
        text = await operations.journal.unseal(row.subject_id, row.sealed, leniently=leniently)
    return Answer(row, text or {}, replayed)


def _reference(case: Case) -> str | None:
    return case.operation.reference if case.operation else None
