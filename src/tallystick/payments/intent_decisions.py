"""What becomes of a wish about an intent, or why it cannot be. Pure."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Conflict
from tallystick.payments.customers.model import Chosen, method_said
from tallystick.payments.customers.tokens import METHOD_KINDS, ORDINARY_KINDS, payable_kind
from tallystick.payments.decisions import (
    Terms,
    Wish,
    decide_cancel,
    decide_payment,
    require_amount,
    require_priority,
    require_reason,
)
from tallystick.payments.errors import Invalid, NotPossible
from tallystick.payments.facts import (
    GivenUp,
    IntentCancelled,
    IntentConfirmed,
    IntentCreated,
    IntentExpired,
    MethodAttached,
)
from tallystick.payments.model import CANCEL_REASONS, CaptureMethod, IntentRow
from tallystick.payments.steps import Case, Moment, Steps

EXPIRY_MAX: Final = timedelta(days=90)
_OPEN: Final = ("requires_payment_method", "requires_confirmation")


class IntentTerms(Struct, frozen=True):
    """What an intent asks for; free text is sealed already."""

    merchant_id: UUID
    amount_minor: int
    currency: str
    payment_methods: tuple[str, ...] = ORDINARY_KINDS
    payment_method: str | None = None
    capture_method: str = CaptureMethod.AUTOMATIC
    priority: str = "balanced"
    sealed: str | None = None
    chosen: Chosen | None = None  # what `payment_method` means; a token means itself
    expires_at: datetime | None = None


def decide_intent(intent_id: UUID, terms: IntentTerms, moment: Moment) -> Steps:
    """Raises Invalid (invalid_amount, invalid_payment_method, invalid_priority, ...)."""
    require_amount(terms.amount_minor)
    require_priority(terms.priority)
    if terms.capture_method not in set(CaptureMethod):
        raise Invalid("a capture method is automatic or manual", "invalid_capture_method")
    if not terms.payment_methods or set(terms.payment_methods) - set(METHOD_KINDS):
        raise Invalid(f"payment methods are among {METHOD_KINDS}", "invalid_payment_method")
    chosen = terms.chosen or Chosen(terms.payment_method or "")
    _require_expiry(terms.expires_at, moment.now)
    created = IntentCreated(
        merchant_id=terms.merchant_id,
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        payment_methods=terms.payment_methods,
        expires_after_s=moment.limits.intent_ttl_s,
        capture_method=terms.capture_method,
        priority=terms.priority,
        sealed=terms.sealed,
        customer_id=chosen.customer_id,
        expires_at=terms.expires_at,
    )
    told: list[tuple[UUID, Struct]] = [(intent_id, created)]
    if terms.payment_method is not None:
        _require_allowed(chosen.require(), terms.payment_methods)
        told.append((intent_id, MethodAttached(terms.payment_method)))
    return Steps(tuple(told), seen=chosen.seen)


def method_to_confirm(case: Case, moment: Moment) -> Chosen:
    """The method the intent is confirmed with, once it may be confirmed at all.

    Raises NotPossible (intent_not_confirmable, intent_expired, too_many_attempts), Invalid
    (invalid_payment_method), what choosing the method was refused for, and Conflict if nothing was
    chosen for it yet.
    """
    row = case.the_intent()
    if row.status not in _OPEN:
        raise NotPossible(
            f"an intent that is {row.status} cannot be confirmed", "intent_not_confirmable"
        )
    if moment.now >= row.expires_at:
        raise NotPossible("the intent has expired", "intent_expired")
    if row.payments >= moment.limits.intent_attempts_max:
        # Whoever tries card after card on one intent finds out which are good.
        raise NotPossible(f"it was tried {row.payments} times", "too_many_attempts")
    if case.chosen is None:
        raise Conflict("the intent was repaired on the way: look again")
    _require_allowed(case.chosen.require(), row.method_kinds)
    return case.chosen


def decide_confirm(
    row: IntentRow, payment_id: UUID, terms: Terms, wish: Wish, moment: Moment
) -> Steps:
    """Start the intent's payment. Raises as `decide_payment`."""
    payment = decide_payment(payment_id, terms, wish, moment)
    said = method_said(terms.payment_method, terms.chosen.payment_method_id)
    resealed = None if terms.sealed == row.sealed else terms.sealed
    confirmed = IntentConfirmed(payment_id, said, resealed)
    return Steps(((row.id, confirmed), *payment.told), seen=payment.seen)


def decide_cancel_intent(case: Case, reason: str, wish: Wish, moment: Moment) -> Steps:
    """Cancel at once, or with its payment; what the payer then still approves is undone.

    Raises as `decide_cancel`, and NotPossible.
    """
    row = case.the_intent()
    require_reason(reason, CANCEL_REASONS)
    if row.status in _OPEN:
        return Steps(((row.id, IntentCancelled(reason)),))
    if row.status in ("requires_action", "processing", "requires_capture"):
        return decide_cancel(case, reason, wish, moment)
    raise NotPossible(f"an intent that is {row.status} is not cancelled", "intent_not_cancellable")


def decide_intent_expiry(case: Case, moment: Moment) -> Steps | None:
    """Expire an intent whose time is over; None while it is not, or while its payment lives.

    A payment that still waits for its payer is given up: what he approves later is undone.
    """
    row = case.the_intent()
    if row.expires_at > moment.now:
        return None
    if row.status == "requires_action":
        return Steps(((case.the_payment().id, GivenUp("abandoned")), (row.id, IntentExpired())))
    return Steps(((row.id, IntentExpired()),)) if row.status in _OPEN else None


def _require_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + EXPIRY_MAX:
        raise Invalid(
            f"an intent expires in the future, within {EXPIRY_MAX.days} days", "invalid_expires_at"
        )


def _require_allowed(payment_method: str, kinds: tuple[str, ...]) -> None:
    if payable_kind(payment_method) not in kinds:
        raise Invalid(f"this intent is paid by {', '.join(kinds)}", "invalid_payment_method")
