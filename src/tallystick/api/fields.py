"""The fields that bodies and answers share: amounts, currencies, ids, instants.

Amounts are integers in the currency's minor unit; ids are TypeIDs outside (`acc_01h4...`), and a
plain UUID is accepted wherever one is asked for.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from tallystick.money import Currency, UnknownCurrency
from tallystick.platform.ids import MalformedId, parse_typeid

AMOUNT_MAX: Final = 10**15  # the ledger's own limit for one transfer
EXAMPLE_SUFFIX: Final = "01kjpy44e0fh0r68j79jejabkn"


class Body(BaseModel):
    """What a request may say: exactly these fields, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class View(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(frozen=True)


def _known_currency(code: str) -> str:
    try:
        return Currency(code).code
    except UnknownCurrency:
        raise PydanticCustomError(
            "unknown_currency", "This is not an ISO 4217 currency with a minor unit"
        ) from None


def _id_of(prefix: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse_typeid(prefix, text)
        except MalformedId:
            raise PydanticCustomError(
                "malformed_id", "Expected an id such as {prefix}_... or a UUID", {"prefix": prefix}
            ) from None
        return text

    return AfterValidator(check)


Amount = Annotated[
    int,
    Field(
        ge=1,
        le=AMOUNT_MAX,
        description="In the minor unit of the currency: 1250 is INR 12.50.",
        examples=[1250],
    ),
]
CurrencyCode = Annotated[
    str,
    Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["INR"]),
    AfterValidator(_known_currency),
]
AccountId = Annotated[
    str, Field(max_length=64, examples=[f"acc_{EXAMPLE_SUFFIX}"]), _id_of("acc")
]
MerchantId = Annotated[
    str, Field(max_length=64, examples=[f"mer_{EXAMPLE_SUFFIX}"]), _id_of("mer")
]
PaymentId = Annotated[
    str, Field(max_length=64, examples=[f"pay_{EXAMPLE_SUFFIX}"]), _id_of("pay")
]
