"""From facts to the `payments` row. Pure; the status comes from the table alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import structs

from tallystick.journal import Told
from tallystick.payments.challenge_facts import AttemptChallenged
from tallystick.payments.facts import (
    AttemptDeclined,
    AttemptSending,
    Authorized,
    CancelDeclined,
    Cancelled,
    CancelSending,
    Captured,
    CaptureDeclined,
    CaptureSending,
    DisputeReturned,
    DisputeSetAside,
    DisputeSettled,
    Expired,
    Failed,
    GivenUp,
    Initiated,
    LateApproval,
    LateFailure,
    OutcomeUnknown,
    PartlyRefunded,
    RefundCalledOff,
    RefundDeclined,
    Refunded,
    RefundSending,
    RestReleased,
    ReversalDeclined,
    ReversalSending,
    Reversed,
)
from tallystick.payments.model import Attempt, Operation, PaymentRow, Verb, Why, json_text
from tallystick.payments.states import PAYMENT_TABLE, next_state

_Changes = dict[str, Any]


def fold_payment(row: PaymentRow | None, fact: Told) -> PaymentRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(PAYMENT_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_payment(fact, status)
    changes = _ON_PAYMENT[type(fact.data)](row, fact.data, fact.at)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_payment(fact: Told, status: str) -> PaymentRow:
    data: Initiated = fact.data
    return PaymentRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        intent_id=data.intent_id,
        status=status,
        amount_minor=data.amount_minor,
        currency=data.currency,
        authorized_minor=0,
        captured_minor=0,
        refunded_minor=0,
        refund_pending_minor=0,
        fee_minor=0,
        fee_percent_bp=data.fee_percent_bp,
        fee_fixed_minor=data.fee_fixed_minor,
        payment_method=data.payment_method,
        capture_method=data.capture_method,
        priority=data.priority,
        routes=json_text(data.routes),
        route=None,
        attempts="[]",
        provider_reference=None,
        captures=0,
        voids=0,
        capture_closed=False,
        failure_code=None,
        operation=None,
        sealed=data.sealed,
        wallet_id=data.wallet_id,
        fee_terms=json_text(data.fee_terms) if data.fee_terms else None,
        charges=None,
        customer_id=data.customer_id,
        payment_method_id=data.payment_method_id,
        off_session=data.off_session,
        authorization_expires_at=None,
        due_at=None,
        disputed_minor=0,
        charged_back_minor=0,
        created_at=fact.at,
        updated_at=fact.at,
    )


def _start(operation: Operation, check_after_s: float) -> _Changes:
    return _start_again(operation, operation.asked_at, check_after_s)


def _start_again(operation: Operation, at: datetime, check_after_s: float) -> _Changes:
    return {"operation": json_text(operation), "due_at": _after(at, check_after_s)}


def _after(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def _last_attempt(row: PaymentRow, **changes: Any) -> _Changes:
    *earlier, last = row.tried
    return {"attempts": json_text((*earlier, structs.replace(last, **changes)))}


def _attempt_sending(row: PaymentRow, data: AttemptSending, at: datetime) -> _Changes:
    operation = Operation(
        verb=Verb.AUTHORIZE,
        reference=data.reference,
        amount_minor=row.amount_minor,
        asked_at=at,
        claim_id=data.claim_id,
        subject_id=data.subject_id,
    )
    attempt = Attempt(data.number, data.route, data.reference)
    return {
        "route": data.route,
        "attempts": json_text((*row.tried, attempt)),
        **_start(operation, data.check_after_s),
    }


def _declined(
    row: PaymentRow, data: AttemptDeclined | Failed, _at: datetime | None = None
) -> _Changes:
    return {
        **_last_attempt(row, status="declined", code=data.code, provider_code=data.provider_code),
        "operation": None,
        "due_at": None,
    }


def _challenged(row: PaymentRow, data: AttemptChallenged, at: datetime) -> _Changes:
    """The verb is answered: its claim is closed, and nobody waits but recovery and the payer."""
    return {
        **_left_open(row),
        **_last_attempt(row, status="unknown", action_url=data.action_url),
        "due_at": _after(at, data.check_after_s),
    }


def _outcome_unknown(row: PaymentRow, data: OutcomeUnknown, at: datetime) -> _Changes:
    waiting = row.the_operation().not_known()
    changes = _start_again(waiting, at, data.check_after_s)
    if waiting.verb == Verb.AUTHORIZE:
        changes |= _last_attempt(row, status="unknown")
    return changes


def _authorized(row: PaymentRow, data: Authorized, at: datetime) -> _Changes:
    expires_at = _after(at, data.expires_after_s)
    return {
        **_last_attempt(row, status="approved"),
        "authorized_minor": data.amount_minor,
        "provider_reference": data.provider_reference,
        "authorization_expires_at": expires_at,
        "operation": None,
        "due_at": expires_at,
    }


def _failed(row: PaymentRow, data: Failed, at: datetime) -> _Changes:
    ended = {"failure_code": data.code}
    if data.watch_after_s is None:
        return _declined(row, data) | ended
    return _left_open(row) | ended | {"due_at": _after(at, data.watch_after_s)}


def _given_up(row: PaymentRow, _data: GivenUp, _at: datetime) -> _Changes:
    return _unclaimed(row, structs.replace(row.the_operation(), unknown=True))


def _left_open(row: PaymentRow) -> _Changes:
    """The question to the bank stays open after a look, and no claim waits for its answer."""
    return _unclaimed(row, row.the_operation().not_known())


def _unclaimed(row: PaymentRow, waiting: Operation) -> _Changes:
    left = structs.replace(waiting, claim_id=None, subject_id=None)
    return {**_last_attempt(row, status="unknown"), "operation": json_text(left)}


def _late_approval(row: PaymentRow, data: LateApproval, _at: datetime) -> _Changes:
    return {
        **_last_attempt(row, status="approved"),
        "authorized_minor": data.amount_minor,
        "provider_reference": data.provider_reference,
        "operation": None,
        "due_at": None,
    }


def _late_failure(_row: PaymentRow, data: LateFailure, _at: datetime) -> _Changes:
    return {"failure_code": data.code, "capture_closed": True, "operation": None, "due_at": None}


def _reversal_sending(row: PaymentRow, data: ReversalSending, at: datetime) -> _Changes:
    operation = Operation(
        verb=Verb.VOID,
        reference=data.reference,
        amount_minor=row.authorized_minor - row.captured_minor,
        asked_at=at,
        why=Why.LATE,
    )
    return {"voids": row.voids + 1, **_start(operation, data.check_after_s)}


def _capture_sending(row: PaymentRow, data: CaptureSending, at: datetime) -> _Changes:
    operation = Operation(
        verb=Verb.CAPTURE,
        reference=data.reference,
        amount_minor=data.amount_minor,
        asked_at=at,
        final=data.final,
        claim_id=data.claim_id,
        subject_id=data.subject_id,
    )
    return {"captures": row.captures + 1, **_start(operation, data.check_after_s)}


def _captured(row: PaymentRow, data: Captured, _at: datetime) -> _Changes:
    captured = row.captured_minor + data.amount_minor
    closed = data.final or captured == row.authorized_minor
    return {
        "captured_minor": captured,
        "fee_minor": row.fee_minor + data.fee_minor,
        "charges": _charges(row, tax_minor=data.tax_minor, reserve_minor=data.reserve_minor),
        "capture_closed": closed,
        "operation": None,
        "due_at": None if closed else row.authorization_expires_at,
    }


def _cancel_sending(row: PaymentRow, data: CancelSending, at: datetime) -> _Changes:
    operation = Operation(
        verb=Verb.VOID,
        reference=data.reference,
        amount_minor=row.authorized_minor,
        asked_at=at,
        why=data.why,
        reason=data.reason,
        claim_id=data.claim_id,
        subject_id=data.subject_id,
    )
    return {"voids": row.voids + 1, **_start(operation, data.check_after_s)}


def _operation_declined(row: PaymentRow, _data: Any, _at: datetime) -> _Changes:
    """Nothing runs any more; what the bank still holds has its day."""
    return {"operation": None, "due_at": row.authorization_expires_at if row.held_minor else None}


def _rest_released(_row: PaymentRow, _data: RestReleased, _at: datetime) -> _Changes:
    return {"capture_closed": True, "operation": None, "due_at": None}


def _over(_row: PaymentRow, _data: Any, _at: datetime) -> _Changes:
    return {"operation": None, "due_at": None}


def _charges(row: PaymentRow, **more_minor: int) -> str | None:
    """The charges with so much more of each; None while all of them are nothing."""
    if row.charges is None and not any(more_minor.values()):
        return None
    before = row.charged
    after = {name: getattr(before, name) + more for name, more in more_minor.items()}
    return json_text(structs.replace(before, **after))


def _refund_sending(row: PaymentRow, data: RefundSending, _at: datetime) -> _Changes:
    return {
        "refund_pending_minor": row.refund_pending_minor + data.amount_minor,
        "charges": _charges(row, fee_back_minor=data.fee_minor, tax_back_minor=data.tax_minor),
    }


def _refund_freed(
    row: PaymentRow, data: RefundDeclined | RefundCalledOff, _at: datetime
) -> _Changes:
    return {
        "refund_pending_minor": row.refund_pending_minor - data.amount_minor,
        "charges": _charges(row, fee_back_minor=-data.fee_minor, tax_back_minor=-data.tax_minor),
    }


def _refunded(row: PaymentRow, data: PartlyRefunded | Refunded, _at: datetime) -> _Changes:
    return {
        "refund_pending_minor": row.refund_pending_minor - data.amount_minor,
        "refunded_minor": row.refunded_minor + data.amount_minor,
    }


def _dispute_opened(row: PaymentRow, data: DisputeSetAside, _at: datetime) -> _Changes:
    return {"disputed_minor": row.disputed_minor + data.amount_minor}


def _dispute_won(row: PaymentRow, data: DisputeReturned, _at: datetime) -> _Changes:
    return {"disputed_minor": row.disputed_minor - data.amount_minor}


def _dispute_lost(row: PaymentRow, data: DisputeSettled, _at: datetime) -> _Changes:
    return {
        "disputed_minor": row.disputed_minor - data.amount_minor,
        "charged_back_minor": row.charged_back_minor + data.amount_minor,
    }


_ON_PAYMENT: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    AttemptSending: _attempt_sending,
    AttemptDeclined: _declined,
    AttemptChallenged: _challenged,
    OutcomeUnknown: _outcome_unknown,
    Authorized: _authorized,
    Failed: _failed,
    GivenUp: _given_up,
    LateApproval: _late_approval,
    LateFailure: _late_failure,
    ReversalSending: _reversal_sending,
    Reversed: _over,
    ReversalDeclined: _over,
    CaptureSending: _capture_sending,
    Captured: _captured,
    CaptureDeclined: _operation_declined,
    CancelSending: _cancel_sending,
    Cancelled: _over,
    CancelDeclined: _operation_declined,
    Expired: _over,
    RestReleased: _rest_released,
    RefundSending: _refund_sending,
    RefundDeclined: _refund_freed,
    RefundCalledOff: _refund_freed,
    PartlyRefunded: _refunded,
    Refunded: _refunded,
    DisputeSetAside: _dispute_opened,
    DisputeReturned: _dispute_won,
    DisputeSettled: _dispute_lost,
}
