"""`/api/v1/payments/{id}/late-failure`: a bank takes back its word that money came."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tallystick.api.calls import MoneyCall
from tallystick.api.fields import Body, example
from tallystick.api.ids import path_id
from tallystick.api.payments.payments import PATH, PaymentView
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission


class RecordLateFailure(Body):
    """What the bank says."""

    model_config = example({"code": "recalled"})

    code: Annotated[
        Literal["recalled", "rejected_late", "returned_unpaid"],
        Field(description="The failure code that the payment will have."),
    ]


@dataclass(frozen=True, slots=True)
class LateFailureRoutes:
    """The handler of late failures."""

    app: App

    async def record_late_failure(
        self, payment_id: str, body: RecordLateFailure, call: MoneyCall
    ) -> PaymentView:
        """The captured money never came: what was posted is undone. Operators only.

        What the merchant has not got any more is taken from suspense.
        """
        answer = await self.app.payments.late_failures.record(
            path_id("pay", payment_id, "payment"),
            body.code,
            asked=call.asked("payments.late_failure"),
            origin=call.origin,
        )
        call.tell(replayed=answer.replayed)
        return PaymentView.of(answer)


def add_late_failure_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/payments/{id}/late-failure`."""
    handlers = LateFailureRoutes(app)
    path = f"{PATH}/{{payment_id}}/late-failure"
    routes.post(path, handlers.record_late_failure, Permission.OPERATE, status=200)
