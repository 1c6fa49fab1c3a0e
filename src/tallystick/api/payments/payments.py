"""`/api/v1/payments`: made directly, captured, cancelled, looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import Body as BodyField
from fastapi import Query
from pydantic import Field

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.failure_messages import FailureMessage, failure_message
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CancelReason,
    CaptureMethod,
    CurrencyCode,
    Customer,
    CustomerId,
    Description,
    MerchantName,
    MerchantView,
    Metadata,
    OffSession,
    Priority,
    View,
    WalletId,
    example,
    one_of,
)
from tallystick.api.ids import acting_merchant, named_customer, path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.intents import text_of
from tallystick.api.payments.paying_methods import MethodKind, PayingMethod, caller_of
from tallystick.api.payments.payment_lists import (
    EXAMPLE_REFERENCE,
    AnyNarrowing,
    PaymentReference,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import Answer, PaymentRow, parse_payment_reference
from tallystick.payments.customers import MethodWish
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/payments"
_CURSORS: Final = Cursors("payments")

PaymentStatus = Literal[
    "initiated",
    "pending",
    "authorized",
    "captured",
    "partially_refunded",
    "refunded",
    "failed",
    "cancelled",
    "expired",
]


class CreatePayment(Body):
    """A payment with a token."""

    model_config = example(
        {
            "amount": 1250,
            "currency": "INR",
            "payment_method": "tok_visa",
            "capture_method": "manual",
            "metadata": {"order_id": "6735"},
        }
    )

    amount: Amount
    currency: CurrencyCode
    payment_method: Annotated[
        PayingMethod | None, Field(description="Without it, the customer's default is used.")
    ] = None
    customer_id: CustomerId | None = None
    off_session: OffSession = False
    capture_method: CaptureMethod = "automatic"
    priority: Priority = "balanced"
    wallet_id: Annotated[
        WalletId | None,
        Field(description="Top up this wallet with what is captured; a user's, without a fee."),
    ] = None
    merchant: MerchantName | None = None
    customer: Customer | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class CapturePayment(Body):
    """How much to take: all that is left, or a part."""

    model_config = example({"amount": 1000, "final": True})

    amount: Amount | None = None
    final: Annotated[bool, Field(description="Let go of what this capture leaves.")] = False


class CancelPayment(Body):
    """Why it is cancelled."""

    model_config = example({"reason": "requested_by_customer"})

    reason: CancelReason = "requested_by_customer"


class PaymentView(View):
    """A payment. A bank's answer that is still open shows as `pending`, never as a decline."""

    id: Annotated[str, Field(examples=[f"pay_{EXAMPLE_SUFFIX}"])]
    reference: Annotated[
        str,
        Field(
            description="Readable, unique, and checked by its last character (ISO/IEC 7064).",
            examples=[EXAMPLE_REFERENCE],
        ),
    ]
    intent_id: str | None
    merchant: MerchantView
    status: Annotated[str, one_of(*get_args(PaymentStatus))]
    amount: int
    currency: str
    amount_authorized: int
    amount_capturable: int
    amount_captured: int
    amount_refunded: int
    amount_disputed: Annotated[int, Field(description="Contested by the payer, undecided.")]
    amount_charged_back: Annotated[int, Field(description="Of disputes that were lost.")]
    fee: Annotated[int, Field(description="Kept of the captures so far.")]
    fee_tax: Annotated[int, Field(description="Tax on the fee, kept besides.")]
    fee_returned: Annotated[
        int, Field(description="Of fee and tax, given back with refunds, running ones included.")
    ]
    reserve: Annotated[int, Field(description="Held back of the captures so far, released later.")]
    payment_method: Annotated[str, Field(description="A saved one by its id, never its token.")]
    payment_method_type: Annotated[str, one_of(*get_args(MethodKind))]
    customer_id: str | None
    off_session: bool
    capture_method: Annotated[str, one_of("automatic", "manual")]
    priority: Annotated[str, one_of("balanced", "cost", "speed", "reliability")]
    wallet_id: Annotated[str | None, Field(description="The wallet that it tops up.")]
    route: Annotated[str | None, Field(description="The way of the latest attempt.")]
    failure_code: str | None
    failure_message: FailureMessage
    customer: Customer | None
    description: str | None
    metadata: dict[str, str]
    authorization_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, answer: Answer[PaymentRow]) -> "PaymentView":
        """From the room's answer."""
        row, text = answer.row, answer.text
        return cls(
            id=typeid("pay", row.id),
            reference=row.reference,
            intent_id=typeid("int", row.intent_id) if row.intent_id else None,
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            amount_authorized=row.authorized_minor,
            amount_capturable=row.capturable_minor,
            amount_captured=row.captured_minor,
            amount_refunded=row.refunded_minor,
            amount_disputed=row.disputed_minor,
            amount_charged_back=row.charged_back_minor,
            fee=row.fee_minor,
            fee_tax=row.charged.tax_minor,
            fee_returned=row.charged.fee_back_minor + row.charged.tax_back_minor,
            reserve=row.charged.reserve_minor,
            payment_method=row.method_said,
            payment_method_type=row.method_kind,
            customer_id=typeid("cus", row.customer_id) if row.customer_id else None,
            off_session=row.off_session,
            capture_method=row.capture_method,
            priority=row.priority,
            wallet_id=typeid("wal", row.wallet_id) if row.wallet_id else None,
            route=row.route,
            failure_code=row.failure_code,
            failure_message=failure_message(row.failure_code),
            customer=text.get("customer"),
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            authorization_expires_at=row.authorization_expires_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class PaymentPage(View):
    """Payments, latest first. A page may be short, or empty, while a cursor goes on."""

    data: list[PaymentView]
    next_cursor: str | None


class EventView(View):
    """One fact of a payment: document 004's PaymentEvent."""

    id: Annotated[str, Field(examples=[f"evt_{EXAMPLE_SUFFIX}"])]
    aggregate_id: Annotated[str, Field(examples=[f"pay_{EXAMPLE_SUFFIX}"])]
    event_type: Annotated[str, Field(examples=["payment.captured"])]
    version: int
    timestamp: datetime
    data: dict[str, Any]
    metadata: dict[str, Any]


class EventList(View):
    """Everything that happened, oldest first."""

    data: list[EventView]
    next_cursor: None = None


@dataclass(frozen=True, slots=True)
class PaymentRoutes:
    """The handlers of payments."""

    app: App

    async def create_payment(self, body: CreatePayment, call: MoneyCall) -> PaymentView:
        """Authorize a payment, and capture it at once unless told otherwise.

        A declined payment is an answer, not an error: its status is `failed`.
        """
        asked = call.asked("payments.create")  # what is refused from here on is remembered
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        answer = await self.app.payments.create(
            merchant,
            amount_minor=body.amount,
            currency=body.currency,
            payment_method=_wish(body, call),
            capture=body.capture_method == "automatic",
            priority=body.priority,
            wallet_id=parse_typeid("wal", body.wallet_id) if body.wallet_id else None,
            text=text_of(body),
            asked=asked,
            origin=call.origin,
        )
        return _view(answer, call)

    async def get_payment(self, payment_id: str, call: AnyCall) -> PaymentView:
        """A payment as it stands."""
        found = path_id("pay", payment_id, "payment")
        return _view(await self.app.payments.get(found, merchant_id=call.merchant_id), call)

    async def list_payments(
        self,
        call: AnyCall,
        narrowing: AnyNarrowing,
        *,
        status: Annotated[PaymentStatus | None, Query()] = None,
        reference: Annotated[
            PaymentReference | None, Query(description="The payment with this one.")
        ] = None,
        customer_id: Annotated[CustomerId | None, Query(description="Of this customer.")] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> PaymentPage:
        """The caller's payments, latest first, a page at a time."""
        page = await self.app.payments.list_payments(
            await narrowing.whose(self.app.merchants, call),
            status=status,
            only=narrowing.filters_with(
                payment_id=parse_payment_reference(reference) if reference else None,
                customer_id=named_customer(customer_id),
            ),
            cursor=_CURSORS.place(cursor),
            limit=limit,
        )
        answers = [await self.app.payments.show(row) for row in page.rows]
        return PaymentPage(
            data=[PaymentView.of(answer) for answer in answers],
            next_cursor=_CURSORS.next(page.next_cursor),
        )

    async def capture_payment(
        self, payment_id: str, call: MoneyCall, body: CapturePayment = BodyField(CapturePayment())
    ) -> PaymentView:
        """Take the authorized money: all that is left, or a part."""
        answer = await self.app.payments.capture(
            path_id("pay", payment_id, "payment"),
            merchant_id=call.merchant_id,
            amount_minor=body.amount,
            final=body.final,
            asked=call.asked("payments.capture"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def cancel_payment(
        self, payment_id: str, call: MoneyCall, body: CancelPayment = BodyField(CancelPayment())
    ) -> PaymentView:
        """Void an authorization of which nothing is captured."""
        answer = await self.app.payments.cancel(
            path_id("pay", payment_id, "payment"),
            merchant_id=call.merchant_id,
            reason=body.reason,
            asked=call.asked("payments.cancel"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def list_events(self, payment_id: str, call: AnyCall) -> EventList:
        """Everything that happened to a payment, oldest first."""
        events = await self.app.payments.list_events(
            path_id("pay", payment_id, "payment"), merchant_id=call.merchant_id
        )
        return EventList(
            data=[
                EventView(
                    id=typeid("evt", event.id),
                    aggregate_id=typeid("pay", event.aggregate_id),
                    event_type=event.event_type,
                    version=event.version,
                    timestamp=event.timestamp,
                    data=event.data,
                    metadata=event.metadata,
                )
                for event in events
            ]
        )


def add_payment_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/payments`."""
    handlers = PaymentRoutes(app)
    one = f"{PATH}/{{payment_id}}"
    routes.post(PATH, handlers.create_payment, Permission.PAY)
    routes.get(PATH, handlers.list_payments, Permission.READ)
    routes.get(one, handlers.get_payment, Permission.READ)
    routes.post(f"{one}/capture", handlers.capture_payment, Permission.PAY, status=200)
    routes.post(f"{one}/cancel", handlers.cancel_payment, Permission.PAY, status=200)
    routes.get(f"{one}/events", handlers.list_events, Permission.READ)


def _wish(body: CreatePayment, call: Call) -> MethodWish:
    if body.payment_method is None and body.customer_id is None:
        message = "Say what is paid with, or name a customer"
        raise InvalidFields((FieldError("payment_method", "required", message),))
    return MethodWish(
        body.payment_method,
        named_customer(body.customer_id),
        body.off_session,
        caller=caller_of(call.principal),
    )


def _view(answer: Answer[PaymentRow], call: Call) -> PaymentView:
    call.tell(replayed=answer.replayed)
    return PaymentView.of(answer)
