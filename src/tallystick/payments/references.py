"""The readable reference of a payment: `PAY_20250115_07V3K-...-7`, for statements and telephones.

It is the id in other words, day first, so it is unique by construction, nothing is stored for it
and the payment is found by it without an index. Its last character is a check over all digits and
letters before it, by ISO/IEC 7064, MOD 37,36 (hybrid system): every single wrong character and
nearly every exchange of two neighbours is found out before anything is looked up.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as FastUUID

from tallystick.platform.ids import MalformedId

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECKED: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # the standard's own, of 36
_GROUPS: Final = 4
_GROUP_LETTERS: Final = 5
_BITS: Final = _GROUPS * _GROUP_LETTERS * 5
_SHAPE: Final = re.compile(
    r"PAY_(\d{8})_([0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){3})-([0-9A-Z])", re.ASCII
)
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)
_LOW_62_BITS: Final = (1 << 62) - 1


def payment_reference(payment_id: UUID) -> str:
    """The day of the id, then its millisecond of that day, bucket and chance in base32."""
    number = payment_id.int
    days, millisecond = divmod(number >> 80, _DAY_MS)
    day = _EPOCH + timedelta(days=days)
    # 27 bits of millisecond, 12 of bucket, 61 of chance: `new_id` keeps the 62nd clear.
    packed = millisecond << 73 | ((number >> 64) & 0xFFF) << 61 | number & (_LOW_62_BITS >> 1)
    letters = "".join(_ALPHABET[packed >> shift & 31] for shift in range(_BITS - 5, -1, -5))
    groups = (letters[at : at + _GROUP_LETTERS] for at in range(0, len(letters), _GROUP_LETTERS))
    digits = f"{day:%Y%m%d}"
    return f"PAY_{digits}_{'-'.join(groups)}-{check_character(digits + letters)}"


def parse_payment_reference(text: str) -> UUID:
    """The id behind a reference. Raises MalformedId."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise MalformedId("expected a payment reference such as PAY_20250115_07V3K-...-7")
    letters = match[2].replace("-", "")
    if match[3] != check_character(match[1] + letters):
        raise MalformedId("the reference's last character does not agree with the others")
    packed = 0
    for letter in letters:
        packed = packed << 5 | _ALPHABET.index(letter)
    unix_ms = _start_of(match[1]) + (packed >> 73)
    if packed >> 73 >= _DAY_MS:
        raise MalformedId("the reference names a millisecond that no day has")
    low = 0b10 << 62 | packed & (_LOW_62_BITS >> 1)
    return FastUUID((unix_ms << 80 | 7 << 76 | (packed >> 61 & 0xFFF) << 64 | low).to_bytes(16))


def check_character(text: str) -> str:
    """The check character of digits and capitals by ISO/IEC 7064, MOD 37,36."""
    size = len(_CHECKED)
    product = size
    for character in text:
        total = (product + _CHECKED.index(character)) % size or size
        product = total * 2 % (size + 1)
    return _CHECKED[(size + 1 - product) % size]


def _start_of(day: str) -> int:
    try:
        start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedId(f"{day} is not a day") from None
    return int(start.timestamp() * 1_000)
