"""Tokens of saved methods: which kind they are, and what may be shown of what is behind. Pure.

A number never gets this far: cards and UPI handles live with whoever made the token. What is shown
is what its maker tells beside it, and the brand that a token of the sandbox has in its name. A
wallet with us needs no token: its own name, `wal_...`, stands for it, and opens nothing by itself.
"""

import re
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.errors import Invalid
from tallystick.platform.ids import MalformedId, parse_typeid

WALLET: Final = "wallet"
KINDS_BY_PREFIX: Final = {"tok": "card", "upi": "upi", "wal": WALLET}
PAYABLE_KINDS: Final = {"tok": "card", "wal": WALLET}
"""What a payment may be made with today; a token of another kind can be kept, not charged."""

METHOD_KINDS: Final = tuple(sorted(set(PAYABLE_KINDS.values())))
ORDINARY_KINDS: Final = ("card",)
"""What an intent is paid by unless it says otherwise."""

BRANDS: Final = ("visa", "mastercard", "rupay", "amex", "diners", "discover", "jcb", "maestro")
_DIGITS: Final = re.compile(r"[0-9]{13,19}")
_HANDLE: Final = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z]{2,64}", re.ASCII)


class CardDetails(Struct, frozen=True, omit_defaults=True):
    """What may be shown of a card."""

    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


class SafeDetails(Struct, frozen=True, omit_defaults=True):
    """What may be shown of a method: of a card, or of a UPI handle already masked."""

    card: CardDetails | None = None
    upi_handle: str | None = None


def saved_kind(token: str) -> str:
    """What a token stands for: card, upi, wallet. Raises Invalid, also for a number in disguise.

    The token goes into the log in clear, where nothing can be taken back.
    """
    kind = KINDS_BY_PREFIX.get(token.partition("_")[0])
    if kind == WALLET:
        wallet_behind(token)
    elif kind is None or hides_card_number(token):
        detail = "expected a token such as tok_visa, upi_... or wal_..."
        raise Invalid(detail, "invalid_payment_method")
    return kind


def payable_kind(token: str) -> str:
    """What a payment by this token is made with: `tok_visa` is a card. Raises Invalid."""
    kind = PAYABLE_KINDS.get(token.partition("_")[0])
    if kind == WALLET:
        wallet_behind(token)
    elif kind is None or hides_card_number(token):
        raise Invalid("expected a token such as tok_visa", "invalid_payment_method")
    return kind


def is_wallet(token: str) -> bool:
    """Whether it stands for a wallet with us: its own name does."""
    return token.startswith("wal_")


def wallet_behind(token: str) -> UUID:
    """The wallet that a token names. Raises Invalid."""
    try:
        return parse_typeid("wal", token)
    except MalformedId:
        raise Invalid("a wallet is named like wal_...", "invalid_payment_method") from None


def hides_card_number(token: str) -> bool:
    """Whether digits in it could be a card's number: 13 to 19 with the right check digit.

    Numbers are written in groups too: `4242_4242_4242_4242`.
    """
    return any(map(_is_card_number, _DIGITS.findall(token.replace("_", ""))))


def safe_details(token: str, told: CardDetails | None, upi_handle: str | None) -> SafeDetails:
    """What will be shown. Raises Invalid for details that are not of the token's kind."""
    kind = saved_kind(token)
    if kind == WALLET:
        if told is not None or upi_handle is not None:
            raise Invalid("this token is a wallet's", "invalid_payment_method")
        return SafeDetails()
    if kind == "upi":
        if told is not None:
            raise Invalid("this token is not a card's", "invalid_payment_method")
        return SafeDetails(upi_handle=masked_handle(upi_handle) if upi_handle else None)
    if upi_handle is not None:
        raise Invalid("this token is not of a UPI handle", "invalid_payment_method")
    card = told or CardDetails()
    brand = _brand_in(token) or card.brand
    return SafeDetails(CardDetails(brand, card.last4, card.exp_month, card.exp_year))


def masked_handle(handle: str) -> str:
    """The end of the name, and the bank: enough for its owner to know it. Raises Invalid."""
    if _HANDLE.fullmatch(handle) is None:
        raise Invalid("a UPI handle is like asha@okbank", "invalid_payment_method")
    name, _, bank = handle.rpartition("@")
    return f"...{name[-1:]}@{bank}"


def _brand_in(token: str) -> str | None:
    word = token.split("_")[1]
    return word if word in BRANDS else None


def _is_card_number(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
