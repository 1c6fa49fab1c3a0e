"""Wallets: their nouns, the tiers that limit them, and what this room refuses. Pure.

`balance = available + pending`: what is promised away by holds and payouts is pending, and still
the owner's until it is captured.

WalletsError
+-- WalletNotFound    no such wallet, or not the caller's
+-- HoldNotFound      no such hold, or not the caller's
+-- TierNotFound      no limits are set for this tier in this currency
+-- Invalid           a term that cannot be: `field` says which
+-- NotPossible       the object's state forbids it: the code says which
|   +-- LimitExceeded daily_limit_exceeded | monthly_limit_exceeded | balance_limit_exceeded
+-- StaleVersion      the caller's `If-Match` is not the wallet's version any more
"""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import account_id
from tallystick.platform.ids import derived_id, typeid

OWNER_KINDS: Final = {"usr": "user", "mer": "merchant"}
"""What an owner's TypeID begins with, and what that makes him."""


class Wallet(Struct, frozen=True, kw_only=True):
    """One wallet as its facts make it. Its money stands in the ledger account of the same id.

    The account tells facts of its own under that id, so the wallet's stand under `record_id`.
    """

    id: UUID
    record_id: UUID
    version: int  # counts the wallet's facts
    owner_id: UUID
    owner_kind: str  # user | merchant
    currency: str
    status: str  # active | frozen | closed
    frozen: str  # no | outflow | all
    tier: str
    spent_on: date  # the UTC day of the last spending; before it, the day of opening
    spent_day_minor: int
    spent_month: date  # the first of that day's month
    spent_month_minor: int
    opened_at: datetime
    updated_at: datetime


class Hold(Struct, frozen=True):
    """Money of a wallet set aside; fields are the columns of `wallet_holds`, in their order.

    The ledger's reservation `reservation_id` holds what is neither captured nor returned. Each
    fact of a hold is recorded together with the reservation's own move.
    """

    id: UUID
    version: int
    wallet_id: UUID
    status: str  # active | captured | released | expired
    amount_minor: int
    captured_minor: int
    returned_minor: int
    currency: str
    to_account_id: UUID
    to_wallet_id: UUID | None
    to_merchant_id: UUID | None
    reference: str | None
    reservation_id: UUID
    spent_on: date  # the UTC day on whose limits it counts
    expires_at: datetime
    due_at: datetime | None  # when the expiry job looks at it; none once it has ended
    placed_at: datetime
    updated_at: datetime

    @property
    def remaining_minor(self) -> int:
        """What may still be captured."""
        return self.amount_minor - self.captured_minor - self.returned_minor


class Tier(Struct, frozen=True):
    """What a wallet of this tier and currency may do; None is without limit."""

    name: str
    currency: str
    daily_minor: int | None = None  # out of the wallet on one UTC day
    monthly_minor: int | None = None  # out of the wallet in one UTC month
    balance_minor: int | None = None  # in the wallet at any time, pending included


def wallet_code(owner_id: UUID, owner_kind: str, currency: str) -> str:
    """The code of the wallet's account: `wallet:{usr_... or mer_...}:{CURRENCY}`."""
    prefix = "mer" if owner_kind == "merchant" else "usr"
    return f"wallet:{typeid(prefix, owner_id)}:{currency}"


def wallet_id(owner_id: UUID, currency: str, owner_kind: str = "user") -> UUID:
    """The id of the owner's one wallet in this currency, which is also its ledger account's."""
    return account_id(owner_id, wallet_code(owner_id, owner_kind, currency))


def record_id_of(wallet_id: UUID) -> UUID:
    """Where the wallet's own facts stand."""
    return derived_id(wallet_id, "wallet")


# What this room refuses -------------------------------------------------------------------------


class WalletsError(Exception):
    """Everything that wallets and holds refuse by themselves."""

    code = "wallets_error"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class WalletNotFound(WalletsError):
    """No such wallet, or not the caller's."""

    code = "wallet_not_found"


class HoldNotFound(WalletsError):
    """No such hold, or not the caller's."""

    code = "hold_not_found"


class TierNotFound(WalletsError):
    """No limits are set for this tier in this currency: an operator sets them."""

    code = "wallet_tier_not_found"


class Invalid(WalletsError):
    """A term is well formed and still cannot be; `field` says which."""

    code = "invalid_wallet_terms"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class NotPossible(WalletsError):
    """The object is not in a state for this."""


class LimitExceeded(NotPossible):
    """The wallet's tier allows no more. Nothing has moved."""


class StaleVersion(WalletsError):
    """Something has happened to the wallet since the caller looked."""

    code = "stale_version"


class IllegalTransition(WalletsError):
    """A fact that cannot follow in this state: a mistake of ours, never a caller's."""

    code = "illegal_transition"
