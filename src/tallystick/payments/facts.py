"""What can happen to an intent, a payment and a refund, as this room tells it to the journal.

Ids, codes and amounts only; free text is inside `sealed`. Times that a fact sets off are spans
in seconds, counted from the fact's own instant, so that a fact stays small and a fold stays pure.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.model import Why

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


class MethodAttached(Struct, frozen=True):
    """The payer's method is known."""

    payment_method: str


class IntentConfirmed(Struct, frozen=True):
    """A payment was started for it."""

    payment_id: UUID
    payment_method: str


class ActionRequired(Struct, frozen=True):
    """The payer must do something at his bank first."""

    payment_id: UUID


class ActionTaken(Struct, frozen=True):
    """The payer has done it."""

    payment_id: UUID


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


class ReversalSending(Struct, frozen=True):
    """The provider is being asked to void a late approval."""

    reference: str
    check_after_s: float


class Reversed(Struct, frozen=True):
    """The late approval is void."""


class ReversalDeclined(Struct, frozen=True, omit_defaults=True):
    """The provider refused that void: nothing is held any more."""

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


class RefundSending(Struct, frozen=True):
    """Part of the captured money is set aside for a refund."""

    refund_id: UUID
    amount_minor: int


class RefundDeclined(Struct, frozen=True):
    """The refund failed; its part may be refunded again."""

    refund_id: UUID
    amount_minor: int


class PartlyRefunded(Struct, frozen=True):
    """A refund succeeded; some captured money is left."""

    refund_id: UUID
    amount_minor: int


class Refunded(Struct, frozen=True):
    """A refund succeeded; all captured money is given back."""

    refund_id: UUID
    amount_minor: int


# Refunds --------------------------------------------------------------------------------------


class RefundInitiated(Struct, frozen=True, omit_defaults=True):
    """A refund exists, its money is reserved and the provider is being asked."""

    merchant_id: UUID
    payment_id: UUID
    subject_id: UUID
    amount_minor: int
    currency: str
    route: str
    reference: str
    reservation_id: UUID
    check_after_s: float
    reason: str = "requested_by_customer"
    claim_id: UUID | None = None
    sealed: str | None = None


class RefundOutcomeUnknown(Struct, frozen=True):
    """As OutcomeUnknown, of a refund."""

    why: str
    check_after_s: float


class RefundSucceeded(Struct, frozen=True, omit_defaults=True):
    """The payer has his money. `posting_id` is the change whose transfers say so."""

    posting_id: UUID
    provider_reference: str
    booked_to: str = "payable"


class RefundFailed(Struct, frozen=True, omit_defaults=True):
    """The provider refused; the reserved money is free again."""

    code: str
    provider_code: str | None = None


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
    "payment.outcome_unknown": OutcomeUnknown,
    "payment.authorized": Authorized,
    "payment.failed": Failed,
    "payment.given_up": GivenUp,
    "payment.late_approval": LateApproval,
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
    "payment.refund_sending": RefundSending,
    "payment.refund_declined": RefundDeclined,
    "payment.partially_refunded": PartlyRefunded,
    "payment.refunded": Refunded,
}
REFUND_KINDS: Final[dict[str, type[Struct]]] = {
    "refund.initiated": RefundInitiated,
    "refund.outcome_unknown": RefundOutcomeUnknown,
    "refund.succeeded": RefundSucceeded,
    "refund.failed": RefundFailed,
}
KIND_OF: Final = {
    struct: kind
    for kinds in (INTENT_KINDS, PAYMENT_KINDS, REFUND_KINDS)
    for kind, struct in kinds.items()
}
