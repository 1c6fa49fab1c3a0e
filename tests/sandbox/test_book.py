"""A bank's book survives what its server does not."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tallystick.sandbox import (
    BANKS,
    BookInUse,
    Pace,
    SandboxPortTaken,
    open_book,
    read_book,
    serve_sandbox,
)
from tallystick.sandbox.acquirer import Acquirer
from tallystick.sandbox.book import BookBroken
from tests.sandbox.teller import DROPPED, Said, Teller, spoil
from tests.sandbox.test_rules import operation

pytestmark = pytest.mark.anyio

SERVED = Path(__file__).with_name("served_banks.py")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The banks in a process of their own: where hdfc_bank answers, and the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVED), str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_answered_before_kill_9_is_still_known_after_it(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with served(tmp_path) as (url, process):
        bank = Teller(session, url)
        await bank.authorize("tried", token="tok_500")
        answers = await authorize_until_killed(bank, process)
    known = {row.reference: row for row in read_book(tmp_path / "hdfc_bank.db")}

    assert len(answers) >= 50
    assert set(answers) <= set(known)
    async with served(tmp_path) as (url, _):
        bank = Teller(session, url)
        assert {name: await bank.authorize(name) for name in list(answers)[:20]} == {
            name: answers[name] for name in list(answers)[:20]
        }
        assert (await bank.authorize("tried", token="tok_500")).status == 200


async def authorize_until_killed(
    bank: Teller, process: asyncio.subprocess.Process
) -> dict[str, Said]:
    answers: dict[str, Said] = {}

    async def customer(number: int) -> None:
        for turn in range(10_000):
            reference = f"c{number}-{turn}"
            said = await bank.authorize(reference)
            if said.status == DROPPED:
                return
            answers[reference] = said
            if len(answers) == 50:
                os.kill(process.pid, signal.SIGKILL)

    gone = await asyncio.gather(*(customer(each) for each in range(8)), return_exceptions=True)
    assert all(isinstance(end, aiohttp.ClientError | None) for end in gone), gone
    return answers


async def test_a_book_has_one_bank_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    async with open_book(path):
        with pytest.raises(BookInUse, match=r"bank\.db is in use"):
            async with open_book(path):
                pass
    async with open_book(path):
        pass


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with serve_sandbox(tmp_path / "one") as sandbox:
        with pytest.raises(SandboxPortTaken, match=str(sandbox.port)):
            async with serve_sandbox(tmp_path / "two", port=sandbox.port):
                pass


async def test_a_look_up_never_tells_what_a_crash_could_take_back(tmp_path: Path) -> None:
    async with open_book(tmp_path / "bank.db") as book:
        adding = asyncio.create_task(book.add(operation("auth 100")))
        await asyncio.sleep(0)
        assert book.find("auth 100") is not None

        await book.wait_durable("auth 100")

        assert [row.reference for row in read_book(book.path)] == ["auth 100"]
        await adding


async def test_a_look_up_waits_for_the_disk(tmp_path: Path) -> None:
    async with open_book(tmp_path / "bank.db") as book:
        bank = Acquirer(BANKS[0], book, Pace(calm=True), lambda: datetime.now(UTC))
        disk = threading.Event()
        book._thread.submit(disk.wait)
        adding = asyncio.create_task(book.add(operation("auth 100")))
        looking = asyncio.create_task(bank.find("auth 100"))
        await asyncio.sleep(0.02)
        waited = not looking.done() and not adding.done()
        disk.set()

        assert (await looking) is not None
        assert waited
        await adding


async def test_a_caller_who_gives_up_does_not_stop_the_writing(tmp_path: Path) -> None:
    async with open_book(tmp_path / "bank.db") as book:
        adding = [asyncio.create_task(book.add(operation(f"auth {n}"))) for n in range(1, 20)]
        await asyncio.sleep(0)
        adding[0].cancel()

        await asyncio.gather(*adding[1:])

        assert len(await book.operations()) == 19


async def test_a_book_that_cannot_be_written_takes_nothing_more(tmp_path: Path) -> None:
    async with open_book(tmp_path / "bank.db") as book:
        await book.add(operation("auth 1"))
        spoil(book)

        both = await asyncio.gather(
            book.add(operation("auth 2")), book.add(operation("auth 3")), return_exceptions=True
        )

        assert [type(error) for error in both] == [BookBroken, BookBroken]
        assert book.find("auth 2") is None
        with pytest.raises(BookBroken):
            await book.add(operation("auth 4"))
    assert [row.reference for row in read_book(tmp_path / "bank.db")] == ["auth 1"]
