"""Look-ups on a read replica, which nobody can tell from look-ups on the primary.

Before each, the primary is asked how far its log reaches; the replica answers once it has come as
far, so whatever anybody was told is there. A replica that is not so far within `DB_READ_LAG_MAX`,
says nothing or is away is passed over, and the primary answers. What decides about money reads the
primary.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cache
from time import monotonic
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg import Record
from prometheus_client import Counter

from tallystick.platform.postgres.address import Address, parse_database_url
from tallystick.platform.postgres.pools import Database, Overloaded, open_database
from tallystick.platform.settings import Settings, secret
from tallystick.platform.telemetry import REGISTRY, get_logger

LEFT_ALONE_S: Final = 5.0
_LOOK_S: Final = 0.005
_REACHED: Final = "SELECT pg_current_wal_insert_lsn()::text"
_REPLAYED: Final = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
_T = TypeVar("_T")
_log = get_logger("tallystick.postgres")


class LookupDatabase(Database):
    """The database as look-ups see it: single statements are answered by the replica if it can."""

    def __init__(self, primary: Database, replica: Database, settings: Settings) -> None:
        super().__init__(primary._address, settings, primary._pool)  # noqa: SLF001
        self._primary = primary
        self._replica = replica
        self._lag_max_s = settings.db_read_lag_max / 1000
        self._again_at_s = 0.0
        self._unanswered: set[asyncio.Task[bool]] = set()
        self._trouble = "away"

    async def fetch(self, sql: str, *args: Any, timeout_ms: int | None = None) -> list[Record]:
        """All rows of one reading statement. Raises Overloaded."""
        return await self._answer(lambda one: one.fetch(sql, *args, timeout_ms=timeout_ms))

    async def fetchrow(self, sql: str, *args: Any, timeout_ms: int | None = None) -> Record | None:
        """The first row of one reading statement, or None. Raises Overloaded."""
        return await self._answer(lambda one: one.fetchrow(sql, *args, timeout_ms=timeout_ms))

    async def fetchval(self, sql: str, *args: Any, timeout_ms: int | None = None) -> Any:
        """The first value of the first row, or None. Raises Overloaded."""
        return await self._answer(lambda one: one.fetchval(sql, *args, timeout_ms=timeout_ms))

    async def _answer(self, read: Callable[[Database], Awaitable[_T]]) -> _T:
        if monotonic() < self._again_at_s:
            return await self._from_primary(read, self._trouble)
        reached: str = await self._primary.fetchval(_REACHED)
        try:
            if not await self._in_time(self._has_come_to(reached)):
                self._leave_alone("behind", f"not at {reached}")
                return await self._from_primary(read, "behind")
            answer = await read(self._replica)
        except asyncpg.SerializationError:  # what it read was vacuumed away on the primary
            return await self._from_primary(read, "conflict")
        except Overloaded as error:
            if isinstance(error.__cause__, asyncpg.QueryCanceledError):
                raise  # it took too long, and would on the primary
            self._leave_alone("away", str(error))
            return await self._from_primary(read, "away")
        _reads().labels("replica").inc()
        return answer

    async def _in_time(self, answer: Coroutine[Any, Any, bool]) -> bool:
        """What the replica says; raises Overloaded if it says nothing, as on a machine that hangs.

        Then it is left to itself: its connection goes back to the pool only after seconds.
        """
        asked = asyncio.create_task(answer)
        try:
            await asyncio.wait([asked], timeout=self._patience_s + self._lag_max_s)
            if asked.done():
                return asked.result()
        finally:
            if asked.cancel():
                self._unanswered.add(asked)
                asked.add_done_callback(self._forget)
        raise Overloaded("the replica says nothing")

    def _forget(self, asked: asyncio.Task[bool]) -> None:
        self._unanswered.discard(asked)
        if not asked.cancelled():
            asked.exception()  # nobody is left to hear of it

    async def _has_come_to(self, reached: str) -> bool:
        """Whether the replica has replayed the log so far, or does soon enough."""
        deadline_s = monotonic() + self._lag_max_s
        while not await self._replica.fetchval(_REPLAYED, reached):
            if monotonic() >= deadline_s:
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    async def _from_primary(self, read: Callable[[Database], Awaitable[_T]], why: str) -> _T:
        _reads().labels(why).inc()
        return await read(self._primary)

    def _leave_alone(self, trouble: str, reason: str) -> None:
        """Nobody else waits for it for a while."""
        _log.warning(f"replica_{trouble}", reason=reason, pause_s=LEFT_ALONE_S)
        self._trouble, self._again_at_s = trouble, monotonic() + LEFT_ALONE_S


@asynccontextmanager
async def open_databases(address: Address, settings: Settings) -> AsyncIterator[Database]:
    """The primary, as `open_database`, with `lookups` on the replica if DB_READ_URL names one.

    The replica need not be there. Raises as `open_database`.
    """
    async with open_database(address, settings) as primary:
        if settings.db_read_url is None:
            yield primary
            return
        url = secret(settings.db_read_url)
        standby = parse_database_url(url, settings.db_schema, ssl=settings.db_ssl)
        lazily = settings.model_copy(update={"db_pool_min": 0})
        async with open_database(standby, lazily) as replica:
            primary.lookups = LookupDatabase(primary, replica, settings)
            yield primary


@cache
def _reads() -> Counter:
    return Counter(
        "tallystick_lookups_total",
        "Look-ups where a replica is configured, by who answered: the replica, or the primary "
        "because the replica is away, behind, or in conflict",
        ("answered",),
        registry=REGISTRY,
    )
