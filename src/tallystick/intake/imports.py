"""Importing a file of recorded payments: by set, as fast as the bulk lanes take them.

A reference is recorded once, so an import that was cut short is resumed by running it again: what
stands already is counted as duplicate and nothing is created twice.
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.intake.files import FileRow, ImportFile, fingerprint
from tallystick.intake.formats import open_import_file
from tallystick.intake.model import (
    ImportInterrupted,
    InvalidPayment,
    UnreadableFile,
)
from tallystick.intake.recording import Recording
from tallystick.intake.rejects import Reject, RejectsFile
from tallystick.intake.rows import reported_by
from tallystick.intake.staging import Ingestion, StagingRules
from tallystick.intake.staging.loading import LoadRow, load_row, load_rows
from tallystick.intake.staging.turns import LetGo, in_turn
from tallystick.journal import UNRECORDABLE, BulkLoader, JournalError
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.settings import Settings

CHUNK_ROWS: Final = 5_000
LANES: Final = 2  # chunks recorded side by side
TIMEOUT_MS: Final = 60_000
PAUSES_S: Final = (0.1, 0.5, 2.0, 5.0)
# The thread that reads ahead keeps the interpreter for so long while others want it. Python's own
# 5 ms, after each statement's answer, would add up to a third of a chunk's time.
SWITCH_S: Final = 0.0002

T = TypeVar("T")
Pair = tuple[FileRow, LoadRow]


class ImportSummary(Struct, frozen=True):
    """What has become of a file so far: after each chunk, and at the end of the import.

    With `dry_run`, what would have become of it. `share_read` goes from 0 to 1.
    """

    import_id: UUID
    dry_run: bool
    rows_read: int = 0
    created: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects_path: Path | None = None
    share_read: float = 0.0


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports files of payments made elsewhere. `is_posting`: to the ledger, in the same batch."""

    recording: Recording
    is_posting: bool = True

    @classmethod
    def over(cls, recording: Recording, settings: Settings) -> "Imports":
        """As the settings say."""
        return cls(recording, settings.intake_posting == "inline")

    async def import_file(
        self,
        path: Path,
        *,
        rejects_path: Path | None = None,
        dry_run: bool = False,
        names: Mapping[str, str] | None = None,
        on_progress: Callable[[ImportSummary], None] | None = None,
    ) -> ImportSummary:
        """Record the payments of a `.csv` or `.parquet` file, telling progress after each chunk.

        `names` says which of our fields a column of another name is. Rows that cannot be recorded
        go to `rejects_path` (`NAME.rejects.csv` beside the file) and do not hold up the others.
        Raises UnreadableFile, and ImportInterrupted when the database stays away.
        """
        target = rejects_path or path.parent / f"{path.stem}.rejects.csv"
        _require_place_for_rejects(path, target)
        # The thread is left first: the file is not closed under its reader's feet.
        with (
            open_import_file(path, names) as file,
            RejectsFile(target, file.columns) as rejects,
            ThreadPoolExecutor(1) as thread,
            _prompt_thread(),
        ):
            import_id = await asyncio.get_running_loop().run_in_executor(thread, fingerprint, path)
            summary = ImportSummary(import_id, dry_run)
            journal = self.recording.journal
            async with AsyncExitStack() as loaders:
                lanes = [
                    await loaders.enter_async_context(
                        journal.loader(f"import {number}", timeout_ms=TIMEOUT_MS)
                    )
                    for number in range(LANES)
                ]
                records = [_Rehearsal(self.recording)] if dry_run else self._records(lanes)
                run = _Run(self.recording, file, rejects, thread, summary, records)
                return await run.to_end(on_progress)

    def _records(self, lanes: Sequence[BulkLoader]) -> "list[_Record]":
        recording = self.recording
        ingestion = Ingestion.over(
            recording.journal,
            recording.database,
            recording.clock,
            terms=recording.terms,
            rules=StagingRules(is_posting=self.is_posting),
        )
        return [_Record(ingestion, lane) for lane in lanes]


class _Chunk(Struct, frozen=True):
    """The next rows of a file, told apart."""

    payments: list[Pair]
    rejects: list[Reject]


class _Outcomes(Struct, frozen=True):
    """What became of the payments of a chunk."""

    created: int
    rejects: list[Reject]


class _Imported(Struct, frozen=True):
    """What became of a chunk as a whole."""

    rows: int
    created: int
    duplicates: int
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class _Record:
    """Records chunk after chunk on a lane of its own."""

    ingestion: Ingestion
    loader: BulkLoader

    async def __call__(self, pairs: Sequence[Pair], on_taken: LetGo) -> _Outcomes:
        """A row that a table refuses though the rules let it pass is found by halving."""
        try:
            rows = [row for _, row in pairs]
            return _Outcomes(await load_rows(self.ingestion, self.loader, rows, on_taken), [])
        except UNRECORDABLE as error:
            if len(pairs) == 1:
                reason = str(error).splitlines()[0]
                return _Outcomes(0, [Reject(pairs[0][0], reason)])
        middle = len(pairs) // 2
        one = await self(pairs[:middle], on_taken)
        other = await self(pairs[middle:], on_taken)
        return _Outcomes(one.created + other.created, one.rejects + other.rejects)


@dataclass(slots=True)
class _Rehearsal:
    """Says what recording would answer, as far as can be told beforehand."""

    recording: Recording
    seen: set[str] = field(default_factory=set)

    async def __call__(self, pairs: Sequence[Pair], _on_taken: LetGo) -> _Outcomes:
        """References known already, or in the file before, would be duplicates."""
        references = {row.reference for _, row in pairs} - self.seen
        known = await self.recording.references.find_many(list(references))
        self.seen |= references
        return _Outcomes(len(references - known.keys()), [])


@dataclass(slots=True)
class _Run:
    """One import under way."""

    recording: Recording
    file: ImportFile
    rejects: RejectsFile
    thread: ThreadPoolExecutor
    summary: ImportSummary
    records: Sequence[_Record] | Sequence[_Rehearsal]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def to_end(self, on_progress: Callable[[ImportSummary], None] | None) -> ImportSummary:
        """Every chunk in its order, on the lanes in turn; meanwhile the next one is read."""
        under_way: deque[asyncio.Task[_Imported]] = deque()
        try:
            async for number, chunk in self._chunks():
                if len(under_way) == len(self.records):
                    self._note(await under_way[0], on_progress)
                    under_way.popleft()
                record = self.records[number % len(self.records)]
                under_way.append(asyncio.create_task(self._import(chunk, record)))
            while under_way:
                self._note(await under_way[0], on_progress)
                under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return self.summary

    async def _chunks(self) -> AsyncIterator[tuple[int, _Chunk]]:
        """The file's, with their numbers; while one is worked on, the thread reads the next."""
        loop, number = asyncio.get_running_loop(), 0
        ahead = loop.run_in_executor(self.thread, self._read_chunk)
        while (chunk := await ahead) is not None:
            ahead = loop.run_in_executor(self.thread, self._read_chunk)
            yield number, chunk
            number += 1

    def _read_chunk(self) -> _Chunk | None:
        rows = self.file.take(CHUNK_ROWS)
        chunk = _Chunk([], [])
        now, import_id = self.recording.clock.now(), str(self.summary.import_id)
        for row in rows:
            try:
                payment = reported_by(row, self.recording.terms, import_id)
                chunk.payments.append((row, load_row(row.number, payment, now)))
            except InvalidPayment as invalid:
                chunk.rejects.append(Reject(row, str(invalid)))
        return chunk if rows else None

    async def _import(self, chunk: _Chunk, record: _Record | _Rehearsal) -> _Imported:
        async with in_turn(self.turn) as let_go:
            held, beyond = await self._persistently(lambda: self._in_held_months(chunk.payments))
            told = _Outcomes(0, [])
            if held:
                told = await self._persistently(lambda: record(held, let_go))
        rejects = [*chunk.rejects, *beyond, *told.rejects]
        return _Imported(
            rows=len(chunk.payments) + len(chunk.rejects),
            created=told.created,
            duplicates=len(held) - told.created - len(told.rejects),
            rejects=sorted(rejects, key=lambda reject: reject.row.number),
        )

    def _note(
        self, imported: _Imported, on_progress: Callable[[ImportSummary], None] | None
    ) -> None:
        self.rejects.write(imported.rejects)
        before = self.summary
        rows_read = before.rows_read + imported.rows
        self.summary = replace(
            before,
            rows_read=rows_read,
            created=before.created + imported.created,
            duplicates=before.duplicates + imported.duplicates,
            rejected=before.rejected + len(imported.rejects),
            rejects_path=self.rejects.path if self.rejects.written else None,
            share_read=self.file.share_read(rows_read),
        )
        if on_progress:
            on_progress(self.summary)

    async def _in_held_months(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Reject]]:
        """The rows that a month is held for, and those that none is."""
        faults: dict[tuple[int, int], str] = {}
        for month, paid_at in {_month(row): row.paid_at for _, row in pairs}.items():
            try:
                await self.recording.months.require(paid_at)
            except InvalidPayment as invalid:
                faults[month] = str(invalid)
        if not faults:
            return list(pairs), []
        beyond = [Reject(row, faults[_month(it)]) for row, it in pairs if _month(it) in faults]
        return [pair for pair in pairs if _month(pair[1]) not in faults], beyond

    async def _persistently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Ride out a database that is away for a few seconds. Raises ImportInterrupted."""
        pauses_s = iter(PAUSES_S)
        while True:
            try:
                return await act()
            except (JournalError, Overloaded) as error:
                pause_s = next(pauses_s, None)
                if pause_s is None:
                    raise ImportInterrupted(f"run it again to resume: {error}") from error
            await asyncio.sleep(pause_s)


def _month(row: LoadRow) -> tuple[int, int]:
    return row.paid_at.year, row.paid_at.month


@contextmanager
def _prompt_thread() -> Iterator[None]:
    """A busy thread lets others in promptly, for as long as the block lasts."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def _require_place_for_rejects(path: Path, target: Path) -> None:
    if target.resolve() == path.resolve():
        raise UnreadableFile(f"{path.name} cannot hold its own rejects: name another file")
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise UnreadableFile(f"rejects cannot be written to {target}: name another file")
