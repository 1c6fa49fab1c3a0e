"""What is told of wallets, their tiers, and holds. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

# Wallets ----------------------------------------------------------------------------------------

OPENED: Final = "wallet.opened"
FROZEN: Final = "wallet.frozen"
UNFROZEN: Final = "wallet.unfrozen"
CLOSED: Final = "wallet.closed"
TIER_ASSIGNED: Final = "wallet.tier_assigned"
SPENT: Final = "wallet.spent"
RETURNED: Final = "wallet.returned"
RECEIVED: Final = "wallet.received"


class Opened(Struct, frozen=True):
    """It exists, and so does its account, whose id is `wallet_id`."""

    wallet_id: UUID
    owner_id: UUID
    owner_kind: str
    currency: str
    tier: str


class WalletFrozen(Struct, frozen=True):
    """Nothing leaves (`outflow`), or nothing moves at all (`all`)."""

    stops: str


class Unfrozen(Struct, frozen=True):
    """Money moves again."""


class Closed(Struct, frozen=True):
    """It was empty, and stays so."""


class TierAssigned(Struct, frozen=True):
    """Other limits hold from here on."""

    tier: str


class Spent(Struct, frozen=True):
    """So much left, or was promised; it counts on this UTC day."""

    amount_minor: int
    day: date


class Returned(Struct, frozen=True):
    """So much of what counted as spent on this UTC day did not leave after all."""

    amount_minor: int
    day: date


class Received(Struct, frozen=True):
    """So much arrived."""

    amount_minor: int


WALLET_KINDS: Final[Mapping[str, type[Struct]]] = {
    OPENED: Opened,
    FROZEN: WalletFrozen,
    UNFROZEN: Unfrozen,
    CLOSED: Closed,
    TIER_ASSIGNED: TierAssigned,
    SPENT: Spent,
    RETURNED: Returned,
    RECEIVED: Received,
}

# Tiers ------------------------------------------------------------------------------------------

TIER_SET: Final = "wallet_tier.set"


class TierSet(Struct, frozen=True):
    """A tier's limits in one currency, in minor units; None is without limit."""

    name: str
    currency: str
    daily_minor: int | None
    monthly_minor: int | None
    balance_minor: int | None


TIER_KINDS: Final[Mapping[str, type[Struct]]] = {TIER_SET: TierSet}

# Holds ------------------------------------------------------------------------------------------

PLACED: Final = "hold.placed"
HOLD_CAPTURED: Final = "hold.captured"
HOLD_RELEASED: Final = "hold.released"
HOLD_EXPIRED: Final = "hold.expired"


class Placed(Struct, frozen=True):
    """Money of a wallet is set aside for whom it will be captured to, until `expires_at`."""

    wallet_id: UUID
    to_account_id: UUID
    amount_minor: int
    currency: str
    reservation_id: UUID
    spent_on: date
    expires_at: datetime
    to_wallet_id: UUID | None = None
    to_merchant_id: UUID | None = None
    reference: str | None = None


class HoldCaptured(Struct, frozen=True):
    """So much went over; `final` gave the rest back."""

    amount_minor: int
    final: bool


class HoldReleased(Struct, frozen=True):
    """What remained went back to the wallet."""

    amount_minor: int


class HoldExpired(Struct, frozen=True):
    """Its time was over, and what remained went back to the wallet."""

    amount_minor: int


HOLD_KINDS: Final[Mapping[str, type[Struct]]] = {
    PLACED: Placed,
    HOLD_CAPTURED: HoldCaptured,
    HOLD_RELEASED: HoldReleased,
    HOLD_EXPIRED: HoldExpired,
}
