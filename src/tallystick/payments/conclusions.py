"""The last beat: what a provider's answer becomes. Pure.

Whoever learns the answer, the verb that asked or recovery later, concludes by these functions
alone, so both reach the same end. A time-out is `unknown` and never a decline.
"""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import Post
from tallystick.payments.called_off import LATE_APPROVAL, after_called_off
from tallystick.payments.case_facts import refused_void
from tallystick.payments.challenge_facts import ActionRequired, ActionTaken, AttemptChallenged
from tallystick.payments.decisions import Wish, next_attempt, void_reference
from tallystick.payments.errors import IllegalTransition
from tallystick.payments.facts import (
    AttemptDeclined,
    Authorized,
    CancelDeclined,
    Cancelled,
    Captured,
    CaptureDeclined,
    Expired,
    Failed,
    IntentAuthorized,
    IntentCancelled,
    IntentExpired,
    IntentPaymentFailed,
    IntentSucceeded,
    LateApproval,
    OutcomeUnknown,
    PartlyRefunded,
    RefundDeclined,
    Refunded,
    RefundSending,
    RestReleased,
    ReversalDeclined,
    ReversalSending,
    Reversed,
)
from tallystick.payments.fees.reserves import ReserveHeld
from tallystick.payments.fees.terms import Charge
from tallystick.payments.model import CaptureMethod, Operation, PaymentRow, Verb, Why, refund_name
from tallystick.payments.postings import (
    capture_posts,
    capture_to_suspense,
    charge_of,
    refund_from_suspense,
    refund_settle,
    refund_void,
    reserve_from_suspense,
)
from tallystick.payments.refund_facts import (
    RefundFailed,
    RefundInitiated,
    RefundOutcomeUnknown,
    RefundSucceeded,
)
from tallystick.payments.steps import Case, Closing, Moment, Steps, Transfers
from tallystick.platform.ids import derived_id, numbered_id
from tallystick.rails import Approved, Declined, NotFound, Outcome, Pending, Unanswered

PROVIDER_UNREACHABLE = "provider_unreachable"

Telling = tuple[tuple[UUID, Struct], ...]


@dataclass(frozen=True)
class Conclusion:
    """What follows for one case.

    `to_suspense`: the accounts the money should move through refused it; suspense takes it.
    """

    case: Case
    operation: Operation
    moment: Moment
    to_suspense: bool = False

    def of(self, outcome: Outcome) -> Steps:
        """What is told, moved and closed now that the provider has said, or not said, this."""
        if self.operation.verb is Verb.REFUND:
            return self._refund(outcome)
        verbs = {
            Verb.AUTHORIZE: self._authorize,
            Verb.CAPTURE: self._capture,
            Verb.VOID: self._void,
        }
        return verbs[self.operation.verb](outcome)

    @property
    def _row(self) -> PaymentRow:
        return self.case.the_payment()

    # Authorize --------------------------------------------------------------------------------

    def _authorize(self, outcome: Outcome) -> Steps:
        given_up = self._row.status in ("failed", "cancelled")
        match outcome:
            case Approved():
                return self._late_approval(outcome) if given_up else self._authorized(outcome)
            case Declined():
                return self._stop_watching(outcome) if given_up else self._declined(outcome)
            case NotFound():
                return self._still_not_found() if given_up else self._never_arrived()
            case Pending() if not given_up:
                return self._pending(outcome)
        return self._unknown(outcome)

    def _authorized(self, outcome: Approved) -> Steps:
        row, limits = self._row, self.moment.limits
        authorized = Authorized(
            row.amount_minor, outcome.provider_reference, limits.authorization_ttl_s
        )
        if row.capture_method == CaptureMethod.MANUAL:
            intent = (*self._action_taken(), *self._intent(IntentAuthorized(row.id)))
            return Steps(((row.id, authorized), *intent), closing=self._closing())
        captured, posts = self._capture_of(row.amount_minor, outcome, final=True)
        intent = (*self._action_taken(), *self._intent(IntentSucceeded(row.id)))
        told = ((row.id, authorized), *captured, *intent)
        return Steps(told, posts, self._closing())

    def _declined(self, outcome: Declined) -> Steps:
        row = self._row
        tried = len(row.tried)
        if outcome.retryable and tried < len(row.route_names):
            wish = Wish(self.operation.subject_id or row.id, self.operation.claim_id)
            following = next_attempt(row.id, tried + 1, row.route_names[tried], wish, self.moment)
            declined = AttemptDeclined(outcome.code, outcome.provider_code)
            return Steps(((row.id, declined), (row.id, following), *self._action_taken()))
        return self._failed(Failed(outcome.code, outcome.provider_code))

    def _never_arrived(self) -> Steps:
        """The provider never knew of it; a request that lies about somewhere may still arrive."""
        watch_after_s = self.moment.limits.check_after_s(self.operation.checks)
        return self._failed(Failed(PROVIDER_UNREACHABLE, watch_after_s=watch_after_s))

    def _failed(self, failed: Failed) -> Steps:
        row = self._row
        told = ((row.id, failed), *self._intent(IntentPaymentFailed(row.id, failed.code)))
        return Steps(told, closing=self._closing())

    # What the bank asks the payer -------------------------------------------------------------

    def _pending(self, outcome: Pending) -> Steps:
        """Not decided; while the payer is being asked, that is the answer to the verb."""
        row, intent = self._row, self.case.intent
        if outcome.action_url is None:
            return self._unknown(outcome, *self._action_taken())
        if outcome.action_url == row.action_url:
            return self._unknown(outcome)
        challenged = AttemptChallenged(outcome.action_url, self._pause_s(outcome))
        waits = intent is not None and intent.status == "processing"
        asked = self._intent(ActionRequired(row.id)) if waits else ()
        return Steps(((row.id, challenged), *asked), closing=self._closing())

    def _action_taken(self) -> Telling:
        """The payer's part is over, where the intent waited for it."""
        intent = self.case.intent
        if intent is None or intent.status != "requires_action":
            return ()
        return self._intent(ActionTaken(self._row.id))

    # What the provider says once the payment has been given up --------------------------------

    def _late_approval(self, outcome: Approved) -> Steps:
        row = self._row
        approval = LateApproval(row.amount_minor, outcome.provider_reference)
        if row.capture_method == CaptureMethod.MANUAL:
            reversal = ReversalSending(void_reference(row), self.moment.limits.ask_limit_s)
            return Steps(((row.id, approval), (row.id, reversal)))
        return self._give_back(approval, outcome)

    def _give_back(self, approval: LateApproval, outcome: Approved) -> Steps:
        """Money was taken for nothing: it waits in suspense until the payer has it back."""
        row, amount = self._row, self._row.amount_minor
        refund_id = derived_id(row.id, "late refund")
        captured = Captured(
            amount_minor=amount,
            fee_minor=0,
            posting_id=self.moment.change_id,
            provider_reference=outcome.provider_reference,
            final=True,
            booked_to="suspense",
        )
        refund = RefundInitiated(
            merchant_id=row.merchant_id,
            payment_id=row.id,
            subject_id=row.subject_id,
            amount_minor=amount,
            currency=row.currency,
            route=row.route or "",
            reference=refund_name(refund_id),
            reservation_id=numbered_id(self.moment.change_id, 1),
            check_after_s=self.moment.limits.ask_limit_s,
            reason=LATE_APPROVAL,
        )
        told: Telling = (
            (row.id, approval),
            (row.id, captured),
            (row.id, RefundSending(refund_id, amount)),
            (refund_id, refund),
        )
        transfers: Transfers = (
            *capture_to_suspense(row, amount),
            reserve_from_suspense(row, amount),
        )
        return Steps(told, transfers)

    def _stop_watching(self, outcome: Declined) -> Steps:
        return Steps(((self._row.id, AttemptDeclined(outcome.code, outcome.provider_code)),))

    def _still_not_found(self) -> Steps:
        """Look again, but not for ever: the last pause of the schedule is not waited for."""
        if self.operation.checks + 1 < len(self.moment.limits.recovery_schedule_s):
            return self._unknown(NotFound())
        return Steps(((self._row.id, AttemptDeclined(PROVIDER_UNREACHABLE)),))

    # Capture ----------------------------------------------------------------------------------

    def _capture(self, outcome: Outcome) -> Steps:
        row, operation = self._row, self.operation
        match outcome:
            case Approved():
                captured, posts = self._capture_of(
                    operation.amount_minor, outcome, final=operation.final
                )
                first = self.case.intent and self.case.intent.status == "requires_capture"
                intent = self._intent(IntentSucceeded(row.id)) if first else ()
                return Steps((*captured, *intent), posts, self._closing())
            case Declined():
                declined = CaptureDeclined(outcome.code, outcome.provider_code)
                refusal = ("capture_declined", outcome.code)
                return Steps(((row.id, declined),), closing=self._closing(), refusal=refusal)
        return self._unknown(outcome)

    def _capture_of(
        self, amount_minor: int, outcome: Approved, *, final: bool
    ) -> tuple[Telling, tuple[Post, ...]]:
        row = self._row
        charge = Charge() if self.to_suspense else charge_of(row, amount_minor)
        captured = Captured(
            amount_minor=amount_minor,
            fee_minor=charge.fee_minor,
            posting_id=self.moment.change_id,
            provider_reference=outcome.provider_reference,
            final=final,
            booked_to="suspense" if self.to_suspense else "payable",
            tax_minor=charge.tax_minor,
            reserve_minor=charge.reserve_minor,
        )
        if self.to_suspense:
            return ((row.id, captured),), capture_to_suspense(row, amount_minor)
        told: Telling = ((row.id, captured), *self._held(charge.reserve_minor))
        return told, capture_posts(row, amount_minor, charge)

    def _held(self, reserve_minor: int) -> Telling:
        """The reserve of a capture, which the job will release."""
        if not reserve_minor:
            return ()
        row, change_id = self._row, self.moment.change_id
        held = ReserveHeld(
            merchant_id=row.merchant_id,
            payment_id=row.id,
            amount_minor=reserve_minor,
            currency=row.currency,
            days=row.terms.reserve_days,
            posting_id=change_id,
        )
        return ((derived_id(change_id, "reserve"), held),)

    # Void -------------------------------------------------------------------------------------

    def _void(self, outcome: Outcome) -> Steps:
        if not isinstance(outcome, Approved | Declined) or self._asks_again(outcome):
            return self._unknown(outcome)
        if self._row.captured_minor and self.operation.why != Why.LATE:
            return self._rest(outcome)
        match self.operation.why:
            case Why.LATE:
                return self._reversed(outcome)
            case Why.EXPIRED:
                # A bank that refuses to void what has run out holds nothing any more.
                told = ((self._row.id, Expired()), *self._intent(IntentExpired()))
                return Steps(told)
            case Why.ASKED:
                return self._cancelled(outcome)

    def _asks_again(self, outcome: Approved | Declined) -> bool:
        """Whether a bank that would not take a void now is asked later: nobody else would."""
        unasked = self.operation.why != Why.ASKED
        return unasked and isinstance(outcome, Declined) and outcome.retryable

    def _rest(self, outcome: Approved | Declined) -> Steps:
        """Of the rest that no capture took. Once it has run out, the bank holds nothing anyway."""
        if isinstance(outcome, Approved) or self.operation.why == Why.EXPIRED:
            return Steps(((self._row.id, RestReleased()),))
        return Steps(((self._row.id, CancelDeclined(outcome.code, outcome.provider_code)),))

    def _reversed(self, outcome: Approved | Declined) -> Steps:
        if isinstance(outcome, Approved):
            return Steps(((self._row.id, Reversed()),))
        declined = ReversalDeclined(outcome.code, outcome.provider_code)
        # The payer's money may still be held, and nobody would learn of it: a person must.
        return Steps(((self._row.id, declined), refused_void(self._row, self.operation)))

    def _cancelled(self, outcome: Approved | Declined) -> Steps:
        row = self._row
        if isinstance(outcome, Declined):
            declined = CancelDeclined(outcome.code, outcome.provider_code)
            refusal = ("cancel_declined", outcome.code)
            return Steps(((row.id, declined),), closing=self._closing(), refusal=refusal)
        reason = self.operation.reason or "requested_by_customer"
        told = ((row.id, Cancelled(reason)), *self._intent(IntentCancelled(reason)))
        return Steps(told, closing=self._closing())

    # Refund -----------------------------------------------------------------------------------

    def _refund(self, outcome: Outcome) -> Steps:
        row, refund = self._row, self.case.the_refund()
        if refund.status == "cancelled":
            suspense = self.to_suspense
            return after_called_off(self.case, outcome, self.moment, to_suspense=suspense)
        match outcome:
            case Approved():
                return self._refunded(outcome)
            case Declined(retryable=False):
                told: Telling = (
                    (row.id, self._refund_declined()),
                    (refund.id, RefundFailed(outcome.code, outcome.provider_code)),
                )
                return Steps(told, refund_void(refund), self._closing())
        # Not now is not never: a busy bank is asked again by recovery.
        return self._unknown(outcome)

    def _refund_declined(self) -> RefundDeclined:
        refund = self.case.the_refund()
        return RefundDeclined(refund.id, refund.amount_minor, refund.fee_minor, refund.tax_minor)

    def _refunded(self, outcome: Approved) -> Steps:
        row, refund = self._row, self.case.the_refund()
        left = row.captured_minor - row.refunded_minor - refund.amount_minor
        fact = (PartlyRefunded if left else Refunded)(refund.id, refund.amount_minor)
        succeeded = RefundSucceeded(
            self.moment.change_id,
            outcome.provider_reference,
            "suspense" if self.to_suspense else "payable",
        )
        transfers = refund_from_suspense(refund) if self.to_suspense else refund_settle(refund)
        return Steps(((row.id, fact), (refund.id, succeeded)), transfers, self._closing())

    # What all of them share -------------------------------------------------------------------

    def _unknown(self, outcome: Outcome, *also: tuple[UUID, Struct]) -> Steps:
        why, pause_s = _why(outcome), self._pause_s(outcome)
        if self.operation.verb is Verb.REFUND:
            return Steps(((self.case.the_refund().id, RefundOutcomeUnknown(why, pause_s)),))
        return Steps(((self._row.id, OutcomeUnknown(why, pause_s)), *also))

    def _pause_s(self, outcome: Outcome) -> float:
        """Until the next look: by the schedule, and right after a payer's time is over."""
        pause_s = self.moment.limits.check_after_s(self.operation.checks)
        if isinstance(outcome, Pending) and outcome.expires_at is not None:
            left_s = ceil((outcome.expires_at - self.moment.now).total_seconds()) + 1
            return min(pause_s, left_s) if left_s > 0 else pause_s
        return pause_s

    def _intent(self, fact: Struct) -> Telling:
        """What the intent is told, when this payment is the one it waits for."""
        intent = self.case.intent
        if intent is None or intent.payment_id != self._row.id:
            return ()
        return ((intent.id, fact),)

    def _closing(self) -> Closing | None:
        operation = self.operation
        if operation.claim_id is None:
            return None
        if operation.subject_id is None:
            raise IllegalTransition(f"{operation.reference} has a claim without a subject")
        return Closing(operation.claim_id, operation.subject_id)


def _why(outcome: Outcome) -> str:
    """In a word, why the outcome is not known yet."""
    match outcome:
        case Unanswered(reason=reason):
            return reason
        case Declined(code=code):
            return code
        case Pending(action_url=str()):
            return "action_required"
        case Pending():
            return "provider_pending"
    return "not_found"
