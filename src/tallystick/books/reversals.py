"""Reversals: a transfer is never taken back; another one moves its money back and says so. Pure."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from tallystick.books.model import (
    KINDS,
    OWN_KINDS,
    AlreadyReversed,
    NotReversible,
    Reversed,
    moved_by,
)
from tallystick.journal import Fact, Told
from tallystick.ledger import Post, TransferRow
from tallystick.platform.ids import typeid


def opposite_of(row: TransferRow, code: str) -> Post:
    """The post that moves the row's money back. Raises NotReversible when it moved none."""
    if row.kind not in ("post", "settle"):
        raise NotReversible(f"a {row.kind} moves no money: there is nothing to reverse")
    return Post(row.credit, row.debit, row.amount, row.currency, code)


def require_reversible(row: TransferRow, facts: Iterable[Told]) -> None:
    """Raises NotReversible, AlreadyReversed. `facts` are those of the row's change."""
    own = False
    for fact in facts:
        own = own or fact.kind in OWN_KINDS
        if reversal := _reversal_in(fact, row.id):
            raise AlreadyReversed(f"change {typeid('chg', reversal)} reversed it before")
    if not own:
        # A capture, a wallet's transfer: its own room must know that it is undone.
        raise NotReversible("this transfer is part of another object: undo it there")


def reversal_of(row: TransferRow, facts: Iterable[Told]) -> UUID | None:
    """The change that reversed this transfer, if any did."""
    return next((found for fact in facts if (found := _reversal_in(fact, row.id))), None)


def told_by(
    row: TransferRow, order: Post, facts: Sequence[Told], reversal_id: UUID
) -> tuple[Fact, Fact]:
    """What a reversal tells: of itself, and as the next fact of the change it reverses."""
    posted = Fact(reversal_id, 1, KINDS[Post], moved_by(order))
    ended = Reversed(row.id, reversal_id)
    return posted, Fact(row.change_id, len(facts) + 1, "transfer.reversed", ended)


def _reversal_in(fact: Told, transfer_id: UUID) -> UUID | None:
    if fact.kind != "transfer.reversed" or UUID(fact.data["reversed_id"]) != transfer_id:
        return None
    return UUID(fact.data["reversal_id"])
