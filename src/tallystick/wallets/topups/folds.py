"""Top-ups: what is told of one, and the `wallet_top_ups` row it folds into. Pure.

A top-up is opened by the capture it follows from, and credited at once. It waits while its wallet
will not have it (closed, frozen, full) or the money is not there, and is tried again until it fits.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Projection, Told
from tallystick.platform.ids import derived_id, typeid

OPENED: Final = "top_up.opened"
CREDITED: Final = "top_up.credited"
WAITING: Final = "top_up.waiting"
TOP_UP: Final = "top_up"
"""What the ledger's transfer of one says it is for."""


class TopUp(Struct, frozen=True, kw_only=True):
    """One capture of a payment, meant for a wallet; its id is made by `top_up_id`."""

    id: UUID
    payment_id: UUID
    wallet_id: UUID
    from_account_id: UUID
    amount_minor: int
    currency: str


def top_up_id(payment_id: UUID, number: int) -> UUID:
    """The one top-up of the capture that is the payment's fact of this number."""
    return derived_id(payment_id, f"top_up {number}")


class TopUpOpened(Struct, frozen=True):
    """Money was captured for the wallet; it is to be credited."""

    payment_id: UUID
    wallet_id: UUID
    from_account_id: UUID
    amount_minor: int
    currency: str


class TopUpCredited(Struct, frozen=True):
    """The wallet has the money, by the change `posting_id`."""

    payment_id: UUID
    wallet_id: UUID
    from_account_id: UUID
    amount_minor: int
    currency: str
    posting_id: UUID


class TopUpWaiting(Struct, frozen=True):
    """The wallet could not be credited, for the reason `code`; it will be tried again."""

    payment_id: UUID
    wallet_id: UUID
    from_account_id: UUID
    amount_minor: int
    currency: str
    code: str
    check_after_s: float


class TopUpRow(Struct, frozen=True):
    """One top-up; fields are the columns of `wallet_top_ups`, in their order."""

    id: UUID
    version: int
    payment_id: UUID
    wallet_id: UUID
    from_account_id: UUID
    amount_minor: int
    currency: str
    status: str  # waiting | credited
    failure_code: str | None  # why it still waits after it was tried
    posting_id: UUID | None
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """`top_...`"""
        return typeid("top", self.id)


KINDS: Final[Mapping[str, type[Struct]]] = {
    OPENED: TopUpOpened,
    CREDITED: TopUpCredited,
    WAITING: TopUpWaiting,
}


def fold_top_up(row: TopUpRow | None, fact: Told) -> TopUpRow:
    """The row after `fact`. Raises TypeError for a fact behind the end."""
    if row is not None and row.status == "credited":
        raise TypeError(f"{fact.kind} does not follow a top-up that is credited")
    data: TopUpOpened | TopUpCredited | TopUpWaiting = fact.data
    credited = data if isinstance(data, TopUpCredited) else None
    waiting = data if isinstance(data, TopUpWaiting) else None
    pause_s = waiting.check_after_s if waiting else 0.0
    return TopUpRow(
        id=fact.aggregate_id,
        version=fact.version,
        payment_id=data.payment_id,
        wallet_id=data.wallet_id,
        from_account_id=data.from_account_id,
        amount_minor=data.amount_minor,
        currency=data.currency,
        status="credited" if credited else "waiting",
        failure_code=waiting.code if waiting else None,
        posting_id=credited.posting_id if credited else None,
        due_at=None if credited else fact.at + timedelta(seconds=pause_s),
        created_at=row.created_at if row else fact.at,
        updated_at=fact.at,
    )


TOP_UPS: Final = Projection("wallet_top_ups", TopUpRow, KINDS, fold_top_up)
