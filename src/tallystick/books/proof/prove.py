"""The proof: every promise examined on one snapshot of the rows themselves.

All checks look at the same instant, so what is recorded meanwhile neither disturbs the proof nor
is covered by it: the proof says up to which batch of each lane it holds.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import json
from msgspec.structs import asdict

from tallystick.books.proof import slice_store as proof_store
from tallystick.books.proof import store
from tallystick.books.proof.checks import (
    Check,
    CheckFunction,
    CheckResult,
    Found,
    Proof,
)
from tallystick.books.proof.extents import Limits, plan_of
from tallystick.journal import Journal
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Connection, Database

TIME_LIMIT_S = 900.0
EVERYTHING = Limits()


async def prove(
    database: Database,
    journal: Journal,
    clock: Clock,
    checks: Sequence[Check | CheckFunction] = (),
    *,
    limits: Limits = EVERYTHING,
    time_limit_s: float = TIME_LIMIT_S,
) -> Proof:
    """Examine the ledger's and the journal's promises, and the rooms' own `checks`.

    A million transfers took 16 seconds on two cores; `time_limit_s` is for each check. `limits`
    make it shorter, and the proof then says what it left out.
    Raises Overloaded when the database cannot be had.
    """
    async with database.reading() as connection:
        return await prove_snapshot(
            connection, journal, clock, checks, limits=limits, time_limit_s=time_limit_s
        )


async def prove_snapshot(
    connection: Connection,
    journal: Journal,
    clock: Clock,
    checks: Sequence[Check | CheckFunction] = (),
    *,
    limits: Limits = EVERYTHING,
    time_limit_s: float = TIME_LIMIT_S,
) -> Proof:
    """The same on what the connection's open transaction sees."""
    started = time.perf_counter()
    await store.allow_time(connection, time_limit_s)
    plan = plan_of(limits, (*store.CHECKS, *_walks(journal), *checks))
    examiner = _Examiner(connection, clock, time_limit_s)
    results = [await examiner.examine(check) for check in (*plan.whole, *plan.walks)]
    if limits.account_id is not None:
        results += [await examiner.examine(check, limits.account_id) for check in plan.of_account]
    accounts, transfers = await proof_store.count_extent(
        connection, limits.since, limits.account_id
    )
    return Proof(
        at=clock.now(),
        green=all(result.green for result in results),
        checks=tuple(results),
        lanes=await store.lane_heads(connection),
        duration_ms=_since_ms(started),
        since=limits.since,
        account_id=limits.account_id,
        not_proven=plan.not_proven,
        accounts=accounts,
        transfers=transfers,
    )


class _Examiner:
    """Runs checks in one transaction, each so that its failure leaves the others standing."""

    def __init__(self, connection: Connection, clock: Clock, time_limit_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._time_limit_s = time_limit_s
        self._counts: dict[str, int] = {}

    async def examine(
        self, check: Check | CheckFunction, account_id: UUID | None = None
    ) -> CheckResult:
        """The check's verdict; with `account_id`, on what concerns this account alone."""
        started = time.perf_counter()
        checked: int | None = None
        findings: tuple[Mapping[str, Any], ...]
        try:
            async with self._connection.transaction():
                if isinstance(check, Check):
                    checked, broken, findings = await self._by_statement(check, account_id)
                else:
                    found: Found = await check.find(self._connection)
                    checked, findings = found.checked, found.findings
                    broken = len(findings)
        except Exception as error:  # noqa: BLE001 - tampered rows may break the examiner in any way
            reason = f"{type(error).__name__}: {error}"
            broken, findings = 1, ({"not_examined": reason},)
        return CheckResult(
            name=check.name,
            promise=check.promise,
            green=not broken,
            checked=checked,
            broken=broken,
            findings=tuple(findings[: check.shown]),
            duration_ms=_since_ms(started),
        )

    async def _by_statement(
        self, check: Check, account_id: UUID | None
    ) -> tuple[int | None, int, tuple[Mapping[str, Any], ...]]:
        now = self._clock.now()
        if account_id is None:
            sql, arguments = check.sql, [now] if "$1" in check.sql else []
        else:
            sql, arguments = proof_store.seen_from(check, now, account_id)
        rows = await self._connection.fetch(
            store.offenders(sql, check.shown), *arguments, timeout=self._time_limit_s
        )
        findings = tuple(json.decode(row["finding"], type=dict[str, Any]) for row in rows)
        table = None if account_id else check.table
        return await self._count(table), rows[0]["total"] if rows else 0, findings

    async def _count(self, table: str | None) -> int | None:
        if table is None:
            return None
        if table not in self._counts:
            self._counts[table] = await store.count_rows(
                self._connection, table, self._time_limit_s
            )
        return self._counts[table]


# What takes more than one statement ------------------------------------------------------------


def _walks(journal: Journal) -> tuple[CheckFunction, ...]:
    """The chain and the projections, as the journal verifies them in our snapshot."""

    async def chain(connection: Connection) -> Found:
        report = await journal.verify_chain(connection)
        return Found(report.batches, tuple(map(asdict, report.breaks)))

    async def projections(connection: Connection) -> Found:
        compared = await journal.verify_projections(connection)
        findings = tuple(asdict(one) for one in compared if not one.sound)
        return Found(sum(one.rows for one in compared), findings)

    return (
        CheckFunction(
            "chain", "every batch's head follows from its rows and the head before it", chain
        ),
        CheckFunction(
            "projections",
            "every table kept from facts is what its facts make; what is sealed in it opens",
            projections,
        ),
    )


def _since_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
