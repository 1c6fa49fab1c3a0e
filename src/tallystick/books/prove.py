"""The proof: every promise examined on one snapshot of the rows themselves.

All checks look at the same instant, so what is recorded meanwhile neither disturbs the proof nor
is covered by it: the proof says up to which batch of each lane it holds.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import json
from msgspec.structs import asdict

from tallystick.books import store
from tallystick.books.checks import (
    FINDINGS_SHOWN,
    Check,
    CheckFunction,
    CheckResult,
    Found,
    Proof,
)
from tallystick.journal import Journal
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Connection, Database

TIME_LIMIT_S = 900.0


async def prove(
    database: Database,
    journal: Journal,
    clock: Clock,
    checks: Sequence[Check | CheckFunction] = (),
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> Proof:
    """Examine the ledger's and the journal's promises, and the rooms' own `checks`.

    200,000 transfers took five seconds on two cores; `time_limit_s` is for each check.
    Raises Overloaded when the database cannot be had.
    """
    async with database.reading() as connection:
        return await prove_snapshot(connection, journal, clock, checks, time_limit_s=time_limit_s)


async def prove_snapshot(
    connection: Connection,
    journal: Journal,
    clock: Clock,
    checks: Sequence[Check | CheckFunction] = (),
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> Proof:
    """The same on what the connection's open transaction sees."""
    started = time.perf_counter()
    await store.allow_time(connection, time_limit_s)
    lanes = await store.lane_heads(connection)
    examiner = _Examiner(connection, clock, time_limit_s)
    results = [
        await examiner.examine(check) for check in (*store.CHECKS, *_walks(journal), *checks)
    ]
    return Proof(
        at=clock.now(),
        green=all(result.green for result in results),
        checks=tuple(results),
        lanes=lanes,
        duration_ms=_since_ms(started),
    )


class _Examiner:
    """Runs checks in one transaction, each so that its failure leaves the others standing."""

    def __init__(self, connection: Connection, clock: Clock, time_limit_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._time_limit_s = time_limit_s
        self._counts: dict[str, int] = {}

    async def examine(self, check: Check | CheckFunction) -> CheckResult:
        started = time.perf_counter()
        checked: int | None = None
        findings: tuple[Mapping[str, Any], ...]
        try:
            async with self._connection.transaction():
                if isinstance(check, Check):
                    checked, broken, findings = await self._by_statement(check)
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
            findings=tuple(findings[:FINDINGS_SHOWN]),
            duration_ms=_since_ms(started),
        )

    async def _by_statement(
        self, check: Check
    ) -> tuple[int | None, int, tuple[Mapping[str, Any], ...]]:
        arguments = [self._clock.now()] if "$1" in check.sql else []
        rows = await self._connection.fetch(
            store.offenders(check.sql, FINDINGS_SHOWN), *arguments, timeout=self._time_limit_s
        )
        findings = tuple(json.decode(row["finding"], type=dict[str, Any]) for row in rows)
        return await self._count(check.table), rows[0]["total"] if rows else 0, findings

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
        findings = tuple(asdict(one) for one in compared if not one.equal)
        return Found(sum(one.rows for one in compared), findings)

    return (
        CheckFunction(
            "chain", "every batch's head follows from its rows and the head before it", chain
        ),
        CheckFunction(
            "projections", "every table that is kept from facts is what its facts make", projections
        ),
    )


def _since_ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
