"""Look-ups on a real streaming replica: never an older state than somebody was told."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import asyncpg
import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from tallystick.cli.running.environment import database_url
from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres import replica as replica_module
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.embedded import Cluster, embedded_postgres
from tallystick.platform.postgres.migrations import migrate
from tallystick.platform.postgres.place import Place, find_place
from tallystick.platform.postgres.pools import Connection, Database, connect
from tallystick.platform.postgres.programs import run_program
from tallystick.platform.postgres.replica import open_databases
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import measured

FELT_S = 3.0  # a connection is waited for 2 s here; a statement, 5 s
NO_LONGER_LEFT_ALONE_S = 0.3  # LEFT_ALONE_S is 0.2 here, by the machine's own clock
pytestmark = [pytest.mark.anyio, pytest.mark.slow]
WRITE = """
INSERT INTO delivery_leases (reader, holder, fence, until)
VALUES ('t', gen_random_uuid(), $1, now())
    ON CONFLICT (reader) DO UPDATE SET fence = excluded.fence
"""
LOOKS = 500
STREAMS = "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
READ = "SELECT fence FROM delivery_leases WHERE reader = 't'"


@dataclass
class Standby:
    """A streaming replica of a server."""

    primary: Cluster
    place: Place
    port: int
    pid: int = 0

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """None of its processes gets on, as on a machine that hangs; the kernel still listens."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        pids = [self.pid, *map(int, children)]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    @property
    def login(self) -> Address:
        return replace(self.primary.login, host="127.0.0.1", port=self.port)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        process = postmaster.start(self.primary.programs, self.place, self.port, durable=False)
        self.pid = process.pid
        try:
            for _ in range(LOOKS):
                if await self.told(STREAMS):
                    break
                await asyncio.sleep(0.02)
            else:
                raise AssertionError("the replica does not stream")
            yield
        finally:
            await postmaster.stop(process)

    async def told(self, statement: str) -> object:
        """What the superuser is answered there, once it is up."""
        owner = replace(self.primary.owner, host="127.0.0.1", port=self.port)
        while True:
            try:
                connection = await connect(owner)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
                continue
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()


@dataclass
class House:
    """The database with its replica, and somebody who writes."""

    database: Database
    writer: Connection
    standby: Standby
    written: int = 0

    async def look_up(self) -> int:
        """What is found right after the next number was written."""
        self.written += 1
        await self.writer.execute(WRITE, self.written)
        found: int = await self.database.lookups.fetchval(READ)
        return found


@pytest.fixture(scope="module")
async def standby() -> AsyncIterator[Standby]:
    with TemporaryDirectory(prefix="tallystick-replica-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's servers run as nobody, who must pass
        async with embedded_postgres(folder / "primary", durable=False) as primary:
            await migrate(primary.owner, login=primary.login.user)
            (folder / "standby").mkdir()
            place = find_place(folder / "standby")
            place.data.mkdir(mode=0o700)
            place.user.own(place.data)
            tcp = primary.over_tcp().owner
            where = f"host={tcp.host} port={tcp.port} user={tcp.user} password={tcp.password}"
            backup = [str(primary.programs / "pg_basebackup"), "-D", str(place.data)]
            await asyncio.to_thread(
                run_program, place, [*backup, "-R", "-X", "stream", "-c", "fast", "-d", where]
            )
            yield Standby(primary, place, postmaster.free_port())


@pytest.fixture
async def house(
    standby: Standby, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setattr(replica_module, "LEFT_ALONE_S", 0.2)
    async with house_with(standby, settings) as house:
        yield house


@asynccontextmanager
async def house_with(standby: Standby, settings: Settings) -> AsyncIterator[House]:
    chosen = settings.model_copy(update={"db_read_url": SecretStr(database_url(standby.login))})
    async with standby.running(), open_databases(standby.primary.login, chosen) as database:
        writer = await database.open_writer("test")
        yield House(database, writer, standby)
        await writer.close()


def answered() -> dict[str, float]:
    """How many look-ups were answered by whom."""
    found = measured("tallystick_lookups_total")
    return {dict(labels)["answered"]: value for labels, value in found.items()}


def more(before: dict[str, float]) -> dict[str, float]:
    return {who: n for who, now in answered().items() if (n := now - before.get(who, 0))}


async def test_what_was_just_written_is_found_on_the_replica(
    standby: Standby, settings: Settings
) -> None:
    patient = settings.model_copy(update={"db_read_lag_max": 5_000})
    async with house_with(standby, patient) as house:
        before = answered()

        assert [await house.look_up() for _ in range(200)] == list(range(1, 201))
        row = await house.database.lookups.fetchrow(READ)
        assert row is not None
        assert [row] == await house.database.lookups.fetch(READ)

    assert more(before) == {"replica": 202}


async def test_while_the_replica_is_behind_the_primary_answers(house: House) -> None:
    await house.standby.told("SELECT pg_wal_replay_pause()")
    before = answered()

    found = [await house.look_up() for _ in range(20)]

    assert found == list(range(1, 21))
    assert more(before) == {"behind": 20}
    await house.standby.told("SELECT pg_wal_replay_resume()")
    await asyncio.sleep(NO_LONGER_LEFT_ALONE_S)
    assert await house.look_up() == 21
    assert more(before) == {"behind": 20, "replica": 1}


async def test_a_replica_that_is_away_is_left_alone_and_found_again(
    standby: Standby, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "LEFT_ALONE_S", 0.2)
    url = SecretStr(database_url(standby.login))
    chosen = settings.model_copy(update={"db_read_url": url})
    async with open_databases(standby.primary.login, chosen) as database:
        writer = await database.open_writer("test")
        house, before = House(database, writer, standby), answered()
        assert await house.look_up() == 1
        async with standby.running():
            await asyncio.sleep(NO_LONGER_LEFT_ALONE_S)
            assert await house.look_up() == 2
        assert await house.look_up() == 3
        assert await house.look_up() == 4
        await writer.close()

    assert more(before) == {"away": 3, "replica": 1}


async def test_a_frozen_replica_keeps_look_ups_no_longer_than_one_that_is_behind(
    house: House,
) -> None:
    assert await house.look_up() == 1
    before = answered()
    with house.standby.frozen():
        began_s = monotonic()
        found = await asyncio.gather(*(house.database.lookups.fetchval(READ) for _ in range(20)))
        assert found == [1] * 20
        assert monotonic() - began_s < FELT_S
        assert more(before) == {"away": 20}
    await asyncio.sleep(NO_LONGER_LEFT_ALONE_S)

    assert await house.look_up() == 2
    assert more(before) == {"away": 20, "replica": 1}


async def test_without_a_replica_the_primary_is_asked_once(
    standby: Standby, settings: Settings
) -> None:
    async with open_databases(standby.primary.login, settings) as database:
        assert database.lookups is database


async def test_a_replica_that_was_promoted_answers_no_more(house: House) -> None:
    """The last of this file: the replica is none afterwards."""
    await house.standby.told("SELECT pg_promote()")
    before = answered()

    assert [await house.look_up() for _ in range(3)] == [1, 2, 3]
    assert more(before) == {"behind": 3}
