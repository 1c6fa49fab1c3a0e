"""The text of an API key: `sk_test_<public id>_<secret>_<check>`.

The public id finds the row, the secret (32 random bytes) proves the caller, and the check, a
CRC-32 of all before it, tells a typing error or a cut-off paste from an attack without asking
the database. All letters are lower case or digits, so that a double click selects the whole key.
"""

import base64
import re
import zlib
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.identity.model import InvalidKey
from tallystick.platform.ids import parse_typeid, typeid

SECRET_BYTES: Final = 32
_CHECK_LENGTH: Final = 9  # the underscore and eight digits
_SHAPE = re.compile(
    r"sk_(test|live)_([0-7][0-9a-hjkmnp-tv-z]{25})_[a-z2-7]{52}_([0-9a-f]{8})", re.ASCII
)


class KeyText(Struct, frozen=True):
    """A well-formed key as presented: nothing is proven yet."""

    public_id: str
    test_mode: bool
    text: bytes

    @property
    def id(self) -> UUID:
        """The id of the key's row."""
        return parse_typeid("key", f"key_{self.public_id}")


def write_key(key_id: UUID, secret: bytes, *, test_mode: bool) -> str:
    """The one text that opens this key; shown once and kept by nobody."""
    mode = "test" if test_mode else "live"
    public_id = typeid("key", key_id).removeprefix("key_")
    secret_text = base64.b32encode(secret).decode().rstrip("=").lower()
    body = f"sk_{mode}_{public_id}_{secret_text}"
    return f"{body}_{zlib.crc32(body.encode()):08x}"


def read_key(presented: str) -> KeyText:
    """Take a presented key apart.

    Raises InvalidKey when it was never one of ours: wrong shape, or a wrong check.
    """
    match = _SHAPE.fullmatch(presented)
    if match is None:
        raise InvalidKey("this is not an API key")
    mode, public_id, check = match.groups()
    text = presented.encode()
    if zlib.crc32(text[:-_CHECK_LENGTH]) != int(check, 16):
        raise InvalidKey("this API key has a typing error, or a part of it is missing")
    return KeyText(public_id, mode == "test", text)
