"""What an order to a wallet moves, or why it cannot be. Pure.

Every refusal has one of the wallets' codes; `declined_as` says which decline of the rails it is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Fact
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.rails import Declined
from tallystick.wallets import limits
from tallystick.wallets.hold_decisions import (
    HoldTerms,
    Payee,
    Payer,
    decide_capture,
    decide_placing,
    decide_release,
)
from tallystick.wallets.model import Hold, NotPossible, Tier, Wallet
from tallystick.wallets.rail.orders import AUTHORIZATION, CHARGE, Standing, WalletOrder

CHARGE_CODE: Final = "wallet_payment"
REFUND_CODE: Final = "wallet_refund"

# What wallets, holds and the ledger refuse by: the rails' own code for it.
DECLINES: Final[Mapping[str, str]] = {
    "insufficient_funds": "insufficient_funds",
    "wallet_not_found": "wallet_not_found",
    "wallet_frozen": "wallet_frozen",
    "account_frozen": "wallet_frozen",
    "wallet_closed": "wallet_closed",
    "account_closed": "wallet_closed",
    "daily_limit_exceeded": "daily_limit_exceeded",
    "monthly_limit_exceeded": "monthly_limit_exceeded",
    "balance_limit_exceeded": "balance_limit_exceeded",
    "currency_mismatch": "currency_mismatch",
    "hold_not_active": "authorization_not_open",
    "hold_expired": "authorization_not_open",
    "authorization_not_open": "authorization_not_open",
    "already_captured": "already_captured",
    "hold_exceeded": "capture_exceeds_authorization",
    "refund_exceeds_capture": "refund_exceeds_capture",
}
OTHERWISE: Final = "wallet_declined"


class Moved(Struct, frozen=True):
    """What an order does beside being recorded: to the wallet, to its hold, and with the money."""

    facts: tuple[Fact, ...]
    transfer: Post | Reserve | Settle | Void
    hold_id: UUID | None = None


class Lasting(Struct, frozen=True):
    """The hold to be placed: its id, its reservation's, and how long it stands by itself."""

    hold_id: UUID
    reservation_id: UUID
    expires_at: datetime


def decide_authorization(
    order: WalletOrder, payer: Payer, merchant_id: UUID, lasting: Lasting, now: datetime
) -> Moved:
    """Hold the amount for a payment of this merchant. Raises NotPossible, LimitExceeded."""
    _require_currency(order, payer.wallet)
    payee = Payee(clearing_id(order.currency), order.currency, None, merchant_id)
    terms = HoldTerms(
        wallet_id=order.wallet_id,
        amount_minor=order.amount_minor,
        currency=order.currency,
        expires_at=lasting.expires_at,
        reference=order.reference,
        lasts_at_most=lasting.expires_at - now,  # the payment's own time, whatever that is
    )
    step = decide_placing(lasting.hold_id, lasting.reservation_id, terms, (payer, payee), now)
    return Moved(step.facts, step.transfer, lasting.hold_id)


def decide_charge(order: WalletOrder, payer: Payer, now: datetime) -> Moved:
    """Take the amount at once. Raises NotPossible, LimitExceeded."""
    _require_currency(order, payer.wallet)
    spent = limits.outgoing(payer.wallet, order.amount_minor, payer.tier, now)
    clearing = clearing_id(order.currency)
    post = Post(order.wallet_id, clearing, order.amount_minor, order.currency, CHARGE_CODE)
    return Moved((spent,), post)


def decide_taking(
    order: WalletOrder, hold: Hold, wallet: Wallet, *, final: bool, now: datetime
) -> Moved:
    """Take the amount of what is held; `final` gives back the rest. Raises NotPossible."""
    step = decide_capture(hold, wallet, None, (order.amount_minor, final), now)
    return Moved(step.facts, step.transfer, hold.id)


def decide_letting_go(hold: Hold, wallet: Wallet) -> Moved:
    """Give back what is still held. Raises NotPossible."""
    step = decide_release(hold, wallet)
    return Moved(step.facts, step.transfer, hold.id)


class Receiving(Struct, frozen=True):
    """The wallet that gets its money back, as it stands, with its tier's limits."""

    wallet: Wallet
    balance_minor: int
    tier: Tier


def decide_giving_back(order: WalletOrder, to: Receiving, standing: Standing) -> Moved:
    """Give back some of what was taken. Raises NotPossible, LimitExceeded.

    It is money that arrives: it frees none of the limits on what leaves.
    """
    if order.amount_minor > standing.refundable_minor:
        raise NotPossible("more than was taken and not given back", "refund_exceeds_capture")
    arriving = limits.incoming(to.wallet, order.amount_minor, to.balance_minor, to.tier)
    clearing = clearing_id(order.currency)
    post = Post(clearing, order.wallet_id, order.amount_minor, order.currency, REFUND_CODE)
    return Moved((arriving,), post)


def require_open(kind: str) -> None:
    """Whether an authorization of this kind leaves anything to take or let go of.

    Raises NotPossible (already_captured).
    """
    if kind == CHARGE:
        raise NotPossible("all of it was taken at once", "already_captured")


def authorizing_kind(*, capture: bool) -> str:
    """The kind of an order that takes the amount at once, or holds it."""
    return CHARGE if capture else AUTHORIZATION


def declined_as(code: str) -> Declined:
    """The decline of an order that was refused with this code: final, there is no other way."""
    return Declined(DECLINES.get(code, OTHERWISE), retryable=False, provider_code=code)


def clearing_id(currency: str) -> UUID:
    """Where what was taken waits for the payment to be recorded, and comes from to go back."""
    return account_id(PLATFORM, chart.wallet_clearing_code(currency))


def _require_currency(order: WalletOrder, wallet: Wallet) -> None:
    if order.currency != wallet.currency:
        raise NotPossible(f"the wallet holds {wallet.currency}", "currency_mismatch")
