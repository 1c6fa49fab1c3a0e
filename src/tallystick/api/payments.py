"""`/api/v1/payments`: made directly, captured, cancelled, looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Body as BodyField
from pydantic import Field

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CancelReason,
    CaptureMethod,
    CurrencyCode,
    Customer,
    Description,
    MerchantName,
    MerchantView,
    Metadata,
    PaymentMethod,
    Priority,
    View,
    WalletId,
    example,
    one_of,
)
from tallystick.api.ids import acting_merchant, path_id
from tallystick.api.intents import text_of
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import Answer, PaymentRow
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/payments"


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
    payment_method: PaymentMethod
    capture_method: CaptureMethod = "automatic"
    priority: Priority = "balanced"
    wallet_id: Annotated[
        WalletId | None, Field(description="Top up this wallet with what is captured; no fee.")
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
    intent_id: str | None
    merchant: MerchantView
    status: Annotated[
        str,
        one_of(
            "initiated",
            "pending",
            "authorized",
            "captured",
            "partially_refunded",
            "refunded",
            "failed",
            "cancelled",
            "expired",
        ),
    ]
    amount: int
    currency: str
    amount_authorized: int
    amount_capturable: int
    amount_captured: int
    amount_refunded: int
    fee: Annotated[int, Field(description="Kept of the captures so far.")]
    payment_method: str
    capture_method: Annotated[str, one_of("automatic", "manual")]
    priority: Annotated[str, one_of("balanced", "cost", "speed", "reliability")]
    wallet_id: Annotated[str | None, Field(description="The wallet that it tops up.")]
    route: Annotated[str | None, Field(description="The way of the latest attempt.")]
    failure_code: str | None
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
            intent_id=typeid("int", row.intent_id) if row.intent_id else None,
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            amount_authorized=row.authorized_minor,
            amount_capturable=row.capturable_minor,
            amount_captured=row.captured_minor,
            amount_refunded=row.refunded_minor,
            fee=row.fee_minor,
            payment_method=row.payment_method,
            capture_method=row.capture_method,
            priority=row.priority,
            wallet_id=typeid("wal", row.wallet_id) if row.wallet_id else None,
            route=row.route,
            failure_code=row.failure_code,
            customer=text.get("customer"),
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            authorization_expires_at=row.authorization_expires_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


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
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        answer = await self.app.payments.create(
            merchant,
            amount_minor=body.amount,
            currency=body.currency,
            payment_method=body.payment_method,
            capture=body.capture_method == "automatic",
            priority=body.priority,
            wallet_id=parse_typeid("wal", body.wallet_id) if body.wallet_id else None,
            text=text_of(body),
            asked=call.asked("payments.create"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def get_payment(self, payment_id: str, call: AnyCall) -> PaymentView:
        """A payment as it stands."""
        found = path_id("pay", payment_id, "payment")
        return _view(
            await self.app.payments.get(found, merchant_id=call.principal.merchant_id), call
        )

    async def capture_payment(
        self, payment_id: str, call: MoneyCall, body: CapturePayment = BodyField(CapturePayment())
    ) -> PaymentView:
        """Take the authorized money: all that is left, or a part."""
        answer = await self.app.payments.capture(
            path_id("pay", payment_id, "payment"),
            merchant_id=call.principal.merchant_id,
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
            merchant_id=call.principal.merchant_id,
            reason=body.reason,
            asked=call.asked("payments.cancel"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def list_events(self, payment_id: str, call: AnyCall) -> EventList:
        """Everything that happened to a payment, oldest first."""
        events = await self.app.payments.list_events(
            path_id("pay", payment_id, "payment"), merchant_id=call.principal.merchant_id
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
    routes.get(one, handlers.get_payment, Permission.READ)
    routes.post(f"{one}/capture", handlers.capture_payment, Permission.PAY, status=200)
    routes.post(f"{one}/cancel", handlers.cancel_payment, Permission.PAY, status=200)
    routes.get(f"{one}/events", handlers.list_events, Permission.READ)


def _view(answer: Answer[PaymentRow], call: Call) -> PaymentView:
    call.tell(replayed=answer.replayed)
    return PaymentView.of(answer)
