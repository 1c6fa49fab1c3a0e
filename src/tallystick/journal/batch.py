"""One batch in one transaction: lock, load, judge in memory, write, seal.

The order is fixed and every statement touches one table: the lane row first, then accounts and
reservations by id; only then, in fresh statements, claims and rows, so that nothing is judged on
what was read before its lock was held. A batch that is presumed to be accepted reads claims and
rows before its accounts: ADR 0018 says why it may. Nothing here is retried: see `lane`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asyncpg import UniqueViolationError
from msgspec import Struct, structs

from tallystick.journal import store
from tallystick.journal.chain import next_head
from tallystick.journal.model import (
    Change,
    CloseClaim,
    Conflict,
    Fact,
    JournalError,
    Recorded,
    Refused,
    Repeated,
    StandingClaim,
    Told,
)
from tallystick.journal.projections import ProjectionBatch, ProjectionTable
from tallystick.journal.store import LaneRow, Seal
from tallystick.ledger import LedgerBatch, Misjudged, Presumption, TransferRow, Verdict, presume
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.postgres.pools import Connection

JUDGED_AT_ONCE = 64

Outcome = Recorded | JournalError
_ClaimT = TypeVar("_ClaimT", StandingClaim, CloseClaim)


class Written(Struct, frozen=True):
    """A batch that only waits for its seal and its commit: one outcome a change.

    `seal` is None when there was nothing to write, or only claims of refusals.
    """

    outcomes: list[Outcome]
    seal: Seal | None


class Agenda:
    """What a batch will lock and load, worked out while somebody else is still at work."""

    __slots__ = (
        *("changes", "claimed_ids", "closed_ids", "presumption", "seen_ids", "transfers", "verbs"),
    )

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self.transfers = [transfer for change in changes for transfer in change.transfers]
        self.verbs = [verb for change in changes for verb in change.accounts]
        self.claimed_ids = [change.claim.id for change in changes if change.claim]
        self.closed_ids = [change.close.claim_id for change in changes if change.close]
        self.seen_ids = [seen_id for change in changes for seen_id, _ in change.seen]
        self.presumption = None if self.verbs else presume(self.transfers)


class BatchWriter:
    """Judges and writes the changes of one batch within an open transaction."""

    def __init__(
        self,
        connection: Connection,
        tables: Mapping[str, tuple[ProjectionTable, ...]],
        clock: Clock,
        lane: int,
        agenda: Agenda,
        *,
        presumes: bool,
    ) -> None:
        self._agenda = agenda
        self._presumption = agenda.presumption if presumes else None
        self._connection = connection
        self._clock = clock
        self._lane = lane
        self._ledger = LedgerBatch(connection)
        self._projections = ProjectionBatch(connection, tables, trusts=presumes)
        self._claims: dict[UUID, StandingClaim] = {}
        self._new_claims: dict[UUID, StandingClaim] = {}
        self._closed_claims: dict[UUID, CloseClaim] = {}
        self._versions: dict[UUID, int] = {}
        self._told: list[Told] = []
        self._fact_rows: list[tuple[Any, ...]] = []
        self._appended = 0  # of them
        self._foretold = False  # all facts and claims are known before the judge begins
        self._row: LaneRow
        self._at: datetime

    async def write(self) -> Written:
        """Judge every change and write all that is accepted. The caller seals and commits.

        Raises Misjudged when what was presumed does not hold: the batch is to be written anew.
        """
        self._row = await store.lock_lane(self._connection, self._lane)
        crash_point("journal.after_lock")
        # No account's history and no lane ever runs backwards, whatever the clock does.
        self._at = max(self._clock.now(), self._row.last_at)
        if self._presumption:
            outcomes = await self._write_as_presumed(self._presumption)
        else:
            outcomes = await self._write_as_heard()
        seal = await self._write_rows()
        crash_point("journal.before_commit")
        return Written(outcomes, seal)

    async def _write_as_heard(self) -> list[Outcome]:
        """Lock, load, then hear one change after the other. Raises Misjudged for stale rows."""
        agenda = self._agenda
        latest = await self._ledger.lock(agenda.transfers, agenda.verbs)
        self._at = max(self._clock.now(), self._row.last_at, latest or self._row.last_at)
        await self._load([*agenda.claimed_ids, *agenda.closed_ids])
        return await self._judge_and_append(self._judge)

    async def _write_as_presumed(self, presumption: Presumption) -> list[Outcome]:
        """Move the accounts; write up what they are moved by meanwhile, and only then judge.

        That nobody has used a key before is presumed too: the index on the claims would know. So is
        that the claims to be closed are running: the update that closes them would know.
        """
        await self._load(())
        taking = asyncio.create_task(self._ledger.take(presumption, self._at))
        await asyncio.sleep(0)  # PostgreSQL is at work
        try:
            for changes in _in_steps(self._agenda.changes):
                for change in changes:
                    self._presume(change)
                await asyncio.sleep(0)
        finally:
            await taking
        self._foretold = True
        return await self._judge_and_append(self._confirm)

    async def _load(self, claim_ids: Sequence[UUID]) -> None:
        connection = self._connection
        if claim_ids:
            self._claims = await store.load_claims(connection, claim_ids)
        unversioned = await self._projections.load(self._agenda.changes)
        self._versions = self._projections.versions
        unversioned.update(self._agenda.seen_ids)
        if unversioned:
            self._versions |= await store.load_versions(connection, unversioned)

    async def _judge_and_append(self, judge: Callable[[Change], Outcome]) -> list[Outcome]:
        """Judge in small steps; while PostgreSQL appends what is accepted, judge the next."""
        outcomes: list[Outcome] = []
        appending: asyncio.Task[None] | None = None
        try:
            for changes in _in_steps(self._agenda.changes):
                if appending is None or appending.done():
                    if appending:
                        await appending
                    appending = asyncio.create_task(self._append())
                    await asyncio.sleep(0)
                outcomes += [judge(change) for change in changes]
                await asyncio.sleep(0)
        finally:
            # Never leave the connection to a statement that still runs.
            if appending:
                await appending
        return outcomes

    async def _append(self) -> None:
        """Write the facts and transfers accepted so far: rows nobody else can be touching."""
        facts = self._fact_rows[self._appended :]
        if facts:
            self._appended += len(facts)
            try:
                await store.insert_facts(self._connection, facts)
            except UniqueViolationError as error:
                if self._projections.trusted:
                    raise Misjudged("a row was stale") from error
                raise
        if self._foretold:
            await self._write_claims()
        await self._ledger.append()

    def _judge(self, change: Change) -> Outcome:
        try:
            self._require_recordable(change)
        except JournalError as error:
            return error
        if change.refusal:
            return self._refuse(change, change.refusal)
        verdict = self._hear(change)
        if verdict.refusal:
            if change.rows and self._projections.trusted:
                # Somebody else may have moved that money, and told it of a row that is stale here.
                raise Misjudged("refused by rows that were not loaded")
            return self._refuse(change, verdict.refusal)
        account_facts = [Fact(f.account_id, f.version, f.kind, f.data) for f in verdict.facts]
        self._accept(change, (*change.facts, *account_facts))
        return self._recorded(verdict)

    def _presume(self, change: Change) -> None:
        """Accept it before the judge has heard it. Raises Misjudged."""
        try:
            self._require_recordable(change)
        except JournalError as error:
            raise Misjudged(str(error)) from error
        if change.refusal:
            self._refuse(change, change.refusal)
        else:
            self._accept(change, change.facts)

    def _confirm(self, change: Change) -> Outcome:
        """Hear what was accepted already. Raises Misjudged."""
        if change.refusal:
            return Refused(*change.refusal, remembered=True)
        verdict = self._hear(change)
        if verdict.refusal:
            raise Misjudged(": ".join(verdict.refusal))
        return self._recorded(verdict)

    def _hear(self, change: Change) -> Verdict:
        return self._ledger.judge(
            change.id,
            change.transfers,
            change.accounts,
            at=self._at,
            lane=self._lane,
            batch=self._batch,
        )

    def _recorded(self, verdict: Verdict) -> Recorded:
        return Recorded(self._at, self._lane, self._batch, tuple(verdict.rows))

    @property
    def _batch(self) -> int:
        return self._row.seq + 1

    def _require_recordable(self, change: Change) -> None:
        """Raises Repeated and Conflict: what the journal itself has against the change."""
        self._require_unclaimed(change)
        self._require_versions(change.facts)
        self._require_unmoved(change.seen)
        self._projections.require_free_keys(change)
        self._require_running(change.close)

    def _require_unclaimed(self, change: Change) -> None:
        if change.claim:
            standing = self._claims.get(change.claim.id)
            if standing:
                raise Repeated(standing, same=standing.fingerprint == change.claim.fingerprint)

    def _require_versions(self, facts: Sequence[Fact]) -> None:
        """Each fact is its aggregate's next, also among the facts of this very change."""
        passed: dict[UUID, int] = {}
        for fact in facts:
            aggregate_id = fact.aggregate_id
            standing = passed.get(aggregate_id) or self._versions.get(aggregate_id, 0)
            if fact.version != standing + 1:
                raise Conflict(f"{fact.kind} {aggregate_id} is at version {standing}")
            passed[aggregate_id] = fact.version

    def _require_unmoved(self, seen: Sequence[tuple[UUID, int]]) -> None:
        for aggregate_id, version in seen:
            if self._versions.get(aggregate_id) != version:
                raise Conflict(f"{aggregate_id} has moved on from version {version}")

    def _require_running(self, close: CloseClaim | None) -> None:
        if close is None:
            return
        standing = self._claims.get(close.claim_id)
        runs = standing.state == "running" if standing else self._presumption is not None
        if not runs or close.claim_id in self._closed_claims:
            raise Conflict(f"claim {close.claim_id} is not running")

    def _refuse(self, change: Change, refusal: tuple[str, str]) -> Refused:
        """A refusal by a business rule stands under its claim; nothing else is remembered."""
        claim = change.claim
        if claim:
            self._claims[claim.id] = self._new_claims[claim.id] = StandingClaim(
                claim.id,
                claim.fingerprint,
                claim.subject_id,
                claim.subject_version,
                "refused",
                ": ".join(refusal),
            )
        return Refused(*refusal, remembered=claim is not None)

    def _accept(self, change: Change, facts: Sequence[Fact]) -> None:
        self._projections.take_keys(change)
        for fact in facts:
            self._versions[fact.aggregate_id] = fact.version
            told = Told(
                self._lane,
                self._row.position + len(self._told) + 1,
                fact.aggregate_id,
                fact.version,
                fact.kind,
                fact.schema_version,
                fact.data,
                change.origin,
                self._at,
            )
            self._told.append(told)
            self._fact_rows.append(store.fact_record(told, self._batch))
        claim = change.claim
        if claim:
            self._claims[claim.id] = self._new_claims[claim.id] = StandingClaim(
                claim.id,
                claim.fingerprint,
                claim.subject_id,
                claim.subject_version,
                "running" if claim.running else "done",
                None,
            )
        if change.close:
            self._close(change.close)

    def _close(self, close: CloseClaim) -> None:
        claim_id, standing = close.claim_id, self._claims.get(close.claim_id)
        if standing:
            self._claims[claim_id] = structs.replace(
                standing,
                subject_version=close.subject_version,
                state=close.state,
                outcome=close.outcome,
            )
        if claim_id in self._new_claims:  # made and closed in one batch: only written closed
            self._new_claims[claim_id] = self._claims[claim_id]
        else:
            self._closed_claims[claim_id] = close

    async def _write_rows(self) -> Seal | None:
        self._ledger.confirm()
        transfers = self._ledger.transfers
        writing = asyncio.create_task(self._write_rest())
        await asyncio.sleep(0)  # PostgreSQL is at work: time to hash
        try:
            seal = self._seal(transfers) if self._fact_rows or transfers else None
        finally:
            await writing
        return seal

    async def _write_rest(self) -> None:
        await self._append()
        await self._write_claims()
        await self._ledger.write()
        await self._projections.write(self._told)

    async def _write_claims(self) -> None:
        made, self._new_claims = self._new_claims, {}
        closed, self._closed_claims = self._closed_claims, {}
        if made:
            try:
                await store.insert_claims(self._connection, _sorted(made))
            except UniqueViolationError as error:
                if self._foretold:
                    raise Misjudged("a key had been used before") from error
                raise
        if closed:
            ended = await store.close_claims(self._connection, _sorted(closed))
            if self._foretold and ended != len(closed):
                raise Misjudged("a claim was not running")

    def _seal(self, transfers: Sequence[TransferRow]) -> Seal:
        row, facts, batch = self._row, self._fact_rows, self._batch
        return Seal(
            self._lane,
            batch,
            self._at,
            len(facts),
            len(transfers),
            row.position + len(facts),
            next_head(row.head, (self._lane, batch, self._at), facts, transfers),
        )


def _in_steps(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """A few at a time, so that nobody else on the event loop waits for all of them."""
    for start in range(0, len(changes), JUDGED_AT_ONCE):
        yield changes[start : start + JUDGED_AT_ONCE]


def _sorted(claims: Mapping[UUID, _ClaimT]) -> list[_ClaimT]:
    return [claims[claim_id] for claim_id in sorted(claims)]
