"""A bank's book: what it did, by reference, durable before it is answered.

Judged in memory on the event loop, written in bulk by one thread: while a batch is being written,
whatever arrives becomes the next one. So a sync to disk never stops the loop, a lone operation
waits for nobody, and nothing is judged on what another process might write meanwhile: a lock file
keeps the book to one process.
"""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path

from tallystick.sandbox import store
from tallystick.sandbox.challenge_model import Challenge
from tallystick.sandbox.dispute_desk import DisputeBook
from tallystick.sandbox.model import Operation
from tallystick.sandbox.payout_model import Payout


class BookInUse(Exception):
    """Another process has this bank's book open."""

    code = "book_in_use"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is in use by another sandbox: stop it, or give a folder of its own"
        )
        self.path = path


class BookBroken(Exception):
    """The book could not be written (a full disk?); it takes nothing more until opened again."""

    code = "book_broken"


class _Batch:
    """Operations and the like on their way to the disk, and when they are there."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}
        self.payouts: dict[str, Payout] = {}
        self.challenges: dict[str, Challenge] = {}
        self.attempts: set[str] = set()
        self.durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __bool__(self) -> bool:
        return bool(self.operations or self.payouts or self.challenges or self.attempts)

    def knows(self, reference: str) -> bool:
        kinds = (self.operations, self.payouts, self.challenges)
        return any(reference in kind for kind in kinds)


class BankBook:
    """One bank's book, opened by `open_book`. The only writer of its file."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"book-{path.stem}")
        self._writing = store.open_writing(path, durable=durable)
        self._reading = store.open_reading(path)
        self.disputes = DisputeBook(path, durable=durable)
        self._in_flight: _Batch | None = None
        self._next = _Batch()
        self._writer: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    def find(self, reference: str) -> Operation | None:
        """What was decided under this reference; perhaps not durable yet (see `wait_durable`)."""
        for batch in self._batches():
            if reference in batch.operations:
                return batch.operations[reference]
        return store.find_operation(self._reading, reference)

    def list_on(self, authorization_reference: str) -> list[Operation]:
        """The authorization and all that was decided on it."""
        known = store.list_operations_on(self._reading, authorization_reference)
        for batch in self._batches():
            known += [
                operation
                for operation in batch.operations.values()
                if operation.authorization_reference == authorization_reference
            ]
        return known

    def was_attempted(self, reference: str) -> bool:
        """Whether a first answer to this reference went wrong before anything was done."""
        fresh = any(reference in batch.attempts for batch in self._batches())
        return fresh or store.was_attempted(self._reading, reference)

    async def add(self, operation: Operation) -> None:
        """Write one operation; durable when this returns, seen by `find` at once.

        Raises BookBroken.
        """
        batch = self._open_batch()
        batch.operations[operation.reference] = operation
        await asyncio.shield(batch.durable)

    def find_payout(self, reference: str) -> Payout | None:
        """The payout under this reference; perhaps not durable yet (see `wait_durable`)."""
        for batch in self._batches():
            if reference in batch.payouts:
                return batch.payouts[reference]
        return store.find_payout(self._reading, reference)

    async def add_payout(self, payout: Payout) -> None:
        """As `add`, of a payout. Raises BookBroken."""
        batch = self._open_batch()
        batch.payouts[payout.reference] = payout
        await asyncio.shield(batch.durable)

    def find_challenge(self, reference: str) -> Challenge | None:
        """The challenge about this reference; perhaps not durable yet (see `wait_durable`)."""
        for batch in self._batches():
            if reference in batch.challenges:
                return batch.challenges[reference]
        return store.find_challenge(self._reading, reference)

    def find_challenge_by_id(self, challenge_id: str) -> Challenge | None:
        """A challenge that a payer has been told the URL of, so it is durable."""
        return store.find_challenge_by_id(self._reading, challenge_id)

    async def add_challenge(self, challenge: Challenge) -> None:
        """As `add`, of a challenge. Raises BookBroken."""
        batch = self._open_batch()
        batch.challenges[challenge.reference] = challenge
        await asyncio.shield(batch.durable)

    async def add_attempt(self, reference: str) -> None:
        """Remember that this reference has had its bad answer. Raises BookBroken."""
        batch = self._open_batch()
        batch.attempts.add(reference)
        await asyncio.shield(batch.durable)

    async def wait_durable(self, reference: str) -> None:
        """Return when what `find` tells about this reference is on disk. Raises BookBroken."""
        for batch in self._batches():
            if batch.knows(reference):
                await asyncio.shield(batch.durable)

    async def operations(self) -> tuple[Operation, ...]:
        """The whole book as it is on disk, in the order it was written."""
        return await asyncio.to_thread(read_book, self.path)

    async def settled_on(
        self, day: date, now: datetime, *, after: int, limit: int
    ) -> tuple[list[tuple[int, Operation]], list[store.DayTotals]]:
        """One page of a day's captures and refunds, each with its place, and the day's sums."""
        return await asyncio.to_thread(_read_day, self.path, day, now, after, limit)

    async def payouts(self) -> tuple[Payout, ...]:
        """All payouts as they are on disk, in the order they were written."""
        return await asyncio.to_thread(_read_payouts, self.path)

    async def payouts_moved_on(
        self, day: date, now: datetime, *, after: int, limit: int
    ) -> tuple[list[tuple[int, Payout]], list[store.PayoutTotals]]:
        """One page of what was paid out or came back on a day, and the day's sums."""
        return await asyncio.to_thread(_read_moved, self.path, day, now, after, limit)

    async def close(self) -> None:
        """Write what is waiting, then let go of the file."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()
        self.disputes.close()
        self._reading.close()
        self._writing.close()

    def _batches(self) -> Iterator[_Batch]:
        if self._in_flight is not None:
            yield self._in_flight
        yield self._next

    def _open_batch(self) -> _Batch:
        if self._broken is not None:
            raise BookBroken(str(self._broken))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on())
        return self._next

    async def _write_on(self) -> None:
        # Ends when nothing waits, so that no task outlives the book; started again by the next add.
        while self._next and self._broken is None:
            self._in_flight, self._next = self._next, _Batch()
            await self._write(self._in_flight)
            self._in_flight = None
        self._writer = None

    async def _write(self, batch: _Batch) -> None:
        write = partial(
            store.write,
            self._writing,
            batch.operations.values(),
            batch.payouts.values(),
            batch.challenges.values(),
            batch.attempts,
        )
        try:
            if self._durable:
                await asyncio.get_running_loop().run_in_executor(self._thread, write)
            else:
                write()  # without a disk to wait for, a thread costs more than it saves
        except sqlite3.Error as error:
            # What was judged on the lost batch is lost as well: stop, rather than answer wrongly.
            self._broken = error
            lost, self._next = (batch, self._next), _Batch()
            for each in filter(None, lost):
                each.durable.set_exception(BookBroken(str(error)))
        else:
            batch.durable.set_result(None)


@asynccontextmanager
async def open_book(path: Path, *, durable: bool = True) -> AsyncIterator[BankBook]:
    """Open a bank's book, or start one.

    Without `durable` a commit survives `kill -9`, but perhaps not a power cut. Raises BookInUse.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock_for(path):
        book = BankBook(path, durable=durable)
        try:
            yield book
        finally:
            await book.close()


def read_book(path: Path) -> tuple[Operation, ...]:
    """All operations of a book on disk, whether its bank is running or not."""
    with closing(store.open_reading(path)) as connection:
        return tuple(store.list_operations(connection))


def _read_day(
    path: Path, day: date, now: datetime, after: int, limit: int
) -> tuple[list[tuple[int, Operation]], list[store.DayTotals]]:
    with closing(store.open_reading(path)) as connection:
        page = store.list_settled(connection, day, now, after=after, limit=limit)
        return page, store.day_totals(connection, day, now)


def _read_payouts(path: Path) -> tuple[Payout, ...]:
    with closing(store.open_reading(path)) as connection:
        return tuple(store.list_payouts(connection))


def _read_moved(
    path: Path, day: date, now: datetime, after: int, limit: int
) -> tuple[list[tuple[int, Payout]], list[store.PayoutTotals]]:
    with closing(store.open_reading(path)) as connection:
        page = store.list_moved_payouts(connection, day, now, after=after, limit=limit)
        return page, store.payout_totals(connection, day, now)


@contextmanager
def _lock_for(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookInUse(path) from None
        yield
