"""What the facts of wallets, tiers and holds make of their rows. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Told
from tallystick.wallets.facts import (
    CLOSED,
    FROZEN,
    HOLD_CAPTURED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    OPENED,
    PLACED,
    RECEIVED,
    RETURNED,
    SPENT,
    TIER_ASSIGNED,
    UNFROZEN,
    HoldCaptured,
    Opened,
    Placed,
    Returned,
    Spent,
    TierAssigned,
    TierSet,
    WalletFrozen,
)
from tallystick.wallets.model import Hold, IllegalTransition, Tier, Wallet

# state -> what happened -> next state; `None` is "not there yet".
WALLET_TABLE: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {OPENED: "active"},
    "active": {
        FROZEN: "frozen",
        CLOSED: "closed",
        TIER_ASSIGNED: "active",
        SPENT: "active",
        RETURNED: "active",
        RECEIVED: "active",
    },
    # Nothing new leaves a frozen wallet; what comes back, and to some what arrives, may.
    "frozen": {
        FROZEN: "frozen",
        UNFROZEN: "active",
        TIER_ASSIGNED: "frozen",
        RETURNED: "frozen",
        RECEIVED: "frozen",
    },
    "closed": {},
}
HOLD_TABLE: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {PLACED: "active"},
    "active": {
        HOLD_CAPTURED: "captured",  # or still active, when a part remains
        HOLD_RELEASED: "released",
        HOLD_EXPIRED: "expired",
    },
    "captured": {},
    "released": {},
    "expired": {},
}


class WalletRow(Struct, frozen=True):
    """One wallet; fields are the columns of `wallets`, in their order."""

    id: UUID  # where its facts stand
    version: int
    wallet_id: UUID  # its ledger account
    owner_id: UUID
    owner_kind: str
    currency: str
    status: str
    frozen: str
    tier: str
    spent_on: date
    spent_day_minor: int
    spent_month: date
    spent_month_minor: int
    opened_at: datetime
    updated_at: datetime


class TierRow(Struct, frozen=True):
    """One tier in one currency; fields are the columns of `wallet_tiers`, in their order."""

    id: UUID
    version: int
    name: str
    currency: str
    daily_minor: int | None
    monthly_minor: int | None
    balance_minor: int | None
    updated_at: datetime


def wallet_of(row: WalletRow) -> Wallet:
    """The wallet a row stands for."""
    fields = structs.asdict(row)
    record_id = fields.pop("id")
    return Wallet(id=fields.pop("wallet_id"), record_id=record_id, **fields)


def tier_of(row: TierRow) -> Tier:
    """The tier a row stands for."""
    return Tier(row.name, row.currency, row.daily_minor, row.monthly_minor, row.balance_minor)


def next_state(table: Mapping[str | None, Mapping[str, str]], state: str | None, kind: str) -> str:
    """The state after this kind of fact. Raises IllegalTransition."""
    try:
        return table[state][kind]
    except KeyError:
        raise IllegalTransition(f"{kind} cannot follow on {state}") from None


# Wallets ----------------------------------------------------------------------------------------


def fold_wallet(row: WalletRow | None, fact: Told) -> WalletRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(WALLET_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _opened(fact, status)
    changes = _wallet_changes(row, fact)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _opened(fact: Told, status: str) -> WalletRow:
    data: Opened = fact.data
    day = fact.at.date()
    return WalletRow(
        **structs.asdict(data),
        id=fact.aggregate_id,
        version=fact.version,
        status=status,
        frozen="no",
        spent_on=day,
        spent_day_minor=0,
        spent_month=day.replace(day=1),
        spent_month_minor=0,
        opened_at=fact.at,
        updated_at=fact.at,
    )


def _wallet_changes(row: WalletRow, fact: Told) -> dict[str, Any]:
    match fact.data:
        case Spent() as spent:
            return _after_spending(row, spent)
        case Returned() as returned:
            return _after_return(row, returned)
        case WalletFrozen(stops=stops):
            return {"frozen": stops}
        case TierAssigned(tier=tier):
            return {"tier": tier}
    return {"frozen": "no"} if fact.kind == UNFROZEN else {}


def _after_spending(row: WalletRow, spent: Spent) -> dict[str, Any]:
    month = spent.day.replace(day=1)
    day_before = row.spent_day_minor if row.spent_on == spent.day else 0
    month_before = row.spent_month_minor if row.spent_month == month else 0
    return {
        "spent_on": spent.day,
        "spent_day_minor": day_before + spent.amount_minor,
        "spent_month": month,
        "spent_month_minor": month_before + spent.amount_minor,
    }


def _after_return(row: WalletRow, returned: Returned) -> dict[str, Any]:
    changes = {}
    if row.spent_on == returned.day:
        changes["spent_day_minor"] = row.spent_day_minor - returned.amount_minor
    if row.spent_month == returned.day.replace(day=1):
        changes["spent_month_minor"] = row.spent_month_minor - returned.amount_minor
    return changes


# Tiers ------------------------------------------------------------------------------------------


def fold_tier(_row: TierRow | None, fact: Told) -> TierRow:
    """The row after `fact`: the latest limits, whatever they were."""
    data: TierSet = fact.data
    return TierRow(
        fact.aggregate_id,
        fact.version,
        data.name,
        data.currency,
        data.daily_minor,
        data.monthly_minor,
        data.balance_minor,
        fact.at,
    )


# Holds ------------------------------------------------------------------------------------------


def fold_hold(row: Hold | None, fact: Told) -> Hold:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(HOLD_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _placed(fact, status)
    captured, returned = row.captured_minor, row.returned_minor
    if isinstance(fact.data, HoldCaptured):
        captured += fact.data.amount_minor
        if fact.data.final:
            returned = row.amount_minor - captured
        elif captured < row.amount_minor:
            status = "active"
    else:
        returned += fact.data.amount_minor
    return structs.replace(
        row,
        version=fact.version,
        status=status,
        captured_minor=captured,
        returned_minor=returned,
        due_at=row.due_at if status == "active" else None,
        updated_at=fact.at,
    )


def _placed(fact: Told, status: str) -> Hold:
    data: Placed = fact.data
    return Hold(
        **structs.asdict(data),
        id=fact.aggregate_id,
        version=fact.version,
        status=status,
        captured_minor=0,
        returned_minor=0,
        due_at=data.expires_at,
        placed_at=fact.at,
        updated_at=fact.at,
    )
