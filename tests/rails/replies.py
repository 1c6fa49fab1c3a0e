"""Replies no bank should give: none of them may be taken for an approval or a decline."""

import gzip
import json
from typing import Any

from tests.rails.hostile_bank import http

OPERATION: dict[str, Any] = {
    "id": "hdfc_1",
    "reference": "pay_1-a1",
    "kind": "authorization",
    "authorization_reference": "pay_1-a1",
    "status": "approved",
    "code": None,
    "amount": 1_000,
    "currency": "INR",
    "fee": 0,
    "created_at": "2026-03-02T09:30:00Z",
    "decided_at": "2026-03-02T09:30:00Z",
}
DECLINED = OPERATION | {"status": "declined", "code": "insufficient_funds"}
BUSY = {"error": {"code": "rate_limited", "message": "slow down"}}


def encoded(content: object) -> bytes:
    return json.dumps(content).encode()


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in OPERATION.items() if name != field}


def _odd_operations() -> dict[str, bytes]:
    """Well-formed JSON that is not the answer to our order."""
    changes: list[dict[str, Any]] = [
        *({"id": value} for value in (None, "", 7, "x" * 129, "hdfc 1", "hdfc_1\n", ["hdfc_1"])),
        *({"reference": value} for value in ("pay_1-a2", "", None, 1, "PAY_1-A1", "pay_1-a1 ")),
        *({"kind": value} for value in ("capture", "refund", "", None, "Authorization")),
        *({"status": value} for value in ("APPROVED", "ok", "", None, True, 1, ["approved"])),
        *({"status": value} for value in ("declined", "pending")),  # but the HTTP status says 200
        *({"amount": value} for value in (999, 1_001, 0, -1_000, "1000", 1_000.0, 1e3, None)),
        *({"amount": value} for value in (True, [1_000], 10**30, 10**4_000)),
        *({"currency": value} for value in ("USD", "inr", "", None, 356, "INR ")),
        *({"code": value} for value in ("insufficient_funds", 0, "", False)),  # approved, yet why?
    ]
    odd = {f"operation {change!r:.40}": OPERATION | change for change in changes}
    odd |= {f"operation without {field}": without(field) for field in _NEEDED}
    return {name: http(encoded(content)) for name, content in odd.items()}


_NEEDED = ("id", "reference", "kind", "status", "amount", "currency")


def _odd_json() -> dict[str, bytes]:
    good = encoded(OPERATION)
    twice = good[:-1]
    return {
        "nothing": http(b""),
        "null": http(b"null"),
        "true": http(b"true"),
        "a list": http(b"[" + good + b"]"),
        "a text": http(encoded(good.decode())),
        "a number": http(b"200"),
        "an empty object": http(b"{}"),
        "an error with status 200": http(encoded(BUSY)),
        "a truncated object": http(good[:-1]),
        "half an object": http(good[: len(good) // 2]),
        "two objects": http(good + good),
        "status said twice": http(twice + b',"status":"declined"}'),
        "status said twice alike": http(twice + b',"status":"approved"}'),
        "id said twice": http(twice + b',"id":"hdfc_2"}'),
        "a name twice deep inside": http(twice + b',"more":{"a":1,"a":2}}'),
        "NaN": http(good.replace(b": 0,", b": NaN,")),
        "Infinity": http(good.replace(b": 1000,", b": Infinity,")),
        "minus Infinity": http(twice + b',"more":-Infinity}'),
        "1e400": http(good.replace(b": 1000,", b": 1e400,")),
        "a comment": http(good + b"// approved"),
        "single quotes": http(good.replace(b'"', b"'")),
        "a byte order mark": http(b"\xef\xbb\xbf" + good),
        "UTF-16": http(good.decode().encode("utf-16")),
        "broken UTF-8": http(good.replace(b"hdfc_1", b"hdfc_\xff")),
        "a tower of brackets": http(b"[" * 30_000 + b"]" * 30_000),
        "a tower of objects": http(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        "a number of 10,000 digits": http(good.replace(b": 1000,", b": 1" + b"0" * 9_999 + b",")),
        "huge": http(twice + b',"more":"' + b"x" * 70_000 + b'"}'),
        "a hundred megabytes promised": http(good).replace(
            b"content-length: " + str(len(good)).encode(), b"content-length: 100000000"
        ),
    }


def _odd_http() -> dict[str, bytes]:
    good = encoded(OPERATION)
    page = b"<html><body>approved</body></html>"
    bomb = gzip.compress(b" " * 20_000_000 + good)
    return {
        "a web page": http(page, "200 OK", "content-type: text/html"),
        "a web page that claims to be JSON": http(page),
        "JSON that claims to be a web page": http(good, "200 OK", "content-type: text/html"),
        "JSON without a type": http(good, "200 OK", "content-type: "),
        "gzip": http(gzip.compress(good), "200 OK", "content-encoding: gzip"),
        "gzip unsaid": http(gzip.compress(good)),
        "a gzip bomb": http(bomb, "200 OK", "content-encoding: gzip"),
        "brotli claimed": http(good, "200 OK", "content-encoding: br"),
        "201 with an approval": http(good, "201 Created"),
        "204": b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
        "301": http(good, "301 Moved", "location: http://127.0.0.1:1/"),
        "307": http(good, "307 Moved", "location: /v1/authorizations"),
        "400 with an approval": http(good, "400 Bad Request"),
        "400": http(encoded({"error": {"code": "invalid_request", "message": ""}}), "400 Bad"),
        "401": http(encoded({"error": {"code": "unauthorized", "message": ""}}), "401 No"),
        "402 with an approval": http(good, "402 Declined"),
        "402 without a code": http(encoded(DECLINED | {"code": None}), "402 Declined"),
        "402 about another order": http(encoded(DECLINED | {"reference": "pay_2"}), "402 Declined"),
        "402 web page": http(page, "402 Declined", "content-type: text/html"),
        "402 empty": http(b"", "402 Declined"),
        "404": http(encoded({"error": {"code": "unknown_reference", "message": ""}}), "404 No"),
        "404 with another code": http(encoded({"error": {"code": "unknown_bank"}}), "404 No"),
        "404 of a wrong address": http(encoded({"detail": "Not Found"}), "404 No"),
        "409": http(encoded({"error": {"code": "reference_reused", "message": ""}}), "409 No"),
        "429 web page": http(page, "429 Busy", "content-type: text/html"),
        "429 empty": http(b"", "429 Busy"),
        "429 with an approval": http(good, "429 Busy"),
        "429 with another code": http(encoded({"error": {"code": "sorry"}}), "429 Busy"),
        "200 with a decline": http(encoded(DECLINED)),
        "202 with an approval": http(good, "202 Accepted"),
        "202 with a decline": http(encoded(DECLINED), "202 Accepted"),
        "500": http(encoded({"error": {"code": "internal_error"}}), "500 Error"),
        "500 with a decline": http(encoded(DECLINED), "500 Error"),
        "502 web page": http(page, "502 Bad Gateway", "content-type: text/html"),
        "503 with an approval": http(good, "503 Unavailable"),
        "no HTTP at all": b"SSH-2.0-OpenSSH_9.6\r\n",
        "a status that is no number": http(good).replace(b"200 OK", b"abc OK"),
        "a header of 100 KB": http(good, "200 OK", "x-long: " + "x" * 100_000),
        "a body shorter than promised": http(good)[:-20],
        "two lengths": http(good, "200 OK", "content-length: 5"),
        "only the head": http(good).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        "half a head": http(good)[:30],
        "nothing at all": b"",
    }


ODD_REPLIES = {**_odd_operations(), **_odd_json(), **_odd_http()}
