"""One strict reading of JSON for every request body.

RFC 8259 leaves open what a reader does with duplicate keys, with numbers beyond its range, with
lone surrogates; two programs that choose differently can be played against each other (a
signature checked on one meaning, money moved on the other). Here each of them is refused.

Numbers keep what was written: an integer of up to 20 characters is an `int`, everything else a
`Decimal` made from the token itself, never a float. So no amount is rounded on its way in, and a
field that wants an integer refuses `1.0`, `1e2` and 2^70 with an error of its own.
"""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 32
NUMBER_LENGTH_MAX: Final = 64
_INTEGER_LENGTH_MAX: Final = 20


class MalformedJson(Exception):
    """The bytes are not acceptable JSON; the message says why, without repeating them."""

    code = "malformed_json"


def parse_json(raw: bytes) -> Any:
    """The value that `raw` (UTF-8) means: dict, list, str, int, Decimal, bool or None.

    Raises MalformedJson.
    """
    try:
        value = _DECODER.decode(raw.decode())
    except UnicodeDecodeError:
        raise MalformedJson("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise MalformedJson(f"nested deeper than {DEPTH_MAX} levels") from None
    # Both walks are for bodies that could break the rule at all: few can.
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _require_shallow(value)
    if b"\\u" in raw:
        _require_plain_text(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("an object has the same key twice")
    return found


def _integer(token: str) -> int | Decimal:
    return int(token) if len(token) <= _INTEGER_LENGTH_MAX else _decimal(token)


def _decimal(token: str) -> Decimal:
    if len(token) > NUMBER_LENGTH_MAX:
        raise MalformedJson(f"a number is longer than {NUMBER_LENGTH_MAX} characters")
    try:
        return Decimal(token)
    except InvalidOperation:
        raise MalformedJson("the exponent of a number is out of range") from None


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_refuse_constant,
)


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [child for parent in level for child in _children(parent) if _is_nest(child)]
        if not level:
            return
    raise MalformedJson(f"nested deeper than {DEPTH_MAX} levels")


def _is_nest(value: Any) -> bool:
    return isinstance(value, dict | list)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _require_plain_text(value: Any) -> None:
    # `\u0000` and half a surrogate pair can only arrive as escapes: the raw bytes were UTF-8.
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            _require_storable(found)
        elif isinstance(found, dict):
            waiting.extend(found)
        waiting.extend(_children(found))


def _require_storable(text: str) -> None:
    if "\0" in text:
        raise MalformedJson("a text contains the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedJson("a text contains half of a surrogate pair") from None
