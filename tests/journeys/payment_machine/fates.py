"""What the sandbox's banks do with an order: its table of magic, as its reference tells it."""

from enum import Enum
from typing import Final


class Fate(Enum):
    """What becomes of an order, and what we hear of it at first."""

    APPROVED = "approved, and said so"
    DECLINED = "declined, and said so"
    NO_FUNDS = "declined for want of funds"
    NO_ISSUER = "declined by every bank"
    DONE = "done, and not answered"
    NOT_DONE = "not done, and not answered"
    LATER = "approved after a while"
    LATER_NO = "declined after a while"

    @property
    def is_said(self) -> bool:
        """Whether the first answer is the end of it."""
        return self in (Fate.APPROVED, Fate.DECLINED, Fate.NO_FUNDS, Fate.NO_ISSUER)

    @property
    def is_no(self) -> bool:
        return self in (Fate.DECLINED, Fate.NO_FUNDS, Fate.NO_ISSUER, Fate.LATER_NO)

    @property
    def code(self) -> str | None:
        """Why a payment has failed in the end; None when it has not."""
        return _CODES.get(self)


_CODES: Final = {
    Fate.DECLINED: "card_declined",
    Fate.LATER_NO: "card_declined",
    Fate.NO_FUNDS: "insufficient_funds",
    Fate.NO_ISSUER: "issuer_unavailable",
    Fate.NOT_DONE: "provider_unreachable",
}
TOKENS: Final = {
    "tok_visa": Fate.APPROVED,
    "tok_mastercard": Fate.APPROVED,
    "tok_issuer_down": Fate.APPROVED,  # at the other bank
    "tok_declined": Fate.DECLINED,
    "tok_insufficient_funds": Fate.NO_FUNDS,
    "tok_issuer_down_everywhere": Fate.NO_ISSUER,
    "tok_charge_then_drop": Fate.DONE,
    "tok_charge_then_500": Fate.DONE,
    "tok_wrong_schema": Fate.DONE,
    "tok_drop_before": Fate.NOT_DONE,
    "tok_500": Fate.NOT_DONE,
    "tok_html": Fate.NOT_DONE,
    "tok_pending": Fate.LATER,
    "tok_pending_then_declined": Fate.LATER_NO,
}
# Each costs the caller's whole patience: they come seldom.
SLOW_TOKENS: Final = {"tok_slow": Fate.DONE, "tok_late_charge": Fate.DONE}
_HUNDREDS: Final = {"authorize": 4_000, "capture": 4_100, "refund": 4_200, "void": 4_300}
_DIGITS: Final = {
    1: Fate.DECLINED,
    51: Fate.DONE,
    52: Fate.NOT_DONE,
    53: Fate.NOT_DONE,
    58: Fate.DONE,
}


MAGIC: Final = range(4_000, 4_400)  # the sandbox's magic amounts are among these


def is_left_out(amount: int) -> bool:
    """Whether a bank does with this amount what these fates do not tell."""
    return amount in MAGIC and amount % 100 not in _DIGITS


def magic_amounts(verb: str) -> list[int]:
    """The amounts that make a bank misbehave on this verb."""
    return [_HUNDREDS[verb] + digits for digits in _DIGITS]


def lost_amounts(verb: str) -> list[int]:
    """The amounts of orders that no bank gets."""
    return [amount for amount in magic_amounts(verb) if fate_of(verb, amount) is Fate.NOT_DONE]


def fate_of(verb: str, amount: int, token: str = "tok_visa") -> Fate:
    """A token that is no plain card decides; then the amount."""
    if TOKENS.get(token) is Fate.APPROVED and token != "tok_issuer_down":
        return _DIGITS.get(amount - _HUNDREDS[verb], Fate.APPROVED)
    return (TOKENS | SLOW_TOKENS)[token]
