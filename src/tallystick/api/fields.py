"""The fields that bodies and answers share: amounts, currencies, ids, instants.

Amounts are integers in the currency's minor unit; ids are TypeIDs outside (`acc_01h4...`), and a
plain UUID is accepted wherever one is asked for.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tallystick.money import Currency, UnknownCurrency
from tallystick.platform.ids import MalformedId, parse_typeid

_SUFFIX: Final = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_UUID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
AMOUNT_MAX: Final = 10**15  # the ledger's own limit for one transfer
EXAMPLE_SUFFIX: Final = "01kjpy44e0fh0r68j79jejabkn"


def example(body: dict[str, Any]) -> ConfigDict:
    """The configuration of a body that shows this example in the documentation."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Body(BaseModel):
    """What a request may say: exactly these fields, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, value: Any) -> Any:
        # FastAPI lets pydantic read attributes: a Decimal has none of ours, and would pass as `{}`.
        if isinstance(value, dict | cls):
            return value
        raise PydanticCustomError("model_type", "Expected an object")


class Customer(Body):
    """Who pays, as far as the merchant says. Personal: kept sealed, and erasable."""

    id: Annotated[str | None, Field(max_length=100)] = None
    name: Annotated[str | None, Field(max_length=200)] = None
    email: Annotated[str | None, Field(max_length=254)] = None
    phone: Annotated[str | None, Field(max_length=32)] = None


def one_of(*words: str) -> Any:
    """A text that is one of these, for the documentation of answers: rooms own their words."""
    return Field(json_schema_extra={"enum": list(words)})


class View(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(frozen=True)


class MerchantView(View):
    """Who is paid."""

    id: Annotated[str, Field(examples=[f"mer_{EXAMPLE_SUFFIX}"])]


def _known_currency(code: str) -> str:
    try:
        return Currency(code).code
    except UnknownCurrency:
        raise PydanticCustomError(
            "unknown_currency", "This is not an ISO 4217 currency with a minor unit"
        ) from None


def _looks(prefix: str) -> Any:
    pattern = rf"^({prefix}_{_SUFFIX}|{_UUID})$"
    examples = [f"{prefix}_{EXAMPLE_SUFFIX}"]
    return Field(max_length=64, examples=examples, json_schema_extra={"pattern": pattern})


def _is(prefix: str) -> AfterValidator:
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
    Field(
        description="ISO 4217.",
        examples=["INR"],
        max_length=3,
        json_schema_extra={"enum": [currency.code for currency in Currency.all()]},
    ),
    AfterValidator(_known_currency),
]
AccountId = Annotated[str, _looks("acc"), _is("acc")]
ReservationId = Annotated[str, _looks("res"), _is("res")]
TransferCode = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9_.:-]{1,64}$",
        description="What it is for, in the caller's own words.",
    ),
]
MerchantId = Annotated[str, _looks("mer"), _is("mer")]
PaymentId = Annotated[str, _looks("pay"), _is("pay")]
CustomerId = Annotated[str, _looks("cus"), _is("cus")]
DisputeId = Annotated[str, _looks("dsp"), _is("dsp")]
WalletId = Annotated[str, _looks("wal"), _is("wal")]
TransferScheduleId = Annotated[str, _looks("sch"), _is("sch")]
QuoteId = Annotated[str, _looks("quo"), _is("quo")]
MerchantName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$",
        description="Its id, or the external id it gave itself. Only an operator needs to say it.",
        examples=["merchant_123"],
    ),
]
PaymentMethod = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{2,8}_[A-Za-z0-9_]{1,64}$",
        description="A token, such as the sandbox's `tok_visa` and its magic relatives; or, with"
        " `customer_id`, a saved method (`pm_...`).",
        examples=["tok_visa"],
    ),
]
OffSession = Annotated[
    bool, Field(description="The payer is not there: only a saved method can be used.")
]
ReturnUrl = Annotated[
    str,
    Field(
        max_length=2_048,
        json_schema_extra={"format": "uri"},
        description="Where the payer goes after his bank has asked him; the intent's id is added."
        " https, or http to this machine.",
        examples=["https://shop.example/orders/6735"],
    ),
]
CaptureMethod = Literal["automatic", "manual"]
Priority = Annotated[
    Literal["balanced", "cost", "speed", "reliability"],
    Field(
        description="Which route is asked first: as configured, the cheapest, the quickest of"
        " late, or the one that answered most of late."
    ),
]
CancelReason = Literal["requested_by_customer", "duplicate", "fraudulent", "abandoned"]
RefundReason = Literal["requested_by_customer", "duplicate", "fraudulent"]
Description = Annotated[str, Field(max_length=500, examples=["Two cups of chai"])]
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=40)],
        Annotated[str, Field(max_length=500)],
    ],
    Field(
        max_length=50,
        description="Yours: up to 50 texts under names of your own, kept sealed.",
        examples=[{"order_id": "6735"}],
    ),
]
