"""What is told of rates, quotes and exchanges, and the rows those facts fold into. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace

from tallystick.journal import Projection, Told

RATE_SET: Final = "exchange_rate.set"
QUOTE_GIVEN: Final = "quote.given"
QUOTE_USED: Final = "quote.used"
EXCHANGE_MADE: Final = "exchange.made"

# Rates ------------------------------------------------------------------------------------------


class RateSet(Struct, frozen=True, kw_only=True):
    """Data of `exchange_rate.set`: one `from_currency` is `rate` of `to_currency`.

    It holds from `valid_from` on until another one does; `max_age_s` after that instant no quote
    is given by it any more, None is never.
    """

    from_currency: str
    to_currency: str
    rate: str  # decimal text, as it was said
    valid_from: datetime
    max_age_s: int | None


class RateRow(Struct, frozen=True):
    """One rate; fields are the columns of `exchange_rates`, in their order."""

    id: UUID
    version: int
    from_currency: str
    to_currency: str
    rate: str
    valid_from: datetime
    max_age_s: int | None
    set_by: UUID | None
    set_at: datetime


def fold_rate(row: RateRow | None, fact: Told) -> RateRow:
    """The row of this fact; there is no other: a rate is never altered, only followed."""
    del row
    data: RateSet = fact.data
    return RateRow(
        fact.aggregate_id,
        fact.version,
        data.from_currency,
        data.to_currency,
        data.rate,
        data.valid_from,
        data.max_age_s,
        fact.origin.actor,
        fact.at,
    )


# Quotes -----------------------------------------------------------------------------------------


class QuoteGiven(Struct, frozen=True, kw_only=True):
    """Data of `quote.given`: until `expires_at`, so much is exchanged for so much.

    In minor units, `numerator` of `to_currency` are `denominator` of `from_currency`. `inverse`
    says that the rate was set in the other direction.
    """

    requester_id: UUID
    rate_id: UUID
    from_currency: str
    to_currency: str
    rate: str
    inverse: bool
    numerator: int
    denominator: int
    fixed_side: str  # source | target: whose amount was given
    source_minor: int
    target_minor: int
    rounding_minor: int
    expires_at: datetime


class QuoteUsed(Struct, frozen=True):
    """Data of `quote.used`: the change `posting_id` exchanged by it. Nothing follows."""

    posting_id: UUID


class QuoteRow(Struct, frozen=True):
    """One quote; fields are the columns of `exchange_quotes`, in their order."""

    id: UUID
    version: int
    requester_id: UUID  # a merchant; the platform for its operators
    rate_id: UUID
    from_currency: str
    to_currency: str
    rate: str
    inverse: bool
    numerator: int
    denominator: int
    fixed_side: str
    source_minor: int
    target_minor: int
    rounding_minor: int
    expires_at: datetime
    created_at: datetime
    posting_id: UUID | None = None
    used_at: datetime | None = None

    def status(self, now: datetime) -> str:
        """`open`, `used` or `expired`."""
        if self.posting_id is not None:
            return "used"
        return "open" if now < self.expires_at else "expired"

    @property
    def rounding_currency(self) -> str:
        """The currency of the amount that was not given, but computed."""
        return self.to_currency if self.fixed_side == "source" else self.from_currency


def fold_quote(row: QuoteRow | None, fact: Told) -> QuoteRow:
    """The `exchange_quotes` row after `fact`."""
    match row, fact.data:
        case None, QuoteGiven() as data:
            return QuoteRow(
                id=fact.aggregate_id, version=fact.version, created_at=fact.at, **asdict(data)
            )
        case QuoteRow(), QuoteUsed(posting_id=posting_id):
            return replace(row, version=fact.version, posting_id=posting_id, used_at=fact.at)
    raise TypeError(f"{fact.kind} does not follow")


# Exchanges --------------------------------------------------------------------------------------


class ExchangeMade(Struct, frozen=True, kw_only=True):
    """Data of `exchange.made`, told of the change that moved the money by this quote."""

    quote_id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    from_currency: str
    to_currency: str
    source_minor: int
    target_minor: int
    rounding_minor: int


class ExchangeRow(Struct, frozen=True):
    """One exchange; fields are the columns of `exchanges`, in their order. `id` is its change's."""

    id: UUID
    version: int
    quote_id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    from_currency: str
    to_currency: str
    source_minor: int
    target_minor: int
    rounding_minor: int
    created_at: datetime


def fold_exchange(row: ExchangeRow | None, fact: Told) -> ExchangeRow:
    """The row of this fact; there is no other."""
    del row
    data: ExchangeMade = fact.data
    return ExchangeRow(
        id=fact.aggregate_id, version=fact.version, created_at=fact.at, **asdict(data)
    )


_QUOTE_KINDS: Final[Mapping[str, type[Struct]]] = {QUOTE_GIVEN: QuoteGiven, QUOTE_USED: QuoteUsed}

PROJECTIONS: Final = (
    Projection("exchange_rates", RateRow, {RATE_SET: RateSet}, fold_rate, insert_only=True),
    Projection("exchange_quotes", QuoteRow, _QUOTE_KINDS, fold_quote),
    Projection(
        "exchanges", ExchangeRow, {EXCHANGE_MADE: ExchangeMade}, fold_exchange, insert_only=True
    ),
)
