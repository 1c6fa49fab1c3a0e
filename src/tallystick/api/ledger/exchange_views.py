"""Rates, quotes and exchanges as they look outside."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    AccountId,
    Amount,
    Body,
    CurrencyCode,
    QuoteId,
    View,
    example,
    one_of,
)
from tallystick.api.instants import Instant, parse_instant
from tallystick.books.exchange import (
    ExchangeRow,
    ExchangeWish,
    QuoteRow,
    QuoteWish,
    RateRow,
    RateWish,
)
from tallystick.platform.ids import parse_typeid, typeid

MAX_AGE_S_MAX: Final = 31_536_000

RateText = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?$",
        description="Major units of `to_currency` for one of `from_currency`: a decimal number "
        "above zero as text, of at most 14 digits, at most 12 of them decimals.",
        examples=["83.1245"],
    ),
]
_PAIR: Final = {"from_currency": "USD", "to_currency": "INR"}
_RATE_TEXT: Final = Field(
    description="As it was set: of the other direction when `inverse`.", examples=["83.1245"]
)
_ROUNDING: Final = Field(
    description="0 or 1: what the platform gained beyond the nearest whole units."
)


# Rates ------------------------------------------------------------------------------------------


class SetExchangeRate(Body):
    """One `from_currency` is `rate` of `to_currency`."""

    model_config = example({**_PAIR, "rate": "83.1245", "max_age_s": 3600})

    from_currency: CurrencyCode
    to_currency: CurrencyCode
    rate: RateText
    valid_from: Annotated[Instant | None, Field(description="From when it holds; null is now.")] = (
        None
    )
    max_age_s: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_AGE_S_MAX,
            description="Seconds after `valid_from` from which no quote is given by it any more; "
            "null is never.",
        ),
    ] = None

    def wish(self) -> RateWish:
        """As the room takes it."""
        return RateWish(
            from_currency=self.from_currency,
            to_currency=self.to_currency,
            rate=self.rate,
            valid_from=parse_instant(self.valid_from) if self.valid_from else None,
            max_age_s=self.max_age_s,
        )


class ExchangeRateView(View):
    """A rate as it was set. The one with the latest `valid_from` that has come holds."""

    id: Annotated[str, Field(examples=[f"rat_{EXAMPLE_SUFFIX}"])]
    from_currency: str
    to_currency: str
    rate: Annotated[str, Field(examples=["83.1245"])]
    valid_from: datetime
    max_age_s: int | None
    created_at: datetime

    @classmethod
    def of(cls, row: RateRow) -> "ExchangeRateView":
        """From the room's row."""
        return cls(
            id=typeid("rat", row.id),
            from_currency=row.from_currency,
            to_currency=row.to_currency,
            rate=row.rate,
            valid_from=row.valid_from,
            max_age_s=row.max_age_s,
            created_at=row.set_at,
        )


class ExchangeRatePage(View):
    """Some rates, the latest set first, and where to go on."""

    data: list[ExchangeRateView]
    next_cursor: str | None


# Quotes -----------------------------------------------------------------------------------------


class AskQuote(Body):
    """What is to be exchanged: either what is given, or what is to be got."""

    model_config = example({**_PAIR, "source_amount": 10_000})

    from_currency: CurrencyCode
    to_currency: CurrencyCode
    source_amount: Annotated[
        Amount | None, Field(description="What is given, in minor units of `from_currency`.")
    ] = None
    target_amount: Annotated[
        Amount | None,
        Field(
            validate_default=True,
            description="What is got, in minor units of `to_currency`: instead of the other.",
        ),
    ] = None

    @field_validator("target_amount")
    @classmethod
    def _one_of_two(cls, value: int | None, info: ValidationInfo) -> int | None:
        if "source_amount" not in info.data:  # not even that was right
            return value
        if value is None and info.data["source_amount"] is None:
            raise PydanticCustomError("missing", "Give `source_amount` or `target_amount`")
        if value is not None and info.data["source_amount"] is not None:
            raise PydanticCustomError("literal_error", "Only one of the two amounts is given")
        return value

    def wish(self) -> QuoteWish:
        """As the room takes it."""
        if self.source_amount is not None:
            return QuoteWish(self.from_currency, self.to_currency, "source", self.source_amount)
        return QuoteWish(self.from_currency, self.to_currency, "target", self.target_amount or 0)


class QuoteView(View):
    """A promise: until `expires_at`, and once, so much is exchanged for so much."""

    id: Annotated[str, Field(examples=[f"quo_{EXAMPLE_SUFFIX}"])]
    status: Annotated[str, one_of("open", "used", "expired")]
    from_currency: str
    to_currency: str
    source_amount: Annotated[int, Field(description="What leaves, in minor units.")]
    target_amount: Annotated[int, Field(description="What arrives, in minor units.")]
    rounding_amount: Annotated[int, _ROUNDING]
    rate: Annotated[str, _RATE_TEXT]
    inverse: bool
    rate_id: Annotated[str, Field(examples=[f"rat_{EXAMPLE_SUFFIX}"])]
    expires_at: datetime
    created_at: datetime
    used_at: datetime | None
    transaction_id: Annotated[
        str | None,
        Field(description="The ledger's change that used it.", examples=[f"chg_{EXAMPLE_SUFFIX}"]),
    ]

    @classmethod
    def of(cls, row: QuoteRow, now: datetime) -> "QuoteView":
        """From the room's row, as it stands now."""
        return cls(
            id=typeid("quo", row.id),
            status=row.status(now),
            from_currency=row.from_currency,
            to_currency=row.to_currency,
            source_amount=row.source_minor,
            target_amount=row.target_minor,
            rounding_amount=row.rounding_minor,
            rate=row.rate,
            inverse=row.inverse,
            rate_id=typeid("rat", row.rate_id),
            expires_at=row.expires_at,
            created_at=row.created_at,
            used_at=row.used_at,
            transaction_id=typeid("chg", row.posting_id) if row.posting_id else None,
        )


# Exchanges --------------------------------------------------------------------------------------


class MakeExchange(Body):
    """What was quoted leaves the debit account and reaches the credit account."""

    model_config = example(
        {
            "quote_id": f"quo_{EXAMPLE_SUFFIX}",
            "debit_account_id": f"acc_{EXAMPLE_SUFFIX}",
            "credit_account_id": f"acc_{EXAMPLE_SUFFIX[:-1]}p",
        }
    )

    quote_id: QuoteId
    debit_account_id: Annotated[AccountId, Field(description="In the quote's `from_currency`.")]
    credit_account_id: Annotated[AccountId, Field(description="In the quote's `to_currency`.")]

    def wish(self) -> ExchangeWish:
        """As the room takes it."""
        return ExchangeWish(
            parse_typeid("quo", self.quote_id),
            parse_typeid("acc", self.debit_account_id),
            parse_typeid("acc", self.credit_account_id),
        )


class ExchangeView(View):
    """Money of one currency that became money of another."""

    id: Annotated[str, Field(examples=[f"exg_{EXAMPLE_SUFFIX}"])]
    quote_id: Annotated[str, Field(examples=[f"quo_{EXAMPLE_SUFFIX}"])]
    debit_account_id: str
    credit_account_id: str
    from_currency: str
    to_currency: str
    source_amount: int
    target_amount: int
    rounding_amount: Annotated[int, _ROUNDING]
    transaction_id: Annotated[
        str, Field(description="The ledger's change.", examples=[f"chg_{EXAMPLE_SUFFIX}"])
    ]
    created_at: datetime

    @classmethod
    def of(cls, row: ExchangeRow) -> "ExchangeView":
        """From the room's row."""
        return cls(
            id=typeid("exg", row.id),
            quote_id=typeid("quo", row.quote_id),
            debit_account_id=typeid("acc", row.debit_account_id),
            credit_account_id=typeid("acc", row.credit_account_id),
            from_currency=row.from_currency,
            to_currency=row.to_currency,
            source_amount=row.source_minor,
            target_amount=row.target_minor,
            rounding_amount=row.rounding_minor,
            transaction_id=typeid("chg", row.id),
            created_at=row.created_at,
        )


class ExchangePage(View):
    """Some exchanges, latest first, and where to go on."""

    data: list[ExchangeView]
    next_cursor: str | None
