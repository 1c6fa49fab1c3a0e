"""`Idempotency-Key`: the caller's word for "this is the same wish" (IETF draft, October 2025).

The key belongs to the caller and the verb; what it stood for is compared by the address and the
meaning of the body, so white space and the order of fields do not matter. Where the rule allows a
missing key (test mode), one is made and told in the answer, so that the caller can repeat.
"""

import os
import re
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request

from tallystick.api.exchange import Exchange, exchange_of
from tallystick.identity import Principal
from tallystick.journal import Asked

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEY_PATTERN: Final = r"^[ -~]{1,255}$"
_PRINTABLE: Final = re.compile(r"[ -~]{1,255}", re.ASCII)
_CANONICAL: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")

Rule = Literal["live", "always", "never"]


class IdempotencyKeyMissing(Exception):
    """A call that moves money must say which wish it is."""

    code = "idempotency_key_missing"


class MalformedIdempotencyKey(Exception):
    """The header is not one text of 1 to 255 printable ASCII characters."""

    code = "malformed_idempotency_key"


def asked(request: Request, principal: Principal, verb: str, body: Any, rule: Rule) -> Asked:
    """What the journal must know to do this wish exactly once.

    Raises IdempotencyKeyMissing, MalformedIdempotencyKey.
    """
    key = _key(request, exchange_of(request), needed=_is_needed(rule, principal))
    owner = principal.merchant_id or "operator"
    meaning = request.scope["path"].encode() + b"\n" + _CANONICAL.encode(body)
    return Asked(f"{owner}:{verb}", key, meaning)


def tell_replayed(request: Request) -> None:
    """Say in the answer that it was given before."""
    exchange_of(request).add_header(REPLAYED_HEADER, "true")


def _is_needed(rule: Rule, principal: Principal) -> bool:
    return rule == "always" or (rule == "live" and not principal.test_mode)


def _key(request: Request, exchange: Exchange, *, needed: bool) -> str:
    given = request.headers.getlist(HEADER)
    if not given:
        if needed:
            raise IdempotencyKeyMissing(f"send a header {HEADER}, a new one for each new wish")
        made = f"made_{os.urandom(16).hex()}"
        exchange.add_header(HEADER, made)
        return made
    if len(given) > 1 or _PRINTABLE.fullmatch(given[0]) is None:
        raise MalformedIdempotencyKey(f"{HEADER} has 1 to 255 printable ASCII characters, once")
    return given[0]
