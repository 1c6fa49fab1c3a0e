"""What transfers look like on the wire, as the documentation shows it, and all that may be wrong.

Good bodies are read elsewhere (`transfer_reading`), in a few microseconds.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from tallystick.api.field_errors import FieldError, InvalidFields, field_errors
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    AccountId,
    Amount,
    Body,
    CurrencyCode,
    ReservationId,
    TransferCode,
    example,
)
from tallystick.api.instants import Instant

BULK_MAX: Final = 1_000
SORTS: Final = ("move", "settle", "void")
BULK_BODY_BYTES_MAX: Final = 262_144
_EXAMPLE: Final = {
    "debit_account_id": f"acc_{EXAMPLE_SUFFIX}",
    "credit_account_id": f"acc_{EXAMPLE_SUFFIX[:-1]}p",
    "amount": 1250,
    "currency": "INR",
    "code": "top_up",
}
_EXAMPLE_SETTLE: Final = {
    "kind": "settle",
    "reservation_id": f"res_{EXAMPLE_SUFFIX}",
    "amount": 900,
    "final": False,
}

UpTo = Annotated[
    bool,
    Field(
        description="Move as much as is there, at most `amount`: what each account that the money "
        "leaves has available, before any overdraft."
    ),
]
Finality = Annotated[
    bool, Field(description="Give back what remains; false keeps it reserved for the next part.")
]
SettledAmount = Annotated[
    Amount | None, Field(description="A part of what remains; null settles all of it.")
]


class TransferBody(Body):
    """Move money from the debit to the credit account at once, or reserve it."""

    model_config = example(_EXAMPLE)

    kind: Annotated[
        Literal["post", "reserve"], Field(description="`reserve` only promises the amount.")
    ] = "post"
    debit_account_id: AccountId
    credit_account_id: AccountId
    amount: Amount
    currency: CurrencyCode
    code: TransferCode = "transfer"
    up_to: UpTo = False
    effective_at: Annotated[
        Instant | None,
        Field(description="Of a post: since when it counts, when that is earlier than now."),
    ] = None
    expires_at: Annotated[
        Instant | None, Field(description="Of a reservation: when it ends by itself.")
    ] = None

    @field_validator("effective_at", "expires_at")
    @classmethod
    def _belongs(cls, value: str | None, info: ValidationInfo) -> str | None:
        owner = "post" if info.field_name == "effective_at" else "reserve"
        if value is not None and info.data.get("kind", owner) != owner:
            raise PydanticCustomError("literal_error", "Only a {owner} has this", {"owner": owner})
        return value


class SettleItem(Body):
    """Keep a promise: all that remains of it, or a part."""

    model_config = example(_EXAMPLE_SETTLE)

    kind: Literal["settle"]
    reservation_id: ReservationId
    amount: SettledAmount = None
    final: Finality = True
    code: TransferCode = "settle"


class VoidItem(Body):
    """Give back all that remains of a promise."""

    model_config = example({"kind": "void", "reservation_id": f"res_{EXAMPLE_SUFFIX}"})

    kind: Literal["void"]
    reservation_id: ReservationId
    code: TransferCode = "void"


def sort_of(item: Any) -> str:
    """Which of the three an item is meant to be."""
    kind = item.get("kind") if isinstance(item, Mapping) else None
    return kind if kind in ("settle", "void") else "move"


BulkItem = Annotated[
    Annotated[TransferBody, Tag("move")]
    | Annotated[SettleItem, Tag("settle")]
    | Annotated[VoidItem, Tag("void")],
    Discriminator(sort_of),
]


class BulkBody(Body):
    """Many orders, each with a verdict of its own; or, atomic, all of them or none."""

    model_config = example({"transfers": [_EXAMPLE, _EXAMPLE_SETTLE], "atomic": False})

    transfers: Annotated[list[BulkItem], Field(min_length=1, max_length=BULK_MAX)]
    atomic: bool = False


def faults_in(model: type[BaseModel], body: Any) -> InvalidFields:
    """Everything that is wrong with a body that was refused already."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        for fault in found:
            # The sort of an item is our own word for it: the path is the caller's.
            place = fault["loc"]
            fault["loc"] = tuple(
                part
                for before, part in zip((None, *place), place, strict=False)
                if not (isinstance(before, int) and part in SORTS)
            )
        return InvalidFields(field_errors(found))
    return InvalidFields((FieldError("body", "invalid", "This is not what is taken here"),))
