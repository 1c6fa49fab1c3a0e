"""A bank's rules, pure: how one authorization stands, and what may still be done with it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from tallystick.sandbox.model import Bank, Kind, Operation, Order, Status

BASIS_POINTS = 10_000


class Standing(Struct, kw_only=True):
    """How one authorization stands. `held` figures count what is still pending as if approved."""

    authorization: Operation | None = None
    status: Status | None = None
    authorized_minor: int = 0
    captured_minor: int = 0
    captured_held_minor: int = 0
    refunded_minor: int = 0
    refunded_held_minor: int = 0
    disputed_minor: int = 0  # what cardholders dispute, or have back; the desk for disputes knows
    closed: bool = False  # a final capture was made
    voided: bool = False


def fold(operations: Iterable[Operation], now: datetime) -> Standing:
    """The standing of one authorization from all its operations, in any order."""
    standing = Standing()
    for operation in operations:
        if operation.kind is Kind.AUTHORIZATION:
            standing.authorization = operation
            standing.status = operation.status_at(now)
        if operation.decision is Status.APPROVED:
            _count(standing, operation, decided=operation.decided_at <= now)
    return standing


def standings(operations: Iterable[Operation], now: datetime) -> dict[str, Standing]:
    """Every authorization's standing, by its reference: what another book is compared with."""
    grouped: dict[str, list[Operation]] = {}
    for operation in operations:
        grouped.setdefault(operation.authorization_reference, []).append(operation)
    return {reference: fold(group, now) for reference, group in grouped.items()}


def _count(standing: Standing, operation: Operation, *, decided: bool) -> None:
    amount, now_minor = operation.amount_minor, operation.amount_minor if decided else 0
    match operation.kind:
        case Kind.AUTHORIZATION:
            standing.authorized_minor += now_minor
        case Kind.REFUND:
            standing.refunded_held_minor += amount
            standing.refunded_minor += now_minor
        case Kind.VOID:
            standing.voided = True
    if operation.kind is Kind.CAPTURE or operation.capture:
        standing.captured_held_minor += amount
        standing.captured_minor += now_minor
        standing.closed |= operation.final


def judge(bank: Bank, order: Order, standing: Standing) -> str | None:
    """The bank's own rules: the code of the refusal, or None when nothing speaks against it."""
    match order.kind:
        case Kind.AUTHORIZATION:
            return _judge_authorization(bank, order)
        case Kind.REFUND:
            return _judge_refund(order, standing)
        case Kind.CAPTURE:
            return _judge_held(standing) or _judge_capture(order, standing)
        case Kind.VOID:
            return _judge_held(standing) or _judge_void(standing)


def _judge_authorization(bank: Bank, order: Order) -> str | None:
    limit = bank.limits_minor.get(order.currency)
    if limit is None:
        return "currency_not_supported"
    return "amount_over_bank_limit" if order.amount_minor > limit else None


def _judge_held(standing: Standing) -> str | None:
    if standing.status is Status.PENDING:
        return "authorization_pending"
    if standing.status is Status.DECLINED:
        return "authorization_declined"
    return "authorization_voided" if standing.voided else None


def _judge_capture(order: Order, standing: Standing) -> str | None:
    if standing.closed:
        return "authorization_closed"
    total = standing.captured_held_minor + order.amount_minor
    return "capture_exceeds_authorization" if total > standing.authorized_minor else None


def _judge_void(standing: Standing) -> str | None:
    """A void lets go of what no capture has taken; where nothing is left, there is no void."""
    all_taken = standing.captured_held_minor >= standing.authorized_minor
    return "already_captured" if standing.closed or all_taken else None


def _judge_refund(order: Order, standing: Standing) -> str | None:
    total = standing.refunded_held_minor + standing.disputed_minor + order.amount_minor
    return "refund_exceeds_capture" if total > standing.captured_minor else None


def fee_minor(bank: Bank, order: Order) -> int:
    """What the bank charges for taking the money: half of a minor unit is rounded up."""
    if order.kind is not Kind.CAPTURE and not order.capture:
        return 0
    return (order.amount_minor * bank.fee_bp + BASIS_POINTS // 2) // BASIS_POINTS
