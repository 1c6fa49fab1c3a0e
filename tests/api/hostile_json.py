"""Bodies that must be refused, by the reason: about five hundred, most of them made by rule."""

from collections.abc import Iterator
from pathlib import Path

NOT_JSON = (
    *Path(__file__).with_name("not_json.txt").read_bytes().splitlines(),
    *(b"", b" ", b"\n", b"\t\r\n", b"[1 2]", b'{"a" 1}', b'{"a":1 "b":2}', b'{"a":1} x'),
    *(b'{"a":1}\x00', b'{"a":1}\xc2\xa0', b"\x0b{}", b"\x0c{}", b'"a\nb"', b'"a\tb"', b'"\x1f"'),
    *(b"1 000", b"- 1", b"\x00", b'"\x00"', b'{"a\n":1}'),
)
CONSTANTS = tuple(
    shape % word
    for word in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-NaN", b"+Infinity")
    for shape in (b"%s", b'{"amount":%s}', b"[%s]", b'{"a":[1,{"b":%s}]}')
)
BAD_UTF8 = tuple(
    shape % broken
    for broken in (
        b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80",
        b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
        b"\xfe", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc3\x28", b"\xa0\xa1",
        b"\xe2\x28\xa1",
    )
    for shape in (b'"%s"', b'{"a":"%s"}', b'{"%s":1}', b"%s{}", b"{}%s")
)  # fmt: skip
OTHER_ENCODINGS = (
    *(
        '{"amount":1,"name":"é"}'.encode(codec)
        for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1")
    ),
    *(b"\xef\xbb\xbf", b"\xef\xbb\xbf{}", b" \xef\xbb\xbf{}", b"\xff\xfe{}", b"\xfe\xff{}"),
)
DUPLICATES = (
    *(
        b'{"%s":%s,"b":2,"%s":%s}' % (key, first, key, second)
        for key in (b"amount", b"a", b"", b"\\u0061b", "é".encode())
        for first, second in ((b"1", b"1"), (b"1", b"2"), (b"null", b"1"), (b"{}", b"{}"))
    ),
    *(b'{"a":1,"\\u0061":2}', b'{"x":{"a":1,"a":2}}', b'[{"a":1,"a":2}]'),
    *(b'{"a":{"b":[{"c":1,"c":1}]}}', b'{"/":1,"\\/":2}'),
)
TOO_DEEP = (
    *(
        opening * depth + close * depth
        for depth in (33, 34, 64, 100, 500, 999, 1_000, 5_000, 30_000)
        for opening, close in ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]"))
    ),
    *(b"[" * depth for depth in (33, 1_000, 60_000)),
)
UNSTORABLE = tuple(
    shape % escape
    for escape in (
        b"\\u0000", b"a\\u0000b", b"\\ud800", b"\\uD800", b"\\udbff", b"\\udc00", b"\\udfff",
        b"\\ud800\\ud800", b"\\udc00\\ud800", b"\\ud83dx", b"x\\ude00", b"\\ud800\\u0041",
    )
    for shape in (b'"%s"', b'{"a":"%s"}', b'{"%s":1}', b'[[["%s"]]]', b'{"a":{"b":["%s"]}}')
)  # fmt: skip
WILD_NUMBERS = tuple(
    shape % number
    for number in (
        b"9" * 65, b"-" + b"9" * 64, b"9" * 4_301, b"9" * 60_000, b"0." + b"1" * 64,
        b"1e9999999999999999999", b"-1e9999999999999999999", b"1e-9999999999999999999",
        b"1E+9999999999999999999", b"1" + b"0" * 64 + b"e1",
    )
    for shape in (b"%s", b'{"amount":%s}', b"[%s]")
)  # fmt: skip

_WHOLE = b'{"debit_account_id":"acc_1","amount":1250,"tags":["a",{"b":null}],"\\u00e9":true}'
CUT_SHORT = tuple(_WHOLE[:length] for length in range(1, len(_WHOLE)))

ALL = {
    "cut_short": CUT_SHORT,
    "not_json": NOT_JSON,
    "constants": CONSTANTS,
    "bad_utf8": BAD_UTF8,
    "other_encodings": OTHER_ENCODINGS,
    "duplicates": DUPLICATES,
    "too_deep": TOO_DEEP,
    "unstorable": UNSTORABLE,
    "wild_numbers": WILD_NUMBERS,
}


def every_body() -> Iterator[tuple[str, bytes]]:
    """Each body with its reason."""
    for reason, bodies in ALL.items():
        for body in bodies:
            yield reason, body


NOT_AN_AMOUNT = (
    b"0", b"-0", b"-1", b"1.0", b"1.5", b"1e2", b"1E2", b"0.1", b"1e400", b"-1e400", b"1e-400",
    b"1e1000000",
    b"true", b"false", b"null", b'"1"', b'""', b'"\xd9\xa1\xd9\xa2"', b'"\xef\xbc\x91\xef\xbc\x92"',
    b'"NaN"', b'"1e2"', b"[]", b"[1]", b"{}", b'{"amount":1}', b"1000000000000001",
    b"2147483648.0", b"9007199254740993.0", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"9" * 20, b"9" * 64,
)  # fmt: skip
"""JSON values that no amount field accepts: it takes integers from 1 to 10^15."""
