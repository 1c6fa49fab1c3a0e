"""What follows from a wish about a wallet itself: its next fact, and its account's verb. Pure."""

from typing import Final

from msgspec import Struct

from tallystick.journal import Fact
from tallystick.ledger import Close, Freeze
from tallystick.wallets.facts import (
    CLOSED,
    FROZEN,
    TIER_ASSIGNED,
    UNFROZEN,
    Closed,
    TierAssigned,
    Unfrozen,
    WalletFrozen,
)
from tallystick.wallets.model import Invalid, NotPossible, Wallet

STOPS: Final = ("outflow", "all")


class Decision(Struct, frozen=True):
    """The wallet's next fact, and what its account does in the same change."""

    fact: Fact
    accounts: tuple[Freeze | Close, ...] = ()


def decide_freezing(wallet: Wallet, stops: str) -> Decision:
    """Raises Invalid, NotPossible (`wallet_closed`)."""
    if stops not in STOPS:
        raise Invalid("stops", "a freeze stops `outflow` or `all`")
    require_not_closed(wallet)
    return Decision(_next(wallet, FROZEN, WalletFrozen(stops)), (Freeze(wallet.id, stops),))


def decide_thawing(wallet: Wallet) -> Decision:
    """Raises NotPossible (`wallet_not_frozen`, `wallet_closed`)."""
    require_not_closed(wallet)
    if wallet.status != "frozen":
        raise NotPossible("this wallet is not frozen", "wallet_not_frozen")
    return Decision(_next(wallet, UNFROZEN, Unfrozen()), (Freeze(wallet.id, "no"),))


def decide_closing(wallet: Wallet, balance_minor: int) -> Decision:
    """A frozen wallet stays: whoever froze it wants it looked at.

    Raises NotPossible (`wallet_not_empty`, `wallet_frozen`, `wallet_closed`).
    """
    require_not_closed(wallet)
    if wallet.status == "frozen":
        raise NotPossible("a frozen wallet is not closed: unfreeze it first", "wallet_frozen")
    if balance_minor:
        raise NotPossible("this wallet still holds money", "wallet_not_empty")
    return Decision(_next(wallet, CLOSED, Closed()), (Close(wallet.id),))


def decide_assignment(wallet: Wallet, tier: str) -> Decision:
    """Raises NotPossible (`wallet_closed`)."""
    require_not_closed(wallet)
    return Decision(_next(wallet, TIER_ASSIGNED, TierAssigned(tier)))


def require_not_closed(wallet: Wallet) -> None:
    """Raises NotPossible (`wallet_closed`)."""
    if wallet.status == "closed":
        raise NotPossible("this wallet is closed", "wallet_closed")


def _next(wallet: Wallet, kind: str, data: Struct) -> Fact:
    return Fact(wallet.record_id, wallet.version + 1, kind, data)
