"""How a wish differs from the one its key stood for: read off the rows the first one left. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tallystick.books.model import Order
from tallystick.journal import JournalError
from tallystick.ledger import Expire, Post, Reserve, Settle, TransferRow, Void

_KINDS: Final[Mapping[type[Struct], str]] = {
    Post: "post",
    Reserve: "reserve",
    Settle: "settle",
    Void: "void",
    Expire: "expire",
}


class Differs(JournalError):
    """The key stood for another wish. `fields` are those that differ, as far as is known.

    None is known when the first wish was refused, or asked for all there was without saying how
    much: what is kept is what happened.
    """

    code = "idempotency_key_reused"

    def __init__(self, fields: tuple[str, ...] = ()) -> None:
        said = f"other fields: {', '.join(fields)}" if fields else "another request body"
        super().__init__(f"this idempotency key was used before with {said}")
        self.fields = fields


def differences(
    order: Order, rows: Sequence[TransferRow], told: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """The fields in which `order` is not what left these rows.

    `told` is the data of their fact, None when the fact tells of other orders too.
    """
    row = rows[0]
    if row.kind != _KINDS[type(order)]:
        yield "kind"
        return
    now = _wish(order)
    then = _wish_behind(order, rows, told)
    yield from (name for name in now if now[name] != then.get(name, now[name]))


def _wish(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__}


def _wish_behind(
    order: Order, rows: Sequence[TransferRow], told: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the rows say of the first wish; a field that they do not tell is missing."""
    row = rows[0]
    then: dict[str, Any] = {
        "debit": row.debit,
        "credit": row.credit,
        "currency": row.currency,
        "code": row.code,
        "reservation_id": row.reservation_id,
        "effective_at": row.effective_at,
        "expires_at": row.expires_at,
    }
    if isinstance(order, Settle):
        if len(rows) > 1:  # the rest was given back
            then["final"] = True
        if order.amount_minor is not None:
            then["amount_minor"] = row.amount
    elif isinstance(order, Post | Reserve):
        then |= _amount_behind(order, row, told)
    return then


def _amount_behind(
    order: Post | Reserve, row: TransferRow, told: Mapping[str, Any] | None
) -> dict[str, Any]:
    if told is None:
        return {} if order.up_to else {"amount_minor": row.amount}
    if "at_most_minor" in told:
        return {"amount_minor": told["at_most_minor"], "up_to": True}
    return {"amount_minor": row.amount, "up_to": False}
