"""From facts to the `payouts` row. Pure; the status comes from the table alone."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Projection, Told
from tallystick.platform.ids import typeid
from tallystick.wallets.payouts.states import (
    PAYOUT_KINDS,
    PayoutAskedAgain,
    PayoutCancelled,
    PayoutConfirmed,
    PayoutCreated,
    PayoutFailed,
    PayoutLookUnanswered,
    PayoutOutcomeUnknown,
    PayoutPaid,
    PayoutReturned,
    PayoutSent,
    next_state,
)

_Changes = dict[str, Any]


class PayoutRow(Struct, frozen=True):
    """One payout; fields are the columns of `payouts`, in their order."""

    id: UUID
    version: int
    source: str  # wallet | merchant
    owner_id: UUID  # the user or merchant whose money it is, and whose key seals the destination
    account_id: UUID  # the ledger account it leaves
    status: str
    amount_minor: int
    currency: str
    method: str  # bank_account | upi
    route: str
    reference: str  # the provider knows it by this
    reservation_id: UUID
    sealed: str
    spent_on: date | None  # the UTC day on whose limits it counts, of a wallet
    provider_reference: str | None
    failure_code: str | None  # why it failed or came back
    booked_to: str  # account | suspense
    asked_at: datetime  # when our reference was last told to the provider
    unknown: bool  # an answer is overdue
    checks: int  # looks since it was sent, or since it was paid or cancelled
    claim_id: UUID | None  # the claim that the first answer closes
    paid_at: datetime | None
    due_at: datetime | None  # when recovery looks at it
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether the provider has not decided yet, as far as we know."""
        return self.status in ("pending", "sent")

    @property
    def name(self) -> str:
        """`pot_...`, also the reference that the provider sees."""
        return payout_name(self.id)


def payout_name(payout_id: UUID) -> str:
    """`pot_...`"""
    return typeid("pot", payout_id)


def fold_payout(row: PayoutRow | None, fact: Told) -> PayoutRow:
    """The row after `fact`. Raises IllegalPayoutStep."""
    status = next_state(row.status if row else None, fact.kind)
    if row is None:
        return _new_payout(fact, status)
    changes = _ON_PAYOUT[type(fact.data)](row, fact.data, fact.at)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_payout(fact: Told, status: str) -> PayoutRow:
    data: PayoutCreated = fact.data
    return PayoutRow(
        id=fact.aggregate_id,
        version=fact.version,
        source=data.source,
        owner_id=data.owner_id,
        account_id=data.account_id,
        status=status,
        amount_minor=data.amount_minor,
        currency=data.currency,
        method=data.method,
        route=data.route,
        reference=data.reference,
        reservation_id=data.reservation_id,
        sealed=data.sealed,
        spent_on=data.spent_on,
        provider_reference=None,
        failure_code=None,
        booked_to="account",
        asked_at=fact.at,
        unknown=False,
        checks=0,
        claim_id=data.claim_id,
        paid_at=None,
        due_at=_after(fact.at, data.check_after_s),
        created_at=fact.at,
        updated_at=fact.at,
    )


def _after(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def _sent(row: PayoutRow, data: PayoutSent, at: datetime) -> _Changes:
    due_at = _after(at, data.check_after_s)
    return {"unknown": False, "checks": row.checks + 1, "claim_id": None, "due_at": due_at}


def _unknown(row: PayoutRow, data: PayoutOutcomeUnknown, at: datetime) -> _Changes:
    due_at = _after(at, data.check_after_s)
    return {"unknown": True, "checks": row.checks + 1, "claim_id": None, "due_at": due_at}


def _asked_again(_row: PayoutRow, data: PayoutAskedAgain, at: datetime) -> _Changes:
    return {"asked_at": at, "due_at": _after(at, data.check_after_s)}


def _cancelled(_row: PayoutRow, data: PayoutCancelled, at: datetime) -> _Changes:
    return {
        "unknown": False,
        "checks": 0,
        "claim_id": None,
        "spent_on": None,  # it counts as spent on no day any more
        "due_at": _after(at, data.watch_after_s),
    }


def _paid(_row: PayoutRow, data: PayoutPaid, at: datetime) -> _Changes:
    return {
        "provider_reference": data.provider_reference,
        "booked_to": data.booked_to,
        "unknown": False,
        "checks": 0,
        "claim_id": None,
        "paid_at": at,
        "due_at": _after(at, data.watch_after_s),
    }


def _confirmed(row: PayoutRow, data: PayoutConfirmed, at: datetime) -> _Changes:
    pause_s = data.check_after_s
    due_at = None if pause_s is None else _after(at, pause_s)
    return {"checks": row.checks + 1, "due_at": due_at}


def _unanswered(row: PayoutRow, data: PayoutLookUnanswered, at: datetime) -> _Changes:
    return {"checks": row.checks + 1, "due_at": _after(at, data.check_after_s)}


def _failed(_row: PayoutRow, data: PayoutFailed, _at: datetime) -> _Changes:
    return {"failure_code": data.code, "unknown": False, "claim_id": None, "due_at": None}


def _returned(_row: PayoutRow, data: PayoutReturned, _at: datetime) -> _Changes:
    return {"failure_code": data.code, "booked_to": data.booked_to, "due_at": None}


_ON_PAYOUT: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    PayoutSent: _sent,
    PayoutOutcomeUnknown: _unknown,
    PayoutAskedAgain: _asked_again,
    PayoutCancelled: _cancelled,
    PayoutPaid: _paid,
    PayoutConfirmed: _confirmed,
    PayoutLookUnanswered: _unanswered,
    PayoutFailed: _failed,
    PayoutReturned: _returned,
}

PAYOUTS: Final = Projection(
    "payouts",
    PayoutRow,
    PAYOUT_KINDS,
    fold_payout,
    seals=lambda row: [(row.owner_id, row.sealed)],
)
