"""Importing a file of recorded payments: as fast as the journal takes them, and repeatable.

A reference is recorded once, so an import that was cut short is resumed by running it again: what
stands already is counted as duplicate and nothing is created twice.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    Receipt,
    Recorded,
    ReportedPayment,
    Source,
    UnreadableFile,
)
from tallystick.intake.recording import Recording
from tallystick.intake.rejects import Reject, RejectsFile
from tallystick.intake.rows import reported_by
from tallystick.journal import Conflict, JournalError, Refused
from tallystick.platform.postgres.pools import Overloaded

CHUNK_ROWS: Final = 1_000
PATIENCE_S: Final = 30.0
PAUSES_S: Final = (0.1, 0.5, 2.0, 5.0)

T = TypeVar("T")


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
    """Imports files of payments made elsewhere."""

    recording: Recording

    async def import_file(
        self,
        path: Path,
        *,
        rejects_path: Path | None = None,
        dry_run: bool = False,
        on_progress: Callable[[ImportSummary], None] | None = None,
    ) -> ImportSummary:
        """Record the payments of a `.csv` or `.parquet` file, telling progress after each chunk.

        Rows that cannot be recorded go to `rejects_path` (`NAME.rejects.csv` beside the file) and
        do not hold up the others. Raises UnreadableFile, and ImportInterrupted when the database
        stays away.
        """
        target = rejects_path or path.with_name(f"{path.stem}.rejects.csv")
        _require_place_for_rejects(path, target)
        # The thread is left first: the file is not closed under its reader's feet.
        with (
            open_import_file(path) as file,
            RejectsFile(target, file.columns) as rejects,
            ThreadPoolExecutor(1) as thread,
        ):
            import_id = await asyncio.get_running_loop().run_in_executor(thread, fingerprint, path)
            summary = ImportSummary(import_id, dry_run)
            run = _Run(self.recording, file, rejects, thread, summary)
            return await run.to_end(on_progress)


class _Chunk(Struct, frozen=True):
    """The next rows of a file, told apart."""

    payments: list[tuple[FileRow, ReportedPayment]]
    rejects: list[Reject]


class _Outcomes(Struct, frozen=True):
    """What became of the payments of a chunk that were not known before."""

    created: int
    duplicates: int
    rejects: list[Reject]
    failures: list[BaseException]


@dataclass(slots=True)
class _Run:
    """One import under way."""

    recording: Recording
    file: ImportFile
    rejects: RejectsFile
    thread: ThreadPoolExecutor
    summary: ImportSummary
    seen: set[str] = field(default_factory=set)

    async def to_end(self, on_progress: Callable[[ImportSummary], None] | None) -> ImportSummary:
        """While a chunk is being recorded the thread reads the next one."""
        loop = asyncio.get_running_loop()
        ahead = loop.run_in_executor(self.thread, self._read_chunk)
        while (chunk := await ahead) is not None:
            ahead = loop.run_in_executor(self.thread, self._read_chunk)
            await self._import(chunk)
            if on_progress:
                on_progress(self.summary)
        return self.summary

    def _read_chunk(self) -> _Chunk | None:
        rows = self.file.take(CHUNK_ROWS)
        chunk = _Chunk([], [])
        for row in rows:
            try:
                payment = reported_by(row, self.recording.terms, self.summary.import_id)
                chunk.payments.append((row, payment))
            except InvalidPayment as invalid:
                chunk.rejects.append(Reject(row, str(invalid)))
        return chunk if rows else None

    async def _import(self, chunk: _Chunk) -> None:
        references = [payment.reference_number for _, payment in chunk.payments]
        known = await self._persistently(lambda: self.recording.references.find_many(references))
        fresh = [pair for pair in chunk.payments if pair[1].reference_number not in known]
        record = self._rehearse if self.summary.dry_run else self._record
        # Every row is waited for, so that what was recorded is counted even when one fails.
        outcomes = await asyncio.gather(
            *(record(payment) for _, payment in fresh), return_exceptions=True
        )
        told = _told_apart([row for row, _ in fresh], outcomes)
        rejects = sorted(chunk.rejects + told.rejects, key=lambda reject: reject.row.number)
        self.rejects.write(rejects)
        before = self.summary
        rows_read = before.rows_read + len(chunk.payments) + len(chunk.rejects)
        self.summary = replace(
            before,
            rows_read=rows_read,
            created=before.created + told.created,
            duplicates=before.duplicates + len(chunk.payments) - len(fresh) + told.duplicates,
            rejected=before.rejected + len(rejects),
            rejects_path=self.rejects.path if self.rejects.written else None,
            share_read=self.file.share_read(rows_read),
        )
        if told.failures:
            raise told.failures[0]

    async def _record(self, payment: ReportedPayment) -> Recorded:
        recording = self.recording
        receipt = Receipt(received_at=recording.clock.now(), channel="file")
        change = recording.change_for(payment, Source.STAGING, receipt)

        async def record() -> Recorded:
            await recording.months.require(payment.payment_date)
            return await recording.record_change(change, patience_s=PATIENCE_S)

        return await self._persistently(record)

    async def _rehearse(self, payment: ReportedPayment) -> Recorded:
        """What recording would answer, as far as can be told beforehand."""
        await self.recording.months.require(payment.payment_date)
        twice = payment.reference_number in self.seen
        self.seen.add(payment.reference_number)
        return Recorded("duplicate" if twice else "created", self.summary.import_id)

    async def _persistently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Ride out a database that is away for a few seconds. Raises ImportInterrupted."""
        pauses_s = iter(PAUSES_S)
        while True:
            try:
                return await act()
            except (Refused, Conflict):
                raise
            except (JournalError, Overloaded) as error:
                pause_s = next(pauses_s, None)
                if pause_s is None:
                    raise ImportInterrupted(f"run it again to resume: {error}") from error
            await asyncio.sleep(pause_s)


def _told_apart(rows: Sequence[FileRow], outcomes: Sequence[Recorded | BaseException]) -> _Outcomes:
    created, duplicates, rejects, failures = 0, 0, [], []
    for row, outcome in zip(rows, outcomes, strict=True):
        match outcome:
            case Recorded(status="created"):
                created += 1
            case Recorded():
                duplicates += 1
            case InvalidPayment() | Refused() | Conflict():
                rejects.append(Reject(row, str(outcome)))
            case BaseException():
                failures.append(outcome)
    return _Outcomes(created, duplicates, rejects, failures)


def _require_place_for_rejects(path: Path, target: Path) -> None:
    if target.resolve() == path.resolve():
        raise UnreadableFile(f"{path.name} cannot hold its own rejects: name another file")
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise UnreadableFile(f"rejects cannot be written to {target}: name another file")
