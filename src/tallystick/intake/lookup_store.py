"""SQL of looking recorded payments up: by loan account, by customer, in pages and in sum.

Pages go on behind (payment_date, id), the newest first; the two indexes of document 000 carry them
however many payments there are.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from tallystick.intake.model import PaymentRow
from tallystick.platform.postgres.pools import Database

LookupOwner = Literal["loan_account_number", "cif"]
Place = tuple[datetime, UUID]

_COLUMNS: Final = ", ".join(PaymentRow.__struct_fields__)
# Many first pages at once; `turn` tells whose a row is. The values come by sub-selects, so that
# a plan for any number of them looks no dearer than one for these, and is kept.
_FIRST_PAGES: Final = f"""
SELECT asked.turn, page.*
  FROM unnest((SELECT $1::text[]), (SELECT $2::integer[]), (SELECT $3::integer[]))
       WITH ORDINALITY AS asked(number, at_most, skipped, turn)
 CROSS JOIN LATERAL (
       SELECT {_COLUMNS} FROM recorded_payments WHERE {{owner}} = asked.number
        ORDER BY payment_date DESC, id DESC LIMIT asked.at_most OFFSET asked.skipped) AS page
 ORDER BY asked.turn, page.payment_date DESC, page.id DESC
"""
# A text of its own: one with "or no place at all" would never use the index to its end.
_LATER_PAGE: Final = f"""
SELECT {_COLUMNS} FROM recorded_payments
 WHERE {{owner}} = $1 AND payment_date <= $4 AND (payment_date, id) < ($4, $5)
 ORDER BY payment_date DESC, id DESC LIMIT $2 OFFSET $3
"""
_SUMS: Final = """
SELECT currency, coalesce(payment_channel, ''), count(*), sum(amount),
       min(payment_date), max(payment_date)
  FROM recorded_payments WHERE {owner} = $1
 GROUP BY 1, 2 ORDER BY 1, 2
"""


class Page(NamedTuple):
    """A page of one owner's payments: at most so many, behind so many others."""

    number: str
    limit: int
    offset: int


class ChannelSum(Struct, frozen=True):
    """What came in one currency on one channel ('' is none); its instants are UTC."""

    currency: str
    payment_channel: str
    payments: int
    amount: Decimal
    first_payment_date: datetime
    last_payment_date: datetime


async def first_pages(
    database: Database, owner: LookupOwner, pages: Sequence[Page]
) -> dict[Page, list[PaymentRow]]:
    """The newest payments first, for each page that has any. Raises Overloaded."""
    found = defaultdict(list)
    columns = zip(*pages, strict=True)
    for turn, *values in await database.fetch(_FIRST_PAGES.format(owner=owner), *columns):
        found[pages[turn - 1]].append(PaymentRow(*values))
    return found


async def later_page(
    database: Database, owner: LookupOwner, page: Page, *, after: Place
) -> list[PaymentRow]:
    """A later page: what is older than `after`, the newest first. Raises Overloaded."""
    rows = await database.fetch(_LATER_PAGE.format(owner=owner), *page, *after)
    return [PaymentRow(*row) for row in rows]


async def sum_up(database: Database, owner: LookupOwner, number: str) -> list[ChannelSum]:
    """What was paid for a loan account, or by a customer. Raises Overloaded."""
    return [ChannelSum(*row) for row in await database.fetch(_SUMS.format(owner=owner), number)]
