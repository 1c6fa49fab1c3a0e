"""What the bank writes down about an order once it is decided. Pure: no clock, no chance."""

from datetime import datetime, timedelta

from tallystick.sandbox.model import Bank, Operation, Order, Pace, Status
from tallystick.sandbox.pacing import draw
from tallystick.sandbox.rules import fee_minor


def decided(
    bank: Bank,
    pace: Pace,
    order: Order,
    code: str | None,
    *,
    at: datetime,
    held: Operation | None = None,
    pending: bool = False,
) -> Operation:
    """The row of an order that is declined with `code`, or approved without one.

    `held` is the authorization it is about, unless it is one; `pending` decides a moment later.
    """
    return Operation(
        reference=order.reference,
        kind=order.kind,
        authorization_reference=order.authorization_reference,
        amount_minor=order.amount_minor,
        currency=order.currency if held is None else held.currency,
        token=order.token,
        merchant=order.merchant,
        capture=order.capture,
        final=order.final,
        id=f"{bank.id_prefix}_{draw(pace, bank, order.reference, 'id').hex()}",
        decision=Status.DECLINED if code else Status.APPROVED,
        code=code,
        fee_minor=0 if code else fee_minor(bank, order),
        created_at=at,
        decided_at=at + timedelta(milliseconds=pace.pending_ms * pending),
    )
