"""The first beat: what a caller's wish becomes, or why it cannot be. Pure."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.customers.model import Chosen
from tallystick.payments.errors import Invalid, NotPossible, PaymentBusy, RouteUnavailable
from tallystick.payments.facts import (
    AttemptSending,
    CancelSending,
    CaptureSending,
    GivenUp,
    Initiated,
    IntentCancelled,
    RefundSending,
)
from tallystick.payments.fees.terms import FeeTerms
from tallystick.payments.model import (
    CANCEL_REASONS,
    CAPTURABLE_STATES,
    REFUND_REASONS,
    CaptureMethod,
    PaymentRow,
    Why,
    payment_name,
    refund_name,
)
from tallystick.payments.postings import fee_back, missing, refund_reserves
from tallystick.payments.refund_facts import RefundInitiated
from tallystick.payments.steps import Case, Closing, Moment, Steps

AMOUNT_MINOR_MAX: Final = 10**15
PRIORITIES: Final = frozenset({"cost", "speed", "reliability", "balanced"})


class Terms(Struct, frozen=True):
    """What is to be paid, and how; free text is sealed already."""

    merchant_id: UUID
    amount_minor: int
    currency: str
    payment_method: str
    routes: tuple[str, ...]
    fee_percent_bp: int
    fee_fixed_minor: int
    capture_method: str = CaptureMethod.AUTOMATIC
    priority: str = "balanced"
    intent_id: UUID | None = None
    sealed: str | None = None
    wallet_id: UUID | None = None
    fee_terms: FeeTerms | None = None
    chosen: Chosen = Chosen()  # whose saved method it is, if it is one


class Wish(Struct, frozen=True):
    """Who asked: the claim to close at the end, and the object that will answer its repeats."""

    subject_id: UUID
    claim_id: UUID | None = None


def require_amount(amount_minor: int) -> int:
    """Raises Invalid for what no payment can be."""
    if not 0 < amount_minor <= AMOUNT_MINOR_MAX:
        raise Invalid(f"an amount is 1 to {AMOUNT_MINOR_MAX} minor units", "invalid_amount")
    return amount_minor


def require_currency(currency: str, enabled: Sequence[str]) -> None:
    """Raises Invalid: a merchant is paid in the currencies it has accounts for."""
    if currency not in enabled:
        raise Invalid(f"this merchant takes no {currency}", "currency_not_enabled")


def require_priority(priority: str) -> None:
    """Raises Invalid."""
    if priority not in PRIORITIES:
        raise Invalid(f"a priority is one of {', '.join(sorted(PRIORITIES))}", "invalid_priority")


# Payments -------------------------------------------------------------------------------------


def decide_payment(payment_id: UUID, terms: Terms, wish: Wish, moment: Moment) -> Steps:
    """A payment and its first attempt. Raises Invalid, RouteUnavailable."""
    require_amount(terms.amount_minor)
    require_priority(terms.priority)
    if not terms.routes:
        raise RouteUnavailable(
            f"no route takes {terms.amount_minor} {terms.currency} by {terms.payment_method}"
        )
    initiated = Initiated(
        merchant_id=terms.merchant_id,
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        payment_method=terms.payment_method,
        routes=terms.routes,
        fee_percent_bp=terms.fee_percent_bp,
        fee_fixed_minor=terms.fee_fixed_minor,
        intent_id=terms.intent_id,
        capture_method=terms.capture_method,
        priority=terms.priority,
        sealed=terms.sealed,
        wallet_id=terms.wallet_id,
        fee_terms=terms.fee_terms,
        customer_id=terms.chosen.customer_id,
        payment_method_id=terms.chosen.payment_method_id,
        off_session=terms.chosen.off_session,
    )
    attempt = next_attempt(payment_id, 1, terms.routes[0], wish, moment)
    return Steps(((payment_id, initiated), (payment_id, attempt)), seen=terms.chosen.seen)


def next_attempt(
    payment_id: UUID, number: int, route: str, wish: Wish, moment: Moment
) -> AttemptSending:
    """The attempt's reference is new with every number: a declined one is never asked again."""
    return AttemptSending(
        number=number,
        route=route,
        reference=f"{payment_name(payment_id)}-a{number}",
        check_after_s=moment.limits.ask_limit_s,
        claim_id=wish.claim_id,
        subject_id=wish.subject_id,
    )


def decide_capture(
    row: PaymentRow, amount_minor: int | None, *, final: bool, wish: Wish, moment: Moment
) -> Steps:
    """Capture `amount_minor`, or all that is left; the last capture closes the rest.

    Raises NotPossible (payment_not_capturable, authorization_expired), PaymentBusy,
    Invalid (invalid_amount, capture_exceeds_authorization).
    """
    require_idle(row)
    if row.status not in CAPTURABLE_STATES or row.capture_closed:
        raise NotPossible(f"a {row.status} payment is not captured", "payment_not_capturable")
    expires_at = row.authorization_expires_at
    if expires_at is not None and moment.now >= expires_at:
        raise NotPossible("the authorization has run out", "authorization_expired")
    amount = row.capturable_minor if amount_minor is None else require_amount(amount_minor)
    if amount > row.capturable_minor:
        raise Invalid(
            f"{amount} is more than the {row.capturable_minor} left to capture",
            "capture_exceeds_authorization",
        )
    sending = CaptureSending(
        reference=f"{payment_name(row.id)}-c{row.captures + 1}",
        amount_minor=amount,
        check_after_s=moment.limits.ask_limit_s,
        final=final or amount == row.capturable_minor,
        claim_id=wish.claim_id,
        subject_id=wish.subject_id,
    )
    return Steps(((row.id, sending),))


def decide_cancel(case: Case, reason: str, wish: Wish, moment: Moment) -> Steps:
    """Void an authorization; or give up a payment of which the bank's answer is unknown.

    Raises NotPossible (payment_not_cancellable), PaymentBusy, Invalid (invalid_reason).
    """
    row = case.the_payment()
    require_reason(reason, CANCEL_REASONS)
    running = row.running
    if row.status == "pending" and running is not None and running.unknown:
        return _give_up(case, reason)
    require_idle(row)
    if row.status != "authorized":
        raise NotPossible(f"a {row.status} payment is not cancelled", "payment_not_cancellable")
    sending = CancelSending(
        reference=void_reference(row),
        check_after_s=moment.limits.ask_limit_s,
        reason=reason,
        claim_id=wish.claim_id,
        subject_id=wish.subject_id,
    )
    return Steps(((row.id, sending),))


def void_reference(row: PaymentRow) -> str:
    """The reference of the payment's next void."""
    return f"{payment_name(row.id)}-v{row.voids + 1}"


def decide_expiry(row: PaymentRow, moment: Moment) -> Steps | None:
    """Void what the bank holds once its time is over: an authorization, or what is left of it.

    None while it is not, or while something runs.
    """
    expires_at = row.authorization_expires_at
    if not row.held_minor or row.running or expires_at is None or expires_at > moment.now:
        return None
    return _void(row, Why.EXPIRED, moment)


def decide_release(row: PaymentRow, moment: Moment) -> Steps | None:
    """Void the rest that no capture took; None where there is none, or while something runs."""
    if row.status == "authorized" or not row.held_minor or row.running:
        return None
    return _void(row, Why.ASKED, moment)


def _void(row: PaymentRow, why: Why, moment: Moment) -> Steps:
    sending = CancelSending(
        reference=void_reference(row), check_after_s=moment.limits.ask_limit_s, why=why
    )
    return Steps(((row.id, sending),))


def _give_up(case: Case, reason: str) -> Steps:
    row = case.the_payment()
    told: list[tuple[UUID, Struct]] = [(row.id, GivenUp(reason))]
    if case.intent is not None:
        told.append((case.intent.id, IntentCancelled(reason)))
    running = row.running
    closing = None
    if running and running.claim_id and running.subject_id:
        closing = Closing(running.claim_id, running.subject_id)
    return Steps(tuple(told), closing=closing)


def require_idle(row: PaymentRow) -> None:
    """Raises PaymentBusy while something runs at the provider for a payment that still lives."""
    running = row.running
    if running is not None and row.status not in ("failed", "cancelled"):
        raise PaymentBusy(f"{running.verb} {running.reference} is not finished")


def require_reason(reason: str, reasons: frozenset[str]) -> None:
    """Raises Invalid: reasons go into the log in clear, so they are words we know."""
    if reason not in reasons:
        raise Invalid(f"a reason is one of {', '.join(sorted(reasons))}", "invalid_reason")


# Refunds --------------------------------------------------------------------------------------


class RefundTerms(Struct, frozen=True):
    """What is to be given back; free text is sealed already."""

    amount_minor: int | None = None  # all that is left
    reason: str = "requested_by_customer"
    sealed: str | None = None
    available_minor: int | None = None  # what the merchant has, where the rest may be advanced


def decide_refund(
    row: PaymentRow, refund_id: UUID, terms: RefundTerms, wish: Wish, moment: Moment
) -> Steps:
    """Reserve the money and ask for the refund; several may run side by side.

    Raises NotPossible (payment_not_refundable, payment_disputed), Invalid (invalid_amount,
    invalid_reason, refund_exceeds_captured).
    """
    require_reason(terms.reason, REFUND_REASONS)
    if row.wallet_id is not None:
        raise NotPossible("a top-up is taken back by a payout", "payment_not_refundable")
    if row.disputed_minor:
        raise NotPossible("the payer disputes it at his bank: await the end", "payment_disputed")
    refundable = row.status in ("captured", "partially_refunded") and row.refundable_minor > 0
    if not refundable or row.route is None:
        raise NotPossible(
            f"nothing is left to refund: the payment is {row.status}", "payment_not_refundable"
        )
    amount = (
        row.refundable_minor if terms.amount_minor is None else require_amount(terms.amount_minor)
    )
    if amount > row.refundable_minor:
        raise Invalid(
            f"{amount} is more than the {row.refundable_minor} left to refund",
            "refund_exceeds_captured",
        )
    back = fee_back(row, amount)
    advance_minor = missing(amount, back, terms.available_minor)
    initiated = RefundInitiated(
        merchant_id=row.merchant_id,
        payment_id=row.id,
        subject_id=row.subject_id,
        amount_minor=amount,
        currency=row.currency,
        route=row.route,
        reference=refund_name(refund_id),
        reservation_id=moment.change_id,  # a change's first transfer has the change's id
        check_after_s=moment.limits.ask_limit_s,
        reason=terms.reason,
        claim_id=wish.claim_id,
        sealed=terms.sealed,
        fee_minor=back.fee_minor,
        tax_minor=back.tax_minor,
        advance_minor=advance_minor,
    )
    sending = RefundSending(refund_id, amount, back.fee_minor, back.tax_minor)
    told = ((row.id, sending), (refund_id, initiated))
    return Steps(told, refund_reserves(row, amount, back, advance_minor))
