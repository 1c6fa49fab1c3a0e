"""From facts to the `intents` row. Pure; the status comes from the table alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import structs

from tallystick.journal import Told
from tallystick.payments.challenge_facts import ActionRequired, ActionTaken
from tallystick.payments.facts import (
    IntentCancelled,
    IntentConfirmed,
    IntentCreated,
    IntentPaymentFailed,
    MethodAttached,
)
from tallystick.payments.model import IntentRow, json_text
from tallystick.payments.states import INTENT_TABLE, next_state

_Changes = dict[str, Any]


def fold_intent(row: IntentRow | None, fact: Told) -> IntentRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(INTENT_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_intent(fact, status)
    change = _ON_INTENT.get(type(fact.data))
    changes = change(row, fact.data, fact.at) if change else {}
    if status in ("succeeded", "cancelled", "expired"):
        changes["due_at"] = None
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_intent(fact: Told, status: str) -> IntentRow:
    data: IntentCreated = fact.data
    expires_at = data.expires_at or fact.at + timedelta(seconds=data.expires_after_s)
    return IntentRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        status=status,
        amount_minor=data.amount_minor,
        currency=data.currency,
        payment_methods=json_text(data.payment_methods),
        payment_method=None,
        capture_method=data.capture_method,
        priority=data.priority,
        payment_id=None,
        payments=0,
        failure_code=None,
        cancellation_reason=None,
        sealed=data.sealed,
        expires_at=expires_at,
        due_at=expires_at,
        created_at=fact.at,
        updated_at=fact.at,
        customer_id=data.customer_id,
    )


def _method_attached(_row: IntentRow, data: MethodAttached, _at: datetime) -> _Changes:
    return {"payment_method": data.payment_method}


def _confirmed(row: IntentRow, data: IntentConfirmed, _at: datetime) -> _Changes:
    return {
        "payment_id": data.payment_id,
        "payment_method": data.payment_method,
        "payments": row.payments + 1,
        "failure_code": None,
        "due_at": None,
        "sealed": data.sealed or row.sealed,
    }


def _action_required(row: IntentRow, _data: ActionRequired, _at: datetime) -> _Changes:
    return {"due_at": row.expires_at}


def _action_taken(_row: IntentRow, _data: ActionTaken, _at: datetime) -> _Changes:
    return {"due_at": None}


def _payment_failed(row: IntentRow, data: IntentPaymentFailed, _at: datetime) -> _Changes:
    return {"payment_method": None, "failure_code": data.code, "due_at": row.expires_at}


def _intent_cancelled(_row: IntentRow, data: IntentCancelled, _at: datetime) -> _Changes:
    return {"cancellation_reason": data.reason}


_ON_INTENT: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    MethodAttached: _method_attached,
    IntentConfirmed: _confirmed,
    ActionRequired: _action_required,
    ActionTaken: _action_taken,
    IntentPaymentFailed: _payment_failed,
    IntentCancelled: _intent_cancelled,
}
