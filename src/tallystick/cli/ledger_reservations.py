"""`tallystick ledger reserve`, `settle`, `void`: money promised, and what becomes of it."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from tallystick.cli.command import command, id_named, opened
from tallystick.cli.named_account import Name, get_named
from tallystick.cli.terminal import Amount, Output, show_record
from tallystick.cli.wishes import Key, asked_here

Reservation = Annotated[str, typer.Argument(help="The reservation's id (res_...).")]
Code = Annotated[str, typer.Option(help="What it is for.")]


def add_reservation_commands(ledger: typer.Typer) -> None:
    """What promises, and ends promises."""
    example = "tallystick ledger reserve wallet:asha shop:chai 20000 --expires-in 600"
    command(ledger, "reserve", example=example)(reserve)
    example = "tallystick ledger settle res_01kjpy44e0fh0r68j79jejabkn 15000"
    command(ledger, "settle", example=example)(settle)
    command(ledger, "void", example="tallystick ledger void res_01kjpy44e0fh0r68j79jejabkn")(void)


async def reserve(
    debit: Name,
    credit: Name,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    expires_in: Annotated[
        int | None, typer.Option(min=1, help="Seconds after which the promise runs out.")
    ] = None,
    code: Code = "hold",
    key: Key = None,
    output: Output = None,
) -> None:
    """Promise money from one account (debit) to another (credit): it is kept, and has not moved."""
    from tallystick.ledger import Reserve

    async with opened() as app:
        source, target = await get_named(app.ledger, debit), await get_named(app.ledger, credit)
        ends_at = _after(app.clock.now(), expires_in)
        order = Reserve(source.id, target.id, amount, source.currency, code, ends_at)
        words = f"{order.debit} {order.credit} {amount} {source.currency} {code} {expires_in}"
        answer = await app.transfers.reserve(order, asked_here("ledger.reserve", key, words))
    show_record(output, _record(answer))


async def settle(
    reservation: Reservation,
    amount: Annotated[
        int | None, typer.Argument(min=1, help="In minor units; all that remains if left out.")
    ] = None,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the rest reserved instead of giving it back.")
    ] = False,
    code: Code = "settle",
    key: Key = None,
    output: Output = None,
) -> None:
    """Keep a promise: move what was reserved, or a part of it."""
    from tallystick.ledger import Settle

    order = Settle(id_named("res", reservation, "reservation"), code, amount, final=not keep)
    async with opened() as app:
        asked = asked_here("ledger.settle", key, f"{order}")
        answer = await app.transfers.settle(order, asked)
    show_record(output, _record(answer))


async def void(
    reservation: Reservation, *, code: Code = "void", key: Key = None, output: Output = None
) -> None:
    """Give a promise back: the money is free again."""
    from tallystick.ledger import Void

    order = Void(id_named("res", reservation, "reservation"), code)
    async with opened() as app:
        answer = await app.transfers.void(order, asked_here("ledger.void", key, f"{order}"))
    show_record(output, _record(answer))


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _record(answer: Any) -> dict[str, Any]:
    """What happened to the promise: the amount that moved, was promised or was given back."""
    from tallystick.platform.ids import typeid

    row = answer.transfers[0]
    returned = sum(other.amount for other in answer.transfers[1:])
    return {
        "reservation_id": typeid("res", row.reservation_id),
        "change_id": typeid("chg", answer.change_id),
        "kind": row.kind,
        "amount": Amount(row.amount, row.currency),
        "given_back": Amount(returned, row.currency),
        "currency": row.currency,
        "expires_at": row.expires_at,
        "replayed": answer.replayed,
    }
