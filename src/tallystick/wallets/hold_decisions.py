"""What follows from placing, capturing, releasing a hold, and from the end of its time. Pure.

Every fact of a hold comes with its reservation's own move in one change, so the two can never
tell different stories. The reservation itself has no expiry: it is the hold's time that runs out,
and the hold is who records it.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Fact
from tallystick.ledger import Reserve, Settle, Void
from tallystick.wallets import limits
from tallystick.wallets.facts import (
    HOLD_CAPTURED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    PLACED,
    HoldCaptured,
    HoldExpired,
    HoldReleased,
    Placed,
)
from tallystick.wallets.model import Hold, Invalid, NotPossible, Tier, Wallet

HOLD_CODE: Final = "hold"
CAPTURE_CODE: Final = "hold_capture"
RELEASE_CODE: Final = "hold_release"
EXPIRY_CODE: Final = "hold_expiry"
LASTS_AT_MOST: Final = timedelta(days=30)


class Payee(Struct, frozen=True):
    """Where a hold's money goes: the account, and whose it is."""

    account_id: UUID
    currency: str
    wallet_id: UUID | None = None
    merchant_id: UUID | None = None


class HoldTerms(Struct, frozen=True, kw_only=True):
    """A hold to be placed. `reference` is the caller's own name for what it is for."""

    wallet_id: UUID
    amount_minor: int
    currency: str
    expires_at: datetime
    reference: str | None = None
    lasts_at_most: timedelta = LASTS_AT_MOST


class Receiver(Struct, frozen=True):
    """The wallet a capture pays into, as it stands, with its tier's limits."""

    wallet: Wallet
    balance_minor: int
    tier: Tier


class Step(Struct, frozen=True):
    """One change of a hold: its own fact first, then the wallets', and the reservation's move."""

    facts: tuple[Fact, ...]
    transfer: Reserve | Settle | Void


class Payer(Struct, frozen=True):
    """The wallet a hold is placed on, with its tier's limits."""

    wallet: Wallet
    tier: Tier


def decide_placing(
    hold_id: UUID,
    reservation_id: UUID,
    wish: HoldTerms,
    parties: tuple[Payer, Payee],
    now: datetime,
) -> Step:
    """Raises Invalid, NotPossible, LimitExceeded. The hold counts against the limits from now."""
    payer, payee = parties
    _require_sound(wish, payer.wallet, payee, now)
    spent = limits.outgoing(payer.wallet, wish.amount_minor, payer.tier, now)
    data = Placed(
        wallet_id=wish.wallet_id,
        to_account_id=payee.account_id,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reservation_id=reservation_id,
        spent_on=limits.spending_day(payer.wallet, now),
        expires_at=wish.expires_at,
        to_wallet_id=payee.wallet_id,
        to_merchant_id=payee.merchant_id,
        reference=wish.reference,
    )
    # The ledger is not told when it ends: see above.
    order = Reserve(wish.wallet_id, payee.account_id, wish.amount_minor, wish.currency, HOLD_CODE)
    return Step((Fact(hold_id, 1, PLACED, data), spent), order)


def decide_capture(
    hold: Hold,
    payer: Wallet,
    receiver: Receiver | None,
    terms: tuple[int | None, bool],
    now: datetime,
) -> Step:
    """`terms`: how much (None is all that is left), and whether the rest returns.

    Raises NotPossible (`hold_not_active`, `hold_expired`, `hold_exceeded`, `wallet_frozen`,
    `wallet_closed`), LimitExceeded (`balance_limit_exceeded`).
    """
    _require_active(hold)
    if now >= hold.expires_at:
        raise NotPossible("the hold's time is over", "hold_expired")
    if payer.frozen == "all":
        raise NotPossible("nothing may leave this wallet: it is frozen", "wallet_frozen")
    asked_minor, rest_returns = terms
    amount_minor = hold.remaining_minor if asked_minor is None else asked_minor
    if amount_minor > hold.remaining_minor:
        raise NotPossible(f"the hold has {hold.remaining_minor} minor units left", "hold_exceeded")
    rest_minor = hold.remaining_minor - amount_minor
    final = rest_returns or not rest_minor
    facts = [_next(hold, HOLD_CAPTURED, HoldCaptured(amount_minor, final))]
    if receiver:
        told = receiver.wallet, amount_minor, receiver.balance_minor, receiver.tier
        facts.append(limits.incoming(*told))
    if final and rest_minor:
        facts.append(limits.returned(payer, rest_minor, hold.spent_on))
    return Step(tuple(facts), Settle(hold.reservation_id, CAPTURE_CODE, amount_minor, final))


def decide_release(hold: Hold, payer: Wallet) -> Step:
    """Give back what remains. Raises NotPossible (`hold_not_active`)."""
    _require_active(hold)
    told = _next(hold, HOLD_RELEASED, HoldReleased(hold.remaining_minor))
    return _giving_back(hold, payer, told, RELEASE_CODE)


def decide_expiry(hold: Hold, payer: Wallet, now: datetime) -> Step:
    """The end of its time. Raises NotPossible (`hold_not_active`, `hold_not_expired`)."""
    _require_active(hold)
    if now < hold.expires_at:
        raise NotPossible("the hold's time is not over", "hold_not_expired")
    told = _next(hold, HOLD_EXPIRED, HoldExpired(hold.remaining_minor))
    return _giving_back(hold, payer, told, EXPIRY_CODE)


def _giving_back(hold: Hold, payer: Wallet, told: Fact, code: str) -> Step:
    freed = limits.returned(payer, hold.remaining_minor, hold.spent_on)
    return Step((told, freed), Void(hold.reservation_id, code))


def _require_sound(wish: HoldTerms, payer: Wallet, payee: Payee, now: datetime) -> None:
    if payee.account_id == payer.id:
        raise Invalid("to", "a wallet cannot pay itself")
    if wish.currency != payer.currency:
        raise Invalid("currency", f"the wallet holds {payer.currency}")
    if payee.currency != payer.currency:
        raise Invalid("to", f"whoever is paid there is paid in {payee.currency}")
    if not now < wish.expires_at <= now + wish.lasts_at_most:
        days = wish.lasts_at_most.days
        raise Invalid("expires_at", f"a hold lasts at most {days} days from now")


def _require_active(hold: Hold) -> None:
    if hold.status != "active":
        raise NotPossible(f"the hold is {hold.status}", "hold_not_active")


def _next(hold: Hold, kind: str, data: Struct) -> Fact:
    return Fact(hold.id, hold.version + 1, kind, data)
