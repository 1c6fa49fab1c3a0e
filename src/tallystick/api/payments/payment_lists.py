"""What the lists of payments, intents and refunds are narrowed to, and whose they are."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query
from msgspec import Struct, structs
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.calls import Call
from tallystick.api.days import Day, parse_day
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import Amount, CurrencyCode, MerchantName
from tallystick.api.ids import acting_merchant
from tallystick.identity import Merchants
from tallystick.payments import Filters, parse_payment_reference
from tallystick.platform.ids import MalformedId

EXAMPLE_REFERENCE: Final = "PAY_20260302_84XKG-64268-J79JE-JABKN-B"


def _is_reference(text: str) -> str:
    try:
        parse_payment_reference(text)
    except MalformedId as error:
        raise PydanticCustomError("string_pattern_mismatch", "{why}", {"why": str(error)}) from None
    return text


PaymentReference = Annotated[
    str,
    Field(
        max_length=64,
        examples=[EXAMPLE_REFERENCE],
        json_schema_extra={
            "pattern": "^PAY_[0-9]{8}_[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}-[0-9A-Z]$"
        },
    ),
    AfterValidator(_is_reference),
]


class Narrowing(Struct, frozen=True):
    """What a caller narrows any of these lists to."""

    merchant: str | None
    filters: Filters

    def filters_with(
        self, *, payment_id: UUID | None = None, customer_id: UUID | None = None
    ) -> Filters:
        """The filters, for one payment or what belongs to it, or for one customer."""
        return structs.replace(self.filters, payment_id=payment_id, customer_id=customer_id)

    async def whose(self, merchants: Merchants, call: Call) -> UUID | None:
        """The merchant whose objects are listed; None, an operator's privilege, for all.

        Raises MerchantNotFound, also when a merchant names another.
        """
        if self.merchant is None:
            return call.merchant_id
        return (await acting_merchant(merchants, call.principal, self.merchant)).id


async def _narrowing(
    *,
    merchant: Annotated[
        MerchantName | None, Query(description="An operator names one, or sees all.")
    ] = None,
    created_from: Annotated[Day | None, Query(description="A day, or an instant.")] = None,
    created_to: Annotated[
        Day | None, Query(description="The first day, or instant, that no longer counts.")
    ] = None,
    amount_from: Annotated[Amount | None, Query()] = None,
    amount_to: Annotated[Amount | None, Query(description="The largest that still counts.")] = None,
    currency: Annotated[CurrencyCode | None, Query()] = None,
) -> Narrowing:
    since = parse_day(created_from) if created_from else None
    until = parse_day(created_to) if created_to else None
    if since and until and since >= until:
        raise InvalidFields((FieldError("created_to", "invalid", "A period ends after it began"),))
    if amount_from and amount_to and amount_from > amount_to:
        raise InvalidFields((FieldError("amount_to", "too_small", "Less than amount_from"),))
    return Narrowing(merchant, Filters(since, until, amount_from, amount_to, currency))


AnyNarrowing = Annotated[Narrowing, Depends(_narrowing)]
