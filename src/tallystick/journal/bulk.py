"""Batches loaded in bulk: PostgreSQL writes thousands of facts by set, and hashes them itself.

A loader takes whichever bulk lane is free for the length of one batch. The lane's row lock is its
lease: it ends with the transaction, also with that of a process that was killed, and nobody else
draws positions meanwhile. So positions are the order of commits here too. ADR 0023 says more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from tallystick.journal import store
from tallystick.journal.chain import SPELLED, microseconds
from tallystick.journal.lane import LOST, PLAN_BY_KEY, TRANSIENT
from tallystick.journal.model import Busy
from tallystick.journal.store import LaneRow, Seal
from tallystick.ledger import BulkPosting, Pair, lock_pair, post_loaded
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.postgres.pools import Connection, Database

# A loader holds nothing that anybody online waits for, but for the accounts it posts to.
_IDLE_MS: Final = 5_000
_FREE_LANE: Final = """
SELECT lane, seq, position, head, last_at FROM journal_lanes WHERE lane > 0
 ORDER BY lane LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FIRST_LANE: Final = """
SELECT lane, seq, position, head, last_at FROM journal_lanes WHERE lane = 1 FOR UPDATE
"""
_TELL: Final = """
INSERT INTO journal_facts
       (position, batch, at, aggregate_id, version, lane, schema_version, kind, data)
SELECT $1::bigint + ordinal, $2, $3, id, 1, $4, 1, $5, data
  FROM ({loaded}) AS loaded(id, ordinal, data)
"""
_MICROSECONDS: Final = "coalesce((extract(epoch FROM {0}) * 1000000)::bigint::text, '-')"
_COUNTED: Final = "coalesce(octet_length({0}) || ':' || {0}, '-')"
_WORDS: Final = "concat_ws(' ', {})"
_FACT_TEXT: Final = _WORDS.format(
    ", ".join(
        (
            # All facts of a batch are of one instant, which is spelled once.
            *("f.position", "f.batch", "CASE WHEN f.at = $5 THEN $6::text ELSE '?' END"),
            *("f.aggregate_id", "f.version", "f.lane", "f.schema_version"),
            *("coalesce(f.actor::text, '-')", "coalesce(f.cause::text, '-')"),
            *(_COUNTED.format("f.kind"), _COUNTED.format("f.request_id")),
            _COUNTED.format("f.data::text"),
        )
    )
)
_TRANSFER_TEXT: Final = _WORDS.format(
    ", ".join(
        (
            *("t.id", "coalesce(t.part_of, t.id)", "t.lane", "t.batch", "t.debit", "t.credit"),
            *("t.amount", "coalesce(t.reservation_id::text, '-')"),
            *(_MICROSECONDS.format("t.effective_at"), _MICROSECONDS.format("t.expires_at")),
            *("t.debit_balance", "t.debit_version", "t.credit_balance", "t.credit_version"),
            *(_COUNTED.format(f"t.{column}") for column in ("currency", "code", "kind")),
        )
    )
)
# Over the rows as they stand in the tables, so that nothing can be hashed that is not there.
_FACTS_HASHED: Final = f"""
SELECT sha256($1::bytea || convert_to($2 || coalesce(
           (SELECT string_agg(E'\\n' || {_FACT_TEXT}, '' ORDER BY f.position)
              FROM journal_facts AS f WHERE f.lane = $3 AND f.position > $4), ''), 'UTF8'))
"""
_ALL_HASHED: Final = f"""
SELECT sha256($1::bytea || convert_to($2 || coalesce(
           (SELECT string_agg(E'\\n' || {_FACT_TEXT}, '' ORDER BY f.position)
              FROM journal_facts AS f WHERE f.lane = $3 AND f.position > $4), '') || coalesce(
           (SELECT string_agg(E'\\n' || {_TRANSFER_TEXT}, '' ORDER BY t.id)
              FROM journal_facts AS f JOIN ledger_transfers AS t ON t.id = f.aggregate_id
             WHERE f.lane = $3 AND f.position > $4), ''), 'UTF8'))
"""


class BulkBatch:
    """A batch under way, in an open transaction. Made by `BulkLoader.batch`."""

    def __init__(
        self, connection: Connection, place: tuple[int, LaneRow, datetime], pair: Pair | None
    ) -> None:
        self.connection = connection
        self.lane, self._row, self.at = place
        self._pair = pair
        self._facts = 0
        self._transfers = 0

    @property
    def number(self) -> int:
        return self._row.seq + 1

    async def tell(self, kind: str, loaded: str) -> int:
        """Record the first fact of each aggregate that the query `loaded` yields; how many.

        It yields (id, ordinal from 1 without gap, data as JSON), and may be asked once a batch.
        """
        done = await self.connection.execute(
            _TELL.format(loaded=loaded), self._row.position, self.number, self.at, self.lane, kind
        )
        self._facts = int(done.rpartition(" ")[2])
        return self._facts

    async def post(self, posting: BulkPosting, loaded: str) -> None:
        """Post (aggregate id, ordinal, amount in minor units): the transfers have the facts' ids.

        The batch must have been begun with this posting.
        """
        if self._pair is None:
            raise LookupError("the accounts were not locked when the batch began")
        place = (self.lane, self.number, self.at)
        self._transfers = await post_loaded(
            self.connection, posting, self._pair, place, loaded=loaded
        )

    async def seal(self) -> Seal | None:
        """The batch's own row, hashed over what it wrote; None when it told nothing."""
        if not self._facts:
            return None
        words = (self.lane, self.number, microseconds(self.at), self._facts, self._transfers)
        sql = _ALL_HASHED if self._transfers else _FACTS_HASHED
        head = await self.connection.fetchval(
            *(sql, self._row.head, " ".join(map(str, words)), self.lane, self._row.position),
            *(self.at, str(microseconds(self.at))),
        )
        return Seal(
            *(self.lane, self.number, self.at, self._facts, self._transfers),
            position=self._row.position + self._facts,
            head=head,
            hashing=SPELLED,
        )


class BulkLoader:
    """One connection that loads batch after batch. Made by `Journal.loader`."""

    def __init__(self, database: Database, clock: Clock, name: str, timeout_ms: int) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._timeout_ms = timeout_ms
        self._connection: Connection | None = None

    async def connected(self) -> Connection:
        """The connection, opened anew after it was lost."""
        if self._connection is None or self._connection.is_closed():
            connection = await self._database.open_writer(
                self._name, timeout_s=self._timeout_ms / 1_000
            )
            await connection.execute(
                f"{PLAN_BY_KEY}; SET idle_in_transaction_session_timeout = {_IDLE_MS};"
                f" SET statement_timeout = {self._timeout_ms}"
            )
            self._connection = connection
        return self._connection

    @asynccontextmanager
    async def batch(self, posting: BulkPosting | None = None) -> AsyncIterator[BulkBatch]:
        """One batch: what the block writes is committed with its facts, or none of it is.

        With `posting` its accounts are locked first, as everywhere. Raises Busy when it is surely
        not recorded, NotPostable, and whatever the block raises.
        """
        try:
            connection = await self.connected()
            await connection.execute("BEGIN")
            lane, row = await _free_lane(connection)
            pair = await lock_pair(connection, posting) if posting else None
            at = max(self._clock.now(), row.last_at, pair.last_at if pair else row.last_at)
            batch = BulkBatch(connection, (lane, row, at), pair)
            yield batch
            seal = await batch.seal()
            crash_point("bulk.before_commit")
        except (*TRANSIENT, *LOST) as error:
            await self.drop()
            raise Busy(f"nothing was loaded: {error}") from error
        except BaseException:
            await self.drop()
            raise
        await self._commit(connection, seal)
        crash_point("bulk.after_commit")

    async def drop(self) -> None:
        """Close the connection, whatever it is about: an open batch is rolled back."""
        connection, self._connection = self._connection, None
        if connection:
            connection.terminate()

    async def _commit(self, connection: Connection, seal: Seal | None) -> None:
        try:
            if seal:
                await store.seal_and_commit(connection, seal)
            else:
                await store.commit(connection)
        except (*TRANSIENT, *LOST) as error:
            await self.drop()
            if seal is None or not await self._stands(seal):
                raise Busy(f"nothing was loaded: {error}") from error

    async def _stands(self, seal: Seal) -> bool:
        """Whether a batch whose COMMIT went unanswered is recorded. Raises Busy."""
        try:
            connection = await self.connected()
            async with connection.transaction():
                await store.lock_lane(connection, seal.lane)
                head = await connection.fetchval(store.HEAD_OF_BATCH, seal.lane, seal.batch)
        except (*TRANSIENT, *LOST) as error:
            await self.drop()
            raise Busy(f"not known whether it was loaded: {error}") from error
        return bool(head == seal.head)


async def _free_lane(connection: Connection) -> tuple[int, LaneRow]:
    found: asyncpg.Record | None = await connection.fetchrow(_FREE_LANE)
    if found is None:  # all are in use: queue up
        found = await connection.fetchrow(_FIRST_LANE)
    if found is None:
        raise LookupError("this cell has no bulk lanes")
    return found[0], LaneRow(*tuple(found)[1:])
