"""`GET /api/v1/monitoring/payments/...`: payments by loan account and customer, and in sum."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import require_platform
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.intake.platform_route import answer, platform_route
from tallystick.api.intake.recorded_views import RecordedPayment
from tallystick.api.monitoring.asking import (
    BASE,
    number_parameter,
    operation,
    text_parameter,
    whole_number,
)
from tallystick.api.pages import CURSOR_LENGTH_MAX, InvalidCursor, read_cursor, write_cursor
from tallystick.app import App
from tallystick.intake import ChannelSum, LookupOwner, Lookups

LOAN_PATH: Final = f"{BASE}/payments/loan/{{loan_account_number}}"
LOAN_SUMMARY_PATH: Final = f"{BASE}/payments/summary/{{loan_account_number}}"
CIF_PATH: Final = f"{BASE}/payments/cif/{{cif}}"
CIF_SUMMARY_PATH: Final = f"{BASE}/payments/cif/{{cif}}/summary"
LIMITS: Final = range(1, 1_001)
LIMIT_DEFAULT: Final = 100
OFFSETS: Final = range(10_001)
NUMBER_LENGTH_MAX: Final = 20
_NUMBER: Final = Meta(extra_json_schema={"type": "number", "format": "decimal"})


class PaymentsAnswer(Struct, frozen=True):
    """The newest first. `next_cursor` is null on the last page."""

    success: bool
    data: list[RecordedPayment]
    next_cursor: str | None


class SumView(Struct, frozen=True):
    """What came in one currency on one channel ('' is none). Amounts are in major units."""

    currency: str
    payment_channel: str
    payments: int
    amount: Annotated[Decimal, _NUMBER]
    first_payment_date: datetime
    last_payment_date: datetime


class PaymentSummary(Struct, frozen=True):
    """What was paid for a loan account or by a customer: in all, by currency, by channel."""

    loan_account_number: str | None
    cif: str | None
    total_payments: int
    total_amount: dict[str, Annotated[Decimal, _NUMBER]]
    first_payment_date: datetime | None
    last_payment_date: datetime | None
    channels: list[SumView]


class SummaryAnswer(Struct, frozen=True):
    """The summary."""

    success: bool
    data: PaymentSummary


@dataclass(frozen=True, slots=True)
class LookupRoutes:
    """The handlers of one kind of owner."""

    app: App
    lookups: Lookups
    owner: LookupOwner

    async def list_payments(self, request: Request) -> Response:
        """A page."""
        await require_platform(self.app, request)
        cursor = request.query_params.get("cursor")
        place = None if cursor is None else read_cursor(self._list(request), cursor)
        try:
            page = await self.lookups.list_payments(
                self.owner,
                self._number(request),
                place=place,
                limit=whole_number(request, "limit", LIMIT_DEFAULT, LIMITS),
                offset=whole_number(request, "offset", 0, OFFSETS),
            )
        except ValueError:
            raise InvalidCursor("this is not a cursor of this list") from None
        next_place = page.next_place
        return answer(
            [RecordedPayment.of(row) for row in page.rows],
            next_cursor=write_cursor(self._list(request), next_place) if next_place else None,
        )

    async def sum_up(self, request: Request) -> Response:
        """The summary."""
        await require_platform(self.app, request)
        number = self._number(request)
        sums = await self.lookups.sum_up(self.owner, number)
        return answer(_summary(self.owner, number, sums))

    def _list(self, request: Request) -> str:
        return f"{self.owner} {self._number(request)}"

    def _number(self, request: Request) -> str:
        number: str = request.path_params[self.owner]
        if len(number) > NUMBER_LENGTH_MAX:
            message = f"At most {NUMBER_LENGTH_MAX} characters"
            raise InvalidFields((FieldError(self.owner, "too_long", message),))
        # Nothing of such a name can have been recorded: the answer is the same as for nothing.
        return number if "\0" not in number else ""


def lookup_routes(app: App) -> list[Route]:
    """The routes."""
    lookups = Lookups(app.database.lookups)
    loans = LookupRoutes(app, lookups, "loan_account_number")
    customers = LookupRoutes(app, lookups, "cif")
    return [
        platform_route(LOAN_PATH, loans.list_payments, "GET"),
        platform_route(LOAN_SUMMARY_PATH, loans.sum_up, "GET"),
        platform_route(CIF_SUMMARY_PATH, customers.sum_up, "GET"),
        platform_route(CIF_PATH, customers.list_payments, "GET"),
    ]


def _summary(owner: LookupOwner, number: str, sums: list[ChannelSum]) -> PaymentSummary:
    amounts: dict[str, Decimal] = {}
    for one in sums:
        amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.amount
    return PaymentSummary(
        loan_account_number=number if owner == "loan_account_number" else None,
        cif=number if owner == "cif" else None,
        total_payments=sum(one.payments for one in sums),
        total_amount=amounts,
        first_payment_date=min((_utc(one.first_payment_date) for one in sums), default=None),
        last_payment_date=max((_utc(one.last_payment_date) for one in sums), default=None),
        channels=[
            SumView(
                currency=one.currency,
                payment_channel=one.payment_channel,
                payments=one.payments,
                amount=one.amount,
                first_payment_date=_utc(one.first_payment_date),
                last_payment_date=_utc(one.last_payment_date),
            )
            for one in sums
        ],
    )


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)


_PAGE: Final = (
    number_parameter("limit", LIMIT_DEFAULT, LIMITS),
    number_parameter("offset", 0, OFFSETS),
    text_parameter("cursor", "query", CURSOR_LENGTH_MAX),
)
_LOAN: Final = text_parameter("loan_account_number", "path", NUMBER_LENGTH_MAX)
_CIF: Final = text_parameter("cif", "path", NUMBER_LENGTH_MAX)
OPERATIONS: Final = (
    operation(
        *("GET", LOAN_PATH, "The payments of a loan account", PaymentsAnswer),
        parameters=(_LOAN, *_PAGE),
    ),
    operation(
        *("GET", LOAN_SUMMARY_PATH, "What was paid for a loan account", SummaryAnswer),
        parameters=(_LOAN,),
    ),
    operation(
        *("GET", CIF_PATH, "The payments of a customer", PaymentsAnswer), parameters=(_CIF, *_PAGE)
    ),
    operation(
        *("GET", CIF_SUMMARY_PATH, "What was paid by a customer", SummaryAnswer),
        parameters=(_CIF,),
    ),
)
