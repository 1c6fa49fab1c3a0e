"""Wallet transfers: what is told of one, and the `wallet_transfers` row it folds into. Pure.

A wallet transfer has one fact and no second: it is completed, or, when nobody was there to be
told no, because a schedule ran it, failed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.journal import Fact, Origin, Projection, Told
from tallystick.platform.ids import derived_id

COMPLETED: Final = "wallet_transfer.completed"
FAILED: Final = "wallet_transfer.failed"
POST_CODE: Final = "wallet_transfer"
"""What the ledger's transfer of one says it is for."""


class TransferTerms(Struct, frozen=True, kw_only=True):
    """What is to be moved from one wallet to another, and under which name of the caller's.

    The amount and its currency are those of the wallet that pays. `transfer_id` makes it
    exactly once among all of the requester's transfers.
    """

    transfer_id: str
    from_wallet_id: UUID
    to_wallet_id: UUID
    amount_minor: int
    currency: str
    quote_id: UUID | None = None


class WalletTransferCompleted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The money has moved, by the change `posting_id`.

    What arrives is told only when it is not what left: after an exchange.
    """

    transfer_name: str  # the requester's transfer_id
    requester_id: UUID
    from_wallet_id: UUID
    to_wallet_id: UUID
    amount_minor: int
    currency: str
    posting_id: UUID
    credited_minor: int | None = None
    credited_currency: str | None = None
    quote_id: UUID | None = None
    schedule_id: UUID | None = None
    due_at: datetime | None = None


class WalletTransferFailed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A schedule's run was refused; nothing has moved. `code` says why."""

    transfer_name: str  # the requester's transfer_id
    requester_id: UUID
    from_wallet_id: UUID
    to_wallet_id: UUID
    amount_minor: int
    currency: str
    code: str
    schedule_id: UUID
    due_at: datetime


class WalletTransferRow(Struct, frozen=True):
    """One wallet transfer; fields are the columns of `wallet_transfers`, in their order."""

    id: UUID
    version: int
    transfer_id: str  # the caller's own name for it
    requester_id: UUID  # the merchant who asked; the platform for its operators
    from_wallet_id: UUID
    to_wallet_id: UUID
    status: str  # completed | failed
    amount_minor: int
    currency: str
    credited_minor: int  # what arrived; 0 when nothing did
    credited_currency: str
    quote_id: UUID | None
    schedule_id: UUID | None  # whose run it was ...
    due_at: datetime | None  # ... and when it was due
    failure_code: str | None
    posting_id: UUID | None  # the change that moved the money
    created_at: datetime


KINDS: Final[Mapping[str, type[Struct]]] = {
    COMPLETED: WalletTransferCompleted,
    FAILED: WalletTransferFailed,
}


def fold_transfer(row: WalletTransferRow | None, fact: Told) -> WalletTransferRow:
    """The row of this fact; there is no other."""
    if row is not None:
        raise TypeError(f"{fact.kind} does not follow anything")
    data: WalletTransferCompleted | WalletTransferFailed = fact.data
    done = data if isinstance(data, WalletTransferCompleted) else None
    failed = data if isinstance(data, WalletTransferFailed) else None
    credited_minor = 0
    if done:
        given = done.credited_minor
        credited_minor = done.amount_minor if given is None else given
    return WalletTransferRow(
        id=fact.aggregate_id,
        version=fact.version,
        transfer_id=data.transfer_name,
        requester_id=data.requester_id,
        from_wallet_id=data.from_wallet_id,
        to_wallet_id=data.to_wallet_id,
        status="completed" if done else "failed",
        amount_minor=data.amount_minor,
        currency=data.currency,
        credited_minor=credited_minor,
        credited_currency=(done.credited_currency if done else None) or data.currency,
        quote_id=done.quote_id if done else None,
        schedule_id=data.schedule_id,
        due_at=data.due_at,
        failure_code=failed.code if failed else None,
        posting_id=done.posting_id if done else None,
        created_at=fact.at,
    )


# Unique, so that one transfer_id asked for twice at once is found before the database objects.
TRANSFERS: Final = Projection(
    "wallet_transfers", WalletTransferRow, KINDS, fold_transfer, insert_only=True, unique=True
)


def told_here(fact: Fact, at: datetime) -> Told:
    """A fact as it was just recorded; where it stands in the log is not known here."""
    return Told(
        lane=0,
        position=0,
        aggregate_id=fact.aggregate_id,
        version=fact.version,
        kind=fact.kind,
        schema_version=fact.schema_version,
        data=fact.data,
        origin=Origin(),
        at=at,
    )


def requester_of(merchant_id: UUID | None) -> UUID:
    """Whose transfer_ids these are: the merchant's, or those of the platform's operators."""
    return merchant_id or PLATFORM


def wallet_transfer_id(requester_id: UUID, transfer_id: str) -> UUID:
    """The id of the one transfer that the requester calls so."""
    return derived_id(requester_id, f"wallet_transfer:{transfer_id}")


def run_id(schedule_id: UUID, due_at: datetime) -> UUID:
    """The id of the one transfer that this schedule makes for this instant."""
    return wallet_transfer_id(schedule_id, run_name(due_at))


def run_name(due_at: datetime) -> str:
    """What a schedule calls its run: the instant at which it was due, in UTC."""
    return f"{due_at:%Y-%m-%dT%H:%M:%SZ}"


def differences(terms: TransferTerms, row: WalletTransferRow) -> tuple[str, ...]:
    """The fields in which these terms are not the transfer's."""
    return tuple(
        name for name in terms.__struct_fields__ if getattr(terms, name) != getattr(row, name)
    )
