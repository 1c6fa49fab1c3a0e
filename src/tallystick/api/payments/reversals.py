"""`/api/v1/payments/{id}/reverse`: a payment undone, whichever way its state leaves open."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Body as BodyField
from pydantic import Field

from tallystick.api.calls import MoneyCall
from tallystick.api.fields import Body, RefundReason, View, example, one_of
from tallystick.api.ids import path_id
from tallystick.api.payments.payments import PATH, PaymentView
from tallystick.api.payments.refunds import RefundView
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission


class ReversePayment(Body):
    """Why it is undone."""

    model_config = example({"reason": "duplicate"})

    reason: RefundReason = "requested_by_customer"


class ReversalView(View):
    """What came of it: the payment as it was voided, or the refund."""

    way: Annotated[str, one_of("void", "refund")]
    payment: Annotated[PaymentView | None, Field(description="After a void.")]
    refund: Annotated[RefundView | None, Field(description="What was captured, on its way back.")]


@dataclass(frozen=True, slots=True)
class ReversalRoutes:
    """The handler of reversals."""

    app: App

    async def reverse_payment(
        self, payment_id: str, call: MoneyCall, body: ReversePayment = BodyField(ReversePayment())
    ) -> ReversalView:
        """Undo a payment: void it while it is only promised, else refund all that was captured.

        What an authorization still holds beside its captures is let go as well.
        """
        undone = await self.app.payments.reversals.reverse(
            path_id("pay", payment_id, "payment"),
            merchant_id=call.merchant_id,
            reason=body.reason,
            asked=call.asked("payments.reverse"),
            origin=call.origin,
        )
        answer = undone.payment or undone.refund
        call.tell(replayed=answer is not None and answer.replayed)
        return ReversalView(
            way=undone.way,
            payment=PaymentView.of(undone.payment) if undone.payment else None,
            refund=RefundView.of(undone.refund) if undone.refund else None,
        )


def add_reversal_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/payments/{id}/reverse`."""
    handlers = ReversalRoutes(app)
    routes.post(
        f"{PATH}/{{payment_id}}/reverse", handlers.reverse_payment, Permission.PAY, status=200
    )
