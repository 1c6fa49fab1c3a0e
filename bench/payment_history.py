"""Captured card payments by the million, made by SQL after the model of one that came over HTTP.

They leave what real ones leave: facts, claims, batches, transfers and rows, with every index; keys
are of the same randomness, positions, versions and running balances follow from each other, and
the accounts stand at their last lines. Two things differ. They are a burst of 50,000 a second from
the log's end on, so that no account's time runs backwards. And the heads of their batches are
no hashes of their rows: a chain is walked link by link, a million and a half of them, so the log
can be proven from their end on, not through them.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from string import Template
from typing import Final

from msgspec import Struct

from bench.accounts import CURRENCY
from bench.model_payment import (
    BATCH_PAYMENTS,
    BATCHES_APART,
    TABLES,
    LogEnd,
    ModelPayment,
    read_model,
)
from bench.stage import House, Stage
from tallystick.identity import FeePlan
from tallystick.platform.ids import typeid
from tallystick.platform.postgres.pools import Connection, connect

AT_ONCE: Final = 200_000
# What each of two writers writes. Facts are two thirds of the work, so that they are halved; all
# other rows lie in the order in which they would have been recorded.
_SHARES: Final = (
    (
        ("journal_facts", f"m.n / {BATCH_PAYMENTS} % 2 = 0"),
        *((table, "true") for table in ("ledger_transfers", "payments")),
    ),
    (
        ("journal_facts", f"m.n / {BATCH_PAYMENTS} % 2 = 1"),
        *((table, "true") for table in ("journal_batches", "journal_claims", "intents")),
    ),
)
_INDEXES: Final = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS removal,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
              pg_get_constraintdef(oid)) AS making
  FROM pg_constraint WHERE conrelid = ANY($1::text[]::regclass[]) AND contype IN ('p', 'u')
 UNION ALL
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index AS i WHERE indrelid = ANY($1::text[]::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
_SORTING: Final = {"maintenance_work_mem": "512MB", "work_mem": "256MB"}
_LOG_END: Final = "SELECT seq, position, last_at FROM journal_lanes WHERE lane = 0"
_KEYS: Final = "SELECT merchant_id, id FROM api_keys WHERE merchant_id IS NOT NULL ORDER BY id"
_PAYEES: Final = """
CREATE UNLOGGED TABLE payees (number integer, merchant_id uuid, actor uuid, payable_id uuid)
"""
_PAYEE: Final = """
INSERT INTO payees SELECT $1::integer, $2::uuid, $3::uuid, id FROM ledger_accounts WHERE code = $4
"""
# An id is its millisecond, its merchant's bucket and chance.
_ID: Final = """
lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0')
|| substr(merchant_id::text, 15, 4) || '8' || substr(chance_2, {chance}, {digits})
"""
# Amounts are odd, so that no fee ends in a half.
_MAKE: Final = Template("""
CREATE UNLOGGED TABLE made_payments AS
WITH drawn AS (
    SELECT n, ${at}::timestamptz + n / ${batch} * interval '${group}' AS at,
           (random() * (${payees} - 1))::integer AS number,
           10000 + (random() * 89998)::integer | 1 AS amount
      FROM generate_series(${first}::bigint, ${beyond}::bigint - 1) AS n
), priced AS (
    SELECT d.n, d.at, d.amount, p.merchant_id, p.actor, p.payable_id,
           round(d.amount * ${bp} / 10000.0)::integer + ${fixed} AS fee,
           encode(sha512(int8send(d.n)), 'hex') AS chance_1,
           encode(sha512(int8send(d.n + (1::bigint << 60))), 'hex') AS chance_2
      FROM drawn AS d JOIN payees AS p USING (number)
), told AS (
    SELECT priced.*, (${id})::uuid AS intent_id, (${later_id})::uuid AS payment_id,
           ${posting_id} AS posting
      FROM priced
)
SELECT t.n, t.at, t.amount, t.merchant_id, t.actor, t.payable_id, t.fee, t.intent_id, t.payment_id,
       (posting || '0')::uuid AS posting_id, (posting || '1')::uuid AS fee_posting_id,
       'pay_' || substr(replace(payment_id::text, '-', ''), 1, 26) AS reference,
       md5(payment_id::text || 1)::uuid AS claim_1, hashint8extended(n, 1) AS fingerprint_1,
       md5(payment_id::text || 2)::uuid AS claim_2, hashint8extended(n, 2) AS fingerprint_2,
       md5(payment_id::text || 3)::uuid AS claim_3, hashint8extended(n, 3) AS fingerprint_3,
       'req_' || substr(chance_1, 1, 24) AS request_1,
       'req_' || substr(chance_1, 25, 24) AS request_2,
       'req_' || substr(chance_1, 49, 24) AS request_3,
       'hdfc_' || substr(chance_1, 73, 20) AS bank_1,
       'hdfc_' || substr(chance_1, 93, 20) AS bank_2,
       c.debits_posted - c.credits_posted + sum(amount) OVER upto AS clearing_balance,
       c.version + 2 * row_number() OVER upto AS clearing_version,
       f.credits_posted - f.debits_posted + sum(fee) OVER upto AS fees_balance,
       f.version + row_number() OVER upto AS fees_version,
       p.credits_posted - p.debits_posted + sum(amount - fee) OVER own AS payable_balance,
       p.version + row_number() OVER own AS payable_version
  FROM told AS t JOIN ledger_accounts AS p ON p.id = t.payable_id
  JOIN ledger_accounts AS c ON c.id = '${clearing}' JOIN ledger_accounts AS f ON f.id = '${fees}'
WINDOW upto AS (ORDER BY n), own AS (PARTITION BY payable_id ORDER BY n)
 ORDER BY n
""")
_MOVE: Final = """
UPDATE ledger_accounts AS a
   SET debits_posted = a.debits_posted + m.debits, credits_posted = a.credits_posted + m.credits,
       version = a.version + m.lines, last_at = m.at + $3::interval
  FROM (SELECT payable_id AS id, 0 AS debits, sum(amount - fee) AS credits, count(*) AS lines,
               max(at) AS at FROM made_payments GROUP BY 1
        UNION ALL
        SELECT $1, sum(amount), 0, 2 * count(*), max(at) FROM made_payments
        UNION ALL
        SELECT $2, 0, sum(fee), count(*), max(at) FROM made_payments) AS m
 WHERE a.id = m.id
"""
_END: Final = """
UPDATE journal_lanes AS l
   SET seq = b.batch, position = b.last_position, head = b.head, last_at = b.at
  FROM (SELECT * FROM journal_batches WHERE lane = 0 ORDER BY batch DESC LIMIT 1) AS b
 WHERE l.lane = 0
"""


class History(Struct, frozen=True):
    """What is to be made: so many payments, a multiple of `BATCH_PAYMENTS`."""

    payments: int
    fee: FeePlan


async def build_history(stage: Stage, house: House, history: History) -> datetime:
    """Make it, after the house's first captured payment; the instant behind its last batch.

    Nobody may be at work there meanwhile.
    """
    if history.payments % BATCH_PAYMENTS:
        raise ValueError(f"{history.payments} payments do not fill batches of {BATCH_PAYMENTS}")
    async with AsyncExitStack() as stack:
        owners = []
        for _ in _SHARES:
            owner = await _connected(stage, house)
            stack.push_async_callback(owner.close)
            owners.append(owner)
        return await _Builder(owners, await read_model(owners[0]), history).build()


async def _connected(stage: Stage, house: House) -> Connection:
    owner_login = stage.cluster.owner.in_database(house.address.database)
    settings = {"search_path": house.address.schema, **_SORTING}
    return await connect(owner_login, server_settings=settings)


class _Builder:
    """Works through the payments, some hundred thousand at a time."""

    def __init__(self, owners: Sequence[Connection], model: ModelPayment, history: History) -> None:
        self._owners, self._owner = owners, owners[0]
        self._model, self._history = model, history

    async def build(self) -> datetime:
        """Indexes are made again at the end, by sorting: half the time of keeping them."""
        end = await self._log_end()
        payees = await self._name_payees()
        indexes = await self._owner.fetch(_INDEXES, TABLES)
        for index in indexes:
            await self._owner.execute(index["removal"])
        for first in range(0, self._history.payments, AT_ONCE):
            await self._owner.execute(self._make(first, payees, end))
            await self._write(end)
        await self._side_by_side(_dealt([index["making"] for index in indexes]))
        # The checkpoint's writing would else go on beside the load.
        for statement in (_END, "DROP TABLE payees", "VACUUM ANALYZE", "CHECKPOINT"):
            await self._owner.execute(statement)
        return (await self._log_end()).at + BATCHES_APART

    async def _write(self, end: LogEnd) -> None:
        """All rows of `made_payments`, and what they move; vacuumed while still in memory."""
        await self._side_by_side(
            [[self._model.insert(table, end, only) for table, only in share] for share in _SHARES]
        )
        await self._side_by_side(_dealt([f"VACUUM {table}" for table in TABLES]))
        await self._owner.execute(_MOVE, *self._model.accounts, self._last_step)
        await self._owner.execute("DROP TABLE made_payments")

    async def _log_end(self) -> LogEnd:
        return LogEnd(*(await self._owner.fetchrow(_LOG_END) or ()))

    async def _side_by_side(self, statements: Sequence[Sequence[str]]) -> None:
        """Each owner executes his own, one after the other."""

        async def execute(owner: Connection, his: Sequence[str]) -> None:
            for statement in his:
                await owner.execute(statement)

        await asyncio.gather(*map(execute, self._owners, statements))

    async def _name_payees(self) -> int:
        """The merchants with their keys and accounts, by number; how many."""
        await self._owner.execute(_PAYEES)
        keys = await self._owner.fetch(_KEYS)
        await self._owner.executemany(
            _PAYEE,
            [
                (number, merchant, key, f"merchant:{typeid('mer', merchant)}:payable:{CURRENCY}")
                for number, (merchant, key) in enumerate(keys)
            ],
        )
        return len(keys)

    @property
    def _last_step(self) -> timedelta:
        """How long after its first batch a payment is captured."""
        return BATCHES_APART * (len(self._model.told) - 1)

    def _make(self, first: int, payees: int, end: LogEnd) -> str:
        clearing, fees = self._model.accounts
        return _MAKE.substitute(
            at=f"'{(end.at + BATCHES_APART).isoformat()}'",
            batch=BATCH_PAYMENTS,
            group=self._last_step + BATCHES_APART,
            payees=payees,
            first=first,
            beyond=min(first + AT_ONCE, self._history.payments),
            bp=self._history.fee.percent_bp,
            fixed=self._history.fee.fixed_minor,
            id=_ID.format(at="at", chance=1, digits=15),
            later_id=_ID.format(at=f"at + interval '{BATCHES_APART}'", chance=16, digits=15),
            posting_id=_ID.format(at=f"at + interval '{self._last_step}'", chance=31, digits=14),
            clearing=clearing,
            fees=fees,
        )


def _dealt(statements: Sequence[str]) -> list[Sequence[str]]:
    return [statements[part :: len(_SHARES)] for part in range(len(_SHARES))]
