"""What a payer's browser shows: the secret of one intent, and of no other.

It follows from the id and our key, so it is stored nowhere, can be told again, and is verified
before anything is looked up.
"""

import base64
import hmac
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from tallystick.payments.errors import InvalidClientSecret
from tallystick.payments.model import intent_name
from tallystick.platform.crypto import keyed_hash
from tallystick.platform.ids import MalformedId, parse_typeid

_SECRET_BYTES: Final = 24
_BETWEEN: Final = "_secret_"


@dataclass(frozen=True)
class ClientSecrets:
    """Makes and reads the secrets under one key."""

    key: bytes = field(repr=False)

    def of(self, intent_id: UUID) -> str:
        """`int_..._secret_...`"""
        digest = keyed_hash(self.key, b"intent client secret\0" + intent_id.bytes)
        secret = base64.b32encode(digest[:_SECRET_BYTES]).decode().rstrip("=").lower()
        return f"{intent_name(intent_id)}{_BETWEEN}{secret}"

    def read(self, text: str) -> UUID:
        """The intent whose secret this is. Raises InvalidClientSecret."""
        name, between, _ = text.partition(_BETWEEN)
        try:
            intent_id = parse_typeid("int", name)
        except MalformedId:
            raise _invalid() from None
        # In constant time: how much of it was right must not be measurable.
        if not between or not hmac.compare_digest(self.of(intent_id).encode(), text.encode()):
            raise _invalid()
        return intent_id


def _invalid() -> InvalidClientSecret:
    return InvalidClientSecret("this is not the client secret of an intent")
