"""All SQL of the wallet rail: one function, one statement. The journal alone writes."""

from typing import Final

from tallystick.books import Check
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.rail.orders import WalletOrderRow

_ORDERS: Final = f"SELECT {', '.join(WalletOrderRow.__struct_fields__)} FROM wallet_orders"


async def find_order(database: Database, reference: str) -> WalletOrderRow | None:
    """What was asked under this reference."""
    record = await database.fetchrow(f"{_ORDERS} WHERE reference = $1", reference)
    return WalletOrderRow(*record) if record else None


async def list_orders(
    database: Database, authorization_reference: str
) -> tuple[WalletOrderRow, ...]:
    """An authorization and all that was asked on it, in their order."""
    records = await database.fetch(
        f"{_ORDERS} WHERE authorization_reference = $1 ORDER BY asked_at, id",
        authorization_reference,
    )
    return tuple(WalletOrderRow(*record) for record in records)


# What must hold -------------------------------------------------------------------------------

# An approved order and the transfer of its change, which is the change's first.
_POSTED: Final = """
SELECT o.id, o.order_kind, o.amount_minor, t.kind, t.amount
  FROM wallet_orders o LEFT JOIN ledger_transfers t ON t.id = o.posting_id
 WHERE o.status = 'approved'
   AND (t.kind IS DISTINCT FROM CASE o.order_kind WHEN 'authorization' THEN 'reserve'
                                     WHEN 'capture' THEN 'settle'
                                     WHEN 'void' THEN 'void' ELSE 'post' END
        OR (o.order_kind <> 'void' AND t.amount IS DISTINCT FROM o.amount_minor)
        OR o.wallet_id IS DISTINCT FROM
           CASE o.order_kind WHEN 'refund' THEN t.credit ELSE t.debit END)
"""
# Money between a wallet and the clearing account, and the order it belongs to.
_ORDERED: Final = """
SELECT t.id, t.code, t.amount
  FROM ledger_accounts a
  JOIN ledger_transfers t ON t.debit = a.id OR t.credit = a.id
  JOIN wallets w ON w.wallet_id = CASE t.debit WHEN a.id THEN t.credit ELSE t.debit END
 WHERE a.code LIKE 'rail:wallet:clearing:%' AND t.kind IN ('post', 'settle')
   AND NOT EXISTS (SELECT FROM wallet_orders o WHERE o.posting_id = t.id)
"""
_WITHIN: Final = """
SELECT authorization_reference, taken, given_back
  FROM (SELECT authorization_reference,
               coalesce(sum(amount_minor) FILTER (WHERE order_kind IN ('charge', 'capture')), 0)
                   AS taken,
               coalesce(sum(amount_minor) FILTER (WHERE order_kind = 'refund'), 0) AS given_back,
               coalesce(sum(amount_minor) FILTER (
                   WHERE order_kind IN ('charge', 'authorization')), 0) AS promised
          FROM wallet_orders WHERE status = 'approved' GROUP BY 1) o
 WHERE taken > promised OR given_back > taken
"""

CHECKS: Final = (
    Check(
        "wallet_orders_posted",
        "every order that a wallet granted moved or held exactly its money, in its own change",
        _POSTED,
        "wallet_orders",
    ),
    Check(
        "wallet_orders_all",
        "no money went between a wallet and its clearing account without an order",
        _ORDERED,
        "wallet_orders",
    ),
    Check(
        "wallet_orders_within",
        "no more was taken from a wallet than was promised, nor given back than was taken",
        _WITHIN,
        "wallet_orders",
    ),
)
