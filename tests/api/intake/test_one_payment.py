"""One reference is one payment, by whatever way and however often it comes, Redis well or ill."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from uuid import UUID

import pytest

from tallystick.platform.postgres.pools import Address, Connection, Database, connect
from tests.api.intake.conftest import Bank, Houses, report
from tests.intake.staging.table import leave
from tests.servers.http_client import Answer
from tests.servers.redis_server import RedisServer, running_redis
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio
HEADER = "reference_number,loan_account_number,cif,amount,payment_date\n"
LINE = "{},LA123456789,CIF123456,1000.50,2026-03-01T10:30:00Z\n"
FELT = 40  # payments, each reported three times by one of eight senders
LATE_MS = 2_000  # of a busy test machine; the promise is WEBHOOK_TIMEOUT_MS


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def counts(bank: Bank, database: Database) -> tuple[int, int, int, int]:
    """Payments, references, facts that tell of them, and postings."""
    await bank.app.delivery.drain("ledger")
    await require_proven(bank.app)
    return (
        await database.fetchval("SELECT count(*) FROM recorded_payments"),
        await database.fetchval("SELECT count(*) FROM payment_references"),
        await database.fetchval(
            "SELECT count(*) FROM journal_facts WHERE kind = 'payment.recorded'"
        ),
        await database.fetchval(
            "SELECT count(*) FROM ledger_transfers WHERE code = 'recorded_payment'"
        ),
    )


async def reported_everywhere_at_once(
    reference: str, banks: Sequence[Bank], etl: Connection, folder: Path
) -> tuple[list[Answer], int]:
    """By 64 clients, two files and the staging table: the answers, and how often it was created
    by files and staging."""
    paths = [folder / f"{reference}-{number}.csv" for number in range(len(banks))]
    for path in paths:
        path.write_text(HEADER + LINE.format(reference) * 3, encoding="utf-8")
    for _ in range(3):
        await leave(etl, reference_number=reference)
    for bank in banks:
        await bank.client.warm(32)
    answers, imports, ingested = await asyncio.gather(
        asyncio.gather(
            *(bank.send(report(reference_number=reference)) for _ in range(32) for bank in banks)
        ),
        asyncio.gather(
            *(bank.app.imports.import_file(path) for bank, path in zip(banks, paths, strict=True))
        ),
        asyncio.gather(*(bank.app.upkeep.ingestion.run() for bank in banks)),
    )
    created = sum(one.created for one in imports) + sum(one.recorded for one in ingested)
    duplicates = sum(one.duplicates for one in imports) + sum(one.duplicates for one in ingested)
    assert created + duplicates == 9
    return answers, created


async def test_64_clients_files_and_staging_at_once_are_one_payment(
    house: Houses,
    redis_server: RedisServer,
    database: Database,
    owner_address: Address,
    tmp_path: Path,
) -> None:
    etl = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    shared = {"redis_host": "127.0.0.1", "redis_port": redis_server.port}
    async with house(**shared) as here, house(**shared) as there:
        for reference in ("P-1", "P-2", "P-3"):
            answers, created = await reported_everywhere_at_once(
                reference, (here, there), etl, tmp_path
            )
            row = await here.app.recording.find_payment(reference)
            assert row is not None
            assert {answer.status for answer in answers} == {200}
            told = [answer.json["data"] for answer in answers]
            assert {data["payment_id"] for data in told} == {str(row.id)}
            assert Counter(data["status"] for data in told)["created"] + created == 1
        assert await counts(here, database) == (3, 3, 3, 3)
    await etl.close()


class _Load:
    """Senders who each report a payment, and report it again."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.ids: dict[str, set[UUID]] = {}
        self.slowest_ms = 0.0
        self._over = asyncio.Event()
        self._reported = asyncio.Condition()

    async def keep_sending(self, name: str) -> None:
        number = 0
        while not self._over.is_set():
            reference = f"{name}-{number}"
            ids = self.ids.setdefault(reference, set())
            for _ in range(3):
                started_s = perf_counter()
                answer = await self._bank.send(report(reference_number=reference))
                self.slowest_ms = max(self.slowest_ms, (perf_counter() - started_s) * 1000)
                assert answer.status == 200, answer.raw
                ids.add(UUID(answer.json["data"]["payment_id"]))
            number += 1
            async with self._reported:
                self._reported.notify_all()

    async def goes_on(self) -> None:
        """Wait until as many payments more have been reported as make trouble felt."""
        wanted = len(self.ids) + FELT
        async with self._reported:
            await self._reported.wait_for(lambda: len(self.ids) >= wanted)

    def end(self) -> None:
        self._over.set()


async def test_redis_may_fall_ill_under_load_and_nothing_is_lost_or_late(
    house: Houses, redis_server: RedisServer, database: Database
) -> None:
    shared = {"redis_host": "127.0.0.1", "redis_port": redis_server.port, "redis_pause_ms": 100}
    patient = {"redis_timeout_ms": 300, "webhook_rate_limit_max": 1_000_000}
    async with house(**shared, **patient) as bank:
        load = _Load(bank)
        async with asyncio.TaskGroup() as tasks:
            for sender in range(8):
                tasks.create_task(load.keep_sending(f"S{sender}"))
            await load.goes_on()
            redis_server.kill()
            await load.goes_on()
            redis_server.start()
            await load.goes_on()
            redis_server.freeze()
            await load.goes_on()
            redis_server.thaw()
            await load.goes_on()
            redis_server.say("FLUSHALL")
            async with asyncio.timeout(10):
                await load.goes_on()
                while bank.app.redis.state != "ok":
                    await load.goes_on()
            load.end()
        assert await counts(bank, database) == (len(load.ids),) * 4

    assert all(len(ids) == 1 for ids in load.ids.values())
    assert load.slowest_ms < LATE_MS
