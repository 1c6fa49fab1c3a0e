"""What providers' refusals mean to us, as data: their code -> ours, and what ours stands for.

A code nobody has mapped is an ordinary, final decline: trying it elsewhere could charge a card
that its bank wants left alone.
"""

from enum import StrEnum

from msgspec import Struct

from tallystick.rails.model import Declined
from tallystick.rails.payouts import Returned


class Category(StrEnum):
    """Whose matter a decline is."""

    PAYER = "payer"  # the payer can mend it: another card, less money
    PAYEE = "payee"  # the payee can mend it: another account, the right name
    ISSUER = "issuer"  # the card's bank says no, or cannot be reached
    FRAUD = "fraud"  # the card must not be tried again
    ROUTE = "route"  # this way is closed, another may be open
    MERCHANT = "merchant"  # what was asked does not fit what was done before


# Whose matter it is: what a merchant does about it.
ADVICE: dict[Category, str] = {
    Category.PAYER: "Show the text, and let the payer try again or choose another card.",
    Category.PAYEE: "Ask the payee for the right account, and pay out anew.",
    Category.ISSUER: "Show the text; another card may do. Only the payer's bank knows why.",
    Category.FRAUD: "Do not try this card again.",
    Category.ROUTE: "Nothing is wrong with the card: try again later, or in another amount.",
    Category.MERCHANT: "Read the payment, and ask only for what its state allows.",
}


class Reason(Struct, frozen=True):
    """What one of our codes stands for. The text may be shown to the payer.

    `retryable`: another route may do it, under a reference of its own.
    """

    category: Category
    customer_text: str
    retryable: bool = False


_DECLINED = "Your card was declined."
_LATER = "The payment could not be made just now. Please try again."
_IMPOSSIBLE = "The payment cannot be changed in this way."
_TAKEN_BACK = "Your bank took the payment back."
_NO_ACCOUNT = "There is no such account to pay to."

# our code: what it stands for
REASONS: dict[str, Reason] = {
    "card_declined": Reason(Category.ISSUER, _DECLINED),
    "insufficient_funds": Reason(Category.PAYER, "Your card or wallet has insufficient funds."),
    "expired_card": Reason(Category.PAYER, "Your card has expired."),
    "invalid_card": Reason(Category.PAYER, "Your card number is not valid."),
    # A thief must not learn that the card is known to be stolen.
    "stolen_card": Reason(Category.FRAUD, _DECLINED),
    "card_limit_exceeded": Reason(Category.PAYER, "The payment is over your card's limit."),
    "authentication_required": Reason(
        Category.PAYER, "Your bank wants to ask you about this payment first."
    ),
    "authentication_failed": Reason(Category.PAYER, "You did not approve it at your bank."),
    "authentication_expired": Reason(Category.PAYER, "Your bank waited too long for your answer."),
    "issuer_unavailable": Reason(Category.ISSUER, _LATER, retryable=True),
    "route_busy": Reason(Category.ROUTE, _LATER, retryable=True),
    "route_unavailable": Reason(Category.ROUTE, _LATER, retryable=True),
    "amount_too_large": Reason(Category.ROUTE, "The amount is too large.", retryable=True),
    "currency_not_supported": Reason(
        Category.ROUTE, "This currency is not accepted.", retryable=True
    ),
    "authorization_pending": Reason(Category.MERCHANT, _LATER),
    "authorization_not_open": Reason(Category.MERCHANT, _IMPOSSIBLE),
    "already_captured": Reason(Category.MERCHANT, _IMPOSSIBLE),
    "capture_exceeds_authorization": Reason(Category.MERCHANT, _IMPOSSIBLE),
    "refund_exceeds_capture": Reason(Category.MERCHANT, _IMPOSSIBLE),
    # A wallet with us, where a card would have a bank.
    "wallet_declined": Reason(Category.PAYER, "The wallet cannot be used for this payment."),
    "wallet_not_found": Reason(Category.PAYER, "There is no such wallet."),
    "wallet_frozen": Reason(Category.PAYER, "The wallet is frozen."),
    "wallet_closed": Reason(Category.PAYER, "The wallet is closed."),
    "currency_mismatch": Reason(Category.PAYER, "The wallet holds another currency."),
    "daily_limit_exceeded": Reason(Category.PAYER, "The wallet's limit for a day is reached."),
    "monthly_limit_exceeded": Reason(Category.PAYER, "The wallet's limit for a month is reached."),
    "balance_limit_exceeded": Reason(Category.PAYER, "The wallet may not hold as much."),
    # Nobody's refusal: no bank was reached, or one took back its word.
    "provider_unreachable": Reason(Category.ROUTE, _LATER),
    "recalled": Reason(Category.ISSUER, _TAKEN_BACK),
    "rejected_late": Reason(Category.ISSUER, _TAKEN_BACK),
    "returned_unpaid": Reason(Category.PAYER, _TAKEN_BACK),
    "payee_account_closed": Reason(Category.PAYEE, "The account to pay to is closed."),
    "payee_account_invalid": Reason(Category.PAYEE, _NO_ACCOUNT),
    "payee_name_mismatch": Reason(Category.PAYEE, "The account belongs to another name."),
    "payee_limit_exceeded": Reason(Category.PAYEE, "The account may not receive so much."),
    "payout_refused": Reason(Category.PAYEE, "The payout was refused."),
}

# the sandbox's code: ours
_SANDBOX_CODES = {
    "do_not_honour": "card_declined",
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "invalid_card": "invalid_card",
    "stolen_card": "stolen_card",
    "limit_exceeded": "card_limit_exceeded",
    "authentication_required": "authentication_required",
    "authentication_failed": "authentication_failed",
    "authentication_expired": "authentication_expired",
    "issuer_unavailable": "issuer_unavailable",
    "rate_limited": "route_busy",
    "connect_failed": "route_unavailable",
    "amount_over_bank_limit": "amount_too_large",
    "currency_not_supported": "currency_not_supported",
    "authorization_pending": "authorization_pending",
    "authorization_declined": "authorization_not_open",
    "authorization_voided": "authorization_not_open",
    "authorization_closed": "authorization_not_open",
    "already_captured": "already_captured",
    "capture_exceeds_authorization": "capture_exceeds_authorization",
    "refund_exceeds_capture": "refund_exceeds_capture",
}

# (provider, its code): our code. Both banks of the sandbox speak one dialect.
CODES: dict[tuple[str, str], str] = {
    (bank, code): ours
    for bank in ("hdfc_bank", "icici_bank")
    for code, ours in _SANDBOX_CODES.items()
}

_SANDBOX_PAYOUT_CODES = {
    "account_closed": "payee_account_closed",
    "invalid_account": "payee_account_invalid",
    "name_mismatch": "payee_name_mismatch",
    "payee_limit_exceeded": "payee_limit_exceeded",
    "amount_over_bank_limit": "amount_too_large",
    "currency_not_supported": "currency_not_supported",
}
PAYOUT_CODES: dict[tuple[str, str], str] = {
    (bank, code): ours
    for bank in ("hdfc_bank", "icici_bank")
    for code, ours in _SANDBOX_PAYOUT_CODES.items()
}

_UNMAPPED = "card_declined"
_UNMAPPED_PAYOUT = "payout_refused"


def declined(provider: str, provider_code: str) -> Declined:
    """The decline that this code of this provider means."""
    code = CODES.get((provider, provider_code), _UNMAPPED)
    return Declined(code, REASONS[code].retryable, provider_code)


def payout_declined(provider: str, provider_code: str) -> Declined:
    """The refusal of a payout. It is final: a payout has one route and one reference."""
    code = _payout_code(provider, provider_code)
    return Declined(code, retryable=False, provider_code=provider_code)


def payout_returned(provider: str, provider_reference: str, provider_code: str) -> Returned:
    """The return of a payout that had been made."""
    return Returned(provider_reference, _payout_code(provider, provider_code), provider_code)


def _payout_code(provider: str, provider_code: str) -> str:
    return PAYOUT_CODES.get((provider, provider_code), _UNMAPPED_PAYOUT)


def customer_text(code: str) -> str:
    """What the payer, or the payee, may read about one of our codes."""
    return REASONS.get(code, REASONS[_UNMAPPED]).customer_text
