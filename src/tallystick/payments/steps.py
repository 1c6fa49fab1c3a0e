"""One beat on paper: the rows it starts from, what is told, and the rows it leaves. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import CloseClaim, Fact, Origin, Told
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.case_facts import CASE_KINDS
from tallystick.payments.customers.model import Chosen
from tallystick.payments.facts import INTENT_KINDS, KIND_OF, PAYMENT_KINDS
from tallystick.payments.fees.reserves import RESERVE_KINDS
from tallystick.payments.intent_folds import fold_intent
from tallystick.payments.model import IntentRow, Limits, Operation, PaymentRow, RefundRow, Row
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.refund_folds import fold_refund

_TOLD_LOCALLY = Origin()
_BESIDE: Final = RESERVE_KINDS.keys() | CASE_KINDS.keys()
"""Of rows that no verb of a payment answers with."""

TermsT = TypeVar("TermsT", bound=Struct)
Transfers = tuple[Post | Reserve | Settle | Void, ...]


class Moment(Struct, frozen=True):
    """What a decision needs beside the rows: the time, the change's id, the limits."""

    now: datetime
    change_id: UUID
    limits: Limits


class Closing(Struct, frozen=True):
    """The end of a claim: the answer to its repeats is this subject as it then stands."""

    claim_id: UUID
    subject_id: UUID


class Steps(Struct, frozen=True):
    """What one beat tells (aggregate and fact), moves, and closes.

    `refusal` (code, detail): the provider's no is the answer of the verb. `seen`: a customer, or
    its payment method, at the version this was decided upon.
    """

    told: tuple[tuple[UUID, Struct], ...]
    transfers: Transfers = ()
    closing: Closing | None = None
    refusal: tuple[str, str] | None = None
    seen: tuple[tuple[UUID, int], ...] = ()

    def runs(self, claim_id: UUID | None) -> bool:
        """Whether something is about to be asked that will close this claim."""
        return any(getattr(data, "claim_id", None) == claim_id for _, data in self.told)


class Case(Struct, frozen=True):
    """The rows one verb is about."""

    payment: PaymentRow | None = None
    intent: IntentRow | None = None
    refund: RefundRow | None = None
    chosen: Chosen | None = None  # what an intent is to be paid with
    beside: Mapping[UUID, int] | None = None  # versions of reserves and operator's cases
    recent: bool = False  # as the verb before left it, not read: it may be stale

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that there are."""
        return tuple(filter(None, (self.payment, self.intent, self.refund)))

    def row(self, aggregate_id: UUID) -> Row | None:
        """The row with this id, if it belongs to the case."""
        for row in (self.payment, self.intent, self.refund):
            if row is not None and row.id == aggregate_id:
                return row
        return None

    def the_payment(self) -> PaymentRow:
        """The payment, in a case that has one."""
        if self.payment is None:
            raise LookupError("this case has no payment")
        return self.payment

    def the_intent(self) -> IntentRow:
        """The intent, in a case that has one."""
        if self.intent is None:
            raise LookupError("this case has no intent")
        return self.intent

    def the_refund(self) -> RefundRow:
        """The refund, in a case that has one."""
        if self.refund is None:
            raise LookupError("this case has no refund")
        return self.refund

    @property
    def operation(self) -> Operation | None:
        """What runs at the provider for this case: its refund's, if it is about a refund."""
        row = self.refund or self.payment
        return row.running if row else None

    def runs(self, operation: Operation) -> bool:
        """Whether this is (still) what runs."""
        running = self.operation
        return running is not None and running.reference == operation.reference

    def as_seen(self, terms: TermsT) -> TermsT:
        """The terms, with what was chosen when this case was read."""
        return structs.replace(terms, chosen=self.chosen) if self.chosen else terms

    def version(self, aggregate_id: UUID) -> int:
        """How many facts a row has; 0 before its first."""
        row = self.row(aggregate_id)
        if row is not None:
            return row.version
        return self.beside.get(aggregate_id, 0) if self.beside else 0

    def facts(self, steps: Steps) -> tuple[Fact, ...]:
        """What is told, numbered on from the rows' versions."""
        versions: dict[UUID, int] = {}
        facts = []
        for aggregate_id, data in steps.told:
            version = versions.get(aggregate_id, self.version(aggregate_id)) + 1
            versions[aggregate_id] = version
            facts.append(Fact(aggregate_id, version, KIND_OF[type(data)], data))
        return tuple(facts)

    def after(self, facts: tuple[Fact, ...], at: datetime) -> "Case":
        """The case once these facts are recorded: what reading it anew would show."""
        case = self
        for fact in facts:
            told = Told(
                0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, _TOLD_LOCALLY, at
            )
            case = case._fold(told)
        return case

    def _fold(self, told: Told) -> "Case":
        # A first fact makes a new row, whatever row of its sort the case was about before.
        first = told.version == 1
        if told.kind in PAYMENT_KINDS:
            payment = fold_payment(None if first else self.payment, told)
            return structs.replace(self, payment=payment)
        if told.kind in INTENT_KINDS:
            return structs.replace(self, intent=fold_intent(None if first else self.intent, told))
        if told.kind in _BESIDE:
            beside = {**(self.beside or {}), told.aggregate_id: told.version}
            return structs.replace(self, beside=beside)
        return structs.replace(self, refund=fold_refund(None if first else self.refund, told))


def close_claim(steps: Steps, after: Case) -> CloseClaim | None:
    """The journal's form of the steps' closing, given the case after them."""
    closing = steps.closing
    if closing is None:
        return None
    version = after.version(closing.subject_id)
    if not version:
        raise LookupError(f"the case lost the subject of claim {closing.claim_id}")
    return CloseClaim(closing.claim_id, version, steps.refusal)
