"""Reconciliation runs: the whole proof as a job, with a report that stays.

Each run holds the cached balance of every account against the one calculated from its transfers
(document 001), and every other promise besides. A run is asked for by somebody, or by the
timetable once a day; one worker carries it out. What it found is a fact in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

from msgspec import Raw, Struct, json, to_builtins

from tallystick.books.chart import PLATFORM
from tallystick.books.model import NOBODY, BooksError
from tallystick.books.proof import slice_store as store
from tallystick.books.proof.checks import CheckResult, Proof
from tallystick.books.proof.facts import RunEnded, RunFailed, RunRequested, RunRow, RunStarted
from tallystick.journal import Asked, Change, Conflict, Fact, Journal, Origin, Repeated
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.telemetry import get_logger

EVERY: Final = timedelta(days=1)
ABANDONED_AFTER: Final = timedelta(hours=2)
"""Longer than any run may take: whoever carried it out is gone."""

_COUNTERS: Final = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_log = get_logger("tallystick.books")


class RunNotFound(BooksError):
    """There is no such reconciliation run."""

    code = "run_not_found"


class Proving(Protocol):
    """Proves the books within limits: the hall's `App.prove`, or a room's by itself."""

    async def __call__(
        self, *, since: datetime | None = None, account_id: UUID | None = None
    ) -> Proof:
        """Everything, or what was recorded since, or one account."""


class AccountDifference(Struct, frozen=True):
    """An account whose counters are not what its transfers make; balances on its normal side."""

    account_id: str
    code: str | None
    cached_minor: int | None
    calculated_minor: int | None
    details: Mapping[str, Any]


class Requested(Struct, frozen=True):
    """A run as it stands right after it was asked for."""

    row: RunRow
    replayed: bool


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Asking for runs, carrying them out, and reading their reports."""

    journal: Journal
    database: Database
    clock: Clock
    proving: Proving

    EVERY_S: ClassVar = 5.0  # how often the worker looks whether one is due

    async def request(
        self,
        *,
        since: datetime | None = None,
        account_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
        occasion: str = "request",
    ) -> Requested:
        """Ask for a run; a worker takes it within seconds. Raises what the journal says."""
        run_id = new_id(self.clock.now(), bucket_of(account_id or PLATFORM))
        fact = Fact(
            run_id, 1, "reconciliation.requested", RunRequested(occasion, since, account_id)
        )
        claim = asked.claim(run_id) if asked else None
        try:
            await self.journal.record(Change(run_id, (fact,), claim=claim, origin=origin))
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            return Requested(await self.get_run(done.subject_id), replayed=True)
        return Requested(await self.get_run(run_id), replayed=False)

    async def run_now(self, run: RunRow) -> RunRow:
        """Carry out a run that waits, here and now; one that somebody else has taken is left."""
        if run.status == "queued":
            try:
                started = await self._tell(run, "reconciliation.started", RunStarted())
            except Conflict:
                return await self.get_run(run.id)
            await self._carry_out(started)
        return await self.get_run(run.id)

    async def run_due(self) -> int:
        """Carry out the run that has waited longest, if none is under way; how many."""
        await self._ask_by_timetable()
        waiting = []
        for run in await store.open_runs(self.database):
            if run.status == "queued":
                waiting.append(run)
            elif not await self._is_abandoned(run):
                return 0
        if not waiting:
            return 0
        await self.run_now(waiting[0])
        return 1

    async def get_run(self, run_id: UUID) -> RunRow:
        """One run. Raises RunNotFound."""
        row = await store.find_run(self.database, run_id)
        if row is None:
            raise RunNotFound("no such run")
        return row

    async def find_last_run(self) -> RunRow | None:
        """The newest run that was carried to its end."""
        return await store.find_last_run(self.database)

    async def list_runs(self, after: tuple[datetime, UUID] | None, limit: int) -> list[RunRow]:
        """The newest first; `after` is where the last page ended."""
        return await store.list_runs(self.database, after, limit)

    async def _ask_by_timetable(self) -> None:
        now = self.clock.now()
        last = await store.last_scheduled_at(self.database)
        if last is None or now - last < EVERY:
            return
        # The claim keeps two workers from asking for the same run.
        asked = Asked("books:reconciliation", last.isoformat(), b"")
        await self.request(occasion="schedule", asked=asked)

    async def _is_abandoned(self, run: RunRow) -> bool:
        if run.started_at and self.clock.now() - run.started_at < ABANDONED_AFTER:
            return False
        try:
            await self._tell(run, "reconciliation.failed", RunFailed("its worker is gone"))
        except Conflict:
            return False
        return True

    async def _carry_out(self, run: RunRow) -> None:
        try:
            proof = await self.proving(since=run.since, account_id=run.account_id)
        except Exception as error:
            _log.exception("reconciliation_failed", run=str(run.id))
            failure = RunFailed(f"{type(error).__name__}: {error}"[:500])
            await self._tell(run, "reconciliation.failed", failure)
            raise
        ended = report_of(proof)
        await self._tell(run, "reconciliation.ended", ended)
        if not proof.green:
            found = [check.name for check in proof.checks if not check.green]
            _log.error(
                "reconciliation_red",
                run=str(run.id),
                differences=ended.differences,
                checks=found,
            )

    async def _tell(self, run: RunRow, kind: str, data: Struct) -> RunRow:
        change_id = new_id(self.clock.now(), bucket_of(run.id))
        fact = Fact(run.id, run.version + 1, kind, data)
        await self.journal.record(Change(change_id, (fact,)))
        return await self.get_run(run.id)


def report_of(proof: Proof) -> RunEnded:
    """What stays of a proof: the extent, the broken promises, and the accounts that differ."""
    broken = [check for check in proof.checks if not check.green]
    return RunEnded(
        green=proof.green,
        accounts=proof.accounts,
        transfers=proof.transfers,
        differences=sum(check.broken for check in broken),
        broken=Raw(json.encode([_shown(check) for check in broken])),
        by_account=Raw(json.encode(account_differences(proof))),
        not_proven=proof.not_proven,
    )


def account_differences(proof: Proof) -> list[AccountDifference]:
    """Cached against calculated, for the accounts that a proof found to differ."""
    return [
        _difference(finding)
        for check in proof.checks
        if check.name in ("counters", "slices")
        for finding in check.findings
        if "transfers_say" in finding or "last_balance" in finding
    ]


def _difference(finding: Mapping[str, Any]) -> AccountDifference:
    calculated = finding.get("transfers_say") or {}
    cached_minor, calculated_minor = finding.get("balance"), finding.get("last_balance")
    side = finding.get("normal_side")
    if side:
        cached_minor = _posted(finding, side)
        calculated_minor = _posted(calculated, side)
    names = {*_COUNTERS, "version", "last_version"}
    details = {
        "cached": {name: finding[name] for name in sorted(names) if name in finding},
        "calculated": {name: calculated[name] for name in sorted(names) if name in calculated},
    }
    account = finding.get("id") or finding.get("account_id")
    return AccountDifference(
        str(account), finding.get("code"), cached_minor, calculated_minor, details
    )


def _posted(counters: Mapping[str, Any], side: str) -> int | None:
    debits, credits_ = counters.get("debits_posted") or 0, counters.get("credits_posted") or 0
    return int(debits - credits_ if side == "debit" else credits_ - debits)


def _shown(check: CheckResult) -> dict[str, Any]:
    findings = to_builtins(check.findings[:10], str_keys=True)
    return {"check": check.name, "differences": check.broken, "findings": findings}
