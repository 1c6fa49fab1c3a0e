"""From facts to the `escrows` row. Pure; the status comes from the table alone."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, json, structs

from tallystick.journal import Projection, Told
from tallystick.wallets.escrows.states import (
    ENDED,
    ESCROW_KINDS,
    DisputeWithdrawn,
    EscrowDisputed,
    EscrowFunded,
    EscrowOpened,
    EscrowPaid,
    TimeoutDelayed,
    next_state,
)
from tallystick.wallets.escrows.terms import EscrowTerms

_Changes = dict[str, Any]


class Spending(Struct, frozen=True):
    """What came in on one UTC day and has not gone back to the buyer."""

    day: date
    amount_minor: int


class Progress(Struct, frozen=True):
    """What has happened to the terms so far."""

    paid_minor: tuple[int, ...]  # to each recipient
    released_parts: tuple[str, ...] = ()
    spendings: tuple[Spending, ...] = ()  # the latest day last


class EscrowRow(Struct, frozen=True):
    """One escrow; fields are the columns of `escrows`, in their order."""

    id: UUID
    version: int
    status: str
    buyer_wallet_id: UUID
    buyer_id: UUID  # whose wallet it is, and under whose key free text is sealed
    arbiter_id: UUID | None  # None: the platform decides disputes
    party_ids: str  # JSON: everybody who may see it
    account_id: UUID
    amount_minor: int
    currency: str
    funded_minor: int
    released_minor: int  # to recipients and as fee
    fee_minor: int
    returned_minor: int
    terms_json: str
    progress_json: str
    times_out_at: datetime | None
    on_timeout: str | None  # release | return
    delays: int  # of the time-out rule
    due_at: datetime | None  # when the time-out rule is carried out
    sealed: str | None
    dispute_sealed: str | None
    opened_at: datetime
    updated_at: datetime

    @property
    def held_minor(self) -> int:
        """What its account holds."""
        return self.funded_minor - self.released_minor - self.returned_minor

    @property
    def terms(self) -> EscrowTerms:
        """What the parties agreed on."""
        return json.decode(self.terms_json, type=EscrowTerms)

    @property
    def progress(self) -> Progress:
        """What has become of it."""
        return json.decode(self.progress_json, type=Progress)


def fold_escrow(row: EscrowRow | None, fact: Told) -> EscrowRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(row.status if row else None, fact.kind)
    if row is None:
        return _new_escrow(fact, status)
    changes = _ON_ESCROW[type(fact.data)](row, fact.data, fact.at)
    if status in ENDED:
        changes["due_at"] = None
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_escrow(fact: Told, status: str) -> EscrowRow:
    data: EscrowOpened = fact.data
    terms = EscrowTerms(
        recipients=data.recipients,
        parts=data.parts,
        fee_percent_bp=data.fee_percent_bp,
        fee_fixed_minor=data.fee_fixed_minor,
    )
    parties = {data.buyer_id, *(recipient.owner_id for recipient in data.recipients)}
    if data.arbiter_id is not None:
        parties.add(data.arbiter_id)
    return EscrowRow(
        id=fact.aggregate_id,
        version=fact.version,
        status=status,
        buyer_wallet_id=data.buyer_wallet_id,
        buyer_id=data.buyer_id,
        arbiter_id=data.arbiter_id,
        party_ids=_text([str(party) for party in sorted(parties)]),
        account_id=data.account_id,
        amount_minor=data.amount_minor,
        currency=data.currency,
        funded_minor=0,
        released_minor=0,
        fee_minor=0,
        returned_minor=0,
        terms_json=_text(terms),
        progress_json=_text(Progress((0,) * len(data.recipients))),
        times_out_at=data.times_out_at,
        on_timeout=data.on_timeout,
        delays=0,
        due_at=data.times_out_at,
        sealed=data.sealed,
        dispute_sealed=None,
        opened_at=fact.at,
        updated_at=fact.at,
    )


def _text(value: object) -> str:
    return json.encode(value).decode()


def _funded(row: EscrowRow, data: EscrowFunded, _at: datetime) -> _Changes:
    before = row.progress
    earlier = before.spendings
    if earlier and earlier[-1].day == data.spent_on:
        amount_minor = earlier[-1].amount_minor + data.amount_minor
        earlier = earlier[:-1]
    else:
        amount_minor = data.amount_minor
    spendings = (*earlier, Spending(data.spent_on, amount_minor))
    return {
        "funded_minor": row.funded_minor + data.amount_minor,
        "progress_json": _text(structs.replace(before, spendings=spendings)),
    }


def _paid(row: EscrowRow, data: EscrowPaid, _at: datetime) -> _Changes:
    before = row.progress
    paid = data.paid_minor or (0,) * len(before.paid_minor)
    progress = Progress(
        tuple(old + new for old, new in zip(before.paid_minor, paid, strict=True)),
        (*before.released_parts, *([data.part] if data.part else [])),
        taken_back(before.spendings, data.returned_minor)[1],
    )
    return {
        "released_minor": row.released_minor + data.released_minor,
        "fee_minor": row.fee_minor + data.fee_minor,
        "returned_minor": row.returned_minor + data.returned_minor,
        "progress_json": _text(progress),
    }


def taken_back(
    spendings: tuple[Spending, ...], amount_minor: int
) -> tuple[tuple[Spending, ...], tuple[Spending, ...]]:
    """On which days the buyer spends less once so much has come back, and what remains.

    The latest day comes first: its limits are the ones that still matter to him.
    """
    freed: list[Spending] = []
    kept = list(spendings)
    while amount_minor and kept:
        last = kept.pop()
        minor = min(last.amount_minor, amount_minor)
        freed.append(Spending(last.day, minor))
        amount_minor -= minor
        if last.amount_minor > minor:
            kept.append(Spending(last.day, last.amount_minor - minor))
    return tuple(freed), tuple(kept)


def _disputed(_row: EscrowRow, data: EscrowDisputed, _at: datetime) -> _Changes:
    return {"dispute_sealed": data.sealed, "due_at": None}


def _withdrawn(row: EscrowRow, _data: DisputeWithdrawn, _at: datetime) -> _Changes:
    return {"dispute_sealed": None, "due_at": row.times_out_at}


def _delayed(row: EscrowRow, data: TimeoutDelayed, at: datetime) -> _Changes:
    return {"delays": row.delays + 1, "due_at": at + timedelta(seconds=data.check_after_s)}


_ON_ESCROW: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    EscrowFunded: _funded,
    EscrowPaid: _paid,
    EscrowDisputed: _disputed,
    DisputeWithdrawn: _withdrawn,
    TimeoutDelayed: _delayed,
}

ESCROWS: Final = Projection(
    "escrows",
    EscrowRow,
    ESCROW_KINDS,
    fold_escrow,
    seals=lambda row: [(row.buyer_id, row.sealed), (row.buyer_id, row.dispute_sealed)],
)
