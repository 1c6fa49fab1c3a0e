"""SQL of transfers in bulk: thousands between the same two accounts, written by one statement.

The judge has nothing to decide here: two open accounts without limit, of one currency, and amounts
above zero. Whatever is not so is refused as a whole.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.ledger.model import Account, Frozen, Side
from tallystick.ledger.store import lock_accounts
from tallystick.platform.postgres.pools import Connection

_INSERT: Final = """
INSERT INTO ledger_transfers
       (id, lane, batch, debit, credit, amount, currency, code, kind,
        debit_balance, debit_version, credit_balance, credit_version)
SELECT id, $1, $2, $3, $4, amount, $5, $6, 'post',
       $7::bigint + $8::bigint * sum(amount) OVER upto, $9::bigint + ordinal,
       $10::bigint + $11::bigint * sum(amount) OVER upto, $12::bigint + ordinal
  FROM ({loaded}) AS loaded(id, ordinal, amount)
WINDOW upto AS (ORDER BY ordinal ROWS UNBOUNDED PRECEDING)
"""
_SUM: Final = "SELECT count(*), sum(amount)::bigint FROM ({loaded}) AS loaded(id, ordinal, amount)"
_MOVE: Final = """
UPDATE ledger_accounts
   SET debits_posted = debits_posted + $2, credits_posted = credits_posted + $3,
       version = version + $4, last_at = $5
 WHERE id = $1
"""


class NotPostable(Exception):
    """The accounts cannot take transfers in bulk: missing, closed, frozen, limited, mixed."""


class BulkPosting(Struct, frozen=True):
    """What all transfers of a load share."""

    debit: UUID
    credit: UUID
    currency: str
    code: str


class Pair(Struct, frozen=True):
    """The two accounts as they stand under their locks."""

    debit: Account
    credit: Account

    @property
    def last_at(self) -> datetime:
        return max(self.debit.last_at, self.credit.last_at)


async def lock_pair(connection: Connection, posting: BulkPosting) -> Pair:
    """Lock both accounts in the order of their ids. Raises NotPostable."""
    accounts, _ = await lock_accounts(connection, [posting.debit, posting.credit])
    for account_id in (posting.debit, posting.credit):
        account = accounts.get(account_id)
        if account is None or account.closed_at or account.frozen != Frozen.NO:
            raise NotPostable(f"account {account_id} is missing, closed or frozen")
        if account.currency != posting.currency or account.overdraft_limit is not None:
            raise NotPostable(f"account {account.code} has another currency, or a limit")
    return Pair(accounts[posting.debit], accounts[posting.credit])


async def post_loaded(
    connection: Connection,
    posting: BulkPosting,
    pair: Pair,
    place: tuple[int, int, datetime],
    /,
    *,
    loaded: str,
) -> int:
    """Post what the query `loaded` yields: (id, ordinal from 1, amount in minor units).

    `place` is lane, batch and instant. Answers how many.
    """
    lane, batch, at = place
    row = await connection.fetchrow(_SUM.format(loaded=loaded))
    count, amount = (row[0], row[1] or 0) if row else (0, 0)
    if not count:
        return 0
    debit, credit = pair.debit, pair.credit
    await connection.execute(
        _INSERT.format(loaded=loaded),
        *(lane, batch, debit.id, credit.id, posting.currency, posting.code),
        *(debit.posted_minor, _sign(debit, Side.DEBIT), debit.version),
        *(credit.posted_minor, _sign(credit, Side.CREDIT), credit.version),
    )
    for account, debits, credits_ in sorted(
        ((debit, amount, 0), (credit, 0, amount)), key=lambda moved: moved[0].id
    ):
        await connection.execute(_MOVE, account.id, debits, credits_, count, at)
    return int(count)


def _sign(account: Account, side: Side) -> int:
    return 1 if account.normal_side == side else -1
