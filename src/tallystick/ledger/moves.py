"""The rulings on transfers: what each order asks of two accounts, and what it leaves. Pure."""

from collections.abc import Callable
from typing import Any, Final

from tallystick.ledger.hearing import Hearing
from tallystick.ledger.model import (
    AMOUNT_MINOR_MAX,
    Account,
    Expire,
    Frozen,
    Kind,
    Post,
    Refusal,
    Reservation,
    Reserve,
    Settle,
    Side,
    Void,
)
from tallystick.platform.ids import typeid

COUNTER_MAX: Final = 2**63 - 1


def _post(hearing: Hearing, order: Post) -> None:
    effective_at = order.effective_at
    if effective_at is not None and effective_at > hearing.at:
        raise Refusal("not_back_dated", "a transfer may take effect earlier, never later")
    debit, credit = _both_sides(hearing, order)
    amount = order.amount_minor
    if order.up_to:
        amount = _what_is_there(debit, credit, amount)
    debit.debits_posted += amount
    credit.credits_posted += amount
    _stay_within_limits(debit, credit)
    hearing.write_row(Kind.POST, order.code, amount, debit, credit, effective_at=effective_at)


def _reserve(hearing: Hearing, order: Reserve) -> None:
    if order.expires_at is not None and order.expires_at <= hearing.at:
        raise Refusal("reservation_expired", "the reservation would be born expired")
    debit, credit = _both_sides(hearing, order)
    amount = order.amount_minor
    if order.up_to:
        amount = _what_is_there(debit, credit, amount)
    debit.debits_pending += amount
    credit.credits_pending += amount
    _stay_within_limits(debit, credit)
    reservation_id = hearing.make_reservation(order, amount)
    hearing.write_row(
        Kind.RESERVE,
        order.code,
        amount,
        debit,
        credit,
        reservation_id=reservation_id,
        expires_at=order.expires_at,
    )


def _settle(hearing: Hearing, order: Settle) -> None:
    reservation = hearing.reservation(order.reservation_id)
    if reservation.expires_at is not None and reservation.expires_at <= hearing.at:
        # Refused by the clock, even before the expiry itself has been recorded.
        raise Refusal(
            "reservation_expired", f"reservation {typeid('res', reservation.id)} has expired"
        )
    amount = reservation.remaining if order.amount_minor is None else order.amount_minor
    _require_amount(amount)
    if amount > reservation.remaining:
        raise Refusal(
            "reservation_exceeded",
            f"{amount} is more than the {reservation.remaining} that remain reserved",
        )
    debit, credit = hearing.account(reservation.debit), hearing.account(reservation.credit)
    if Frozen.ALL in (debit.frozen, credit.frozen):
        raise Refusal("account_frozen", f"account {_the_frozen(debit, credit).code} is frozen")
    _release(reservation, debit, credit, amount)
    debit.debits_posted += amount
    credit.credits_posted += amount
    _stay_within_limits(debit, credit)
    if reservation.remaining == 0:
        reservation.state = "settled"
    hearing.write_row(Kind.SETTLE, order.code, amount, debit, credit, reservation_id=reservation.id)
    if order.final and reservation.remaining:
        _give_back(hearing, reservation, Kind.VOID, order.code, "settled")


def _void(hearing: Hearing, order: Void) -> None:
    reservation = hearing.reservation(order.reservation_id)
    _give_back(hearing, reservation, Kind.VOID, order.code, "voided")


def _expire(hearing: Hearing, order: Expire) -> None:
    reservation = hearing.reservation(order.reservation_id)
    if reservation.expires_at is None or reservation.expires_at > hearing.at:
        standing = f"reservation {typeid('res', reservation.id)} still stands"
        raise Refusal("reservation_not_expired", standing)
    _give_back(hearing, reservation, Kind.EXPIRE, order.code, "expired")


def _give_back(
    hearing: Hearing, reservation: Reservation, kind: Kind, code: str, state: str
) -> None:
    debit, credit = hearing.account(reservation.debit), hearing.account(reservation.credit)
    amount = reservation.remaining
    _release(reservation, debit, credit, amount)
    reservation.state = state
    hearing.write_row(kind, code, amount, debit, credit, reservation_id=reservation.id)


def _release(reservation: Reservation, debit: Account, credit: Account, amount: int) -> None:
    reservation.remaining -= amount
    debit.debits_pending -= amount
    credit.credits_pending -= amount


def _both_sides(hearing: Hearing, order: Post | Reserve) -> tuple[Account, Account]:
    """The two accounts of a new move, once amount, currency and freezes allow it."""
    _require_amount(order.amount_minor)
    if order.debit == order.credit:
        raise Refusal("same_account", "a transfer needs two different accounts")
    debit, credit = hearing.account(order.debit), hearing.account(order.credit)
    if debit.currency != order.currency or credit.currency != order.currency:
        raise Refusal(
            "currency_mismatch",
            f"{order.currency} cannot move between {debit.code} ({debit.currency}) "
            f"and {credit.code} ({credit.currency})",
        )
    if debit.frozen != Frozen.NO or credit.frozen != Frozen.NO:
        _require_thawed(debit, leaves=debit.normal_side == Side.CREDIT)
        _require_thawed(credit, leaves=credit.normal_side == Side.DEBIT)
    return debit, credit


def _what_is_there(debit: Account, credit: Account, at_most: int) -> int:
    """The amount of a balancing move: what every account that the money leaves can cover."""
    there = at_most
    if debit.normal_side == Side.CREDIT:
        there = min(there, debit.available_minor)
    if credit.normal_side == Side.DEBIT:
        there = min(there, credit.available_minor)
    if there <= 0:
        raise Refusal("nothing_to_move", f"nothing is there to move to {credit.code}")
    return there


def _require_amount(amount: int) -> None:
    if not 0 < amount <= AMOUNT_MINOR_MAX:
        raise Refusal("invalid_amount", f"an amount is 1 to {AMOUNT_MINOR_MAX} minor units")


def _require_thawed(account: Account, *, leaves: bool) -> None:
    if account.frozen == Frozen.ALL or (leaves and account.frozen == Frozen.OUTFLOW):
        raise Refusal("account_frozen", f"account {account.code} is frozen")


def _the_frozen(debit: Account, credit: Account) -> Account:
    return debit if debit.frozen == Frozen.ALL else credit


def _stay_within_limits(debit: Account, credit: Account) -> None:
    for account in (debit, credit):
        limit = account.overdraft_limit
        if limit is not None and account.available_minor < -limit:
            raise Refusal("insufficient_funds", f"account {account.code} cannot cover this")
    if debit.debits_posted > COUNTER_MAX or credit.credits_posted > COUNTER_MAX:
        raise Refusal("balance_overflow", "the account's turnover exceeds 64 bits")
    if debit.debits_pending > COUNTER_MAX or credit.credits_pending > COUNTER_MAX:
        raise Refusal("balance_overflow", "the account's promises exceed 64 bits")


RULINGS: Final[dict[type, Callable[[Hearing, Any], None]]] = {
    Post: _post,
    Reserve: _reserve,
    Settle: _settle,
    Void: _void,
    Expire: _expire,
}
