"""`/api/v1/intents`: what a merchant wants to be paid."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import Body as BodyField
from fastapi import Query
from pydantic import Field

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.failure_messages import FailureMessage, failure_message
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
    ReturnUrl,
    View,
    example,
    one_of,
)
from tallystick.api.ids import acting_merchant, named_customer, path_id
from tallystick.api.instants import Instant, parse_instant
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.bank_looks import BankLooks
from tallystick.api.payments.paying_methods import MethodKind, PayingMethod, caller_of
from tallystick.api.payments.payment_lists import AnyNarrowing
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission, Principal
from tallystick.payments import Answer, IntentRow, Intents
from tallystick.payments.customers import MethodWish
from tallystick.platform.ids import typeid

PATH: Final = "/api/v1/intents"
_CURSORS: Final = Cursors("intents")

IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "cancelled",
    "expired",
]


class CreateIntent(Body):
    """A wish to be paid."""

    model_config = example({"amount": 1250, "currency": "INR", "description": "Two cups of chai"})

    amount: Amount
    currency: CurrencyCode
    payment_methods: Annotated[
        list[MethodKind],
        Field(min_length=1, max_length=10, examples=[["card"]], default_factory=lambda: ["card"]),
    ]
    payment_method: PayingMethod | None = None
    customer_id: Annotated[
        CustomerId | None,
        Field(description="Unless told, its default payment method is what is paid with."),
    ] = None
    capture_method: CaptureMethod = "automatic"
    priority: Priority = "balanced"
    merchant: MerchantName | None = None
    customer: Customer | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    return_url: ReturnUrl | None = None
    expires_at: Instant | None = None


class ConfirmIntent(Body):
    """The method to pay with, unless the intent has one.

    Without a method, on an intent that waits for its payer, it says that he is back.
    """

    model_config = example({"payment_method": "tok_visa"})

    payment_method: PayingMethod | None = None
    off_session: OffSession = False
    return_url: ReturnUrl | None = None


class CancelIntent(Body):
    """Why it is given up."""

    model_config = example({"reason": "abandoned"})

    reason: CancelReason = "requested_by_customer"


class NextActionView(View):
    """What the payer must do: his browser is to be sent there."""

    type: Annotated[str, one_of("redirect")] = "redirect"
    redirect_url: Annotated[str, Field(examples=["http://127.0.0.1:3005/hdfc_bank/challenges/7"])]


class IntentView(View):
    """A payment intent: document 004's PaymentIntent, and what belongs to it.

    The payer, who shows its client secret, sees no customer and no metadata.
    """

    id: Annotated[str, Field(examples=[f"int_{EXAMPLE_SUFFIX}"])]
    amount: int
    currency: str
    payment_methods: list[str]
    payment_method: str | None
    customer_id: str | None
    capture_method: Annotated[str, one_of("automatic", "manual")]
    priority: Annotated[str, one_of("balanced", "cost", "speed", "reliability")]
    customer: Customer | None
    merchant: MerchantView
    status: Annotated[str, one_of(*get_args(IntentStatus))]
    client_secret: Annotated[
        str | None, Field(description="Whoever has it may pay: null for a key that only reads.")
    ]
    next_action: Annotated[
        NextActionView | None, Field(description="Told while the status is `requires_action`.")
    ]
    return_url: str | None
    payment_id: Annotated[str | None, Field(description="The latest payment for it.")]
    failure_code: Annotated[str | None, Field(description="Why the latest payment failed.")]
    failure_message: FailureMessage
    cancellation_reason: str | None
    description: str | None
    metadata: dict[str, str]
    created_at: datetime
    expires_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, answer: Answer[IntentRow], intents: Intents, caller: Principal) -> "IntentView":
        """From the room's answer; a payer is not shown what is between the merchant and us."""
        row, text = answer.row, answer.text
        private = {} if caller.payer_of else text
        customer_id = None if caller.payer_of else row.customer_id
        may_pay = caller.may(Permission.PAY)
        action_url = answer.action_url
        return cls(
            id=typeid("int", row.id),
            amount=row.amount_minor,
            currency=row.currency,
            payment_methods=list(row.method_kinds),
            payment_method=row.payment_method,
            customer_id=typeid("cus", customer_id) if customer_id else None,
            capture_method=row.capture_method,
            priority=row.priority,
            customer=private.get("customer"),
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            status=row.status,
            client_secret=intents.client_secret(row.id) if may_pay else None,
            next_action=NextActionView(redirect_url=action_url) if action_url else None,
            return_url=text.get("return_url"),
            payment_id=typeid("pay", row.payment_id) if row.payment_id else None,
            failure_code=row.failure_code,
            failure_message=failure_message(row.failure_code),
            cancellation_reason=row.cancellation_reason,
            description=text.get("description"),
            metadata=private.get("metadata", {}),
            created_at=row.created_at,
            expires_at=row.expires_at,
            updated_at=row.updated_at,
        )


class IntentPage(View):
    """Intents, latest first. A page may be short, or empty, while a cursor goes on."""

    data: list[IntentView]
    next_cursor: str | None


class NotThePayers(Exception):
    """A payer says neither where he is sent afterwards nor that he is not there."""

    code = "permission_denied"


@dataclass(frozen=True, slots=True)
class IntentRoutes:
    """The handlers of intents."""

    app: App
    looks: BankLooks

    async def create_intent(self, body: CreateIntent, call: MoneyCall) -> IntentView:
        """Create a payment intent."""
        asked = call.asked("intents.create")  # what is refused from here on is remembered
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        answer = await self.app.intents.create(
            merchant,
            amount_minor=body.amount,
            currency=body.currency,
            payment_methods=tuple(dict.fromkeys(body.payment_methods)),
            payment_method=MethodWish(
                body.payment_method,
                named_customer(body.customer_id),
                caller=caller_of(call.principal),
            ),
            capture_method=body.capture_method,
            priority=body.priority,
            expires_at=parse_instant(body.expires_at) if body.expires_at else None,
            return_url=body.return_url,
            text=text_of(body),
            asked=asked,
            origin=call.origin,
        )
        return self._view(answer, call)

    async def get_intent(self, intent_id: str, call: AnyCall) -> IntentView:
        """A payment intent as it stands; of one that waits for its payer, the bank is asked.

        Asked in a loop, the bank is asked at most once a second.
        """
        found = path_id("int", intent_id, "intent")
        answer = await self.app.intents.get(
            found,
            merchant_id=call.merchant_id,
            asks_bank=self.looks.may_ask(found, monotonic()),
            origin=call.origin,
        )
        return self._view(answer, call)

    async def list_intents(
        self,
        call: AnyCall,
        narrowing: AnyNarrowing,
        *,
        status: Annotated[IntentStatus | None, Query()] = None,
        customer_id: Annotated[CustomerId | None, Query(description="Of this customer.")] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> IntentPage:
        """The caller's payment intents, latest first, a page at a time."""
        page = await self.app.intents.list_intents(
            await narrowing.whose(self.app.merchants, call),
            status=status,
            only=narrowing.filters_with(customer_id=named_customer(customer_id)),
            cursor=_CURSORS.place(cursor),
            limit=limit,
        )
        answers = [await self.app.intents.show(row) for row in page.rows]
        return IntentPage(
            data=[IntentView.of(answer, self.app.intents, call.principal) for answer in answers],
            next_cursor=_CURSORS.next(page.next_cursor),
        )

    async def confirm_intent(
        self, intent_id: str, call: MoneyCall, body: ConfirmIntent = BodyField(ConfirmIntent())
    ) -> IntentView:
        """Pay it. A declined payment brings it back to `requires_payment_method`."""
        found, caller = path_id("int", intent_id, "intent"), call.principal
        asked = call.asked("intents.confirm")  # what is refused from here on is remembered
        owner = call.merchant_id or await self.app.intents.get_merchant_id(found)
        merchant = await self.app.merchants.get_merchant(owner)
        if caller.payer_of and (body.return_url or body.off_session):
            raise NotThePayers("this is for the merchant to say")
        answer = await self.app.intents.confirm(
            merchant,
            found,
            payment_method=body.payment_method,
            off_session=body.off_session,
            caller=caller_of(caller),
            return_url=body.return_url,
            asked=asked,
            origin=call.origin,
        )
        return self._view(answer, call)

    async def cancel_intent(
        self, intent_id: str, call: MoneyCall, body: CancelIntent = BodyField(CancelIntent())
    ) -> IntentView:
        """Give it up; an authorization is voided."""
        answer = await self.app.intents.cancel(
            path_id("int", intent_id, "intent"),
            merchant_id=call.merchant_id,
            reason=body.reason,
            asked=call.asked("intents.cancel"),
            origin=call.origin,
        )
        return self._view(answer, call)

    def _view(self, answer: Answer[IntentRow], call: Call) -> IntentView:
        call.tell(replayed=answer.replayed)
        return IntentView.of(answer, self.app.intents, call.principal)


def add_intent_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/intents`."""
    handlers = IntentRoutes(app, BankLooks())
    one = f"{PATH}/{{intent_id}}"
    routes.post(PATH, handlers.create_intent, Permission.PAY)
    routes.get(PATH, handlers.list_intents, Permission.READ)
    routes.get(one, handlers.get_intent, Permission.READ, payers=True)
    routes.post(f"{one}/confirm", handlers.confirm_intent, Permission.PAY, status=200, payers=True)
    routes.post(f"{one}/cancel", handlers.cancel_intent, Permission.PAY, status=200)


def text_of(body: Any) -> dict[str, Any]:
    """The free text of a body, which is kept sealed."""
    said = body.model_dump(include={"customer", "description", "metadata"}, exclude_none=True)
    return {name: value for name, value in said.items() if value}
