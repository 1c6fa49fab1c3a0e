"""What an operation says to the rails."""

from tallystick.payments.model import CaptureMethod, Operation, PaymentRow, Verb
from tallystick.payments.steps import Case
from tallystick.platform.ids import typeid
from tallystick.rails import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    Rails,
    RefundOrder,
    Unanswered,
    VoidOrder,
)

_UNKNOWN_ROUTE = Unanswered("route_not_configured")  # a route that was taken out of the settings


async def ask(
    rails: Rails,
    case: Case,
    operation: Operation,
    *,
    asked_before: bool = False,
    return_url: str | None = None,
) -> Outcome:
    """Put the operation to its provider; `asked_before` when it may have been put already.

    `return_url` is where a payer goes whom his bank wants to ask first.
    """
    try:
        match operation.verb:
            case Verb.AUTHORIZE:
                order = _authorize_order(case, operation, asked_before, return_url)
                return await rails.authorize(order)
            case Verb.CAPTURE:
                return await rails.capture(_capture_order(case, operation, asked_before))
            case Verb.VOID:
                return await rails.void(_void_order(case, operation, asked_before))
            case Verb.REFUND:
                return await rails.refund(_refund_order(case, operation, asked_before))
    except LookupError:
        return _UNKNOWN_ROUTE


async def find(rails: Rails, case: Case, operation: Operation) -> Outcome:
    """What became of the operation, by our reference."""
    route = case.refund.route if case.refund else _route(case.the_payment())
    try:
        return await rails.find(route, operation.reference)
    except LookupError:
        return _UNKNOWN_ROUTE


def _authorize_order(
    case: Case, operation: Operation, asked_before: bool, return_url: str | None
) -> AuthorizeOrder:
    row = case.the_payment()
    return AuthorizeOrder(
        route=_route(row),
        reference=operation.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        token=row.payment_method,
        capture=row.capture_method == CaptureMethod.AUTOMATIC,
        merchant=typeid("mer", row.merchant_id),
        # An intent can wait for its payer, if he is there at all.
        challenge=row.intent_id is not None and not row.off_session,
        return_url=return_url,
        asked_before=asked_before,
    )


def _capture_order(case: Case, operation: Operation, asked_before: bool) -> CaptureOrder:
    row = case.the_payment()
    return CaptureOrder(
        route=_route(row),
        reference=operation.reference,
        authorization_reference=_authorization(row),
        amount_minor=operation.amount_minor,
        currency=row.currency,
        final=operation.final,
        asked_before=asked_before,
    )


def _void_order(case: Case, operation: Operation, asked_before: bool) -> VoidOrder:
    row = case.the_payment()
    return VoidOrder(
        route=_route(row),
        reference=operation.reference,
        authorization_reference=_authorization(row),
        asked_before=asked_before,
    )


def _refund_order(case: Case, operation: Operation, asked_before: bool) -> RefundOrder:
    refund = case.the_refund()
    return RefundOrder(
        route=refund.route,
        reference=operation.reference,
        authorization_reference=_authorization(case.the_payment()),
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        asked_before=asked_before,
    )


def _route(row: PaymentRow) -> str:
    if row.route is None:
        raise LookupError(f"payment {row.id} was never sent to a route")
    return row.route


def _authorization(row: PaymentRow) -> str:
    """The reference of the attempt that was approved: always the last one."""
    return row.tried[-1].reference
