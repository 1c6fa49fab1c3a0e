"""Decide, ask, record: how every verb of this room runs.

Beat 1 records what is about to be asked, and the claim as running. Beat 2 asks, with no
transaction open. Beat 3 records the answer with its money and closes the claim. Whatever dies in
between leaves a row that says what was being asked, and recovery (or the next verb on the same
payment) learns the end from the provider by our own reference. A cut at any point is therefore
one of the points that recovery starts from.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from tallystick.journal import Asked, Change, Conflict, Journal, Origin, Refused
from tallystick.payments import store
from tallystick.payments.advances import Advances
from tallystick.payments.called_off import decide_asking_again
from tallystick.payments.conclusions import Conclusion
from tallystick.payments.errors import NotFound, PaymentBusy
from tallystick.payments.fees.plans import FeePlans
from tallystick.payments.model import (
    IntentRow,
    Limits,
    Operation,
    PaymentRow,
    RefundRow,
    Row,
    Verb,
    intent_name,
)
from tallystick.payments.orders import ask, find
from tallystick.payments.projections import PROJECTION_OF
from tallystick.payments.recent_cases import RecentCases
from tallystick.payments.return_urls import with_intent
from tallystick.payments.steps import Case, Moment, Steps, close_claim
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.joint_reads import JointReads
from tallystick.platform.postgres.pools import Database
from tallystick.platform.settings import Settings
from tallystick.rails import Approved, Declined, Outcome, Pending, Rails, Unanswered
from tallystick.rails import NotFound as NotFoundThere

TRIES: Final = 20
NOBODY: Final = Origin()

Refusal = tuple[str, str]
Claiming = tuple[Asked, UUID] | None  # who asks, and the subject that answers repeats


@dataclass(frozen=True)
class Operations:
    """What the verbs of intents, payments and refunds share: the beats, and their repair."""

    journal: Journal
    database: Database
    rails: Rails
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    fee_plans: FeePlans = field(init=False, repr=False)
    recent: RecentCases = field(default_factory=RecentCases, repr=False, compare=False)
    _readers: dict[type[Row], JointReads[UUID, Case]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        readers = {
            IntentRow: JointReads(partial(store.find_intent_cases, self.database)),
            PaymentRow: JointReads(partial(store.find_payment_cases, self.database)),
            RefundRow: JointReads(partial(store.find_refund_cases, self.database)),
        }
        object.__setattr__(self, "_readers", readers)  # frozen for everybody else
        plans = FeePlans(self.journal, self.database, self.clock)
        object.__setattr__(self, "fee_plans", plans)

    @property
    def advances(self) -> Advances:
        """What merchants are advanced for refunds."""
        return Advances(self.journal, self.database, self.clock, self.limits)

    @classmethod
    def over(
        cls, journal: Journal, database: Database, rails: Rails, clock: Clock, settings: Settings
    ) -> "Operations":
        """Operations that keep to the times of the settings."""
        return cls(journal, database, rails, clock, Limits.of(settings))

    # Beats ------------------------------------------------------------------------------------

    def moment(self, owner_id: UUID) -> Moment:
        """Now, with an id for the change to come, in the bucket of its owner."""
        now = self.clock.now()
        return Moment(now, new_id(now, bucket_of(owner_id)), self.limits)

    async def record(
        self, case: Case, steps: Steps, moment: Moment, origin: Origin, claiming: Claiming = None
    ) -> Case:
        """Make the steps durable, with the claim of a first beat; the case as it is then."""
        facts = case.facts(steps)
        # Folded here first: a fact that cannot follow must not reach a batch of other people's.
        after = case.after(facts, moment.now)
        claim = None
        if claiming:
            asked, subject_id = claiming
            claim = asked.claim(
                subject_id,
                version=after.version(subject_id),
                running=steps.runs(asked.claim(subject_id).id),
            )
        recorded = await self.journal.record(
            Change(
                id=moment.change_id,
                facts=facts,
                transfers=steps.transfers,
                claim=claim,
                close=close_claim(steps, after),
                origin=origin,
                seen=steps.seen,
                rows=case.rows,
            )
        )
        return case.after(facts, recorded.at)

    async def carry_through(self, case: Case, origin: Origin) -> tuple[Case, Refusal | None]:
        """Ask and record until nothing is left to ask; the refusal, if the provider's no is one."""
        refusal = None
        operation = case.operation
        while operation is not None and not operation.unknown:
            outcome = await self._ask(case, operation)
            case, refusal, ours = await self._conclude(case, operation, outcome, origin)
            operation = case.operation if ours else None
        return case, refusal

    async def _ask(self, case: Case, operation: Operation, *, before: bool = False) -> Outcome:
        return_url = await self._return_url(case, operation)
        outcome = await ask(self.rails, case, operation, asked_before=before, return_url=return_url)
        crash_point("payments.after_ask")
        return outcome

    async def _return_url(self, case: Case, operation: Operation) -> str | None:
        """Where the intent's payer goes from his bank; the merchant's own words, hence sealed."""
        intent = case.intent
        if operation.verb != Verb.AUTHORIZE or intent is None or intent.sealed is None:
            return None
        text = await self.journal.unseal(intent.id, intent.sealed, leniently=True) or {}
        return_url = text.get("return_url")
        return with_intent(return_url, intent_name(intent.id)) if return_url else None

    async def _conclude(
        self, case: Case, operation: Operation, outcome: Outcome, origin: Origin
    ) -> tuple[Case, Refusal | None, bool]:
        """Record the outcome, unless somebody else has learned it first."""
        for _ in range(TRIES):
            if not (case.runs(operation) or _came_after_all(case, operation, outcome)):
                return case, await self._refusal_of(operation), False
            try:
                case, refusal = await self._record_outcome(case, operation, outcome, origin)
            except Conflict:
                case = await self.reload(case)
                if _looked_at_meanwhile(case, operation) and not _is_end(outcome):
                    return case, None, False  # one look is one step of the schedule
            else:
                crash_point("payments.after_record")
                return case, refusal, True
        raise PaymentBusy("too many changes to this payment at once")

    async def _record_outcome(
        self, case: Case, operation: Operation, outcome: Outcome, origin: Origin
    ) -> tuple[Case, Refusal | None]:
        operation = case.operation or operation
        moment = self.moment(case.the_payment().id)
        steps = Conclusion(case, operation, moment).of(outcome)
        try:
            case = await self.record(case, steps, moment, origin)
        except Refused:
            # The bank has moved the money: an account that will not have it cannot undo that.
            moment = self.moment(case.the_payment().id)
            steps = Conclusion(case, operation, moment, to_suspense=True).of(outcome)
            case = await self.record(case, steps, moment, origin)
        return case, steps.refusal

    async def _refusal_of(self, operation: Operation) -> Refusal | None:
        """How the claim of an operation was closed by whoever concluded it."""
        claim = operation.claim_id and await self.journal.find_claim(operation.claim_id)
        if not claim or claim.state != "refused":
            return None
        code, _, detail = (claim.outcome or "").partition(": ")
        return code, detail

    # Repair -----------------------------------------------------------------------------------

    async def repair(self, case: Case, origin: Origin, *, due: bool = False) -> Case:
        """Learn the end of an operation whose asker must be gone; the case as it is then.

        `due`: the schedule says so, and a look that settles nothing is recorded. Otherwise a
        caller is in a hurry, and only news is.
        """
        operation = case.operation
        now = self.clock.now()
        if operation is None or not (due or operation.is_over(now, self.limits)):
            return case
        if not due and case.refund is None and case.the_payment().status in ("failed", "cancelled"):
            return case  # given up: nobody waits for this answer
        try:
            case, outcome = await self._find_out(case, operation, origin)
        except Conflict:
            return await self.reload(case)  # somebody else is asking, or it was called off
        return await self.learn(case, operation, outcome, origin, due=due)

    async def hear(self, case: Case, origin: Origin) -> Case | None:
        """As `repair`; None where the provider does not say how it stands."""
        operation = case.operation
        if operation is None:
            return case
        case, outcome = await self._find_out(case, operation, origin)
        if isinstance(outcome, Unanswered):
            return None
        return await self.learn(case, operation, outcome, origin)

    async def learn(
        self,
        case: Case,
        operation: Operation,
        outcome: Outcome,
        origin: Origin,
        *,
        due: bool = False,
    ) -> Case:
        """Record what the provider said of the operation, if it is news; the case as it is then."""
        if not (_is_news(case, outcome) or due or not operation.unknown):
            return case
        case, _, ours = await self._conclude(case, operation, outcome, origin)
        if ours:
            case, _ = await self.carry_through(case, origin)
        return case

    async def repair_all(self, case: Case, origin: Origin) -> Case:
        """As `repair`, and of the payment's open refunds too: what every new verb begins with."""
        case = await self.repair(case, origin)
        row = case.payment
        if row is None or case.refund or not row.refund_pending_minor:
            return case
        refunds = await store.list_refunds(self.database, row.id)
        learned = [await self._learn_refund(refund, origin) for refund in refunds]
        return await self.reload(case) if any(learned) else case

    async def _learn_refund(self, refund: RefundRow, origin: Origin) -> bool:
        """Whether the refund has moved on because the bank was asked."""
        running = refund.running
        if running is None or not running.is_over(self.clock.now(), self.limits):
            return False
        case = await self.load(RefundRow, refund.id)
        after = await self.repair(case, origin)
        return after.the_refund().version != refund.version

    async def _find_out(
        self, case: Case, operation: Operation, origin: Origin
    ) -> tuple[Case, Outcome]:
        """What the provider knows; asked again under the same reference when that is nothing.

        A provider's "not found" is believed only after a while: the order may be on its way. An
        authorization that never arrived is then left alone, because its payer may have gone. Of a
        refund it is told first, because it may be called off: raises Conflict.
        """
        outcome = await find(self.rails, case, operation)
        if not isinstance(outcome, NotFoundThere):
            return case, outcome
        if not operation.is_settled(self.clock.now(), self.limits):
            return case, Unanswered("not_found_yet")
        if operation.verb == Verb.AUTHORIZE:
            return case, outcome
        if operation.verb == Verb.REFUND:
            moment = self.moment(case.the_payment().id)
            again = decide_asking_again(case.the_refund(), moment)
            case = await self.record(case, again, moment, origin)
            crash_point("payments.after_asking_again")
        return case, await self._ask(case, operation, before=True)

    # Reading ----------------------------------------------------------------------------------

    async def load(self, row: type[Row], row_id: UUID, merchant_id: UUID | None = None) -> Case:
        """The case of a merchant's (None: of anybody's) intent, payment or refund.

        Raises NotFound.
        """
        return self._seen(await self._readers[row].find(row_id), row, row_id, merchant_id)

    async def take(self, row: type[Row], row_id: UUID, merchant_id: UUID | None = None) -> Case:
        """As `load`, for a verb: perhaps as the verb before has left it. Raises NotFound."""
        case = self.recent.take(row_id) or await self._readers[row].find(row_id)
        return self._seen(case, row, row_id, merchant_id)

    @staticmethod
    def _seen(case: Case | None, row: type[Row], row_id: UUID, merchant_id: UUID | None) -> Case:
        found = case.row(row_id) if case else None
        if case is None or found is None or merchant_id not in (None, found.merchant_id):
            noun = PROJECTION_OF[row].table.removesuffix("s")
            raise NotFound(f"there is no such {noun}", f"{noun}_not_found")
        return case

    async def reload(self, case: Case) -> Case:
        """The same case as it stands now."""
        if case.refund:
            return await self.load(RefundRow, case.refund.id)
        return await self.load(PaymentRow, case.the_payment().id)


def _is_news(case: Case, outcome: Outcome) -> bool:
    """Whether it settles something: an end, or a question to the payer that we had not heard."""
    if isinstance(outcome, Pending):
        return outcome.action_url not in (None, case.the_payment().action_url)
    return isinstance(outcome, Approved | Declined | NotFoundThere)


def _is_end(outcome: Outcome) -> bool:
    """Whether the bank has decided, so that it must be recorded whoever else has looked."""
    return isinstance(outcome, Approved | Declined)


def _looked_at_meanwhile(case: Case, operation: Operation) -> bool:
    """Whether somebody else has recorded a look at the same operation since."""
    running = case.operation
    return running is not None and running.checks != operation.checks


def _came_after_all(case: Case, operation: Operation, outcome: Outcome) -> bool:
    """Whether what was given up for lost, and no longer waited for, was approved.

    Its asker must have been frozen before he sent it. Only he can know, so he must say it.
    """
    if operation.verb == Verb.REFUND:
        return isinstance(outcome, Approved) and case.the_refund().status == "cancelled"
    row = case.payment
    return (
        operation.verb == Verb.AUTHORIZE
        and isinstance(outcome, Approved)
        and row is not None
        and row.status in ("failed", "cancelled")
        and row.running is None
        and row.provider_reference is None
        and row.tried[-1].reference == operation.reference
    )
