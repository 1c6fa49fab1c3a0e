"""A lane: one connection that records batch after batch, and knows what became of each.

A lost connection around COMMIT leaves the outcome open. The lane row settles it: locking it anew
waits for the old transaction's end, and then the batch's head either stands in the log or not.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import asyncpg

from tallystick.journal import store
from tallystick.journal.batch import Agenda, BatchWriter, Outcome, Written
from tallystick.journal.model import Conflict, Refused
from tallystick.journal.projections import ProjectionTable
from tallystick.journal.store import Seal
from tallystick.journal.tickets import Ticket
from tallystick.ledger import Misjudged
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.postgres.pools import Connection, Database

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Every statement of a batch touches rows by key. Left alone, the planner now and then reads a
# whole table to find a thousand rows of it.
PLAN_BY_KEY = """
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan
"""

# The transaction is surely gone, through no fault of the batch: judge the same batch again.
TRANSIENT = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
)
# A change holds what the database cannot: the culprit is found, its neighbours are recorded.
UNRECORDABLE = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    UnicodeError,
    OverflowError,
)
# The connection is gone; before COMMIT that means rolled back.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a COPY cut in the middle leaves the client confused
    OSError,  # time-outs too
)
UNAVAILABLE = (*TRANSIENT, *LOST)

TOLD_AT_ONCE = 64
# Where changes are being refused, presuming that they are not costs more than it saves.
DOUBTFUL_BATCHES = 32


class LaneUnavailable(Exception):
    """What is unanswered is surely not recorded: the database is away or too slow."""


class OutcomeOpen(Exception):
    """COMMIT went out and no answer came back; `settle` will learn what became of the batch."""

    def __init__(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome], seal: Seal) -> None:
        super().__init__("the answer to COMMIT was lost")
        self.tickets = tickets
        self.outcomes = outcomes
        self.seal = seal


class Lane:
    """Records batches on one lane; one batch at a time."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        tables: Mapping[str, tuple[ProjectionTable, ...]],
        number: int = 0,
    ) -> None:
        self._database = database
        self.clock = clock
        self._tables = tables
        self.number = number
        self._connection: Connection | None = None
        self._telling: asyncio.Task[None] | None = None
        self.meanwhile: Callable[[], None] = lambda: None  # called while a commit is under way
        self._doubt = 0  # batches still to be judged before anything is presumed again

    async def close(self) -> None:
        if self._telling:
            await self._telling
        await self._drop()

    async def record(self, tickets: Sequence[Ticket], agenda: Agenda | None = None) -> None:
        """Record the tickets' changes in one transaction, and answer them once it is durable.

        Raises LaneUnavailable or OutcomeOpen; what was answered before that stays answered.
        """
        try:
            await self._attempt(tickets, agenda or agenda_of(tickets))
        except (LaneUnavailable, OutcomeOpen):
            raise
        except Exception as error:  # noqa: BLE001 - it must not reach its neighbours
            await self._without_culprit(tickets, error)

    async def settle(self, open_batch: OutcomeOpen) -> None:
        """Answer the tickets of a batch whose COMMIT went unanswered, if it is recorded.

        If it is not, they stay unanswered and are to be judged again. Raises LaneUnavailable.
        """
        seal = open_batch.seal
        try:
            connection = await self._connected()
            async with connection.transaction():
                await store.lock_lane(connection, self.number)
                head = await connection.fetchval(store.HEAD_OF_BATCH, self.number, seal.batch)
        except (*TRANSIENT, *LOST) as error:
            await self._drop()
            raise LaneUnavailable(str(error)) from error
        if head == seal.head:
            self._answer(open_batch.tickets, open_batch.outcomes)

    async def _attempt(self, tickets: Sequence[Ticket], agenda: Agenda) -> None:
        try:
            connection = await self._connected()
            await connection.execute("BEGIN")
            writer = BatchWriter(
                connection,
                self._tables,
                self.clock,
                self.number,
                agenda,
                presumes=not self._doubt,
            )
            written = await writer.write()
        except Misjudged:
            await self._rollback()
            self._doubt = DOUBTFUL_BATCHES
            await self._attempt(tickets, agenda)
            return
        except TRANSIENT as error:
            await self._rollback()
            raise LaneUnavailable(str(error)) from error
        except LOST as error:
            await self._drop()
            raise LaneUnavailable(str(error)) from error
        except Exception:
            await self._rollback()
            raise
        except BaseException:
            await self._drop()
            raise
        await self._commit(connection, tickets, written)
        crash_point("journal.after_commit")
        self._doubt = max(0, self._doubt - 1)
        self._answer(tickets, written.outcomes)

    async def _commit(
        self, connection: Connection, tickets: Sequence[Ticket], written: Written
    ) -> None:
        seal = written.seal
        committing = asyncio.create_task(
            store.seal_and_commit(connection, seal) if seal else store.commit(connection)
        )
        await asyncio.sleep(0)  # it is on its way to the disk: time to prepare the next
        self.meanwhile()
        try:
            await committing
        except BaseException as error:
            await self._drop()
            if seal is None:
                # Only claims of refusals were in it: judging again finds them or writes them.
                raise LaneUnavailable(str(error)) from error
            raise OutcomeOpen(tickets, written.outcomes, seal) from error

    def _answer(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> None:
        """Answer while the next batch is on its way: a thousand callers at once would delay it."""
        for ticket in tickets:
            ticket.judged = True
        self._telling = asyncio.create_task(_tell(tickets, outcomes, self._telling))

    async def _without_culprit(self, tickets: Sequence[Ticket], error: Exception) -> None:
        """Leave out the change the constraint names, else halve, and judge again."""
        if len(tickets) == 1:
            tickets[0].answer(_verdict_of(error))
            return
        named = _named_by(error, tickets)
        if named is not None:
            named.answer(_verdict_of(error))
            await self.record([ticket for ticket in tickets if ticket is not named])
            return
        middle = len(tickets) // 2
        await self.record(tickets[:middle])
        await self.record(tickets[middle:])

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.open_writer(f"journal lane {self.number}")
            await self._connection.execute(PLAN_BY_KEY)
        return self._connection

    async def _rollback(self) -> None:
        try:
            if self._connection:
                await self._connection.execute("ROLLBACK")
        except (*LOST, asyncpg.PostgresError):
            await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.terminate()


def agenda_of(tickets: Sequence[Ticket]) -> Agenda:
    """What the tickets' changes will lock and load."""
    return Agenda([ticket.change for ticket in tickets])


async def _tell(
    tickets: Sequence[Ticket], outcomes: Sequence[Outcome], before: "asyncio.Task[None] | None"
) -> None:
    if before:
        await before
    for start in range(0, len(tickets), TOLD_AT_ONCE):
        told = slice(start, start + TOLD_AT_ONCE)
        for ticket, outcome in zip(tickets[told], outcomes[told], strict=True):
            ticket.answer(outcome)
        await asyncio.sleep(0)


def _named_by(error: Exception, tickets: Sequence[Ticket]) -> Ticket | None:
    """The ticket whose claim or aggregate the error's detail names."""
    named = {UUID(text) for text in _UUID.findall(getattr(error, "detail", None) or "")}
    for ticket in tickets:
        change = ticket.change
        ids = {fact.aggregate_id for fact in change.facts} | {change.id}
        if change.claim:
            ids.add(change.claim.id)
        if ids & named:
            return ticket
    return None


def _verdict_of(error: Exception) -> Exception:
    if isinstance(error, asyncpg.UniqueViolationError):
        return Conflict(f"{error.constraint_name} is taken")
    if isinstance(error, UNRECORDABLE):
        return Refused("not_recordable", str(error).splitlines()[0])
    return error  # a fold that failed: its own caller is to hear of it
