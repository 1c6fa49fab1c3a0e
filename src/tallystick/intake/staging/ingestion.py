"""Staging ingestion: what an outside program left in `payment_staging`, recorded batch by batch.

A batch is one transaction of set-based statements, so there is nothing to resume and nothing to
undo: whatever kills a worker, its rows are simply unprocessed again. Workers never meet, because
each takes only rows that no other has locked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

import msgspec

from tallystick.books import PLATFORM, account_id, chart
from tallystick.intake.metrics import payment_metrics
from tallystick.intake.model import PAYMENT_RECORDED, IntakeTerms, Receipt
from tallystick.intake.staging import log_store, store
from tallystick.intake.staging.model import (
    BatchOutcome,
    IngestionSummary,
    LoadTerms,
    StagingFailed,
    StagingRules,
    StagingStats,
)
from tallystick.intake.staging.process_log import ProcessLog, opened_log
from tallystick.intake.staging.turns import in_turn
from tallystick.journal import UNRECORDABLE, BulkBatch, BulkLoader, Busy, Journal
from tallystick.ledger import BulkPosting
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.postgres.pools import Connection, Database
from tallystick.platform.telemetry import get_logger

BATCH_ROWS_MAX: Final = 10_000
BACKLOG_COUNTED_MAX: Final = 100_000
_SMALLER: Final = 10  # how much smaller a batch is tried again when a row of it cannot be held

Fence = Callable[[Connection], Awaitable[None]]
_log = get_logger("tallystick.intake")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Work:
    """What one worker has in hand."""

    loader: BulkLoader
    log: ProcessLog
    fence: Fence | None
    turn: asyncio.Lock  # to claim rows and take their references, shared by all workers


@dataclass(frozen=True, slots=True)
class Ingestion:
    """The verbs of the staging table. `Ingestion.over` makes one."""

    journal: Journal
    database: Database
    clock: Clock
    terms: LoadTerms
    rules: StagingRules

    @classmethod
    def over(
        cls,
        journal: Journal,
        database: Database,
        clock: Clock,
        *,
        terms: IntakeTerms,
        rules: StagingRules,
    ) -> "Ingestion":
        return cls(journal, database, clock, LoadTerms.of(terms), rules)

    async def run(self, fence: Fence | None = None) -> IngestionSummary:
        """Take batches until no row is left that may be taken; several workers when the rules
        say so.

        Every batch asks `fence` before it is committed. Raises StagingFailed, or what the fence
        raises; what was recorded before stands.
        """
        workers = self.rules.workers if self.rules.parallel else 1
        turn = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._work(f"staging {number}", fence, turn))
                    for number in range(workers)
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        found = [task.result() for task in tasks]
        return IngestionSummary(
            *(sum(getattr(one, field) for one in found) for field in found[0].__struct_fields__)
        )

    async def count_backlog(self, at_most: int = BACKLOG_COUNTED_MAX) -> int:
        """The rows that wait, also those to be tried again; `at_most` is so many or more."""
        return await store.count_backlog(self.database, at_most)

    async def last_run_at(self) -> datetime | None:
        """When a batch last ended."""
        return await log_store.find_last_run(self.database)

    async def stats(self) -> StagingStats:
        """The table in numbers. Raises Overloaded."""
        return await store.read_stats(self.database)

    async def _work(self, name: str, fence: Fence | None, turn: asyncio.Lock) -> IngestionSummary:
        summary, timeout_ms = IngestionSummary(), self.rules.timeout_ms
        async with (
            self.journal.loader(name, timeout_ms=timeout_ms) as loader,
            opened_log(self.database, self.clock, f"{name} log") as log,
        ):
            await log.bury(timedelta(milliseconds=timeout_ms))
            work = _Work(loader, log, fence, turn)
            try:
                while (outcome := await self._next_batch(work)) is not None:
                    summary = summary.plus(outcome)
            except StagingFailed as failure:
                await log.fail(str(failure))
                raise
        return summary

    async def _next_batch(self, work: _Work) -> BatchOutcome | None:
        """One batch, within the time limit; a smaller one when a row could not be held."""
        limit = min(self.rules.batch_size, BATCH_ROWS_MAX)
        while True:
            try:
                async with asyncio.timeout(self.rules.timeout_ms / 1_000):
                    return await self._take(work, limit)
            except UNRECORDABLE as error:
                # The rules let a value pass that a table refuses: find its row, spare the others.
                reason = str(error).splitlines()[0]
                await work.log.fail(reason)
                if limit == 1:
                    return await self._give_up_first(work, reason)
                limit = max(1, limit // _SMALLER)
            except (Busy, TimeoutError) as error:
                raise StagingFailed(str(error) or "a batch took too long") from error

    async def _take(self, work: _Work, limit: int) -> BatchOutcome | None:
        began, started_at = perf_counter(), self.clock.now()
        await store.open_workspace(await work.loader.connected())
        async with in_turn(work.turn) as let_go, work.loader.batch(self.posting) as batch:
            claimed = await store.claim(
                batch.connection,
                self.terms,
                batch.at,
                limit=limit,
                retry_delay_ms=self.rules.retry_delay_ms,
            )
            crash_point("staging.after_claim")
            if not claimed:
                return None
            await work.log.begin(batch.connection, started_at)
            await store.take_references(batch.connection, batch.at)
            let_go()
            await self.record_loaded(batch, "staging")
            crash_point("staging.after_record")
            outcome = await self._settle(work, batch)
            if work.fence:
                await work.fence(batch.connection)
        _tell(outcome, perf_counter() - began)
        return outcome

    async def record_loaded(self, batch: BulkBatch, channel: str) -> int:
        """Record what stands in the workspace, its references taken; how many rows are new."""
        connection, terms = batch.connection, self.terms
        receipt = _encode(Receipt(received_at=batch.at, channel=channel))
        crash_point("staging.after_references")
        await store.flag_duplicates(connection)
        recorded = await batch.tell(PAYMENT_RECORDED, store.facts_of(terms.currency, receipt))
        if recorded:
            await store.insert_payments(connection, terms, receipt, batch.at)
            if posting := self.posting:
                await batch.post(posting, store.POSTINGS)
        return recorded

    @property
    def posting(self) -> BulkPosting | None:
        """What the ledger is told of a batch, unless a consumer sees to it."""
        if not self.rules.is_posting:
            return None
        currency = self.terms.currency
        return BulkPosting(
            account_id(PLATFORM, chart.intake_clearing_code(currency)),
            account_id(PLATFORM, chart.receivable_code(currency)),
            currency,
            "recorded_payment",
        )

    async def _settle(self, work: _Work, batch: BulkBatch) -> BatchOutcome:
        outcome = await store.settle_rows(
            batch.connection, batch.at, retries_max=self.rules.max_retries
        )
        await work.log.complete(batch.connection, outcome, batch.at)
        return outcome

    async def _give_up_first(self, work: _Work, reason: str) -> BatchOutcome | None:
        """Set the first row aside as failed, with what the database said."""
        started_at = self.clock.now()
        await store.open_workspace(await work.loader.connected())
        async with work.loader.batch() as batch:
            connection, at = batch.connection, batch.at
            delay_ms = self.rules.retry_delay_ms
            if not await store.claim(connection, self.terms, at, limit=1, retry_delay_ms=delay_ms):
                return None
            await work.log.begin(connection, started_at)
            await store.refuse_loading(connection, reason)
            outcome = await self._settle(work, batch)
        _tell(outcome, 0.0)
        return outcome


def _tell(outcome: BatchOutcome, duration_s: float) -> None:
    counted = payment_metrics()
    counted.observe("staging", "staging", duration_s)
    counted.count("staging", "success", outcome.recorded)
    counted.count("staging", "duplicate", outcome.duplicates)
    counted.count("staging", "error", outcome.errors)
    _log.info(
        "staging_batch",
        first_id=outcome.first_id,
        last_id=outcome.last_id,
        total=outcome.total,
        recorded=outcome.recorded,
        duplicates=outcome.duplicates,
        errors=outcome.errors,
        processing_time_ms=round(duration_s * 1_000),
    )
