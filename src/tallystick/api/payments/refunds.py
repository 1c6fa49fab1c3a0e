"""`/api/v1/refunds`: captured money on its way back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from fastapi import Body as BodyField
from fastapi import Query
from pydantic import Field

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.failure_messages import FailureMessage, failure_message
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    Description,
    MerchantView,
    Metadata,
    PaymentId,
    RefundReason,
    View,
    example,
    one_of,
)
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.intents import text_of
from tallystick.api.payments.payment_lists import AnyNarrowing
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import Answer, RefundRow
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/refunds"
_CURSORS: Final = Cursors("refunds")

RefundStatus = Literal["pending", "succeeded", "failed", "cancelled"]


class CreateRefund(Body):
    """What to give back: all that is left, or a part."""

    model_config = example(
        {"payment_id": f"pay_{EXAMPLE_SUFFIX}", "amount": 250, "reason": "duplicate"}
    )

    payment_id: PaymentId
    amount: Amount | None = None
    reason: RefundReason = "requested_by_customer"
    description: Description | None = None
    metadata: Metadata | None = None


class CancelRefund(Body):
    """Nothing more is to be said."""

    model_config = example({})


class RefundView(View):
    """A refund. It is `pending` until the provider has answered."""

    id: Annotated[str, Field(examples=[f"ref_{EXAMPLE_SUFFIX}"])]
    payment_id: Annotated[str, Field(examples=[f"pay_{EXAMPLE_SUFFIX}"])]
    merchant: MerchantView
    status: Annotated[str, one_of(*get_args(RefundStatus))]
    amount: int
    fee_returned: Annotated[int, Field(description="Of it, fee and tax that the platform gives.")]
    advanced: Annotated[int, Field(description="Of it, what the merchant has not got.")]
    currency: str
    reason: str
    route: str
    failure_code: Annotated[
        str | None,
        Field(description="Beside `succeeded`: it was called off, and the bank paid it on top."),
    ]
    failure_message: FailureMessage
    description: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, answer: Answer[RefundRow]) -> "RefundView":
        """From the room's answer."""
        row, text = answer.row, answer.text
        return cls(
            id=typeid("ref", row.id),
            payment_id=typeid("pay", row.payment_id),
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            status=row.status,
            amount=row.amount_minor,
            fee_returned=row.fee_minor + row.tax_minor,
            advanced=row.advance_minor,
            currency=row.currency,
            reason=row.reason,
            route=row.route,
            failure_code=row.failure_code,
            failure_message=failure_message(row.failure_code),
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class RefundPage(View):
    """Refunds, latest first. A page may be short, or empty, while a cursor goes on."""

    data: list[RefundView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RefundRoutes:
    """The handlers of refunds."""

    app: App

    async def create_refund(self, body: CreateRefund, call: MoneyCall) -> RefundView:
        """Give captured money back, by the route it came."""
        answer = await self.app.refunds.create(
            path_id("pay", body.payment_id, "payment"),
            merchant_id=call.merchant_id,
            amount_minor=body.amount,
            reason=body.reason,
            text=text_of(body),
            asked=call.asked("refunds.create"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def cancel_refund(
        self, refund_id: str, call: MoneyCall, body: CancelRefund = BodyField(CancelRefund())
    ) -> RefundView:
        """Call off a refund that its bank does not have: its money is the merchant's again.

        The bank is asked first. What it has paid or refused is recorded, and the answer is 409
        `refund_not_cancellable`; while it does not answer or has it in hand, or an order may still
        be on its way, 409 `refund_in_doubt`.
        """
        del body  # declared so that whatever is sent is read strictly
        answer = await self.app.refunds.cancel(
            path_id("ref", refund_id, "refund"),
            merchant_id=call.merchant_id,
            asked=call.asked("refunds.cancel"),
            origin=call.origin,
        )
        return _view(answer, call)

    async def get_refund(self, refund_id: str, call: AnyCall) -> RefundView:
        """A refund as it stands."""
        found = path_id("ref", refund_id, "refund")
        return _view(await self.app.refunds.get(found, merchant_id=call.merchant_id), call)

    async def list_refunds(
        self,
        call: AnyCall,
        narrowing: AnyNarrowing,
        *,
        status: Annotated[RefundStatus | None, Query()] = None,
        payment_id: Annotated[PaymentId | None, Query(description="Of this payment.")] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> RefundPage:
        """The caller's refunds, latest first, a page at a time."""
        page = await self.app.refunds.list_page(
            await narrowing.whose(self.app.merchants, call),
            status=status,
            only=narrowing.filters_with(
                payment_id=parse_typeid("pay", payment_id) if payment_id else None
            ),
            cursor=_CURSORS.place(cursor),
            limit=limit,
        )
        answers = [await self.app.refunds.show(row) for row in page.rows]
        return RefundPage(
            data=[RefundView.of(answer) for answer in answers],
            next_cursor=_CURSORS.next(page.next_cursor),
        )


def add_refund_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/refunds`."""
    handlers = RefundRoutes(app)
    routes.post(PATH, handlers.create_refund, Permission.PAY)
    routes.get(PATH, handlers.list_refunds, Permission.READ)
    one = f"{PATH}/{{refund_id}}"
    routes.get(one, handlers.get_refund, Permission.READ)
    routes.post(f"{one}/cancel", handlers.cancel_refund, Permission.PAY, status=200)


def _view(answer: Answer[RefundRow], call: Call) -> RefundView:
    call.tell(replayed=answer.replayed)
    return RefundView.of(answer)
