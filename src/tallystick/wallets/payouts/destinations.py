"""Where a payout goes: accounts and UPI ids, whether they can be, and what is shown of them. Pure.

Whoever may exist can only be learned from his bank; here is refused what nobody can be.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tallystick.rails import payouts
from tallystick.wallets.payouts.errors import InvalidDestination

SHOWN_CHARACTERS: Final = 4
NAME_LENGTH_MAX: Final = 140
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII)  # Reserve Bank of India: the 5th is 0
_NUMBER: Final = re.compile(r"[0-9]{6,18}", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_UPI_ID: Final = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z]{2,64}", re.ASCII)
_INDIA: Final = "INR"


def require_destination(destination: payouts.Destination, currency: str) -> None:
    """Raises InvalidDestination for what cannot be, or cannot receive this currency."""
    name = destination.name
    if not 1 <= len(name.strip()) <= NAME_LENGTH_MAX or not name.isprintable():
        raise InvalidDestination("name", f"a name has 1 to {NAME_LENGTH_MAX} printable characters")
    if isinstance(destination, payouts.UpiId):
        _require_upi_id(destination.upi_id, currency)
    elif destination.bank_code:
        _require_indian_account(destination, currency)
    elif _IBAN.fullmatch(destination.account_number) is None or not _adds_up(
        destination.account_number
    ):
        raise InvalidDestination("account_number", "an account is an IBAN, or has an IFSC")


def masked(destination: Mapping[str, Any] | None) -> str | None:
    """The end of it, as the owner knows it again; None once it was erased."""
    if destination is None:
        return None
    if "upi_id" in destination:
        name, _, handle = str(destination["upi_id"]).rpartition("@")
        return f"...{name[-1:]}@{handle}"
    return f"...{str(destination['account_number'])[-SHOWN_CHARACTERS:]}"


def destination_text(destination: payouts.Destination) -> dict[str, Any]:
    """What is sealed of a destination; read back by `read_destination`."""
    text: dict[str, Any] = msgspec.to_builtins(destination)
    return text


def read_destination(text: Mapping[str, Any]) -> payouts.Destination:
    """The destination that was sealed."""
    return msgspec.convert(dict(text), payouts.BankAccount | payouts.UpiId)


def _require_upi_id(upi_id: str, currency: str) -> None:
    if currency != _INDIA:
        raise InvalidDestination("type", f"UPI moves {_INDIA} only")
    if _UPI_ID.fullmatch(upi_id) is None:
        raise InvalidDestination("upi_id", "a UPI id is like asha@okbank")


def _require_indian_account(account: payouts.BankAccount, currency: str) -> None:
    if currency != _INDIA:
        raise InvalidDestination("ifsc", f"an account with an IFSC receives {_INDIA} only")
    if _IFSC.fullmatch(account.bank_code) is None:
        raise InvalidDestination("ifsc", "an IFSC is like HDFC0000123")
    if _NUMBER.fullmatch(account.account_number) is None:
        raise InvalidDestination("account_number", "an account number has 6 to 18 digits")


def _adds_up(iban: str) -> bool:
    """Its check digits (ISO 13616, by ISO/IEC 7064 MOD 97-10)."""
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
