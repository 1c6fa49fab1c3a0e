"""Calling off a refund that no bank has, and looking at it again afterwards."""

from dataclasses import dataclass
from uuid import UUID

from tallystick.journal import Asked, Origin
from tallystick.payments.called_off import (
    after_called_off,
    called_off_operation,
    decide_calling_off,
    require_cancellable,
    require_never_arrived,
)
from tallystick.payments.model import Answer, RefundRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.orders import find
from tallystick.payments.requests import Request
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.rails import Approved, Declined


@dataclass(frozen=True)
class Cancellations:
    """The verb of refunds called off, and their watch."""

    operations: Operations

    async def cancel(
        self, refund_id: UUID, merchant_id: UUID | None, asked: Asked | None, origin: Origin
    ) -> Answer[RefundRow]:
        """As `Refunds.cancel`."""

        async def load() -> Case:
            return await self.operations.load(RefundRow, refund_id, merchant_id)

        def decide(case: Case, _wish: object, moment: Moment) -> Steps:
            return decide_calling_off(case, moment)

        request = Request(
            self.operations,
            RefundRow,
            refund_id,
            load,
            decide,
            asked,
            origin,
            prepare=self._without_its_bank,
        )
        return await request.answer()

    async def look(self, case: Case) -> None:
        """Whether the bank of a cancelled refund still does not have it. Raises Conflict."""
        operations = self.operations
        operation = called_off_operation(case.the_refund())
        outcome = await find(operations.rails, case, operation)
        if isinstance(outcome, Approved):
            await operations.learn(case, operation, outcome, NOBODY)
            return
        moment = operations.moment(case.the_payment().id)
        await operations.record(case, after_called_off(case, outcome, moment), moment, NOBODY)

    async def _without_its_bank(self, case: Case, origin: Origin) -> Case:
        """The case, once its bank has said that it does not have the refund.

        An end that it tells instead is recorded. Raises NotPossible (refund_not_cancellable,
        refund_in_doubt).
        """
        refund = case.the_refund()
        require_cancellable(refund)
        operation = refund.the_operation()
        outcome = await find(self.operations.rails, case, operation)
        if isinstance(outcome, Approved) or (
            isinstance(outcome, Declined) and not outcome.retryable
        ):
            case = await self.operations.learn(case, operation, outcome, origin)
            require_cancellable(case.the_refund())
        moment = self.operations.moment(case.the_payment().id)
        require_never_arrived(operation, outcome, moment)
        return case
