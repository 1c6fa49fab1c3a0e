"""What can happen to an intent, a payment and a refund, as this room tells it to the journal.

Ids, codes and amounts only; free text is inside `sealed`. Times that a fact sets off are spans
in seconds, counted from the fact's own instant, so that a fact stays small and a fold stays pure.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.case_facts import CASE_KINDS
from tallystick.payments.challenge_facts import ActionRequired, ActionTaken, AttemptChallenged
from tallystick.payments.fees.reserves import RESERVE_KINDS
from tallystick.payments.fees.terms import FeeTerms
from tallystick.payments.model import Why
from tallystick.payments.refund_facts import REFUND_KINDS

# Intents --------------------------------------------------------------------------------------


class IntentCreated(Struct, frozen=True, omit_defaults=True):
    """A merchant wants to be paid."""

    merchant_id: UUID
    amount_minor: int
    currency: str
    payment_methods: tuple[str, ...]
    expires_after_s: int
    capture_method: str = "automatic"
    priority: str = "balanced"
    sealed: str | None = None
    customer_id: UUID | None = None
    expires_at: datetime | None = None  # the merchant's own; else after `expires_after_s`


class MethodAttached(Struct, frozen=True):
    """The payer's method is known."""

    payment_method: str


class IntentConfirmed(Struct, frozen=True, omit_defaults=True):
    """A payment was started for it. `sealed`: its free text anew, with another return URL."""

    payment_id: UUID
    payment_method: str
    sealed: str | None = None


class IntentAuthorized(Struct, frozen=True):
    """The money is promised; the merchant may capture."""

    payment_id: UUID


class IntentSucceeded(Struct, frozen=True):
    """The money is captured, in whole or for the first part."""

    payment_id: UUID


class IntentPaymentFailed(Struct, frozen=True):
    """The payment failed; another method may be tried."""

    payment_id: UUID
    code: str


class IntentCancelled(Struct, frozen=True):
    """The merchant gave it up."""

    reason: str


class IntentExpired(Struct, frozen=True):
    """Nobody confirmed it, or nobody captured its payment, in time."""


# Payments -------------------------------------------------------------------------------------


class Initiated(Struct, frozen=True, omit_defaults=True):
    """A payment exists: its terms, and the routes it may take, best first."""

    merchant_id: UUID
    amount_minor: int
    currency: str
    payment_method: str
    routes: tuple[str, ...]
    fee_percent_bp: int
    fee_fixed_minor: int
    intent_id: UUID | None = None
    capture_method: str = "automatic"
    priority: str = "balanced"
    sealed: str | None = None
    wallet_id: UUID | None = None  # the wallet it is to top up
    fee_terms: FeeTerms | None = None  # where they are more than a percentage and a fixed part
    customer_id: UUID | None = None
    payment_method_id: UUID | None = None  # the saved method whose token this is
    off_session: bool = False  # the payer was not there


class AttemptSending(Struct, frozen=True, omit_defaults=True):
    """The next route is being asked to authorize."""

    number: int
    route: str
    reference: str
    check_after_s: float
    claim_id: UUID | None = None
    subject_id: UUID | None = None


class AttemptDeclined(Struct, frozen=True, omit_defaults=True):
    """This route said no; not yet the payment's end, or no longer its concern."""

    code: str
    provider_code: str | None = None


class OutcomeUnknown(Struct, frozen=True):
    """No answer, or none that settles it: to be learned later by asking for our reference."""

    why: str
    check_after_s: float


class Authorized(Struct, frozen=True):
    """The provider promised the money."""

    amount_minor: int
    provider_reference: str
    expires_after_s: int


class Failed(Struct, frozen=True, omit_defaults=True):
    """No route took the payment.

    `watch_after_s`: the provider never knew of it; look again in case it did arrive late.
    """

    code: str
    provider_code: str | None = None
    watch_after_s: float | None = None


class GivenUp(Struct, frozen=True):
    """Cancelled while the provider's answer was unknown; should it approve, we void."""

    reason: str


class LateApproval(Struct, frozen=True):
    """The provider approved what had been given up; it will be undone."""

    amount_minor: int
    provider_reference: str


class LateFailure(Struct, frozen=True):
    """The bank says after all that the captured money never came; `posting_id` undid it."""

    amount_minor: int
    code: str
    posting_id: UUID


class ReversalSending(Struct, frozen=True):
    """The provider is being asked to void a late approval, or what a late failure left held."""

    reference: str
    check_after_s: float


class Reversed(Struct, frozen=True):
    """Nothing is held any more."""


class ReversalDeclined(Struct, frozen=True, omit_defaults=True):
    """The provider refused that void: a case was opened for a person to see."""

    code: str
    provider_code: str | None = None


class CaptureSending(Struct, frozen=True, omit_defaults=True):
    """The provider is being asked to capture."""

    reference: str
    amount_minor: int
    check_after_s: float
    final: bool = False
    claim_id: UUID | None = None
    subject_id: UUID | None = None


class Captured(Struct, frozen=True, omit_defaults=True):
    """Money came in. `posting_id` is the change whose transfers say so.

    `booked_to` is `suspense` when it was not for the merchant, or his account could not take it.
    """

    amount_minor: int
    fee_minor: int
    posting_id: UUID
    provider_reference: str
    final: bool = False
    booked_to: str = "payable"
    tax_minor: int = 0
    reserve_minor: int = 0


class CaptureDeclined(Struct, frozen=True, omit_defaults=True):
    """The provider refused this capture; the authorization stands."""

    code: str
    provider_code: str | None = None


class CancelSending(Struct, frozen=True, omit_defaults=True):
    """The provider is being asked to void the authorization."""

    reference: str
    check_after_s: float
    reason: str | None = None
    why: Why = Why.ASKED
    claim_id: UUID | None = None
    subject_id: UUID | None = None


class Cancelled(Struct, frozen=True):
    """The authorization is void."""

    reason: str


class CancelDeclined(Struct, frozen=True, omit_defaults=True):
    """The provider refused the void."""

    code: str
    provider_code: str | None = None


class Expired(Struct, frozen=True):
    """The authorization ran out before anything was captured."""


class RestReleased(Struct, frozen=True):
    """What no capture took is no longer held at the bank; no capture may follow."""


class RefundSending(Struct, frozen=True, omit_defaults=True):
    """Part of the captured money is set aside for a refund; of it fee and tax by the platform."""

    refund_id: UUID
    amount_minor: int
    fee_minor: int = 0
    tax_minor: int = 0


class RefundDeclined(Struct, frozen=True, omit_defaults=True):
    """The refund failed; its part may be refunded again."""

    refund_id: UUID
    amount_minor: int
    fee_minor: int = 0
    tax_minor: int = 0


class RefundCalledOff(Struct, frozen=True, omit_defaults=True):
    """The refund was cancelled before its bank had it; its part may be refunded again."""

    refund_id: UUID
    amount_minor: int
    fee_minor: int = 0
    tax_minor: int = 0


class PartlyRefunded(Struct, frozen=True):
    """A refund succeeded; some captured money is left."""

    refund_id: UUID
    amount_minor: int


class Refunded(Struct, frozen=True):
    """A refund succeeded; all captured money is given back."""

    refund_id: UUID
    amount_minor: int


class DisputeSetAside(Struct, frozen=True):
    """The payer disputes so much of the captured money; it cannot be refunded meanwhile."""

    dispute_id: UUID
    amount_minor: int


class DisputeReturned(Struct, frozen=True):
    """That dispute was won: its part is the merchant's again."""

    dispute_id: UUID
    amount_minor: int


class DisputeSettled(Struct, frozen=True):
    """That dispute was lost: its part is the payer's again."""

    dispute_id: UUID
    amount_minor: int


# The names under which they are told ------------------------------------------------------------

INTENT_KINDS: Final[dict[str, type[Struct]]] = {
    "intent.created": IntentCreated,
    "intent.method_attached": MethodAttached,
    "intent.confirmed": IntentConfirmed,
    "intent.action_required": ActionRequired,
    "intent.action_taken": ActionTaken,
    "intent.authorized": IntentAuthorized,
    "intent.succeeded": IntentSucceeded,
    "intent.payment_failed": IntentPaymentFailed,
    "intent.cancelled": IntentCancelled,
    "intent.expired": IntentExpired,
}
PAYMENT_KINDS: Final[dict[str, type[Struct]]] = {
    "payment.initiated": Initiated,
    "payment.attempt_sending": AttemptSending,
    "payment.attempt_declined": AttemptDeclined,
    "payment.attempt_challenged": AttemptChallenged,
    "payment.outcome_unknown": OutcomeUnknown,
    "payment.authorized": Authorized,
    "payment.failed": Failed,
    "payment.given_up": GivenUp,
    "payment.late_approval": LateApproval,
    "payment.late_failure": LateFailure,
    "payment.reversal_sending": ReversalSending,
    "payment.reversed": Reversed,
    "payment.reversal_declined": ReversalDeclined,
    "payment.capture_sending": CaptureSending,
    "payment.captured": Captured,
    "payment.capture_declined": CaptureDeclined,
    "payment.cancel_sending": CancelSending,
    "payment.cancelled": Cancelled,
    "payment.cancel_declined": CancelDeclined,
    "payment.expired": Expired,
    "payment.rest_released": RestReleased,
    "payment.refund_sending": RefundSending,
    "payment.refund_declined": RefundDeclined,
    "payment.refund_called_off": RefundCalledOff,
    "payment.partially_refunded": PartlyRefunded,
    "payment.refunded": Refunded,
    "payment.dispute_opened": DisputeSetAside,
    "payment.dispute_won": DisputeReturned,
    "payment.dispute_lost": DisputeSettled,
}
KIND_OF: Final = {
    struct: kind
    for kinds in (INTENT_KINDS, PAYMENT_KINDS, REFUND_KINDS, RESERVE_KINDS, CASE_KINDS)
    for kind, struct in kinds.items()
}
