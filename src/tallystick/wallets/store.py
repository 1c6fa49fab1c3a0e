"""SQL of wallets, tiers and holds: one function, one statement. The journal alone writes."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.platform.postgres.latest import Latest, Place
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.folds import TierRow, WalletRow, wallet_of
from tallystick.wallets.model import Hold, Wallet


def _columns(row: type[Struct]) -> str:
    return ", ".join(row.__struct_fields__)


_WALLET: Final = f"SELECT {_columns(WalletRow)} FROM wallets"
_TIER: Final = f"SELECT {_columns(TierRow)} FROM wallet_tiers"
_HOLD: Final = f"SELECT {_columns(Hold)} FROM wallet_holds"


# Wallets ----------------------------------------------------------------------------------------


async def find_wallet(database: Database, wallet_id: UUID) -> Wallet | None:
    """One wallet, by the id it shares with its account."""
    record = await database.fetchrow(f"{_WALLET} WHERE wallet_id = $1", wallet_id)
    return _wallet(record) if record else None


async def list_wallets(
    database: Database, owner_id: UUID | None, after: Place | None, limit: int
) -> tuple[Wallet, ...]:
    """The latest wallets of one owner, or of all."""
    latest = Latest(("opened_at", "wallet_id"), {"owner_id = {}": owner_id}, after, limit)
    sql, values = latest.of(_WALLET)
    return tuple(map(_wallet, await database.fetch(sql, *values)))


async def list_wallet_ids(database: Database, owner_id: UUID) -> tuple[UUID, ...]:
    """All wallets of one owner, who has one a currency."""
    records = await database.fetch("SELECT wallet_id FROM wallets WHERE owner_id = $1", owner_id)
    return tuple(record[0] for record in records)


def _wallet(record: Any) -> Wallet:
    return wallet_of(WalletRow(*record))


# Tiers ------------------------------------------------------------------------------------------


async def find_tier(database: Database, tier_id: UUID) -> TierRow | None:
    """The limits an operator set, if one did."""
    record = await database.fetchrow(f"{_TIER} WHERE id = $1", tier_id)
    return TierRow(*record) if record else None


async def list_tiers(database: Database) -> tuple[TierRow, ...]:
    """All limits that operators set."""
    records = await database.fetch(f"{_TIER} ORDER BY name, currency")
    return tuple(TierRow(*record) for record in records)


# Holds ------------------------------------------------------------------------------------------


class HoldsWanted(Struct, frozen=True, kw_only=True):
    """Which holds a list shows: the latest of these, behind `after`.

    A merchant's are those on its wallets and those for it; `merchant_id` None is everybody's.
    """

    merchant_id: UUID | None = None
    wallet_id: UUID | None = None
    status: str | None = None
    after: Place | None = None
    limit: int = 50


async def find_hold(database: Database, hold_id: UUID) -> Hold | None:
    """One hold."""
    record = await database.fetchrow(f"{_HOLD} WHERE id = $1", hold_id)
    return Hold(*record) if record else None


async def list_holds(database: Database, wanted: HoldsWanted) -> tuple[Hold, ...]:
    """The latest holds; `wanted.limit` of them at most."""
    latest = Latest(
        ("placed_at", "id"),
        {"wallet_id = {}": wanted.wallet_id, "status = {}": wanted.status},
        wanted.after,
        wanted.limit,
    )
    merchant_id = wanted.merchant_id
    parties = (
        None
        if merchant_id is None
        else [merchant_id, *await list_wallet_ids(database, merchant_id)]
    )
    sql, values = latest.of_either(_HOLD, ("to_merchant_id", "wallet_id"), parties)
    return tuple(Hold(*record) for record in await database.fetch(sql, *values))


async def list_due_holds(database: Database, now: datetime, limit: int) -> tuple[UUID, ...]:
    """Holds whose time is over and whose end is not on record, longest due first."""
    records = await database.fetch(
        "SELECT id FROM wallet_holds WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2", now, limit
    )
    return tuple(record[0] for record in records)


# What must hold ---------------------------------------------------------------------------------

_ACCOUNTS: Final = """
SELECT w.wallet_id, a.code, a.currency, a.normal_side, a.overdraft_limit
  FROM wallets w LEFT JOIN ledger_accounts a ON a.id = w.wallet_id
 WHERE a.id IS NULL OR a.code !~ '^wallet:(usr|mer)_' OR a.currency <> w.currency
    OR a.normal_side <> 'credit' OR a.overdraft_limit IS DISTINCT FROM 0
"""
_STRAYS: Final = """
SELECT a.id, a.code FROM ledger_accounts a
 WHERE a.code ~ '^wallet:(usr|mer)_' AND NOT EXISTS (SELECT FROM wallets w WHERE w.wallet_id = a.id)
"""
_STATES: Final = """
SELECT w.wallet_id, w.status, w.frozen, a.frozen AS account_frozen, a.closed_at
  FROM wallets w JOIN ledger_accounts a ON a.id = w.wallet_id
 WHERE a.frozen <> w.frozen OR (a.closed_at IS NOT NULL) <> (w.status = 'closed')
"""
_SPENT: Final = """
SELECT w.wallet_id, w.spent_on, w.spent_day_minor, f.day_minor, w.spent_month_minor, f.month_minor
  FROM wallets w
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(s.minor) FILTER (WHERE s.day = w.spent_on), 0) AS day_minor,
              coalesce(sum(s.minor) FILTER (WHERE date_trunc('month', s.day) = w.spent_month), 0)
                  AS month_minor
         FROM (SELECT (data ->> 'day')::date AS day,
                      (data ->> 'amount_minor')::bigint
                          * CASE kind WHEN 'wallet.spent' THEN 1 ELSE -1 END AS minor
                 FROM journal_facts
                WHERE aggregate_id = w.id AND kind IN ('wallet.spent', 'wallet.returned')) s) f
 WHERE (w.spent_day_minor, w.spent_month_minor) IS DISTINCT FROM (f.day_minor, f.month_minor)
"""
_COUNTED: Final = """
SELECT w.wallet_id, f.minor AS counted_minor, a.debits_posted + a.debits_pending AS left_minor
  FROM wallets w JOIN ledger_accounts a ON a.id = w.wallet_id
 CROSS JOIN LATERAL (
       SELECT coalesce(sum((data ->> 'amount_minor')::bigint
                           * CASE kind WHEN 'wallet.spent' THEN 1 ELSE -1 END), 0) AS minor
         FROM journal_facts
        WHERE aggregate_id = w.id AND kind IN ('wallet.spent', 'wallet.returned')) f
 WHERE f.minor > a.debits_posted + a.debits_pending
"""
_HELD: Final = """
SELECT h.id, h.status, h.amount_minor, h.captured_minor, h.returned_minor,
       r.state, r.amount, r.remaining, r.expires_at
  FROM wallet_holds h LEFT JOIN ledger_reservations r ON r.id = h.reservation_id
 WHERE (r.debit, r.credit, r.amount, r.currency) IS DISTINCT FROM
       (h.wallet_id, h.to_account_id, h.amount_minor, h.currency)
    OR r.remaining IS DISTINCT FROM h.amount_minor - h.captured_minor - h.returned_minor
    OR r.expires_at IS NOT NULL
    OR r.state IS DISTINCT FROM CASE h.status WHEN 'active' THEN 'open'
                                WHEN 'captured' THEN 'settled' ELSE 'voided' END
"""
_UNHELD: Final = """
SELECT r.id, r.state FROM ledger_reservations r JOIN ledger_transfers t ON t.id = r.id
 WHERE t.code = 'hold'
   AND EXISTS (SELECT FROM wallets w WHERE w.wallet_id = r.debit)
   AND NOT EXISTS (SELECT FROM wallet_holds h WHERE h.reservation_id = r.id)
"""

CHECKS: Final = (
    Check(
        "wallets_have_accounts",
        "every wallet has an account of its currency that cannot be overdrawn",
        _ACCOUNTS,
        "wallets",
    ),
    Check("wallet_accounts_have_wallets", "every wallet account is some wallet's", _STRAYS),
    Check(
        "wallets_stand_as_accounts",
        "a wallet is frozen or closed exactly when its account is",
        _STATES,
        "wallets",
    ),
    Check(
        "wallets_spent_as_told",
        "what counts against each wallet's limits is what its facts add up to",
        _SPENT,
        "wallets",
    ),
    Check(
        "wallets_spent_as_left",
        "no wallet counts more as spent than left its account or is promised to",
        _COUNTED,
        "wallets",
    ),
    Check(
        "holds_are_reserved",
        "every hold and its reservation are in the same state and for the same money",
        _HELD,
        "wallet_holds",
    ),
    Check("reservations_are_held", "no money of a wallet is held without a hold", _UNHELD),
)
