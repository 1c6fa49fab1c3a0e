"""What a transfer looks like on the wire, read twice: quickly, and slowly when something is wrong.

msgspec reads a good body in a few microseconds and stops at the first fault; then pydantic reads
it again and names all faults. The pydantic models are also what the documentation shows.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from pydantic import BaseModel, Field, ValidationError

from tallystick.api.field_errors import FieldError, InvalidFields, field_errors
from tallystick.api.fields import (
    AMOUNT_MAX,
    EXAMPLE_SUFFIX,
    AccountId,
    Amount,
    Body,
    CurrencyCode,
    example,
)
from tallystick.ledger import Post
from tallystick.money import Currency, UnknownCurrency
from tallystick.platform.ids import MalformedId, parse_typeid

BULK_MAX: Final = 1_000
BULK_BODY_BYTES_MAX: Final = 262_144
_CODE: Final = r"^[a-z0-9_.:-]{1,64}\Z"
_EXAMPLE: Final = {
    "debit_account_id": f"acc_{EXAMPLE_SUFFIX}",
    "credit_account_id": f"acc_{EXAMPLE_SUFFIX[:-1]}p",
    "amount": 1250,
    "currency": "INR",
    "code": "top_up",
}


class TransferBody(Body):
    """Move money from the debit to the credit account at once."""

    model_config = example(_EXAMPLE)

    debit_account_id: AccountId
    credit_account_id: AccountId
    amount: Amount
    currency: CurrencyCode
    code: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_.:-]{1,64}$",
            description="What it is for, in the caller's own words.",
        ),
    ] = "transfer"


class BulkBody(Body):
    """Many transfers, each with a verdict of its own; or, atomic, all of them or none."""

    model_config = example({"transfers": [_EXAMPLE, _EXAMPLE], "atomic": False})

    transfers: Annotated[list[TransferBody], Field(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


class _QuickTransfer(Struct, frozen=True, forbid_unknown_fields=True):
    debit_account_id: Annotated[str, Meta(max_length=64)]
    credit_account_id: Annotated[str, Meta(max_length=64)]
    amount: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    currency: Annotated[str, Meta(max_length=3)]
    code: Annotated[str, Meta(pattern=_CODE)] = "transfer"

    def order(self) -> Post:
        return Post(
            debit=parse_typeid("acc", self.debit_account_id),
            credit=parse_typeid("acc", self.credit_account_id),
            amount_minor=self.amount,
            currency=Currency(self.currency).code,
            code=self.code,
        )


class _QuickBulk(Struct, frozen=True, forbid_unknown_fields=True):
    transfers: Annotated[list[_QuickTransfer], Meta(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


class BulkOrder(Struct, frozen=True):
    """A bulk as the books take it."""

    orders: list[Post]
    atomic: bool


_FAULTS: Final = (msgspec.ValidationError, MalformedId, UnknownCurrency)


def read_transfer(body: Any) -> Post:
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
        raise faults_in(BulkBody, body) from None


def faults_in(model: type[BaseModel], body: Any) -> InvalidFields:
    """Everything that is wrong with a body that was refused already."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return InvalidFields(field_errors(found))
    return InvalidFields((FieldError("body", "invalid", "This is not what is taken here"),))
