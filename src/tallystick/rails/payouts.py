"""Paying out: the order to pay somebody elsewhere, and the one outcome payments do not know.

Amounts are integers in minor units. As with every order our own `reference` makes it happen once.
"""

from msgspec import Struct


class BankAccount(Struct, frozen=True, tag="bank_account"):
    """An account at another bank: its number and IFSC, or an IBAN (ISO 13616) alone."""

    account_number: str
    name: str
    bank_code: str = ""


class UpiId(Struct, frozen=True, tag="upi"):
    """A UPI id, such as `asha@okbank`."""

    upi_id: str
    name: str


Destination = BankAccount | UpiId


def method_of(destination: Destination) -> str:
    """How it is reached: `bank_account` or `upi`."""
    return "upi" if isinstance(destination, UpiId) else "bank_account"


class PayOutOrder(Struct, frozen=True, kw_only=True):
    """Pay `amount_minor` to the destination."""

    route: str
    reference: str
    amount_minor: int
    currency: str
    destination: Destination


class Returned(Struct, frozen=True):
    """It was paid, and the payee's bank has sent it back; the payout's own id at the provider."""

    provider_reference: str
    code: str  # ours; its text is `Rails.customer_text(code)`
    provider_code: str
