"""`Idempotency-Key`: the caller's word for "this is the same wish" (IETF draft, October 2025).

The key belongs to the caller and the verb; what it stood for is compared by the address and the
meaning of the body, so white space and the order of fields do not matter. Where the rule allows a
missing key (test mode), one is made and told in the answer, so that the caller can repeat.
"""

import os
import re
from typing import Final, Literal

import msgspec

from tallystick.api.exchange import Exchange
from tallystick.identity import Principal
from tallystick.journal import Asked

HEADER: Final = "Idempotency-Key"
_HEADER: Final = HEADER.lower().encode()
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEY_PATTERN: Final = r"^[ -~]{1,255}$"
_PRINTABLE: Final = re.compile(rb"[ -~]{1,255}")
_CANONICAL: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")

Rule = Literal["live", "always", "never"]


class IdempotencyKeyMissing(Exception):
    """A call that moves money must say which wish it is."""

    code = "idempotency_key_missing"


class MalformedIdempotencyKey(Exception):
    """The header is not one text of 1 to 255 printable ASCII characters."""

    code = "malformed_idempotency_key"


def asked(exchange: Exchange, path: str, verb: str, rule: Rule) -> Asked:
    """What the journal must know to do this wish exactly once.

    Raises IdempotencyKeyMissing, MalformedIdempotencyKey.
    """
    principal = exchange.principal
    if principal is None:
        raise LookupError("a wish is somebody's: authenticate first")
    key = _key(exchange, needed=_is_needed(rule, principal))
    owner = principal.payer_of or principal.merchant_id or "operator"
    meaning = path.encode() + b"\n" + _CANONICAL.encode(exchange.body)
    exchange.wish = Asked(f"{owner}:{verb}", key, meaning)
    return exchange.wish


def tell_replayed(exchange: Exchange) -> None:
    """Say in the answer that it was given before."""
    exchange.add_header(REPLAYED_HEADER, "true")


def _is_needed(rule: Rule, principal: Principal) -> bool:
    return rule == "always" or (rule == "live" and not principal.test_mode)


def _key(exchange: Exchange, *, needed: bool) -> str:
    given = exchange.headers.get(_HEADER)
    if given is None:
        if needed:
            raise IdempotencyKeyMissing(f"send a header {HEADER}, a new one for each new wish")
        made = f"made_{os.urandom(16).hex()}"
        exchange.add_header(HEADER, made)
        return made
    if _PRINTABLE.fullmatch(given) is None:
        raise MalformedIdempotencyKey(f"{HEADER} has 1 to 255 printable ASCII characters")
    return given.decode("ascii")
