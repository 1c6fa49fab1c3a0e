"""Connections: a pool that only reads, and writers of their own for the journal's lanes.

Every connection states its role, cell and time-outs when it opens, so that no statement can run
without them. JSON stays text.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import asyncpg
from asyncpg import Record

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.known_types import KnowingConnection
from tallystick.platform.postgres.statement_log import log_statements
from tallystick.platform.settings import Settings

__all__ = ["Address", "Connection", "Database", "Overloaded", "connect", "open_database"]

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[Record]
    _Pool: TypeAlias = asyncpg.Pool[Record]
else:
    Connection = asyncpg.Connection

_READER = "tallystick_reader"
_WRITER = "tallystick_writer"
_IDLE_IN_TRANSACTION_MS = 1_000
_ANSWER_MARGIN_MS = 1_000  # the server gives up first; the client only when it hears nothing
_CONNECT_S = 5.0
_RELEASE_S = 5.0
_STARTING_PAUSE_S = 0.1

# A peer that vanished without a word is noticed within about ten seconds, from both ends.
_KEEPALIVE = {"idle": 5, "interval": 2, "count": 3}

_LINE_DOWN = (
    OSError,  # TimeoutError too
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # starting, stopping, statement time-out
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
)
_NOT_UP_YET = (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)


class Overloaded(Exception):
    """The database could not serve us in time: nothing was changed, ask again a little later."""


class NotMigrated(Exception):
    """The database lacks our roles, or the login is not a member of them."""


class Database:
    """One cell of one database, as its servers see it. Made by `open_database`."""

    def __init__(self, address: Address, settings: Settings, pool: "_Pool") -> None:
        self._address = address
        self._settings = settings
        self._pool = pool
        self.lookups: Database = self
        """Where what nobody decides upon may be read: on a replica, if there is one."""
        self._patience_s = settings.db_request_acquire_timeout / 1000

    @property
    def schema(self) -> str:
        """The cell: the PostgreSQL schema that holds all its tables."""
        return self._address.schema

    async def fetch(self, sql: str, *args: Any, timeout_ms: int | None = None) -> list[Record]:
        """All rows of one reading statement. Raises Overloaded."""
        with _overloaded_when_down():
            async with self._borrowed() as connection:
                return await connection.fetch(sql, *args, timeout=_seconds(timeout_ms))

    async def fetchrow(self, sql: str, *args: Any, timeout_ms: int | None = None) -> Record | None:
        """The first row of one reading statement, or None. Raises Overloaded."""
        with _overloaded_when_down():
            async with self._borrowed() as connection:
                return await connection.fetchrow(sql, *args, timeout=_seconds(timeout_ms))

    async def fetchval(self, sql: str, *args: Any, timeout_ms: int | None = None) -> Any:
        """The first value of the first row, or None. Raises Overloaded."""
        with _overloaded_when_down():
            async with self._borrowed() as connection:
                return await connection.fetchval(sql, *args, timeout=_seconds(timeout_ms))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """One snapshot for several statements (REPEATABLE READ, READ ONLY).

        Raises Overloaded while it waits for a connection; afterwards the driver's own errors.
        """
        async with (
            self._borrowed() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def open_writer(self, name: str, *, timeout_s: float | None = None) -> Connection:
        """A connection outside the pool that may write; the caller closes it.

        `name` is shown in `pg_stat_activity`; `timeout_s` is how long an answer is waited for.
        Raises the driver's errors and OSError.
        """
        limits = {
            "default_transaction_isolation": "read committed",
            "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
            "tcp_keepalives_idle": str(_KEEPALIVE["idle"]),
            "tcp_keepalives_interval": str(_KEEPALIVE["interval"]),
            "tcp_keepalives_count": str(_KEEPALIVE["count"]),
        }
        states = _server_settings(self._address, self._settings, _WRITER, name) | limits
        writer = await connect(
            self._address,
            server_settings=states,
            command_timeout=timeout_s or _answer_timeout_s(self._settings),
            timeout=_CONNECT_S,
        )
        log_statements(writer, self._settings)
        return writer

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        try:
            connection = await self._pool.acquire(timeout=self._patience_s)
        except TimeoutError:
            waited_ms = self._settings.db_request_acquire_timeout
            raise Overloaded(f"no database connection within {waited_ms} ms") from None
        except _LINE_DOWN as error:
            raise Overloaded(f"the database is away: {_words(error)}") from error
        try:
            yield cast("Connection", connection)
        finally:
            # Without a limit of its own the reset would get the short one of `acquire`.
            with suppress(*_LINE_DOWN):
                await self._pool.release(connection, timeout=_RELEASE_S)


@asynccontextmanager
async def open_database(address: Address, settings: Settings) -> AsyncIterator[Database]:
    """The database, ready for use; waits up to `db_acquire_timeout` for it to come up.

    Raises Overloaded when it does not, NotMigrated when it lacks our roles.
    """
    pool = await _patiently(address, settings)
    try:
        yield Database(address, settings, pool)
    finally:
        try:
            await asyncio.wait_for(pool.close(), _RELEASE_S)
        except TimeoutError:
            pool.terminate()


async def connect(address: Address, **options: Any) -> Connection:
    """One plain connection to `address`, with TCP keepalive; `options` are the driver's."""
    connection: Connection = await asyncpg.connect(
        **_endpoint(address), connection_class=KnowingConnection, **options
    )
    _keep_alive(connection)
    return connection


class _ReadingConnection(KnowingConnection):
    """Goes back to the pool without a round trip: a reader leaves nothing in its session.

    An open transaction is still rolled back, and an unfinished command still cancelled.
    """

    def get_reset_query(self) -> str:
        return ""


async def _patiently(address: Address, settings: Settings) -> "_Pool":
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settings.db_acquire_timeout / 1000
    while True:
        try:
            return await _open_pool(address, settings)
        except _NOT_UP_YET as error:
            if loop.time() >= deadline:
                raise Overloaded(f"no answer from {address!r}: {_words(error)}") from error
            await asyncio.sleep(_STARTING_PAUSE_S)
        except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
            raise NotMigrated(
                f"{_words(error)}; run `tallystick migrate`, which makes the roles "
                f"and admits the login {address.user}"
            ) from error


async def _open_pool(address: Address, settings: Settings) -> "_Pool":
    states = _server_settings(address, settings, _READER, "reads")
    return await asyncpg.create_pool(
        **_endpoint(address),
        min_size=settings.db_pool_min,
        max_size=settings.db_pool_max,
        max_inactive_connection_lifetime=settings.db_idle_timeout / 1000,
        connection_class=_ReadingConnection,
        init=partial(_prepare, settings),
        server_settings=states | {"default_transaction_read_only": "on"},
        command_timeout=_answer_timeout_s(settings),
        timeout=_CONNECT_S,
    )


def _endpoint(address: Address) -> dict[str, Any]:
    return {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": address.user,
        "password": address.password,
        "ssl": address.ssl,  # True: verified against the system's authorities
    }


def _server_settings(address: Address, settings: Settings, role: str, name: str) -> dict[str, str]:
    return {
        "role": role,
        "search_path": f'"{address.schema}"',
        "timezone": "UTC",
        "application_name": f"tallystick {name}"[:63],
        "statement_timeout": str(settings.db_statement_timeout),
        "lock_timeout": str(settings.db_lock_timeout),
        "jit": "off",  # compiling costs more than our short statements
    }


def _answer_timeout_s(settings: Settings) -> float:
    return (settings.db_statement_timeout + _ANSWER_MARGIN_MS) / 1000


def _seconds(timeout_ms: int | None) -> float | None:
    return None if timeout_ms is None else timeout_ms / 1000


@contextmanager
def _overloaded_when_down() -> Iterator[None]:
    # Reads change nothing, so every failure of the line is told as "ask again".
    try:
        yield
    except _LINE_DOWN as error:
        raise Overloaded(f"the database did not answer: {_words(error)}") from error


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _prepare(settings: Settings, connection: Any) -> None:
    _keep_alive(connection)
    log_statements(connection, settings)


def _keep_alive(connection: Any) -> None:
    # asyncpg offers no setting for it, so the socket is taken from its transport.
    line = connection._transport.get_extra_info("socket")  # noqa: SLF001
    if line is None or line.family == socket.AF_UNIX:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE["idle"])
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE["interval"])
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE["count"])
