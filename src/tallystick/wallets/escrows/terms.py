"""An escrow's terms: who is paid, in which shares and parts, and what the platform keeps. Pure.

The fee is computed on all that was released so far, and what was kept before is deducted: any
number of releases costs what a single one costs, and the fixed part is taken once. What is left
of a release is split by the recipients' shares, so that nothing is lost (`money.split`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import account_id
from tallystick.money import Rounding, share, split
from tallystick.platform.ids import typeid
from tallystick.wallets.escrows.errors import InvalidEscrow

AMOUNT_MINOR_MAX: Final = 10**15  # the ledger's own limit for one transfer
RECIPIENTS_MAX: Final = 20
PARTS_MAX: Final = 50
SHARE_MAX: Final = 1_000_000
BASIS_POINTS: Final = 10_000
LASTS_AT_MOST: Final = timedelta(days=2 * 366)
RULES: Final = ("release", "return")


class Recipient(Struct, frozen=True, omit_defaults=True):
    """Who is paid: the account, whose it is, and its share of every release."""

    account_id: UUID
    owner_id: UUID
    share: int = 1
    wallet_id: UUID | None = None  # None: a merchant's payable


class Part(Struct, frozen=True):
    """A part of the amount that is released by its name: a milestone."""

    name: str
    amount_minor: int


class EscrowTerms(Struct, frozen=True, kw_only=True):
    """What the parties have agreed on."""

    recipients: tuple[Recipient, ...]
    parts: tuple[Part, ...] = ()
    fee_percent_bp: int = 0
    fee_fixed_minor: int = 0

    def part(self, name: str) -> Part | None:
        """The part of this name."""
        return next((part for part in self.parts if part.name == name), None)


class Agreement(Struct, frozen=True, kw_only=True):
    """An escrow to be opened, its parties found."""

    buyer_wallet_id: UUID
    buyer_id: UUID
    amount_minor: int
    currency: str
    terms: EscrowTerms
    arbiter_id: UUID | None = None
    times_out_at: datetime | None = None
    on_timeout: str | None = None


class Division(Struct, frozen=True):
    """What a release comes to: each recipient's part, and the platform's."""

    paid_minor: tuple[int, ...]
    fee_minor: int


def escrow_code(escrow_id: UUID) -> str:
    """The code of the escrow's own account: `escrow:{esc_...}`."""
    return f"escrow:{typeid('esc', escrow_id)}"


def escrow_account_id(escrow_id: UUID) -> UUID:
    """The escrow's own account; the escrow is its owner."""
    return account_id(escrow_id, escrow_code(escrow_id))


def fee_until(released_minor: int, terms: EscrowTerms) -> int:
    """What is kept of all that was released: half a unit is rounded up, never more than all."""
    percentage = share(released_minor, terms.fee_percent_bp, BASIS_POINTS, Rounding.HALF_UP)
    return min(released_minor, percentage + terms.fee_fixed_minor)


def divide(
    amount_minor: int,
    before_minor: int,
    terms: EscrowTerms,
    shares: Sequence[int] | None = None,
) -> Division:
    """What a release of `amount_minor` comes to, after `before_minor` were released.

    `shares` stand in place of the agreed ones: an arbiter's.
    """
    after_minor = before_minor + amount_minor
    fee_minor = fee_until(after_minor, terms) - fee_until(before_minor, terms)
    weights = [recipient.share for recipient in terms.recipients] if shares is None else shares
    return Division(split(amount_minor - fee_minor, weights), fee_minor)


def require_sound(agreement: Agreement, now: datetime) -> None:
    """Raises InvalidEscrow."""
    if not 0 < agreement.amount_minor <= AMOUNT_MINOR_MAX:
        raise InvalidEscrow("amount", "this amount is not possible")
    _require_sound_recipients(agreement)
    _require_sound_parts(agreement.terms.parts, agreement.amount_minor)
    _require_sound_fee(agreement)
    _require_sound_timeout(agreement, now)


def require_shares(shares: Sequence[int], count: int) -> None:
    """Raises InvalidEscrow unless there is one share a recipient, and one of them positive."""
    if len(shares) != count:
        raise InvalidEscrow("shares", f"there are {count} recipients: give each a share")
    if any(not 0 <= one <= SHARE_MAX for one in shares) or not any(shares):
        raise InvalidEscrow("shares", f"a share is 0 to {SHARE_MAX}, and one is positive")


def _require_sound_recipients(agreement: Agreement) -> None:
    recipients = agreement.terms.recipients
    if not 1 <= len(recipients) <= RECIPIENTS_MAX:
        raise InvalidEscrow("recipients", f"there are 1 to {RECIPIENTS_MAX} recipients")
    accounts = {recipient.account_id for recipient in recipients}
    if len(accounts) != len(recipients) or agreement.buyer_wallet_id in accounts:
        raise InvalidEscrow("recipients", "every party has an account of its own")
    if any(not 1 <= recipient.share <= SHARE_MAX for recipient in recipients):
        raise InvalidEscrow("recipients", f"a share is 1 to {SHARE_MAX}")
    interested = {agreement.buyer_id, *(recipient.owner_id for recipient in recipients)}
    if agreement.arbiter_id in interested:
        raise InvalidEscrow("arbiter", "whoever pays or is paid cannot decide a dispute")


def _require_sound_parts(parts: Sequence[Part], amount_minor: int) -> None:
    if not parts:
        return
    if len(parts) > PARTS_MAX:
        raise InvalidEscrow("parts", f"there are at most {PARTS_MAX} parts")
    if len({part.name for part in parts}) != len(parts):
        raise InvalidEscrow("parts", "every part has a name of its own")
    if any(part.amount_minor <= 0 for part in parts):
        raise InvalidEscrow("parts", "the amount of a part is positive")
    if sum(part.amount_minor for part in parts) != amount_minor:
        raise InvalidEscrow("parts", "the parts add up to the amount")


def _require_sound_fee(agreement: Agreement) -> None:
    terms = agreement.terms
    if not 0 <= terms.fee_percent_bp <= BASIS_POINTS:
        raise InvalidEscrow("fee.basis_points", f"0 to {BASIS_POINTS} basis points")
    if not 0 <= terms.fee_fixed_minor <= agreement.amount_minor:
        raise InvalidEscrow("fee.fixed_amount", "a fee is at most the amount")


def _require_sound_timeout(agreement: Agreement, now: datetime) -> None:
    at, rule = agreement.times_out_at, agreement.on_timeout
    if (at is None) != (rule is None):
        raise InvalidEscrow("timeout", "a time-out has an instant and a rule")
    if at is None:
        return
    if rule not in RULES:
        raise InvalidEscrow("timeout.then", "what is held is released, or returned")
    if not now < at <= now + LASTS_AT_MOST:
        raise InvalidEscrow("timeout.at", f"within {LASTS_AT_MOST.days} days from now")
