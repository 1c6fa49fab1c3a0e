"""The jobs of cases: open what is open for too long, end what is known, show how much there is.

Any number of processes may do this at once: a case has one id, whoever opens or ends it first
wins, and the others find it recorded.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Change, Conflict
from tallystick.payments.case_facts import (
    CaseLookedAt,
    CaseOpened,
    CaseResolved,
    case_id_of,
)
from tallystick.payments.cases import store
from tallystick.payments.cases.folds import CaseRow, fact_of, row_after
from tallystick.payments.cases.metrics import Labels, unknown_metrics
from tallystick.payments.cases.outcomes import Outcomes
from tallystick.payments.cases.states import RECOVERY
from tallystick.payments.cases.store import Unresolved
from tallystick.payments.operations import NOBODY
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.telemetry import get_logger

_log = get_logger("payments.cases")


class _Telling(Struct, frozen=True):
    """What is to be told of a case."""

    case_id: UUID
    row: CaseRow | None
    data: Struct


@dataclass(frozen=True)
class Keeping:
    """Cases follow what is open at the providers. `after_s`: how long is too long."""

    outcomes: Outcomes
    after_s: int
    labels: Labels

    async def keep(self) -> int:
        """One round; how many cases were opened, moved on or resolved."""
        operations = self.outcomes.operations
        asked_before = operations.clock.now() - timedelta(seconds=self.after_s)
        open_now = await store.list_open(operations.database)
        rows = {row.id: row for row in open_now if row.ends_by_itself}
        standing = {
            case_id_of(one.object_id, one.reference): one
            for one in await self.outcomes.list_unresolved(asked_before)
        }
        told = [await self._tell(telling) for telling in _news(rows, standing)]
        ended = [await self._end(row) for row in rows.values() if row.id not in standing]
        return sum(told) + sum(ended)

    async def measure(self) -> None:
        """Show what is not known, and what waits for a person."""
        operations = self.outcomes.operations
        totals = await self.outcomes.list_totals()
        cases = [row.work for row in await store.list_open(operations.database)]
        unknown_metrics().show(totals, cases, self.labels, operations.clock.now())

    async def _end(self, row: CaseRow) -> bool:
        try:
            end = await self.outcomes.find_end(row)
        except Exception:  # noqa: BLE001 - one bad object must not keep the others' cases open
            _log.exception("case_not_followed", case=row.name)
            return False
        if end is None:
            return False
        return await self._tell(_Telling(row.id, row, CaseResolved(end, RECOVERY)))

    async def _tell(self, telling: _Telling) -> bool:
        operations = self.outcomes.operations
        now = operations.clock.now()
        fact = fact_of(telling.row, telling.case_id, telling.data)
        row = row_after(telling.row, fact, NOBODY, now)  # first here: nothing impossible leaves
        with suppress(Conflict):  # another worker was faster, or an operator
            await operations.journal.record(
                Change(new_id(now, bucket_of(fact.aggregate_id)), (fact,))
            )
            crash_point("cases.after_record")
            _log.warning(fact.kind.replace(".", "_"), case=row.name, reference=row.reference)
            return True
        return False


def _news(rows: dict[UUID, CaseRow], standing: dict[UUID, Unresolved]) -> Iterator[_Telling]:
    """A case for what has none, and the looks of those that have."""
    for case_id, one in standing.items():
        row = rows.get(case_id)
        if row is None:
            yield _Telling(case_id, None, CaseOpened(**structs.asdict(one)))
        elif row.looks != one.looks:
            yield _Telling(case_id, row, CaseLookedAt(one.looks, RECOVERY))
