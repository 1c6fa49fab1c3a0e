"""Reserves: part of a capture that a merchant gets some days later. Pure.

Each capture whose terms say so holds one back on the merchant's reserve account, in the change that
captures, and a job releases it to the payable when its days are over. A late failure takes it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.books import account_id, chart
from tallystick.journal import Change, Fact, Projection, Told
from tallystick.ledger import Post
from tallystick.payments.errors import IllegalTransition

RELEASE: Final = "reserve_release"
RESERVE_HELD: Final = "reserve.held"
RESERVE_POSTPONED: Final = "reserve.postponed"
RESERVE_RELEASED: Final = "reserve.released"
RESERVE_TAKEN: Final = "reserve.taken"
POSTPONED_BY_S: Final = 86_400


class ReserveHeld(Struct, frozen=True):
    """Part of a capture waits. `posting_id` is the change that captured."""

    merchant_id: UUID
    payment_id: UUID
    amount_minor: int
    currency: str
    days: int
    posting_id: UUID


class ReservePostponed(Struct, frozen=True):
    """The merchant's account would not take it; it is tried again later."""

    reason: str
    check_after_s: float


class ReserveReleased(Struct, frozen=True):
    """The merchant has it. `posting_id` is the change that moved it."""

    posting_id: UUID


class ReserveTaken(Struct, frozen=True):
    """The capture brought no money after all; `posting_id` is the change that gave it back."""

    posting_id: UUID


RESERVE_KINDS: Final[Mapping[str, type[Struct]]] = {
    RESERVE_HELD: ReserveHeld,
    RESERVE_POSTPONED: ReservePostponed,
    RESERVE_RELEASED: ReserveReleased,
    RESERVE_TAKEN: ReserveTaken,
}


class ReserveRow(Struct, frozen=True):
    """One reserve; fields are the columns of `payment_reserves`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    payment_id: UUID
    status: str  # held | released | taken
    amount_minor: int
    currency: str
    held_by: UUID  # the change that captured
    released_by: UUID | None  # the change that moved it on, to the merchant or back to the rail
    due_at: datetime | None  # when the job releases it
    created_at: datetime
    updated_at: datetime


def fold_reserve(row: ReserveRow | None, fact: Told) -> ReserveRow:
    """The row after `fact`. Raises IllegalTransition."""
    match row, fact.data:
        case None, ReserveHeld() as data:
            return _held(data, fact)
        case ReserveRow(status="held") as held, ReservePostponed() as data:
            return structs.replace(
                held,
                version=fact.version,
                due_at=fact.at + timedelta(seconds=data.check_after_s),
                updated_at=fact.at,
            )
        case ReserveRow(status="held") as held, ReserveReleased() | ReserveTaken() as data:
            return structs.replace(
                held,
                version=fact.version,
                status=fact.kind.removeprefix("reserve."),
                released_by=data.posting_id,
                due_at=None,
                updated_at=fact.at,
            )
    raise IllegalTransition(f"{fact.kind} does not follow on reserve {fact.aggregate_id}")


def _held(data: ReserveHeld, fact: Told) -> ReserveRow:
    return ReserveRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        payment_id=data.payment_id,
        status="held",
        amount_minor=data.amount_minor,
        currency=data.currency,
        held_by=data.posting_id,
        released_by=None,
        due_at=fact.at + timedelta(days=data.days),
        created_at=fact.at,
        updated_at=fact.at,
    )


def release_change(row: ReserveRow, change_id: UUID) -> Change:
    """The reserve goes to the payable, once: a second release conflicts with the first."""
    fact = Fact(row.id, row.version + 1, RESERVE_RELEASED, ReserveReleased(change_id))
    payable = chart.payable_code(row.merchant_id, row.currency)
    reserve = chart.reserve_code(row.merchant_id, row.currency)
    post = Post(
        account_id(row.merchant_id, reserve),
        account_id(row.merchant_id, payable),
        row.amount_minor,
        row.currency,
        RELEASE,
    )
    return Change(change_id, (fact,), (post,))


def postpone_change(row: ReserveRow, reason: str, change_id: UUID) -> Change:
    """Try again tomorrow: a frozen account must not keep other merchants' reserves waiting."""
    data = ReservePostponed(reason, POSTPONED_BY_S)
    return Change(change_id, (Fact(row.id, row.version + 1, RESERVE_POSTPONED, data),))


RESERVES: Final = Projection("payment_reserves", ReserveRow, RESERVE_KINDS, fold_reserve)
