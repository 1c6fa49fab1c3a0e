"""`/api/v1/intents`: what a merchant wants to be paid."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

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
    example,
    one_of,
)
from tallystick.api.ids import acting_merchant, path_id
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import Answer, IntentRow, Intents
from tallystick.platform.ids import typeid

PATH: Final = "/api/v1/intents"


class CreateIntent(Body):
    """A wish to be paid."""

    model_config = example({"amount": 1250, "currency": "INR", "description": "Two cups of chai"})

    amount: Amount
    currency: CurrencyCode
    payment_methods: Annotated[
        list[Literal["card"]],
        Field(min_length=1, max_length=10, examples=[["card"]], default_factory=lambda: ["card"]),
    ]
    payment_method: PaymentMethod | None = None
    capture_method: CaptureMethod = "automatic"
    priority: Priority = "balanced"
    merchant: MerchantName | None = None
    customer: Customer | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class ConfirmIntent(Body):
    """The method to pay with, unless the intent has one."""

    model_config = example({"payment_method": "tok_visa"})

    payment_method: PaymentMethod | None = None


class CancelIntent(Body):
    """Why it is given up."""

    model_config = example({"reason": "abandoned"})

    reason: CancelReason = "requested_by_customer"


class IntentView(View):
    """A payment intent: document 004's PaymentIntent, and what belongs to it."""

    id: Annotated[str, Field(examples=[f"int_{EXAMPLE_SUFFIX}"])]
    amount: int
    currency: str
    payment_methods: list[str]
    payment_method: str | None
    capture_method: Annotated[str, one_of("automatic", "manual")]
    priority: Annotated[str, one_of("balanced", "cost", "speed", "reliability")]
    customer: Customer | None
    merchant: MerchantView
    status: Annotated[
        str,
        one_of(
            "requires_payment_method",
            "requires_confirmation",
            "requires_action",
            "processing",
            "requires_capture",
            "succeeded",
            "cancelled",
            "expired",
        ),
    ]
    client_secret: str
    payment_id: Annotated[str | None, Field(description="The latest payment for it.")]
    failure_code: Annotated[str | None, Field(description="Why the latest payment failed.")]
    cancellation_reason: str | None
    description: str | None
    metadata: dict[str, str]
    created_at: datetime
    expires_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, answer: Answer[IntentRow], intents: Intents) -> "IntentView":
        """From the room's answer."""
        row, text = answer.row, answer.text
        return cls(
            id=typeid("int", row.id),
            amount=row.amount_minor,
            currency=row.currency,
            payment_methods=list(row.method_kinds),
            payment_method=row.payment_method,
            capture_method=row.capture_method,
            priority=row.priority,
            customer=text.get("customer"),
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            status=row.status,
            client_secret=intents.client_secret(row.id),
            payment_id=typeid("pay", row.payment_id) if row.payment_id else None,
            failure_code=row.failure_code,
            cancellation_reason=row.cancellation_reason,
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            created_at=row.created_at,
            expires_at=row.expires_at,
            updated_at=row.updated_at,
        )


@dataclass(frozen=True, slots=True)
class IntentRoutes:
    """The handlers of intents."""

    app: App

    async def create_intent(self, body: CreateIntent, call: MoneyCall) -> IntentView:
        """Create a payment intent."""
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        answer = await self.app.intents.create(
            merchant,
            amount_minor=body.amount,
            currency=body.currency,
            payment_methods=tuple(dict.fromkeys(body.payment_methods)),
            payment_method=body.payment_method,
            capture_method=body.capture_method,
            priority=body.priority,
            text=text_of(body),
            asked=call.asked("intents.create"),
            origin=call.origin,
        )
        return self._view(answer, call)

    async def get_intent(self, intent_id: str, call: AnyCall) -> IntentView:
        """A payment intent as it stands."""
        found = path_id("int", intent_id, "intent")
        answer = await self.app.intents.get(found, merchant_id=call.principal.merchant_id)
        return self._view(answer, call)

    async def confirm_intent(
        self, intent_id: str, call: MoneyCall, body: ConfirmIntent = BodyField(ConfirmIntent())
    ) -> IntentView:
        """Pay it. A declined payment brings it back to `requires_payment_method`."""
        found = path_id("int", intent_id, "intent")
        standing = await self.app.intents.get(found, merchant_id=call.principal.merchant_id)
        merchant = await self.app.merchants.get_merchant(standing.row.merchant_id)
        answer = await self.app.intents.confirm(
            merchant,
            found,
            payment_method=body.payment_method,
            asked=call.asked("intents.confirm"),
            origin=call.origin,
        )
        return self._view(answer, call)

    async def cancel_intent(
        self, intent_id: str, call: MoneyCall, body: CancelIntent = BodyField(CancelIntent())
    ) -> IntentView:
        """Give it up; an authorization is voided."""
        answer = await self.app.intents.cancel(
            path_id("int", intent_id, "intent"),
            merchant_id=call.principal.merchant_id,
            reason=body.reason,
            asked=call.asked("intents.cancel"),
            origin=call.origin,
        )
        return self._view(answer, call)

    def _view(self, answer: Answer[IntentRow], call: Call) -> IntentView:
        call.tell(replayed=answer.replayed)
        return IntentView.of(answer, self.app.intents)


def add_intent_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/intents`."""
    handlers = IntentRoutes(app)
    one = f"{PATH}/{{intent_id}}"
    routes.post(PATH, handlers.create_intent, Permission.PAY)
    routes.get(one, handlers.get_intent, Permission.READ)
    routes.post(f"{one}/confirm", handlers.confirm_intent, Permission.PAY, status=200)
    routes.post(f"{one}/cancel", handlers.cancel_intent, Permission.PAY, status=200)


def text_of(body: Any) -> dict[str, Any]:
    """The free text of a body, which is kept sealed."""
    said = body.model_dump(include={"customer", "description", "metadata"}, exclude_none=True)
    return {name: value for name, value in said.items() if value}
