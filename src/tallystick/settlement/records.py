"""Settlement records: what is told of one, and the `settlement_records` row it folds into. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.journal import Projection, Told
from tallystick.platform.ids import derived_id

OPENED: Final = "settlement_record.opened"
ADJUSTED: Final = "settlement_record.adjusted"


class RecordOpened(Struct, frozen=True):
    """The first money of a payment came in for its merchant."""

    payment_id: UUID
    payment_version: int
    merchant_id: UUID
    currency: str
    captured_minor: int
    fee_minor: int


class RecordAdjusted(Struct, frozen=True, omit_defaults=True):
    """More of it came in, or some went back: a refund, a lost dispute, a late failure."""

    payment_version: int
    captured_minor: int = 0
    fee_minor: int = 0
    returned_minor: int = 0


class SettlementRecord(Struct, frozen=True):
    """One captured payment; fields are the columns of `settlement_records`, in their order.

    `pending` until a batch takes it; `cancelled` while nothing of it is left to settle.
    """

    id: UUID
    version: int
    payment_id: UUID
    payment_version: int
    merchant_id: UUID
    currency: str
    status: str
    captured_minor: int
    fee_minor: int
    returned_minor: int
    created_at: datetime
    updated_at: datetime

    @property
    def net_minor(self) -> int:
        """What the merchant is to be settled for; less than 0 when the fee outlives the money."""
        return self.captured_minor - self.fee_minor - self.returned_minor


KINDS: Final[Mapping[str, type[Struct]]] = {OPENED: RecordOpened, ADJUSTED: RecordAdjusted}


def record_id(payment_id: UUID) -> UUID:
    """The one record of a payment."""
    return derived_id(payment_id, "settlement record")


def fold_record(row: SettlementRecord | None, fact: Told) -> SettlementRecord:
    """The row after `fact`. Raises TypeError for an adjustment of nothing."""
    data: RecordOpened | RecordAdjusted = fact.data
    if isinstance(data, RecordOpened):
        return SettlementRecord(
            id=fact.aggregate_id,
            version=fact.version,
            payment_id=data.payment_id,
            payment_version=data.payment_version,
            merchant_id=data.merchant_id,
            currency=data.currency,
            status="pending",
            captured_minor=data.captured_minor,
            fee_minor=data.fee_minor,
            returned_minor=0,
            created_at=fact.at,
            updated_at=fact.at,
        )
    if row is None:
        raise TypeError(f"{fact.kind} of a settlement record that is not there")
    captured_minor = row.captured_minor + data.captured_minor
    returned_minor = row.returned_minor + data.returned_minor
    return replace(
        row,
        version=fact.version,
        payment_version=data.payment_version,
        status="pending" if captured_minor > returned_minor else "cancelled",
        captured_minor=captured_minor,
        fee_minor=row.fee_minor + data.fee_minor,
        returned_minor=returned_minor,
        updated_at=fact.at,
    )


RECORDS: Final = Projection("settlement_records", SettlementRecord, KINDS, fold_record)
