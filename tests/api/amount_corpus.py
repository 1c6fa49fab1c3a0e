"""What is no amount: several hundred JSON values, made by rule, and words that are not JSON at all.

An amount is a plain JSON integer from 1 to 10^15: no fraction, no exponent, no text, no digit of
another script.
"""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

LARGEST: Final = 10**15
_WIDTHS: Final = (53, 62, 63, 64, 65, 80, 127, 128, 200)
_SPELLINGS: Final = (
    "1", "1250", "-1", "+1", "01", "1.0", "1,000", "1_000", "1 000", "0x10", "0b1", "0o7", "1e2",
    "", " ", "NaN", "Infinity", "-Infinity", "inf", "null", "true", "one", "½", "²", "Ⅷ", "①", "一",
    "1\u200b", "\ufeff1", "1\n", "1\u202e", "٣٫٥", "1'; DROP TABLE ledger_accounts; --", "$1", "€1",
    "1250 INR", "=1+1", "9" * 400,
)  # fmt: skip
_RESTS: Final = (
    ".0", ".00", ".5", ".000000001", "e0", "E0", "e2", "E+2", "e-2", "e400", ".0e1",
)  # fmt: skip
_STRUCTURES: Final[tuple[Any, ...]] = (
    [], [1], [[1]], [1, 2], [None], {}, {"amount": 1}, {"$gt": 0}, {"value": 1}, {"__int__": 1},
)  # fmt: skip


def _numbers() -> Iterator[str]:
    for width in _WIDTHS:
        for near in (-1, 0, 1):
            number = 2**width + near
            if len(str(number)) <= 64:
                yield from (str(number), f"-{number}")
    yield from (f"{10**power}" for power in range(16, 64))
    yield from (f"-{10**power}" for power in range(0, 40, 3))
    yield str(LARGEST + 1)


def _fractions() -> Iterator[str]:
    for whole in ("0", "1", "1250", "999999999999999", "-1"):
        yield from (whole + rest for rest in _RESTS)
    yield from ("1e-400", "-1e400", "1e308", "1e309", "5e-324", "1e15", "1e1000000", "-0.0")


def _other_digits() -> Iterator[str]:
    """A twelve in the digits of every script there is."""
    zeros = [chr(code) for code in range(128, 0x1FBFF) if unicodedata.digit(chr(code), None) == 0]
    for zero in zeros:
        if unicodedata.category(zero) == "Nd":
            yield json.dumps(chr(ord(zero) + 1) + chr(ord(zero) + 2))


NUMBERS: Final = tuple(dict.fromkeys([*_numbers(), *_fractions()]))
OTHERS: Final = tuple(
    dict.fromkeys(
        [
            "true",
            "false",
            *(json.dumps(text) for text in _SPELLINGS),
            *_other_digits(),
            *(json.dumps(structure) for structure in _STRUCTURES),
        ]
    )
)
ALWAYS_WRONG: Final = (*NUMBERS, *OTHERS)
"""Values that no amount field takes, unless it takes integers beyond 10^15."""
NOT_JSON: Final = (
    "NaN", "Infinity", "-Infinity", "nan", "+1", "01", "-01", ".5", "1.", "1e", "0x10", "1_000",
    "١٢", "１２", "1 2", "'1'", "--1", "1n", "undefined", "9" * 65, "9" * 5_000, "0." + "1" * 64,
    "1e99999999999999999999",
)  # fmt: skip
"""Words in the place of a value for which the whole body is refused."""
