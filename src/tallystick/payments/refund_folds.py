"""From facts to the `refunds` row. Pure; the status comes from the table alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import structs

from tallystick.journal import Told
from tallystick.payments.model import Operation, RefundRow, Verb, json_text
from tallystick.payments.refund_facts import (
    RefundAskedAgain,
    RefundCancelled,
    RefundFailed,
    RefundInitiated,
    RefundOutcomeUnknown,
    RefundSucceeded,
    RefundWatched,
)
from tallystick.payments.states import REFUND_TABLE, next_state

_Changes = dict[str, Any]

EXCEEDS: Final = "refund_exceeds_captured"
"""The failure code of a refund that succeeded, called off, when nothing was left to refund."""


def fold_refund(row: RefundRow | None, fact: Told) -> RefundRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(REFUND_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_refund(fact, status)
    changes = _ON_REFUND[type(fact.data)](row, fact.data, fact.at)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_refund(fact: Told, status: str) -> RefundRow:
    data: RefundInitiated = fact.data
    operation = Operation(
        verb=Verb.REFUND,
        reference=data.reference,
        amount_minor=data.amount_minor,
        asked_at=fact.at,
        claim_id=data.claim_id,
        subject_id=fact.aggregate_id,
    )
    return RefundRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        payment_id=data.payment_id,
        subject_id=data.subject_id,
        status=status,
        amount_minor=data.amount_minor,
        currency=data.currency,
        reason=data.reason,
        route=data.route,
        reservation_id=data.reservation_id,
        provider_reference=None,
        failure_code=None,
        operation=json_text(operation),
        sealed=data.sealed,
        due_at=fact.at + timedelta(seconds=data.check_after_s),
        created_at=fact.at,
        updated_at=fact.at,
        fee_minor=data.fee_minor,
        tax_minor=data.tax_minor,
        advance_minor=data.advance_minor,
    )


def _refund_unknown(row: RefundRow, data: RefundOutcomeUnknown, at: datetime) -> _Changes:
    waiting = row.the_operation().not_known()
    due_at = at + timedelta(seconds=data.check_after_s)
    return {"operation": json_text(waiting), "due_at": due_at}


def _refund_asked_again(row: RefundRow, data: RefundAskedAgain, at: datetime) -> _Changes:
    again = structs.replace(row.the_operation(), asked_again_at=at)
    due_at = at + timedelta(seconds=data.check_after_s)
    return {"operation": json_text(again), "due_at": due_at}


def _refund_cancelled(_row: RefundRow, data: RefundCancelled, at: datetime) -> _Changes:
    return {"operation": None, "due_at": at + timedelta(seconds=data.watch_after_s)}


def _refund_watched(_row: RefundRow, data: RefundWatched, at: datetime) -> _Changes:
    pause_s = data.check_after_s
    return {"due_at": None if pause_s is None else at + timedelta(seconds=pause_s)}


def _refund_succeeded(_row: RefundRow, data: RefundSucceeded, _at: datetime) -> _Changes:
    return {
        "provider_reference": data.provider_reference,
        "failure_code": EXCEEDS if data.exceeds else None,
        "operation": None,
        "due_at": None,
    }


def _refund_failed(_row: RefundRow, data: RefundFailed, _at: datetime) -> _Changes:
    return {"failure_code": data.code, "operation": None, "due_at": None}


_ON_REFUND: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    RefundOutcomeUnknown: _refund_unknown,
    RefundAskedAgain: _refund_asked_again,
    RefundCancelled: _refund_cancelled,
    RefundWatched: _refund_watched,
    RefundSucceeded: _refund_succeeded,
    RefundFailed: _refund_failed,
}
