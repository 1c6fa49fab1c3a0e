"""All SQL of cases: one function, one statement. Rows are written by the journal alone.

What is open at a provider is found by the indexes on what is unknown and on what is due: neither
holds a payment that is over.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.payments.cases.folds import CaseRow
from tallystick.payments.cases.states import CASE_TABLE
from tallystick.payments.pages import PAGE_MAX, Page, page_of, read_cursor
from tallystick.payments.store import transitions
from tallystick.platform.postgres.pools import Database

OPEN_MAX: Final = 10_000  # of each sort a round looks at so many, the longest open first

_CASES: Final = f"SELECT {', '.join(CaseRow.__struct_fields__)} FROM payment_cases"


class CasesWanted(Struct, frozen=True):
    """What a list is narrowed to; what is None narrows nothing."""

    status: str | None = None
    work: str | None = None
    route: str | None = None


class Unresolved(Struct, frozen=True):
    """Something asked of a provider whose outcome is not known."""

    work: str
    object_id: UUID
    owner_id: UUID
    subject_id: UUID
    route: str
    reference: str
    amount_minor: int
    currency: str
    asked_at: datetime
    looks: int


class UnknownTotal(Struct, frozen=True):
    """How much of one sort is open at a provider, and since when."""

    kind: str  # payment | refund | payout
    route: str
    currency: str
    state: str  # sending | unknown
    count: int
    amount_minor: int
    oldest_at: datetime


async def find_case(database: Database, case_id: UUID) -> CaseRow | None:
    """The case with this id."""
    record = await database.fetchrow(f"{_CASES} WHERE id = $1", case_id)
    return CaseRow(*record) if record else None


async def list_cases(
    database: Database, wanted: CasesWanted, *, cursor: str | None, limit: int
) -> Page[CaseRow]:
    """The latest cases, at most 200. Raises Invalid (invalid_cursor)."""
    after = read_cursor(cursor) if cursor else None
    created_at, last_id = (after.created_at, after.id) if after else (None, None)
    limit = max(1, min(limit, PAGE_MAX))
    records = await database.fetch(
        f"{_CASES} WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR work = $2)"
        " AND ($3::text IS NULL OR route = $3)"
        " AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))"
        " ORDER BY created_at DESC, id DESC LIMIT $6",
        wanted.status,
        wanted.work,
        wanted.route,
        created_at,
        last_id,
        limit + 1,
    )
    return page_of(tuple(CaseRow(*record) for record in records), limit)


async def list_open(database: Database) -> tuple[CaseRow, ...]:
    """The open cases, latest first."""
    records = await database.fetch(
        f"{_CASES} WHERE status = 'open' ORDER BY created_at DESC, id DESC LIMIT {2 * OPEN_MAX}"
    )
    return tuple(CaseRow(*record) for record in records)


async def list_watched(database: Database, now: datetime, limit: int) -> tuple[CaseRow, ...]:
    """Cases decided by hand about which the provider is to be asked, longest due first."""
    records = await database.fetch(
        f"{_CASES} WHERE watch_at <= $1 ORDER BY watch_at LIMIT $2", now, limit
    )
    return tuple(CaseRow(*record) for record in records)


# What is open at the providers ----------------------------------------------------------------

UNKNOWN: Final = "operation->>'unknown' = 'true'"
# Nobody has looked yet: it is due when its asker must have given up, and at no later time.
SENDING: Final = "due_at <= $1 AND operation IS NOT NULL AND operation->>'unknown' IS NULL"
_ASKED_AT: Final = "(operation->>'asked_at')::timestamptz"
_TABLES: Final = {  # what to call it; who owns it; whose key seals its text; its route
    "payments": ("payment", "merchant_id", "coalesce(intent_id, id)", "coalesce(route, '')"),
    "refunds": ("refund", "merchant_id", "subject_id", "route"),
}


def unresolved_sql() -> str:
    """What was asked until $2 and is open; $1 is when the last of it can be due."""
    arms = [
        f"SELECT operation->>'verb', id, {owner}, {subject}, {route}, operation->>'reference',"
        f" (operation->>'amount_minor')::bigint, currency, {_ASKED_AT} AS asked_at,"
        f" coalesce((operation->>'checks')::integer, 0) FROM {table}"
        f" WHERE {which} AND {_ASKED_AT} <= $2"
        for table, (_, owner, subject, route) in _TABLES.items()
        for which in (UNKNOWN, SENDING)
    ]
    return f"{' UNION ALL '.join(arms)} ORDER BY asked_at LIMIT {OPEN_MAX}"


def totals_sql() -> str:
    """How much is open, by kind, route, currency and state; $1 is when the last can be due."""
    arms = [
        f"SELECT '{kind}' AS kind, {route} AS route, currency, '{state}' AS state,"
        f" (operation->>'amount_minor')::bigint AS amount, {_ASKED_AT} AS asked_at"
        f" FROM {table} WHERE {which}"
        for table, (kind, _, _, route) in _TABLES.items()
        for state, which in (("unknown", UNKNOWN), ("sending", SENDING))
    ]
    return (
        "SELECT kind, route, currency, state, count(*), sum(amount)::bigint, min(asked_at)"
        f" FROM ({' UNION ALL '.join(arms)}) o GROUP BY 1, 2, 3, 4"
    )


async def list_unresolved(
    database: Database, asked_before: datetime, ask_limit_s: float
) -> tuple[Unresolved, ...]:
    """What was asked about payments and refunds until then and is open, longest open first."""
    due = asked_before + timedelta(seconds=ask_limit_s)
    records = await database.fetch(unresolved_sql(), due, asked_before)
    return tuple(Unresolved(*record) for record in records)


async def list_totals(
    database: Database, now: datetime, ask_limit_s: float
) -> tuple[UnknownTotal, ...]:
    """How much is open of payments and refunds."""
    due = now + timedelta(seconds=ask_limit_s)
    return tuple(UnknownTotal(*record) for record in await database.fetch(totals_sql(), due))


# What must hold -------------------------------------------------------------------------------

_TRUE_TO_ITS_OBJECT: Final = """
SELECT c.id, c.status, c.outcome
  FROM payment_cases c
  LEFT JOIN journal_facts f ON f.kind = c.outcome
       AND f.aggregate_id = CASE c.outcome WHEN 'case.closed' THEN c.id ELSE c.object_id END
 GROUP BY c.id, c.status, c.outcome
HAVING c.status = 'resolved' AND count(f.kind) = 0
"""

CHECKS: Final = (
    Check(
        "cases_resolved_truly",
        "every case that ended names a fact that its payment, refund or payout has, or was closed",
        _TRUE_TO_ITS_OBJECT,
        "payment_cases",
    ),
    transitions("payment_cases", CASE_TABLE),
)
