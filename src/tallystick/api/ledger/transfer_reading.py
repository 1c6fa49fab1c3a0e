"""Orders read from JSON values, quickly.

msgspec reads a good body in a few microseconds and stops at the first fault; then pydantic reads
it again, by the models of `transfer_bodies`, and names all faults.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from tallystick.api.fields import AMOUNT_MAX
from tallystick.api.instants import MalformedInstant, parse_instant
from tallystick.api.ledger.transfer_bodies import (
    BULK_MAX,
    BulkBody,
    TransferBody,
    faults_in,
    sort_of,
)
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.money import Currency, UnknownCurrency
from tallystick.platform.ids import MalformedId, parse_typeid

_CODE: Final = r"^[a-z0-9_.:-]{1,64}\Z"
_Id = Annotated[str, Meta(max_length=64)]
_Minor = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
_Word = Annotated[str, Meta(pattern=_CODE)]
_Text = Annotated[str, Meta(max_length=40)]


class _Misplaced(ValueError):
    """A field that this kind of order does not have."""


class _QuickTransfer(Struct, frozen=True, forbid_unknown_fields=True):
    debit_account_id: _Id
    credit_account_id: _Id
    amount: _Minor
    currency: Annotated[str, Meta(max_length=3)]
    code: _Word = "transfer"
    kind: Literal["post", "reserve"] = "post"
    up_to: bool = False
    effective_at: _Text | None = None
    expires_at: _Text | None = None

    def order(self) -> Post | Reserve:
        is_post = self.kind == "post"
        if (self.expires_at if is_post else self.effective_at) is not None:
            raise _Misplaced
        at = self.effective_at if is_post else self.expires_at
        return (Post if is_post else Reserve)(
            parse_typeid("acc", self.debit_account_id),
            parse_typeid("acc", self.credit_account_id),
            self.amount,
            Currency(self.currency).code,
            self.code,
            None if at is None else parse_instant(at),
            self.up_to,
        )


class _QuickSettle(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["settle"]
    reservation_id: _Id
    amount: _Minor | None = None
    final: bool = True
    code: _Word = "settle"

    def order(self) -> Settle:
        reservation_id = parse_typeid("res", self.reservation_id)
        return Settle(reservation_id, self.code, self.amount, self.final)


class _QuickVoid(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["void"]
    reservation_id: _Id
    code: _Word = "void"

    def order(self) -> Void:
        return Void(parse_typeid("res", self.reservation_id), self.code)


class _QuickBulk(Struct, frozen=True, forbid_unknown_fields=True):
    transfers: Annotated[list[_QuickTransfer], Meta(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


class _MixedBulk(Struct, frozen=True, forbid_unknown_fields=True):
    transfers: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


_SORTS: Final[Mapping[str, type[_QuickTransfer | _QuickSettle | _QuickVoid]]] = {
    "move": _QuickTransfer,
    "settle": _QuickSettle,
    "void": _QuickVoid,
}


class BulkOrder(Struct, frozen=True):
    """A bulk as the books take it."""

    orders: list[Post | Reserve | Settle | Void]
    atomic: bool


_FAULTS: Final = (
    *(msgspec.ValidationError, MalformedId, UnknownCurrency),
    *(MalformedInstant, _Misplaced),
)


def read_transfer(body: Any) -> Post | Reserve:
    """The order in this JSON value. Raises InvalidFields with every fault."""
    try:
        return msgspec.convert(body, _QuickTransfer).order()
    except _FAULTS:
        raise faults_in(TransferBody, body) from None


def read_bulk(body: Any) -> BulkOrder:
    """The orders in this JSON value. Raises InvalidFields with every fault of every item."""
    try:
        bulk = msgspec.convert(body, _QuickBulk)
        return BulkOrder([transfer.order() for transfer in bulk.transfers], bulk.atomic)
    except _FAULTS:
        return _read_mixed(body)


def _read_mixed(body: Any) -> BulkOrder:
    """A bulk of several kinds, read item by item."""
    try:
        bulk = msgspec.convert(body, _MixedBulk)
        items = [msgspec.convert(item, _SORTS[sort_of(item)]) for item in bulk.transfers]
        return BulkOrder([item.order() for item in items], bulk.atomic)
    except _FAULTS:
        raise faults_in(BulkBody, body) from None
