"""SQL of looking recorded payments up: by loan account, by customer, in pages and in sum.

Pages go on behind (payment_date, id), the newest first; the two indexes of document 000 carry them
however many payments there are.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from tallystick.intake.model import PaymentRow
from tallystick.platform.postgres.pools import Database

LookupOwner = Literal["loan_account_number", "cif"]
Place = tuple[datetime, UUID]

_COLUMNS: Final = ", ".join(PaymentRow.__struct_fields__)
# Two texts, because one with "or no place at all" would never use the index to its end.
_FIRST: Final = f"""
SELECT {_COLUMNS} FROM recorded_payments WHERE {{owner}} = $1
 ORDER BY payment_date DESC, id DESC LIMIT $2 OFFSET $3
"""
_NEXT: Final = f"""
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


class ChannelSum(Struct, frozen=True):
    """What came in one currency on one channel ('' is none); its instants are UTC."""

    currency: str
    payment_channel: str
    payments: int
    amount: Decimal
    first_payment_date: datetime
    last_payment_date: datetime


async def list_payments(
    database: Database,
    owner: LookupOwner,
    number: str,
    after: Place | None,
    *,
    limit: int,
    offset: int = 0,
) -> list[PaymentRow]:
    """The payments of a loan account or customer, the newest first. Raises Overloaded."""
    sql = (_NEXT if after else _FIRST).format(owner=owner)
    rows = await database.fetch(sql, number, limit, offset, *(after or ()))
    return [PaymentRow(*row) for row in rows]


async def sum_up(database: Database, owner: LookupOwner, number: str) -> list[ChannelSum]:
    """What was paid for a loan account, or by a customer. Raises Overloaded."""
    return [ChannelSum(*row) for row in await database.fetch(_SUMS.format(owner=owner), number)]
