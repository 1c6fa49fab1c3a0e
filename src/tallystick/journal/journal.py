"""The journal itself: callers queue up, one batch is in flight, whoever arrives joins the next.

There is no timer: a lone change waits for nothing, and under load the batches grow by themselves.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from tallystick.journal.answers import Answers
from tallystick.journal.batch import Agenda
from tallystick.journal.bulk import BulkLoader
from tallystick.journal.heads import publish_heads, verify_heads
from tallystick.journal.lane import Lane, LaneUnavailable, OutcomeOpen, agenda_of
from tallystick.journal.log import Log
from tallystick.journal.model import (
    Asked,
    Busy,
    Change,
    Fits,
    JournalError,
    Projection,
    Recorded,
    Refused,
    Repeated,
    StandingClaim,
    Told,
    Unknown,
)
from tallystick.journal.projections import ProjectionTable
from tallystick.journal.rebuild import Comparison, compare_projection, rebuild_projection
from tallystick.journal.sealing import Seals
from tallystick.journal.tickets import Outcome, Ticket, Wait, tickets_for
from tallystick.journal.verify import ChainBreak, ChainReport, verify_chain
from tallystick.platform.clock import Clock
from tallystick.platform.ids import new_id, random_bucket
from tallystick.platform.postgres.pools import Connection, Database
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job

BATCH_CHANGES_MAX = 2_000
BATCH_ROWS_MAX = 10_000
DEADLINE_LOOK_S = 0.05
RETRY_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

_log = get_logger("tallystick.journal")


class Journal:
    """The one door for every change. `Journal.open` makes one."""

    def __init__(
        self, database: Database, lane: Lane, log: Log, answers: Answers, seals: Seals
    ) -> None:
        self._database = database
        self._clock = lane.clock
        self._lane = lane
        self._log = log
        self._answers = answers
        self._seals = seals
        self._queue: deque[Ticket] = deque()
        self._in_flight: Sequence[Ticket] = ()
        self._ahead: tuple[Sequence[Ticket], Agenda] | None = None
        lane.meanwhile = self._draw_ahead
        self._arrived = asyncio.Event()
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: Database,
        clock: Clock,
        *,
        projections: Sequence[Projection] = (),
        master_key: bytes,
        lane: int = 0,
    ) -> AsyncIterator["Journal"]:
        """A journal that records on `lane`; when the context ends, all that waits is written."""
        async with database.reading() as connection:
            tables = await ProjectionTable.of_each(connection, projections)
        by_kind: dict[str, list[ProjectionTable]] = defaultdict(list)
        for table in tables:
            for kind in table.projection.kinds:
                by_kind[kind].append(table)
        log = Log(database, projections)
        writer = Lane(database, clock, {k: tuple(v) for k, v in by_kind.items()}, lane)
        seals = Seals(database, clock, master_key)
        journal = cls(database, writer, log, Answers(database), seals)
        pump = asyncio.create_task(journal._pump(), name="journal")
        watch = asyncio.create_task(journal._watch_deadlines(), name="journal deadlines")
        try:
            yield journal
        finally:
            journal._closing = True
            journal._arrived.set()
            await pump
            watch.cancel()
            await writer.close()
            await seals.close()

    # Writing ----------------------------------------------------------------------------------

    async def record(self, change: Change, *, patience_s: float = 10.0) -> Recorded:
        """Make the change durable; it is on disk when this returns.

        Raises Conflict, Refused, Repeated, Busy (not recorded), or Unknown (ask again with the
        same key).
        """
        (outcome,) = await self._outcomes_of((change,), patience_s)
        if isinstance(outcome, Recorded):
            return outcome
        raise outcome

    async def record_each(
        self, changes: Sequence[Change], *, patience_s: float = 10.0
    ) -> list[Recorded | JournalError]:
        """Make many changes durable, each by itself: what `record` would answer, or raise, of each.

        Cheaper than as many calls of `record`, because one caller waits instead of many.
        """
        outcomes = []
        for outcome in await self._outcomes_of(changes, patience_s):
            if not isinstance(outcome, Recorded | JournalError):
                raise outcome
            outcomes.append(outcome)
        return outcomes

    async def _outcomes_of(self, changes: Sequence[Change], patience_s: float) -> list[Outcome]:
        wait = Wait(len(changes))
        deadline_s = asyncio.get_running_loop().time() + patience_s
        self._queue.extend(tickets_for(changes, wait, deadline_s))
        self._arrived.set()
        return await wait.outcomes()

    @asynccontextmanager
    async def loader(self, name: str, *, timeout_ms: int) -> AsyncIterator[BulkLoader]:
        """A connection of its own for loading in bulk; no statement takes longer than the limit.

        `name` is shown in `pg_stat_activity`.
        """
        loader = BulkLoader(self._database, self._clock, name, timeout_ms)
        try:
            yield loader
        finally:
            await loader.drop()

    async def _watch_deadlines(self) -> None:
        """Answer whoever has waited too long: one look for all costs less than a timer each."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(DEADLINE_LOOK_S)
            now_s = loop.time()
            for ticket in self._in_flight:
                if ticket.deadline_s < now_s:
                    ticket.answer(Unknown("not known yet: ask again with the same key"))
            drawn = self._ahead[0] if self._ahead else ()
            for ticket in (*drawn, *self._queue):
                if ticket.deadline_s < now_s:
                    ticket.answer(Busy("the journal is too busy: try again later"))

    async def _pump(self) -> None:
        while self._ahead or self._queue or not self._closing:
            if not self._ahead and not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            self._in_flight, agenda = self._ahead or (self._next_batch(), None)
            self._ahead = None
            try:
                await self._see_through(self._in_flight, agenda)
            except Exception:  # noqa: BLE001 - the pump outlives whatever befalls one batch
                _log.exception("batch_failed", changes=len(self._in_flight))
                for ticket in self._in_flight:
                    ticket.answer(Unknown("the batch failed unexpectedly"))
            finally:
                self._in_flight = ()

    def _draw_ahead(self) -> None:
        """While a batch is being committed, prepare the next, if nobody can join it any more."""
        if self._ahead is None and len(self._queue) >= BATCH_CHANGES_MAX:
            tickets = self._next_batch()
            self._ahead = tickets, agenda_of(tickets)

    def _next_batch(self) -> list[Ticket]:
        batch: list[Ticket] = []
        rows = 0
        while self._queue and len(batch) < BATCH_CHANGES_MAX and rows < BATCH_ROWS_MAX:
            ticket = self._queue.popleft()
            if ticket.waits:
                change = ticket.change
                rows += len(change.facts) + len(change.transfers) + len(change.accounts)
                batch.append(ticket)
        return batch

    async def _see_through(self, tickets: Sequence[Ticket], agenda: Agenda | None) -> None:
        """Try until every ticket is answered or nobody waits any more."""
        open_batch: OutcomeOpen | None = None
        failures = 0
        while any(ticket.waits for ticket in tickets):
            try:
                if open_batch:
                    await self._lane.settle(open_batch)
                    open_batch = None
                else:
                    waiting = [ticket for ticket in tickets if ticket.waits]
                    ready = agenda if len(waiting) == len(tickets) else None
                    await self._lane.record(waiting, ready)
            except OutcomeOpen as error:
                _log.warning("outcome_open", batch=error.seal.batch)
                open_batch = error
            except LaneUnavailable as error:
                _log.warning("lane_unavailable", failures=failures, error=str(error))
                await asyncio.sleep(RETRY_PAUSES_S[min(failures, len(RETRY_PAUSES_S) - 1)])
                failures += 1

    # Repeats, reading, sealing ------------------------------------------------------------------

    async def answer(self, repeat: Repeated, *, patience_s: float) -> StandingClaim:
        """The done claim that answers a repeat, waiting for it while the first call runs.

        Raises KeyReused, StillRunning, or the remembered Refused.
        """
        return await self._answers.answer(repeat, patience_s=patience_s)

    def jobs(self, heads_path: Path) -> tuple[Job, ...]:
        """What is done again and again; the lanes' heads are published in the file named."""
        return (
            Job("claims", 60.0, lambda: self.forget_claims(self._clock.now())),
            Job("journal_heads", 60.0, partial(self.publish_heads, heads_path)),
        )

    async def find_claim(self, claim_id: UUID) -> StandingClaim | None:
        return await self._answers.find(claim_id)

    async def remember_refusal(self, asked: Asked, code: str, detail: str) -> None:
        """Let a no that was said before anything was recorded stand under its key.

        Its claim has version 0, for it has no subject. Raises Repeated when something stands there
        already, Busy and Unknown.
        """
        change_id = new_id(self._clock.now(), random_bucket())
        claim = asked.claim(change_id, version=0)
        with suppress(Refused):
            await self.record(Change(change_id, claim=claim, refusal=(code, detail)))

    async def find_repeat(self, asked: Asked | None) -> Repeated | None:
        """Whether this key was used before, and how; a verb that may refuse looks first."""
        return await self._answers.find_repeat(asked) if asked else None

    @asynccontextmanager
    async def repeats_first(
        self, asked: Asked | None, *refusals: type[Exception]
    ) -> AsyncIterator[None]:
        """What is refused within may have been done under this very key: raises Repeated then."""
        try:
            yield
        except refusals as refusal:
            if earlier := await self.find_repeat(asked):
                raise earlier from refusal
            raise

    async def find_claims(self, claim_ids: Collection[UUID]) -> list[StandingClaim]:
        """Those of these claims that stand."""
        return await self._answers.find_many(claim_ids)

    async def forget_claims(self, now: datetime) -> int:
        """Forget some of the claims older than 90 days; to be called every minute."""
        return await self._answers.forget(now)

    async def facts_of(
        self, aggregate_id: UUID, up_to_version: int | None = None
    ) -> tuple[Told, ...]:
        """The facts of one aggregate in their order."""
        return await self._log.facts_of(aggregate_id, up_to_version)

    async def row_as_of(self, projection: Projection, aggregate_id: UUID, version: int) -> Any:
        """The projection's row as it stood after the aggregate's `version`-th fact."""
        return await self._log.row_as_of(projection, aggregate_id, version)

    async def facts_after(self, lane: int, position: int, limit: int = 1_000) -> list[Told]:
        """The next facts of one lane; a reader's cursor is one position a lane."""
        return await self._log.facts_after(lane, position, limit)

    async def facts_between(
        self, lane: int, after: int, up_to: int, kinds: Collection[str]
    ) -> list[Told]:
        """The facts of these kinds behind position `after`, up to and with `up_to`."""
        return await self._log.facts_between(lane, after, up_to, kinds)

    async def facts_named(self, names: Collection[tuple[UUID, int]]) -> list[Told]:
        """The facts of these aggregates and versions, as far as there are any, in no order."""
        return await self._log.facts_named(names)

    async def verify_chain(self, connection: Connection) -> ChainReport:
        """Recompute the hash chain in the caller's snapshot."""
        return await verify_chain(connection)

    async def publish_heads(self, path: Path) -> int:
        """Append to a file outside the database where each lane stands; how many had moved."""
        return await publish_heads(self._database, path)

    async def verify_heads(
        self, connection: Connection, path: Path
    ) -> tuple[int, tuple[ChainBreak, ...]]:
        """How many heads were published in the file, and those that the log belies."""
        return await verify_heads(connection, path)

    async def verify_projections(self, connection: Connection) -> list[Comparison]:
        """Hold every projection against its facts, and try its seals, in the caller's snapshot."""
        tables = await ProjectionTable.of_each(connection, self._log.projections)
        return [
            await compare_projection(connection, self._log, table, self._seals) for table in tables
        ]

    async def rebuild(self, owner: Connection, table: str) -> Comparison:
        """Make one projection's table equal to its facts; answers with what differed before.

        Raises LookupError when no projection has this name.
        """
        for projection in self._log.projections:
            if projection.table == table:
                return await rebuild_projection(owner, self._log, projection)
        names = ", ".join(projection.table for projection in self._log.projections)
        raise LookupError(f"no projection is called {table}; there are {names}")

    async def seal(self, subject_id: UUID, clear: Mapping[str, object]) -> str:
        """Personal or free text, sealed under its subject's key so that it can be erased."""
        return await self._seals.seal(subject_id, clear)

    async def unseal(
        self,
        subject_id: UUID,
        sealed: str,
        *,
        leniently: bool = False,
        fits: Fits | None = None,
    ) -> dict[str, Any] | None:
        """What was sealed, or None once its subject's key has been destroyed.

        Raises SealTampered where it was changed, or where it stands beside the facts and does not
        fit what they say; `leniently`, that too is None, for an answer that has more to tell than
        this text: a list, the outcome of a verb.
        """
        return await self._seals.unseal(subject_id, sealed, leniently=leniently, fits=fits)

    async def erase(self, *subject_ids: UUID) -> None:
        """Destroy the subjects' keys: all that was sealed under them is gone for good."""
        await self._seals.erase(subject_ids)
