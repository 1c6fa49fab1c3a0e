"""SQL of the lists: pages of intents, payments and refunds, latest first.

A page is found by walking an index from where the page before ended, never by counting rows, and
the walk itself is bounded: where few rows match, a page ends after `WALK_ROWS` looked at, short or
even empty, and its cursor goes on from there.
"""

from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as FastUUID
from msgspec import Struct

from tallystick.payments.errors import Invalid
from tallystick.payments.model import IntentRow, PaymentRow, RefundRow
from tallystick.payments.pages import PAGE_MAX, Page, Place, page_of, read_cursor, write_cursor
from tallystick.payments.states import INTENT_TABLE, PAYMENT_TABLE, REFUND_TABLE, Table
from tallystick.platform.postgres.pools import Database

RowT = TypeVar("RowT", IntentRow, PaymentRow, RefundRow)

WALK_ROWS: Final = 5_000
_IDS_PRECEDE: Final = timedelta(minutes=1)
"""An id is made before its row is recorded: a request's time limit and a slow clock fit in here."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST_ID: Final = FastUUID(b"\xff" * 16)


class Filters(Struct, frozen=True):
    """What a list is narrowed to, beside its state; what is None narrows nothing."""

    created_from: datetime | None = None
    created_to: datetime | None = None  # the first instant that no longer counts
    amount_from_minor: int | None = None
    amount_to_minor: int | None = None  # the largest that still counts
    currency: str | None = None
    payment_id: UUID | None = None  # this payment alone, or what belongs to it
    customer_id: UUID | None = None  # of payments and intents


EVERYTHING: Final = Filters()

_TABLE_OF: Final[dict[type[Struct], tuple[str, Table]]] = {
    IntentRow: ("intents", INTENT_TABLE),
    PaymentRow: ("payments", PAYMENT_TABLE),
    RefundRow: ("refunds", REFUND_TABLE),
}


async def list_page(
    database: Database,
    row: type[RowT],
    merchant_id: UUID | None,
    *,
    status: str | None,
    only: Filters,
    cursor: str | None,
    limit: int,
) -> Page[RowT]:
    """The latest rows of a merchant (None: of all), in one state or in any.

    Raises Invalid (invalid_cursor, invalid_status).
    """
    question = _Question(row, merchant_id, _statuses(row, status), only)
    after = read_cursor(cursor) if cursor else None
    limit = max(1, min(limit, PAGE_MAX))
    records = await database.fetch(*question.page(after, limit + 1))
    page: Page[RowT] = page_of(tuple(row(*record) for record in records), limit)
    if page.next_cursor or not question.is_sifted:
        return page
    walked = await database.fetchrow(*question.end_of_walk(after))
    if walked is None:
        return page
    # What was recorded between the two reads makes the second walk end sooner, never later.
    places = [Place(walked[0], walked[1]), *(Place(r.created_at, r.id) for r in page.rows[-1:])]
    return Page(page.rows, write_cursor(min(places, key=question.order)))


def _statuses(row: type[Struct], status: str | None) -> list[str]:
    statuses = [state for state in _TABLE_OF[row][1] if state]
    if status is None:
        return statuses
    if status not in statuses:
        raise Invalid(f"a status is one of {', '.join(statuses)}", "invalid_status")
    return [status]


class _Values(list[Any]):
    """The values of one statement, in the order of its parameters."""

    def add(self, value: Any, type_: str) -> str:
        """The parameter that stands for `value`."""
        self.append(value)
        return f"${len(self)}::{type_}"


class _Question:
    """Which rows are wanted, as SQL: a walk along an index, and a sieve for what it meets."""

    def __init__(
        self, row: type[Struct], merchant_id: UUID | None, statuses: list[str], only: Filters
    ) -> None:
        self._table, table = _TABLE_OF[row]
        self._columns = ", ".join(f"l.{field}" for field in row.__struct_fields__)
        self._named = "id" if row is PaymentRow else "payment_id"
        self._merchant_id, self._statuses, self._only = merchant_id, statuses, only
        self._any_status = len(statuses) == len(table) - 1
        self._by_id = merchant_id is None and only.payment_id is None

    @property
    def is_sifted(self) -> bool:
        """Whether the walk meets rows that are not wanted."""
        return bool(self._sieve(_Values()))

    def order(self, place: Place) -> tuple[Any, ...]:
        """By what the walk goes."""
        return (place.id,) if self._by_id else (place.created_at, place.id)

    def page(self, after: Place | None, rows: int) -> tuple[Any, ...]:
        """The first so many wanted rows behind `after`: statement and values."""
        values = _Values()
        sieve = " AND ".join(self._sieve(values))
        walk = self._walk(values, after, WALK_ROWS if sieve else rows)
        wanted = f" WHERE {sieve}" if sieve else ""
        order = self._order("l")
        return (
            f"SELECT {self._columns} FROM ({walk}) l{wanted} ORDER BY {order} LIMIT {rows}",
            *values,
        )

    def end_of_walk(self, after: Place | None) -> tuple[Any, ...]:
        """Where a walk of full length ends; no row where it comes to the end of the table."""
        values = _Values()
        walk = self._walk(values, after, WALK_ROWS)
        end = f"ORDER BY {self._order('l')} OFFSET {WALK_ROWS - 1} LIMIT 1"
        return f"SELECT l.created_at, l.id FROM ({walk}) l {end}", *values

    def _walk(self, values: _Values, after: Place | None, rows: int) -> str:
        only, bounds = self._only, self._bounds(values, after)
        if only.payment_id is not None:
            these = [f"{self._named} = {values.add(only.payment_id, 'uuid')}"]
        elif self._merchant_id is not None:
            # One arm a state: they are merged in order, each read as far as it is needed.
            mine = f"merchant_id = {values.add(self._merchant_id, 'uuid')}"
            these = [f"{mine} AND status = {values.add(s, 'text')}" for s in self._statuses]
        else:
            these = ["true"]
        ordered = f"ORDER BY {self._order('t')} LIMIT {rows}"
        arms = [
            f"(SELECT t.* FROM {self._table} t WHERE {this} AND {bounds} {ordered})"
            for this in these
        ]
        union = " UNION ALL ".join(arms)
        return f"SELECT u.* FROM ({union}) u ORDER BY {self._order('u')} LIMIT {rows}"

    def _bounds(self, values: _Values, after: Place | None) -> str:
        since, until = self._only.created_from, self._only.created_to
        bounds = []
        if since:
            bounds.append(f"created_at >= {values.add(since, 'timestamptz')}")
        if until:
            bounds.append(f"created_at < {values.add(until, 'timestamptz')}")
        if not self._by_id:
            if after:
                at, row_id = after.created_at, after.id
                place = f"{values.add(at, 'timestamptz')}, {values.add(row_id, 'uuid')}"
                bounds.append(f"(created_at, id) < ({place})")
            return " AND ".join(bounds) or "true"
        # No index goes by date alone, but ids begin with the time.
        ends = (after and after.id, until and _first_id(until + _MILLISECOND))
        last = min((end for end in ends if end), default=_LAST_ID)
        bounds.append(f"id < {values.add(last, 'uuid')}")
        if since:
            bounds.append(f"id >= {values.add(_first_id(since - _IDS_PRECEDE), 'uuid')}")
        return " AND ".join(bounds)

    def _sieve(self, values: _Values) -> list[str]:
        """What the walk itself does not see to."""
        only, sieve = self._only, []
        walks_by_status = self._merchant_id is not None and only.payment_id is None
        if not (walks_by_status or self._any_status):
            sieve.append(f"l.status = ANY({values.add(self._statuses, 'text[]')})")
        if self._merchant_id is not None and not walks_by_status:
            sieve.append(f"l.merchant_id = {values.add(self._merchant_id, 'uuid')}")
        for condition, type_, value in (
            ("l.amount_minor >=", "bigint", only.amount_from_minor),
            ("l.amount_minor <=", "bigint", only.amount_to_minor),
            ("l.currency =", "text", only.currency),
            ("l.customer_id =", "uuid", only.customer_id),
        ):
            if value is not None:
                sieve.append(f"{condition} {values.add(value, type_)}")
        return sieve

    def _order(self, alias: str) -> str:
        names = ("id",) if self._by_id else ("created_at", "id")
        return ", ".join(f"{alias}.{name} DESC" for name in names)


def _first_id(at: datetime) -> UUID:
    """The smallest id of this millisecond or a later one."""
    milliseconds = max(0, int(at.timestamp() * 1_000))
    return FastUUID(min(milliseconds, 2**48 - 1).to_bytes(6) + bytes(10))
