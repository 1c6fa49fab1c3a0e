"""All SQL of the ledger. Only the journal's lane calls what writes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from asyncpg import NumericValueOutOfRangeError
from msgspec import structs

from tallystick.ledger.model import Account, Reservation, TransferRow
from tallystick.ledger.presumption import Misjudged, Presumption
from tallystick.platform.postgres.appending import AppendedTable
from tallystick.platform.postgres.pools import Connection

# Where a row lies: its page, and its number there.
Place: TypeAlias = tuple[int, int]

ACCOUNT_COLUMNS = ", ".join(Account.__struct_fields__)
# The change's own id is written only where it is not the transfer's, as the first one's is.
TRANSFER_COLUMNS = tuple(
    "part_of" if column == "change_id" else column for column in TransferRow.__struct_fields__
)
TRANSFERS = AppendedTable(
    "ledger_transfers",
    dict.fromkeys(TRANSFER_COLUMNS, "bigint")
    | dict.fromkeys(("id", "part_of", "debit", "credit", "reservation_id"), "uuid")
    | dict.fromkeys(("currency", "code", "kind"), "text")
    | dict.fromkeys(("effective_at", "expires_at"), "timestamptz")
    | {"lane": "smallint"},
)
TRANSFER_FIELDS = ", ".join(TRANSFER_COLUMNS).replace(
    "part_of", "coalesce(part_of, id) AS change_id"
)

# Sorted locks: two batches of different lanes that share accounts queue up, never in a circle.
# PostgreSQL re-reads a row it had to wait for, so these are the rows as they stand under the lock.
LOCK_ACCOUNTS = f"""
SELECT {ACCOUNT_COLUMNS}, ctid FROM ledger_accounts
 WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
"""

# Locks, moves and tells in one pass; a row that would leave its limit is left out, and so is one
# that is missing. The ids come sorted and the nested loop, the only plan a lane allows, keeps their
# order: the same in which `LOCK_ACCOUNTS` locks.
TAKE_ACCOUNTS = f"""
UPDATE ledger_accounts AS a
   SET debits_pending = a.debits_pending + n.debits_pending,
       debits_posted = a.debits_posted + n.debits_posted,
       credits_pending = a.credits_pending + n.credits_pending,
       credits_posted = a.credits_posted + n.credits_posted,
       version = a.version + n.version, last_at = greatest(a.last_at, $7)
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS n(id, debits_pending, debits_posted, credits_pending, credits_posted, version)
 WHERE a.id = n.id
   AND (a.overdraft_limit IS NULL OR -a.overdraft_limit <= CASE a.normal_side
           WHEN 'debit' THEN a.debits_posted - a.credits_posted - a.credits_pending
                             + n.debits_posted - n.credits_posted - n.credits_pending
           ELSE a.credits_posted - a.debits_posted - a.debits_pending
                + n.credits_posted - n.debits_posted - n.debits_pending
       END)
RETURNING {", ".join(f"a.{column}" for column in Account.__struct_fields__)}
"""

LOCK_RESERVATIONS = f"""
SELECT {", ".join(Reservation.__struct_fields__)} FROM ledger_reservations
 WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
"""

# The two accounts of a reservation never change, so they may be read before anything is locked.
RESERVED_BETWEEN = "SELECT debit, credit FROM ledger_reservations WHERE id = ANY($1)"

INSERT_ACCOUNTS = f"""
INSERT INTO ledger_accounts ({ACCOUNT_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                     $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::timestamptz[],
                     $12::bigint[], $13::integer[], $14::timestamptz[])
"""

# Each account once a batch, whatever the number of its transfers. A locked row stays where it is,
# so its place (`ctid`) leads to it without another descent into the index.
MOVE_ACCOUNTS = """
UPDATE ledger_accounts AS a
   SET debits_pending = n.debits_pending, debits_posted = n.debits_posted,
       credits_pending = n.credits_pending, credits_posted = n.credits_posted,
       version = n.version, last_at = $8
  FROM unnest($1::tid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
              $7::bigint[])
    AS n(place, id, debits_pending, debits_posted, credits_pending, credits_posted, version)
 WHERE a.ctid = n.place AND a.id = n.id
"""

# The rare change of an account itself: frozen, limited, closed.
ALTER_ACCOUNTS = """
UPDATE ledger_accounts AS a
   SET overdraft_limit = n.overdraft_limit, frozen = n.frozen, closed_at = n.closed_at,
       revision = n.revision, last_at = $6
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::integer[])
    AS n(id, overdraft_limit, frozen, closed_at, revision)
 WHERE a.id = n.id
"""

INSERT_RESERVATIONS = """
INSERT INTO ledger_reservations (id, debit, credit, amount, remaining, currency, expires_at, state)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[],
                     $7::timestamptz[], $8::text[])
"""

UPDATE_RESERVATIONS = """
UPDATE ledger_reservations AS r SET remaining = n.remaining, state = n.state
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS n(id, remaining, state)
 WHERE r.id = n.id
"""


async def accounts_of_reservations(
    connection: Connection, reservation_ids: Collection[UUID]
) -> set[UUID]:
    """Both accounts of each reservation that exists."""
    rows = await connection.fetch(RESERVED_BETWEEN, list(reservation_ids))
    return {account_id for row in rows for account_id in row}


async def lock_accounts(
    connection: Connection, account_ids: Collection[UUID]
) -> tuple[dict[UUID, Account], dict[UUID, Place]]:
    """Lock the accounts in the order of their ids; missing ones are missing in the answer.

    The second answer is where each row lies.
    """
    rows = await connection.fetch(LOCK_ACCOUNTS, list(account_ids))
    places = {row[0]: row[-1] for row in rows}
    return {row[0]: Account(*row[:-1]) for row in rows}, places


async def take_accounts(
    connection: Connection, presumption: Presumption, at: datetime
) -> list[Account]:
    """Lock and move the accounts in the order of their ids; those that could be, as they now are.

    Raises Misjudged when a counter would overflow.
    """
    try:
        rows = await connection.fetch(TAKE_ACCOUNTS, *presumption.columns, at)
    except NumericValueOutOfRangeError:
        raise Misjudged("a counter would overflow") from None
    return [Account(*row) for row in rows]


async def lock_reservations(
    connection: Connection, reservation_ids: Collection[UUID]
) -> dict[UUID, Reservation]:
    """Lock the reservations in the order of their ids."""
    rows = await connection.fetch(LOCK_RESERVATIONS, list(reservation_ids))
    return {row[0]: Reservation(*row) for row in rows}


async def insert_accounts(connection: Connection, accounts: Sequence[Account]) -> None:
    await connection.execute(INSERT_ACCOUNTS, *_columns(accounts))


async def move_accounts(
    connection: Connection,
    accounts: Sequence[Account],
    places: Mapping[UUID, Place],
    at: datetime,
) -> None:
    """Write the counters of accounts that transfers have touched, where their rows lie."""
    await connection.execute(
        MOVE_ACCOUNTS,
        [places[a.id] for a in accounts],
        [a.id for a in accounts],
        [a.debits_pending for a in accounts],
        [a.debits_posted for a in accounts],
        [a.credits_pending for a in accounts],
        [a.credits_posted for a in accounts],
        [a.version for a in accounts],
        at,
    )


async def alter_accounts(connection: Connection, accounts: Sequence[Account], at: datetime) -> None:
    """Write what account verbs have changed."""
    await connection.execute(
        ALTER_ACCOUNTS,
        [a.id for a in accounts],
        [a.overdraft_limit for a in accounts],
        [a.frozen for a in accounts],
        [a.closed_at for a in accounts],
        [a.revision for a in accounts],
        at,
    )


async def insert_reservations(connection: Connection, reservations: Sequence[Reservation]) -> None:
    await connection.execute(INSERT_RESERVATIONS, *_columns(reservations))


async def update_reservations(connection: Connection, reservations: Sequence[Reservation]) -> None:
    await connection.execute(
        UPDATE_RESERVATIONS,
        [r.id for r in reservations],
        [r.remaining for r in reservations],
        [r.state for r in reservations],
    )


async def insert_transfers(connection: Connection, rows: Sequence[TransferRow]) -> None:
    """Append transfers."""
    await TRANSFERS.append(connection, [_transfer_record(row) for row in rows])


def _transfer_record(row: TransferRow) -> tuple[Any, ...]:
    row_id, change_id, *others = structs.astuple(row)
    return row_id, None if change_id == row_id else change_id, *others


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(structs.astuple, rows), strict=True)]


# Reading --------------------------------------------------------------------------------------

ACCOUNT_BY_ID = f"SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE id = $1"
ACCOUNT_BY_CODE = f"SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE code = $1"
ACCOUNTS_BY_IDS = f"SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE id = ANY($1)"
_CHOSEN = """
   AND ($4::text IS NULL OR currency = $4)
   AND ($5::text IS NULL OR $5 = CASE WHEN closed_at IS NOT NULL THEN 'closed'
                                      WHEN frozen <> 'no' THEN 'frozen' ELSE 'open' END)
"""
# `code >= $1` says again what `starts_with` says, in words for which the index has an answer.
ACCOUNTS_BY_PREFIX = f"""
SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts
 WHERE starts_with(code, $1) AND code >= $1 AND code > $2 {_CHOSEN} ORDER BY code LIMIT $3
"""
ACCOUNTS_BETWEEN = f"""
SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts
 WHERE id > $1 AND id <= $2 AND starts_with(code, $6) {_CHOSEN} ORDER BY id LIMIT $3
"""
TRANSFERS_BY_IDS = f"""
SELECT {TRANSFER_FIELDS} FROM ledger_transfers WHERE id = ANY($1) ORDER BY id
"""
# The transfers of a change have consecutive ids, so the primary key finds them all.
TRANSFERS_OF_CHANGE = f"""
SELECT {TRANSFER_FIELDS} FROM ledger_transfers
 WHERE id >= $1 AND id < $2 AND coalesce(part_of, id) = $1 ORDER BY id
"""
ENTRIES = """
SELECT e.transfer_id, e.transaction_id, e.account_id, e.amount, e.currency, e.entry_type, e.kind,
       e.code, e.balance_after, e.account_version, e.effective_at, b.at AS created_at
  FROM (SELECT * FROM ledger_account_lines WHERE account_id = $1 AND account_version > $2
         ORDER BY account_version LIMIT $3) AS e
  JOIN journal_batches AS b USING (lane, batch)
 ORDER BY e.account_version
"""


DUE_RESERVATIONS = """
SELECT id FROM ledger_reservations WHERE state = 'open' AND expires_at <= $1
 ORDER BY expires_at LIMIT $2
"""

# A reservation beside the transfer that made it, which says what it is for and when it was made.
_RESERVATION = f"""
SELECT {", ".join(f"r.{column}" for column in Reservation.__struct_fields__)}, t.code,
       b.at AS created_at
"""
RESERVATION_BY_ID = f"""
{_RESERVATION}, 0 AS account_version
  FROM ledger_reservations AS r
  JOIN ledger_transfers AS t ON t.id = r.id
  JOIN journal_batches AS b USING (lane, batch)
 WHERE r.id = $1
"""
# Either side's index leads to the account's lines; those that reserve are few of many.
_RESERVES = """
(SELECT id, code, lane, batch, {side}_version AS account_version FROM ledger_transfers
  WHERE {side} = $1 AND {side}_version > $2 AND kind = 'reserve'
  ORDER BY {side}_version LIMIT $3)
"""
RESERVATIONS_OF_ACCOUNT = f"""
{_RESERVATION}, t.account_version
  FROM ({_RESERVES.format(side="debit")} UNION ALL {_RESERVES.format(side="credit")}) AS t
  JOIN ledger_reservations AS r USING (id)
  JOIN journal_batches AS b USING (lane, batch)
 ORDER BY t.account_version LIMIT $3
"""
RECORDED_AT = "SELECT at FROM journal_batches WHERE lane = $1 AND batch = $2"
