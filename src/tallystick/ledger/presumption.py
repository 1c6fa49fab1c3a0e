"""What a batch will have done to its accounts when all of it is accepted, as nearly every batch is.

Pure. The presumption lets one statement lock the accounts, move them and tell how they stood. The
judge hears the batch all the same, on the balances before it; when he disagrees in anything, the
whole batch is rolled back and heard again on accounts that were only locked.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import Struct

from tallystick.ledger.model import AMOUNT_MINOR_MAX, Account, Post, Reserve, Transfer


class Misjudged(Exception):
    """The presumption was wrong: nothing may be kept of what was built on it."""


class Movement(Struct, gc=False):
    """What a batch adds to one account; fields as the account's own."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    version: int = 0

    def taken_from(self, account: Account) -> None:
        """Turn the account as it stands after the batch into what it was before."""
        account.debits_pending -= self.debits_pending
        account.debits_posted -= self.debits_posted
        account.credits_pending -= self.credits_pending
        account.credits_posted -= self.credits_posted
        account.version -= self.version


class Presumption(Struct, frozen=True):
    """The movement of every account touched: by id, and as sorted columns for one statement."""

    movements: dict[UUID, Movement]
    columns: tuple[list[Any], ...]  # id, then as the fields of Movement


def presume(transfers: Iterable[Transfer]) -> Presumption | None:
    """What the transfers would do if all were accepted; None when only a judge can say."""
    movements = _movements(transfers)
    if not movements:
        return None
    ids = sorted(movements)
    rows = [movements[account_id] for account_id in ids]
    columns = (
        ids,
        [m.debits_pending for m in rows],
        [m.debits_posted for m in rows],
        [m.credits_pending for m in rows],
        [m.credits_posted for m in rows],
        [m.version for m in rows],
    )
    return Presumption(movements, columns)


def _movements(transfers: Iterable[Transfer]) -> dict[UUID, Movement] | None:
    movements: dict[UUID, Movement] = {}
    for order in transfers:
        if not isinstance(order, (Post, Reserve)) or order.up_to or not _is_plain(order):
            return None
        debit = movements.get(order.debit)
        if debit is None:
            debit = movements[order.debit] = Movement()
        credit = movements.get(order.credit)
        if credit is None:
            credit = movements[order.credit] = Movement()
        debit.version += 1
        credit.version += 1
        if isinstance(order, Post):
            debit.debits_posted += order.amount_minor
            credit.credits_posted += order.amount_minor
        else:
            debit.debits_pending += order.amount_minor
            credit.credits_pending += order.amount_minor
    return movements


def _is_plain(order: Post | Reserve) -> bool:
    return order.debit != order.credit and 0 < order.amount_minor <= AMOUNT_MINOR_MAX
